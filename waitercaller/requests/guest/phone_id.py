"""Pseudonymous ids of guests' phones: a signed random cookie, of which only an HMAC per restaurant is stored.

Used so that only the phone that made a call can cancel it, and so that a phone that calls where nobody sits can be
paused without pausing its table. A phone without cookies is recognized by the id in its receipt instead.

Limits count a phone by itself once it has called (`counted_id`): both cookie and receipt are signed, so nobody makes up
phones for more calls or streams. A cookie of an older version, without the signature, still tells a phone from others.
"""

import hmac
from dataclasses import dataclass
from datetime import timedelta

from bson import ObjectId
from flask import current_app, request
from werkzeug.wrappers import Response

from waitercaller.db.config import config
from waitercaller.model.tables import Table
from waitercaller.requests.guest.links import FormField

COOKIE_LIFETIME = timedelta(days=180)
ID_LENGTH = 32  # of the random part of a cookie, in characters


@dataclass(frozen=True)
class PhoneId:
    """A phone's ids in one restaurant (the cookie's first, then the receipt's) and the cookie still to be set."""

    ids: list[str]
    new_cookie: str = ""

    @property
    def id(self) -> str:
        return self.ids[0]

    def set_cookie(self, response: Response) -> None:
        """Set the cookie, unless the phone has one already."""
        if not self.new_cookie:
            return
        https = _https()
        response.set_cookie(
            _cookie(), self.new_cookie, max_age=COOKIE_LIFETIME, secure=https, httponly=True, samesite="Lax", path="/"
        )


def known_ids(restaurant_id: ObjectId, receipt_phone: str) -> list[str]:
    """The ids of the phone that sent this HTTP request; none if it has not called in this restaurant."""
    cookie = request.cookies.get(_cookie(), "")
    cookie_id = _id_of(restaurant_id, cookie) if cookie else ""
    return [each for each in dict.fromkeys((cookie_id, receipt_phone)) if each]


def counted_id(restaurant_id: ObjectId, receipt_phone: str) -> str:
    """The id by which limits count the phone that sent this HTTP request; empty if it has not called before."""
    cookie = request.cookies.get(_cookie(), "")
    phone, signature = cookie[:ID_LENGTH], cookie[ID_LENGTH:].encode("utf-8", "surrogatepass")
    if cookie and hmac.compare_digest(signature, _signature(phone).encode()):
        return _id_of(restaurant_id, cookie)
    return receipt_phone


def identify_or_create(restaurant_id: ObjectId, receipt_phone: str, key: str) -> PhoneId:
    """The ids of the phone that sends this call; a new phone gets one.

    A new id is derived from the call's idempotency `key`, so that a call that is sent again because its answer was lost
    has the same id, and the stream of the page knows it already.
    """
    if ids := known_ids(restaurant_id, receipt_phone):
        return PhoneId(ids)
    return _new(restaurant_id, key)


def _new(restaurant_id: ObjectId, key: str) -> PhoneId:
    cookie = _new_cookie(key)
    return PhoneId([_id_of(restaurant_id, cookie)], cookie)


def _id_of(restaurant_id: ObjectId, cookie: str) -> str:
    return _digest("device", str(restaurant_id), cookie)


def id_in_stream(table: Table, field: FormField) -> str:
    """The id by which the stream of a page with this form field knows the phone, unless by its cookie or receipt."""
    return field.phone or _new(table["restaurant_id"], field.key).id


def _new_cookie(key: str) -> str:
    phone = _digest("device cookie", key)
    return phone + _signature(phone)


def _signature(phone: str) -> str:
    """The end of a cookie that begins with `phone`."""
    return _digest("signed device cookie", phone)


def _digest(*parts: str) -> str:
    secret, message = str(current_app.secret_key).encode(), "\0".join(parts).encode("utf-8", "surrogatepass")
    return hmac.digest(secret, message, "sha256")[:16].hex()


def _cookie() -> str:
    return "__Host-device" if _https() else "device"


def _https() -> bool:
    return config().https
