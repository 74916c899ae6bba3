"""Web Push: the outbox, the sender, encryption, and delivery to push services."""
