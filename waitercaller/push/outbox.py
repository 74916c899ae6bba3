"""The store of push messages: who wants to hear of what, and what is owed to each of their browsers.

A member chooses for each browser (see subscriptions): "all" calls, or those that "escalated". What is owed is a
document for each browser, named so that the same message is never owed twice; `sender` takes it from there.
"""

from datetime import timedelta
from typing import Literal

from bson import ObjectId
from flask import current_app
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError

from waitercaller.db import clock
from waitercaller.db.client import Document, db
from waitercaller.model.restaurants import Member
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.subscriptions import Choice

Event = Literal["called", "nagged", "raised", "alerted", "unwatched", "tried"]

# Which choices hear of what, and who hears of it whichever zones are theirs.
WANTED_BY: dict[Event, tuple[Choice, ...]] = {
    "called": ("all",),
    "nagged": ("all",),
    "raised": ("all", "escalated"),
    "alerted": ("all", "escalated"),
    "unwatched": ("all", "escalated"),
    "tried": (),  # asked for by the browser itself
}
FOR_ALL_ZONES: tuple[Event, ...] = ("raised", "alerted", "unwatched")
FOR_MANAGERS: tuple[Event, ...] = ("unwatched",)
KEPT = timedelta(days=1)
DUPLICATE = 11000


def enqueue(
    restaurant: Document,
    event: Event,
    request: ServiceRequest | None,
    txn: ClientSession | None = None,
    occasion: str = "",
) -> None:
    """Owe those members a push message who want to hear of this; `request` is None for what concerns none.

    Asking again for the same step of the same request, or the same `occasion`, owes nothing more. Costs no query where
    nobody wants it.
    """
    if not current_app.extensions["config"].vapid_private_key:
        return
    zone_id = request["zone_id"] if request else None
    members = [member["id"] for member in restaurant["members"] if _wants(member, event, zone_id)]
    if not members:
        return
    which = {
        "restaurant_id": restaurant["_id"],
        "member_id": {"$in": members},
        "choice": {"$in": list(WANTED_BY[event])},
    }
    found = [each["_id"] for each in db().subscriptions.find(which, {"_id": 1}, session=txn)]
    _owe(restaurant["_id"], event, request, found, txn, occasion)


def try_out(restaurant_id: ObjectId, subscription_id: str) -> None:
    """Owe one browser a message that shows how they look there."""
    _owe(restaurant_id, "tried", None, [subscription_id], None)


def _wants(member: Member, event: Event, zone_id: str | None) -> bool:
    if member.get("push") not in WANTED_BY[event]:
        return False
    if event in FOR_MANAGERS and member["role"] == "waiter":
        return False
    # Whose zones are not set has all of them, and a table without a zone is everybody's.
    return event in FOR_ALL_ZONES or not member["zones"] or zone_id is None or zone_id in member["zones"]


def _owe(
    restaurant_id: ObjectId,
    event: Event,
    request: ServiceRequest | None,
    subscription_ids: list[str],
    txn: ClientSession | None,
    occasion: str = "",
) -> None:
    now = clock.now()
    values = {
        "restaurant_id": restaurant_id,
        "request_id": request["_id"] if request else None,
        "event": event,
        "state": "due",
        "attempts": 0,
        "next_at": now,  # when somebody may try; while somebody does, when the lease ends
        "created_at": now,
        "purge_at": now + KEPT,
    }
    name = f"{occasion or _occasion(event, request)}:{event}"
    owed = [{"_id": f"{name}:{each}", "subscription_id": each, **values} for each in subscription_ids]
    try:
        if owed:
            db().pushes.insert_many(owed, ordered=False, session=txn)
    except BulkWriteError as error:
        if txn or any(each["code"] != DUPLICATE for each in error.details["writeErrors"]):
            raise


def _occasion(event: Event, request: ServiceRequest | None) -> str:
    """What makes a message another one: the request, and how often it has taken this step, for it can begin anew."""
    if request is None:
        return str(ObjectId())
    return f"{request['_id']}:{sum(step['what'] == event for step in request['steps'])}"
