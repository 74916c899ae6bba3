"""Pauses: phones and tables whose taps call nobody for a while, and are counted for the staff's quiet lane instead.

A phone is paused in a restaurant when the staff found nobody twice within an hour where it had called from. What is
counted are the requests themselves, so nothing has to be kept in step with them: an undo undoes the count, and a
process that dies between the two leaves it to the next. The staff pauses a table by hand, and lifts either.

Of several who pause the same at once, one does: a unique index holds one document for each phone and table.
"""

from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Literal, NotRequired, TypedDict, cast

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from waitercaller.db import cache, clock
from waitercaller.db.client import Filter, db
from waitercaller.model import service_request
from waitercaller.model.service_request import ServiceRequest, Step
from waitercaller.model.tables import Table

NOBODY_THERE_LIMIT = 2  # so many times within COUNTING_WINDOW pause a phone
COUNTING_WINDOW = timedelta(hours=1)
MAX_TAPS_COUNTED = 99
RETENTION = timedelta(days=1)  # after the end: a pause that was lifted forgives what was counted before

What = Literal["phone", "table"]
DURATIONS: dict[What, timedelta] = {"phone": timedelta(hours=3), "table": timedelta(minutes=15)}


class Pause(TypedDict):
    """A pause. `table_id` is where the phone called from last; `over` is set when it is lifted or its time has come."""

    _id: ObjectId
    restaurant_id: ObjectId
    what: What
    subject: str  # "phone:" and the device of its requests, or "table:" and the table's id
    table_id: ObjectId
    table_name: str
    taps: int  # that called nobody, at most MAX_TAPS_COUNTED
    created_at: datetime
    until: datetime
    over: bool
    lifted_at: NotRequired[datetime]  # forgives what was counted before
    purge_at: datetime


class CachedPauses(TypedDict):
    """What the cache holds of a restaurant."""

    _id: ObjectId  # of the restaurant
    subjects: set[str]


def documents() -> Collection[Pause]:
    """The collection `pauses`."""
    return cast(Collection[Pause], db().pauses)


def active(restaurant_id: ObjectId) -> list[Pause]:
    """All pauses of a restaurant, the oldest first."""
    return list(documents().find(_active(restaurant_id)).sort("created_at"))


def applying_to(table: Table, phone_names: list[str]) -> Pause | None:
    """The pause that keeps this phone from calling at this table, if there is one.

    Most houses have none, which each process remembers for a while; that there is one is always read, since a tap that
    is taken for paused calls nobody.
    """
    restaurant_id = table["restaurant_id"]
    known = cache.pauses.get(restaurant_id, lambda: _load_subjects(restaurant_id))
    paused = known["subjects"] if known else set()
    subjects = [*(_phone(name) for name in phone_names), _table(table["_id"])]
    if paused.isdisjoint(subjects):
        return None
    return documents().find_one({**_active(restaurant_id), "subject": {"$in": subjects}})


def count_tap(pause: Pause, table: Table) -> None:
    """Count a tap that called nobody."""
    mine = {"_id": pause["_id"], "restaurant_id": pause["restaurant_id"]}
    where = {"table_id": table["_id"], "table_name": table["name"]}
    counting = {**mine, "over": False, "taps": {"$lt": MAX_TAPS_COUNTED}}
    documents().update_one(counting, {"$inc": {"taps": 1}, "$set": where})


def pause_table(table: Table) -> bool:
    """Pause a table for a quarter of an hour; False where it is paused already."""
    return _pause("table", _table(table["_id"]), table["restaurant_id"], table["_id"], table["name"])


def review(restaurant_id: ObjectId, requests: list[ServiceRequest]) -> list[tuple[ServiceRequest, bool]]:
    """Pause the phones that made these requests, or lift their pauses, as it is due since the staff did something.

    Returns what changed: a request of the phone, and whether that is paused now.
    """
    one_of_each = {request["device"]: request for request in requests if request["device"]}.values()
    changes = [(request, _review(restaurant_id, request)) for request in one_of_each]
    return [(request, paused) for request, paused in changes if paused is not None]


