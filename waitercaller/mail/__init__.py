"""Mails: the outbox, and SMTP delivery."""
