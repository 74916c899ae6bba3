"""Which phone a guest holds: a random cookie, of which the database gets a hash only, another one in each restaurant.

It serves two things: a call is cancelled by the phone that made it, and a phone that calls where nobody sits can be
paused without silencing its table. A phone that keeps no cookies is known by its receipt, as long as it keeps that.
"""

import hmac
from dataclasses import dataclass
from datetime import timedelta

from bson import ObjectId
from flask import current_app, request
from werkzeug.wrappers import Response

from waitercaller.db.config import config

LASTS = timedelta(days=180)


@dataclass(frozen=True)
class Device:
    """A phone in one restaurant: what it goes by, its own name first, and the cookie that it has yet to be given."""

    names: list[str]
    new_cookie: str = ""

    @property
    def name(self) -> str:
        return self.names[0]

    def keep(self, response: Response) -> None:
        """Let the phone keep its cookie, if it has none yet."""
        if not self.new_cookie:
            return
        https = _https()
        response.set_cookie(
            _cookie(), self.new_cookie, max_age=LASTS, secure=https, httponly=True, samesite="Lax", path="/"
        )


def known_names(restaurant_id: ObjectId, receipt_phone: str) -> list[str]:
    """What this phone goes by in this restaurant; none for a phone that has not called here."""
    cookie = request.cookies.get(_cookie(), "")
    of_cookie = _digest("device", str(restaurant_id), cookie) if cookie else ""
    return [name for name in dict.fromkeys((of_cookie, receipt_phone)) if name]


def of_tap(restaurant_id: ObjectId, receipt_phone: str, key: str) -> Device:
    """The phone that makes this tap; one without a name gets one.

    A newcomer's is made from the tap's one-time `key`: the same tap, sent again because its answer was lost, comes from
    the same phone.
    """
    if names := known_names(restaurant_id, receipt_phone):
        return Device(names)
    cookie = _digest("device cookie", key)
    return Device([_digest("device", str(restaurant_id), cookie)], cookie)


def _digest(*parts: str) -> str:
    secret, words = str(current_app.secret_key).encode(), "\0".join(parts).encode("utf-8", "surrogatepass")
    return hmac.digest(secret, words, "sha256")[:16].hex()


def _cookie() -> str:
    return "__Host-device" if _https() else "device"


def _https() -> bool:
    return config().https
