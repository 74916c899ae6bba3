"""When nobody comes, or nobody would hear a call: the steps of the escalation, unheard restaurants, and who is told.

The background loop of every process does this work; what must happen once is claimed in the database.
"""
