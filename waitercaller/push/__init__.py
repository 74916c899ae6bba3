"""Web Push: the outbox, the sender, and encryption."""
