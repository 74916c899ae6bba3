"""When nobody comes: the steps of a request that waits, the watch on the screens, and who is told outside of the house.

The background loop of every process does this work; what must happen once is claimed in the database.
"""
