"""Codes shown on a screen to log in a device: a QR code with a link that works once, for minutes, and eight signs.

The signs are for a browser that a camera does not open: an iPhone's home screen has logins of its own.

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
    typed: str  # the eight signs that stand for the same token, as they are read out: "ABCD EFGH"
    state: State


def issue(purpose: Purpose, restaurant_id: ObjectId, subject: str, lifetime: timedelta, name: str = "") -> None:
    """Issue a code, shown in this browser; revokes an earlier one of the same subject."""
    token, typed = tokens.issue_with_code(purpose, subject, lifetime)
    shown = {"token": token, "typed": typed, "name": name}
    session["code"] = {"purpose": purpose, "restaurant": str(restaurant_id), **shown}


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
    typed = stored.get("typed", "")  # absent in sessions of an earlier version
    return Code(purpose, stored["name"], address, _svg(address), f"{typed[:4]} {typed[4:]}".strip(), state)


def of_typed(typed: str) -> tuple[Purpose, str]:
    """What a typed code is for, and the token that it stands for. Raises TokenError."""
    purposes: tuple[Purpose, ...] = ("phone", "device")
    for purpose in purposes:
        try:
            return purpose, tokens.of_code(purpose, typed)
        except TokenError:
            continue
    raise TokenError("invalid")


def _svg(address: str) -> Markup:
    """The QR code at error level L, which has the largest modules: a screen has no stains or scratches."""
    return qr_svg(segno.make_qr(address, error="l"))
