"""The guest's page: what a phone at a table reads, and what it may do."""
