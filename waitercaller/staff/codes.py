"""QR codes to be scanned from a screen: each holds a link that works once and only for minutes.

The link is kept in the session of the browser that asked for it, so that the page showing it can be loaded again; it is
in no address of that browser, and in the database only as a hash.
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

Purpose = Literal["screen", "phone"]
State = Literal["good"] | Reason


@dataclass
class Code:
    """What the page shows."""

    purpose: Purpose
    name: str  # whose phone
    address: str
    picture: Markup
    state: State


def show(purpose: Purpose, restaurant_id: ObjectId, subject: str, lifetime: timedelta, name: str = "") -> None:
    """Make a code for this browser to show; one made earlier for the same subject dies."""
    token = tokens.issue(purpose, subject, lifetime)
    session["code"] = {"purpose": purpose, "restaurant": str(restaurant_id), "token": token, "name": name}


def shown(restaurant_id: ObjectId) -> Code | None:
    """The code this browser has asked for in this restaurant."""
    kept = session.get("code")
    if not kept or kept["restaurant"] != str(restaurant_id):
        return None
    purpose: Purpose = kept["purpose"]
    address = address_of(f"staff.{purpose}_link", token=kept["token"])
    state: State = "good"
    try:
        tokens.peek(purpose, kept["token"])
    except TokenError as error:
        state = error.reason
    return Code(purpose, kept["name"], address, _picture(address), state)


def _picture(address: str) -> Markup:
    """The code, as coarse as can be: on a screen it has no stains, and nobody has a good camera."""
    return qr_svg(segno.make_qr(address, error="l"))
