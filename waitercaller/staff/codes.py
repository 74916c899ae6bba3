"""QR codes to be scanned from a screen: each holds a link that works once and only for minutes.

The link is kept in the session of the browser that asked for it, so that the page showing it can be loaded again; it is
in no address of that browser, and in the database only as a hash.
"""

import io
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import segno
from bson import ObjectId
from flask import current_app, redirect, session, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from waitercaller import tokens
from waitercaller.routing import path_for
from waitercaller.tables.qr import QUIET_ZONE
from waitercaller.tokens import TokenError

LIFETIME = timedelta(minutes=10)

Purpose = Literal["screen", "phone"]


@dataclass
class Code:
    """What the page shows."""

    purpose: Purpose
    name: str  # whose phone
    address: str
    picture: Markup
    state: Literal["good", "invalid", "expired", "used"]


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
    public_url = current_app.extensions["config"].public_url
    address = f"{public_url}{path_for(f'staff.{purpose}_link', token=kept['token'])}"
    state: Literal["good", "invalid", "expired", "used"] = "good"
    try:
        tokens.peek(purpose, kept["token"])
    except TokenError as error:
        state = error.reason
    return Code(purpose, kept["name"], address, _picture(address), state)


def move_on(purpose: Purpose, token: str) -> ResponseReturnValue:
    """Put the token of a link into the session and go on to an address without it."""
    session[f"{purpose}_token"] = token
    response = redirect(url_for(f"staff.{purpose}"), 303)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _picture(address: str) -> Markup:
    """The code, as coarse as can be: on a screen it has no stains, and nobody has a good camera."""
    out = io.BytesIO()
    code = segno.make_qr(address, error="l")
    code.save(out, kind="svg", border=QUIET_ZONE, dark="#000", light="#fff", omitsize=True, xmldecl=False, nl=False)
    return Markup(out.getvalue().decode())  # noqa: S704  (shapes only: the address is not in it as text)
