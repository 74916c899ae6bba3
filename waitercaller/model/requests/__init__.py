"""Requests: transitions between their states, escalation, and queries."""
