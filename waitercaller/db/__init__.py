"""Database access: MongoDB client, transactions, schema, validators, clock, cache and work queue."""
