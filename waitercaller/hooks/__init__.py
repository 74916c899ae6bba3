"""Webhooks: the outbox, the signature, and the sender. What is told, and of what, is decided by whoever enqueues."""
