"""Unheard restaurants: since when no screen would signal a call, and when their owners were alerted.

A restaurant without hours is watched over while it is active: a screen is open, or guests have called, within
ACTIVE_FOR. That is noted here as well, since a screen that has closed leaves nothing behind.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NotRequired, TypedDict, cast

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from waitercaller.db import clock
from waitercaller.db.client import Filter, db

UNHEARD_AFTER = timedelta(minutes=2)  # shorter times without an audible screen are ignored
# Minimum time between two alerts, so that a screen that connects and disconnects repeatedly does not flood the owners.
# An alert that it delays is sent afterwards if the restaurant is still unheard.
ALERT_INTERVAL = timedelta(minutes=15)
# After so many consecutive alerts without an audible screen in between, no more are sent.
MAX_UNHEEDED_ALERTS = 7
ACTIVE_FOR = timedelta(hours=1)
ACTIVITY_INTERVAL = timedelta(minutes=5)  # how often it is noted that a restaurant is active


BEFORE = datetime.min.replace(tzinfo=UTC)


class AlertNote(TypedDict):
    """The state of a restaurant that is or was unheard."""

    _id: ObjectId
    restaurant_id: ObjectId
    unheard_since: datetime | None  # None: a call would be heard
    told_at: datetime | None  # when the owners were alerted since `unheard_since`
    last_told_at: NotRequired[datetime]  # when they were last alerted at all
    unheeded: int  # consecutive alerts after which the restaurant was not heard again
    roll_called_for: NotRequired[datetime]  # the last opening before which it was asked whether a call would be heard
    active_at: NotRequired[datetime]  # when a screen was last open or a guest called; only noted without hours


def documents() -> Collection[AlertNote]:
    """The collection `alerts`."""
    return cast(Collection[AlertNote], db().alerts)


def noted() -> dict[ObjectId, AlertNote]:
    """The state of all restaurants that are unheard, have unheeded alerts, or are active (without hours)."""
    active = {"active_at": {"$gt": clock.now() - ACTIVE_FOR}}
    relevant = {"$or": [{"unheard_since": {"$ne": None}}, {"unheeded": {"$gt": 0}}, active]}
    return {document["restaurant_id"]: document for document in documents().find(relevant)}


def notes_of(restaurant_ids: list[ObjectId]) -> dict[ObjectId, AlertNote]:
    """The state of these restaurants, where there is one."""
    return {note["restaurant_id"]: note for note in documents().find({"restaurant_id": {"$in": restaurant_ids}})}


def record_roll_call(restaurant_id: ObjectId, opens: datetime) -> None:
    """Note that it was asked before this opening whether a call would be heard."""
    _prepare(restaurant_id)
    documents().update_one({"restaurant_id": restaurant_id}, {"$set": {"roll_called_for": opens}})


def is_ignored(note: AlertNote) -> bool:
    """Whether MAX_UNHEEDED_ALERTS have been ignored: then it is told no more until it is heard again."""
    return note["unheeded"] >= MAX_UNHEEDED_ALERTS


def record_activity(restaurant_ids: set[ObjectId], noted: dict[ObjectId, AlertNote]) -> None:
    """Note that these are active now, unless that was `noted` within ACTIVITY_INTERVAL."""
    now = clock.now()
    lately = {each for each, note in noted.items() if note.get("active_at", BEFORE) > now - ACTIVITY_INTERVAL}
    due = sorted(restaurant_ids - lately)
    if not due:
        return
    for restaurant_id in set(due) - notes_of(due).keys():
        _prepare(restaurant_id)
    documents().update_many({"restaurant_id": {"$in": due}}, {"$set": {"active_at": now}})


def is_active(note: AlertNote) -> bool:
    """Whether a screen was open or a guest has called within ACTIVE_FOR."""
    return note.get("active_at", BEFORE) > clock.now() - ACTIVE_FOR


def mark_unheard(restaurant_id: ObjectId) -> None:
    """Set `unheard_since`, unless it is set already."""
    _prepare(restaurant_id)
    heard = {"restaurant_id": restaurant_id, "unheard_since": None}
    documents().update_one(heard, {"$set": {"unheard_since": clock.now(), "told_at": None}})


def clear_unheard(noted: AlertNote, heard: bool) -> None:
    """Reset `unheard_since`: calls are heard again, or (`heard` is False) the restaurant is closed."""
    values = {"unheard_since": None, "told_at": None, **({"unheeded": 0} if heard else {})}
    documents().update_one(_as_read(noted), {"$set": values})


def should_alert(noted: AlertNote) -> bool:
    """Whether the owners are to be alerted now: see UNHEARD_AFTER, ALERT_INTERVAL, MAX_UNHEEDED_ALERTS."""
    last_told_at = noted.get("last_told_at")  # possibly before `unheard_since`
    is_allowed = last_told_at is None or last_told_at + ALERT_INTERVAL <= clock.now()
    return _is_long(noted) and noted["told_at"] is None and not is_ignored(noted) and is_allowed


def record_alert(noted: AlertNote) -> bool:
    """Record an alert; False if another process has, or if the restaurant is heard again."""
    now = clock.now()
    change = {"$set": {"told_at": now, "last_told_at": now}, "$inc": {"unheeded": 1}}
    return bool(documents().update_one({**_as_read(noted), "told_at": None}, change).modified_count)


def is_unheard(restaurant_id: ObjectId) -> bool:
    """Whether the restaurant has been unheard for UNHEARD_AFTER."""
    noted = documents().find_one({"restaurant_id": restaurant_id})
    return noted is not None and _is_long(noted)


def _as_read(noted: AlertNote) -> Filter:
    return {"restaurant_id": noted["restaurant_id"], "unheard_since": noted["unheard_since"]}


def _is_long(noted: AlertNote) -> bool:
    since = noted["unheard_since"]
    return since is not None and since + UNHEARD_AFTER <= clock.now()


def _prepare(restaurant_id: ObjectId) -> None:
    """Create the restaurant's document if it does not exist."""
    blank = {"unheard_since": None, "told_at": None, "unheeded": 0}
    with suppress(DuplicateKeyError):  # created concurrently by another process
        documents().update_one({"restaurant_id": restaurant_id}, {"$setOnInsert": blank}, upsert=True)