def lift(restaurant_id: ObjectId, pause_id: ObjectId) -> Pause | None:
    """End a pause before its time, and forget what led to it; None where it is over already."""
    mine = {"_id": pause_id, **_active(restaurant_id)}
    lifted = documents().update_one(mine, {"$set": {"over": True, "lifted_at": clock.now()}}).modified_count
    return documents().find_one({"_id": pause_id, "restaurant_id": restaurant_id}) if lifted else None


def end_due() -> int:
    """Mark the pauses that have come to their end, so that whoever shows them hears of it; returns how many."""
    due = {"over": False, "until": {"$lte": clock.now()}}
    return documents().update_many(due, {"$set": {"over": True}}).modified_count


def _load_subjects(restaurant_id: ObjectId) -> CachedPauses:
    return {"_id": restaurant_id, "subjects": {pause["subject"] for pause in active(restaurant_id)}}


def _review(restaurant_id: ObjectId, request: ServiceRequest) -> bool | None:
    """Whether the phone that made this request was paused (True) or its pause lifted (False) just now."""
    device = str(request["device"])
    paused = False
    if _should_pause(restaurant_id, device):
        paused = _pause("phone", _phone(device), restaurant_id, request["table_id"], request["table_name"])
        if _should_pause(restaurant_id, device):
            return True if paused else None
    # Not enough, or not any more: somebody has undone one of them at this very moment.
    lifted = {**_active(restaurant_id), "subject": _phone(device)}
    changed = documents().update_one(lifted, {"$set": {"over": True}}).modified_count
    return False if changed and not paused else None


def _should_pause(restaurant_id: ObjectId, device: str) -> bool:
    """Whether nobody was there often enough in the last hour, or in the hour before the phone's present pause."""
    known = documents().find_one({"restaurant_id": restaurant_id, "subject": _phone(device)})
    since = clock.now() - COUNTING_WINDOW
    if known is not None:
        if not known["over"] and known["until"] > clock.now():
            since = known["created_at"] - COUNTING_WINDOW
        since = max(since, known.get("lifted_at") or since)
    return len(_failed_visits(restaurant_id, device, since)) >= NOBODY_THERE_LIMIT


def _failed_visits(restaurant_id: ObjectId, device: str, since: datetime) -> set[tuple[datetime, str]]:
    """Each time that somebody went for nothing: when, and who. Several requests on one card are one time."""
    times = set()
    for lately in ({"live": True}, {"ended_at": {"$gt": since}}):  # each has its index, and the device none
        which = {"restaurant_id": restaurant_id, **lately}
        requests = service_request.documents().find(which, {"device": True, "steps": True})
        for steps in (request["steps"] for request in requests if request["device"] == device):
            for step, following in zip_longest(steps, steps[1:]):
                if step["what"] == "dismissed" and step["by"] and step["at"] > since and not _undone(following):
                    times.add((step["at"], step["by"]["id"]))
    return times


def _undone(following: Step | None) -> bool:
    """Whether the next step is the staff's undo. The guest's own “I am here” undoes nothing here."""
    return following is not None and following["what"] in ("reopened", "handed_over") and following["by"] is not None


def _pause(what: What, subject: str, restaurant_id: ObjectId, table_id: ObjectId, table_name: str) -> bool:
    now = clock.now()
    until = now + DURATIONS[what]
    values = {
        "what": what,
        "table_id": table_id,
        "table_name": table_name,
        "taps": 0,
        "created_at": now,
        "until": until,
        "over": False,
        "purge_at": until + RETENTION,
    }
    over = {"restaurant_id": restaurant_id, "subject": subject, "$or": [{"over": True}, {"until": {"$lte": now}}]}
    try:
        changed = documents().update_one(over, {"$set": values}, upsert=True)
    except DuplicateKeyError:  # it is paused already
        return False
    finally:
        cache.pauses.forget(restaurant_id)
    return bool(changed.modified_count or changed.upserted_id)


def _active(restaurant_id: ObjectId) -> Filter:
    return {"restaurant_id": restaurant_id, "over": False, "until": {"$gt": clock.now()}}


def _phone(name: str) -> str:
    return f"phone:{name}"


def _table(table_id: ObjectId) -> str:
    return f"table:{table_id}"
