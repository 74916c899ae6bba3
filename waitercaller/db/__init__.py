"""The ground floor: the MongoDB client and transactions, schema, validators, clock, cache and the work queue."""
