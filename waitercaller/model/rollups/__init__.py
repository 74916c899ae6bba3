"""Rollups: counts of requests by quarter of an hour, and the figures made of them."""
