"""The documents (TypedDicts), their rules, and all queries."""
