"""QR codes shown on a screen to log in a device; each has a link that works once, for minutes.

The token is stored in the cookie session of the browser that requested the code, so that its page can be reloaded. It
is in no URL of that browser, and in the database only as a hash.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import segno
from bson import ObjectId
from flask import session
from markupsafe import Markup

from waitercaller.model import tokens
from waitercaller.model.tokens import Reason, TokenError
from waitercaller.web.qr import qr_svg
from waitercaller.web.routing import address_of

LIFETIME = timedelta(minutes=10)

Purpose = Literal["device", "phone"]
State = Literal["good"] | Reason


@dataclass
class Code:
    """A code as shown by its page."""

    purpose: Purpose
    name: str  # of the member whose phone it logs in; else ""
    address: str
    svg: Markup
    state: State


def issue(purpose: Purpose, restaurant_id: ObjectId, subject: str, lifetime: timedelta, name: str = "") -> None:
    """Issue a code, shown in this browser; revokes an earlier one of the same subject."""
    token = tokens.issue(purpose, subject, lifetime)
    session["code"] = {"purpose": purpose, "restaurant": str(restaurant_id), "token": token, "name": name}


def current(restaurant_id: ObjectId) -> Code | None:
    """The code issued in this browser for this restaurant, if any."""
    stored = session.get("code")
    if not stored or stored["restaurant"] != str(restaurant_id):
        return None
    purpose: Purpose = stored["purpose"]
    address = address_of(f"staff.{purpose}_link", token=stored["token"])
    state: State = "good"
    try:
        tokens.peek(purpose, stored["token"])
    except TokenError as error:
        state = error.reason
    return Code(purpose, stored["name"], address, _svg(address), state)


def _svg(address: str) -> Markup:
    """The QR code at error level L, which has the largest modules: a screen has no stains or scratches."""
    return qr_svg(segno.make_qr(address, error="l"))
