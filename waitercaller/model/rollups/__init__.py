"""Rollups: counts of requests per quarter of an hour, and figures computed from them."""
