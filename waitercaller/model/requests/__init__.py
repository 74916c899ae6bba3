"""Requests: the document, its states and steps, and the queries for them."""
