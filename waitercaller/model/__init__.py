"""The documents, their rules, and every query."""
