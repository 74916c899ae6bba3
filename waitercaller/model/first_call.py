"""The owner's first evening: a guide through the setting up of a restaurant, up to a test call from the owner's phone.

It begins with the restaurant and ends when its owner says so. Its test call is a request at a table, marked as a
rehearsal, so that no figure counts it; see `requests/rehearsals`.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal

from bson import ObjectId
from itsdangerous import BadData
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.db.client import Changes
from waitercaller.model import settings
from waitercaller.model.first_call_entry import FirstCall
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.tables import Table
from waitercaller.model.tokens import serializer

TOKEN_LIFETIME = timedelta(hours=1)
ISSUED_EVERY = timedelta(minutes=10)  # a code that a phone is held to must not change at every look
TAKEN = ("accepted", "resolved", "dismissed")

Said = Literal["heard", "printed"]


def begin(restaurant_id: ObjectId, txn: ClientSession | None) -> None:
    """Guide the owner of this new restaurant."""
    begun: FirstCall = {"request_id": None, "heard": False, "printed": False}
    settings.change(restaurant_id, lambda _: {"first_call": begun}, txn)


def of(restaurant: Restaurant) -> FirstCall | None:
    """How far its guide has come; None where there is none any more."""
    return restaurant.get("first_call")


def say(restaurant_id: ObjectId, what: Said) -> None:
    """The owner has heard the bell, or has printed the codes."""
    settings.change(restaurant_id, lambda now: _with(now, {what: True}))


def token_of(table: Table) -> str:
    """For the address of a table: who calls from there makes a test call. The same for ISSUED_EVERY."""
    now_ms, slot_ms = clock.milliseconds(clock.now()), ISSUED_EVERY // timedelta(milliseconds=1)
    return str(serializer("first-call").dumps([str(table["_id"]), now_ms - now_ms % slot_ms]))


def good_token(token: str | None, restaurant: Restaurant, table: Table) -> str | None:
    """This token, if it is of this table and young enough, and its restaurant is still guided."""
    if not token or of(restaurant) is None:
        return None
    try:
        table_id, issued_ms = serializer("first-call").loads(token)
    except (BadData, ValueError):
        return None
    age = clock.now() - datetime.fromtimestamp(issued_ms / 1000, UTC)
    return token if table_id == str(table["_id"]) and age < TOKEN_LIFETIME else None


def note_call(restaurant_id: ObjectId, request_id: ObjectId) -> None:
    """This is the latest test call from a phone."""
    settings.change(restaurant_id, lambda now: _with(now, {"request_id": request_id}))


def is_taken(request: ServiceRequest) -> bool:
    """Whether somebody of the staff has done something with this call."""
    return any(step["what"] in TAKEN for step in request["steps"])


def end(restaurant_id: ObjectId) -> None:
    """The owner is done with it, or wants no guide."""
    settings.change(restaurant_id, lambda _: {"first_call": None})


def _with(restaurant: Restaurant, values: Changes) -> Changes:
    """Nothing where it has ended meanwhile."""
    guide = of(restaurant)
    return {"first_call": {**guide, **values}} if guide else {}
