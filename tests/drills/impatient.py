"""The application as gunicorn serves it, with the waiting times of mails much shorter: hours pass in a minute."""

from waitercaller.mail import outbox, smtp
from wsgi import app

__all__ = ["app"]

HASTE = 100  # answers of mail servers, and leases
HASTE_OF_RETRIES = 200

smtp.REPLY_SECONDS /= HASTE
smtp.FINAL_DOT_SECONDS /= HASTE
outbox.KEEP_AFTER /= HASTE
outbox.QUEUE.lease_duration /= HASTE
outbox.QUEUE.first_backoff /= HASTE_OF_RETRIES
outbox.QUEUE.longest_backoff /= HASTE_OF_RETRIES
