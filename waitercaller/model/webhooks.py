"""A restaurant's webhook: its address and its secret, and the latest messages to it."""

import base64
import secrets
from typing import cast

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.db.client import Changes, db
from waitercaller.model import settings
from waitercaller.model.messages import Hook
from waitercaller.model.restaurants import Restaurant, Settings
from waitercaller.model.webhook_entry import Webhook

SECRET_PREFIX = "whsec_"  # noqa: S105 (of all secrets)
KEY_BYTES = 32
SHOWN = 20  # messages on the page


def of(restaurant: Restaurant | None) -> Webhook | None:
    """The restaurant's webhook; None if it has none."""
    return restaurant["settings"].get("webhook") if restaurant else None


def put(restaurant_id: ObjectId, url: str) -> bool:
    """Set the address, with a new secret where there is none; returns whether anything changed. Raises Missing."""
    new: Webhook = {"url": url, "secret": _new_secret(), "since": clock.now()}

    def decide(restaurant: Restaurant) -> Changes:
        before = of(restaurant)
        return _with(restaurant, {**before, "url": url} if before else new)

    return settings.change(restaurant_id, decide)


def renew_secret(restaurant_id: ObjectId) -> bool:
    """Replace the secret, at once; returns whether there is a webhook. Raises Missing."""
    secret = _new_secret()

    def decide(restaurant: Restaurant) -> Changes:
        before = of(restaurant)
        return _with(restaurant, {**before, "secret": secret}) if before else {}

    return settings.change(restaurant_id, decide)


def remove(restaurant_id: ObjectId) -> bool:
    """Remove the webhook; messages that are due are dropped. Returns whether there was one. Raises Missing."""

    def decide(restaurant: Restaurant) -> Changes:
        left = cast(Settings, {name: value for name, value in restaurant["settings"].items() if name != "webhook"})
        return {"settings": left}

    return settings.change(restaurant_id, decide)


def latest(restaurant_id: ObjectId) -> list[Hook]:
    """The latest messages to the restaurant's webhook, newest first, at most SHOWN."""
    found = db().hooks.find({"restaurant_id": restaurant_id}).sort("created_at", -1).limit(SHOWN)
    return cast(list[Hook], list(found))


def _with(restaurant: Restaurant, webhook: Webhook) -> Changes:
    return {"settings": {**restaurant["settings"], "webhook": webhook}}


def _new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
