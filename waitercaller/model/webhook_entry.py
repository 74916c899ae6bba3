"""The webhook of a restaurant, as its settings keep it; see `webhooks`."""

from datetime import datetime
from typing import TypedDict


class Webhook(TypedDict):
    """Where another system is told what happens to calls (`restaurant.settings.webhook`)."""

    url: str  # https
    secret: str  # "whsec_" and the key in base64, as Standard Webhooks has it
    since: datetime  # earlier steps of calls are not told
