"""Pauses: phones and tables whose taps call nobody for a while and are only counted.

A phone is paused in a restaurant after NOBODY_THERE_LIMIT of its calls were dismissed ("nobody there") within
COUNTING_WINDOW. The count is computed from the requests themselves, so an undo reduces it, and no separate counter can
diverge. Staff pause tables by hand, and can lift both kinds of pauses.

A unique index allows one document for each phone and table, so of concurrent pauses one wins.
"""

from collections.abc import Iterable
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

NOBODY_THERE_LIMIT = 2  # dismissals within COUNTING_WINDOW after which a phone is paused
COUNTING_WINDOW = timedelta(hours=1)
MAX_TAPS_COUNTED = 99
RETENTION = timedelta(days=1)  # after its end: `lifted_at` is needed as long as earlier dismissals count

What = Literal["phone", "table"]
DURATIONS: dict[What, timedelta] = {"phone": timedelta(hours=3), "table": timedelta(minutes=15)}


class Pause(TypedDict):
    """A pause. `table_id`: of a phone, the table of its last tap. `over`: set when it is lifted or has expired."""

    _id: ObjectId
    restaurant_id: ObjectId
    what: What
    subject: str  # phone:<`device` of its requests> or table:<id of the table>
    table_id: ObjectId
    table_name: str
    taps: int  # taps during the pause, at most MAX_TAPS_COUNTED
    created_at: datetime
    until: datetime
    over: bool
    lifted_at: NotRequired[datetime]  # earlier dismissals do not count any more
    purge_at: datetime


class CachedPauses(TypedDict):
    """The cache entry of a restaurant."""

    _id: ObjectId  # of the restaurant
    subjects: set[str]


def documents() -> Collection[Pause]:
    """The collection `pauses`."""
    return cast(Collection[Pause], db().pauses)


def active(restaurant_id: ObjectId) -> list[Pause]:
    """All active pauses of a restaurant, oldest first. That there is none is taken from the cache."""
    return _all_active(restaurant_id) if _paused(restaurant_id) else []


def applying_to(table: Table, phone_names: list[str], joined: Iterable[ObjectId] = ()) -> Pause | None:
    """The active pause that applies to a call of this phone at this table, if there is one.

    `phone_names` are the values of `device` that identify the phone, `joined` the tables that call as one with it. That
    there is none is taken from the cache; that there is one is always read from the database, since a stale entry would
    suppress a call.
    """
    restaurant_id = table["restaurant_id"]
    subjects = [*map(_phone, phone_names), *map(_table, {table["_id"], *joined})]
    if _paused(restaurant_id).isdisjoint(subjects):
        return None
    return documents().find_one({**_active(restaurant_id), "subject": {"$in": subjects}})


def count_tap(pause: Pause, table: Table) -> None:
    """Count a tap during a pause, and note its table."""
    which = {"_id": pause["_id"], "restaurant_id": pause["restaurant_id"]}
    where = {"table_id": table["_id"], "table_name": table["name"]}
    countable = {**which, "over": False, "taps": {"$lt": MAX_TAPS_COUNTED}}
    documents().update_one(countable, {"$inc": {"taps": 1}, "$set": where})


def pause_table(table: Table) -> bool:
    """Pause a table; False if it is paused already."""
    return _pause("table", _table(table["_id"]), table["restaurant_id"], table["_id"], table["name"])


def review(restaurant_id: ObjectId, requests: list[ServiceRequest]) -> list[tuple[ServiceRequest, bool]]:
    """Update the pauses of the phones that made these requests, after staff dismissed or reopened them.

    Returns for each phone whose pause changed one of its requests, and whether it is paused now.
    """
    one_of_each = {request["device"]: request for request in requests if request["device"]}.values()
    changes = [(request, _review(restaurant_id, request)) for request in one_of_each]
    return [(request, paused) for request, paused in changes if paused is not None]


def lift(restaurant_id: ObjectId, pause_id: ObjectId) -> Pause | None:
    """End a pause early; earlier dismissals do not count any more. None if it is over already."""
    which = {"_id": pause_id, **_active(restaurant_id)}
    lifted = documents().update_one(which, {"$set": {"over": True, "lifted_at": clock.now()}}).modified_count
    return documents().find_one({"_id": pause_id, "restaurant_id": restaurant_id}) if lifted else None


def end_due() -> int:
    """Mark expired pauses as over, which wakes the topics that show them; returns how many."""
    due = {"over": False, "until": {"$lte": clock.now()}}
    return documents().update_many(due, {"$set": {"over": True}}).modified_count


def _paused(restaurant_id: ObjectId) -> set[str]:
    """The subjects of the active pauses, from the cache."""
    known = cache.pauses.get(restaurant_id, lambda: _load_subjects(restaurant_id))
    return known["subjects"] if known else set()


def _load_subjects(restaurant_id: ObjectId) -> CachedPauses:
    return {"_id": restaurant_id, "subjects": {pause["subject"] for pause in _all_active(restaurant_id)}}


def _all_active(restaurant_id: ObjectId) -> list[Pause]:
    return list(documents().find(_active(restaurant_id)).sort("created_at"))


def _review(restaurant_id: ObjectId, request: ServiceRequest) -> bool | None:
    """Update the pause of this phone. True: it was paused, False: its pause was lifted, None: no change.

    Others may dismiss and reopen meanwhile. So the pause is only changed if it is still as it was before the dismissals
    were counted, and they are counted again after each change. A pause that is set and lifted again so is no change.
    """
    device = str(request["device"])
    change: bool | None = None
    while True:
        known = documents().find_one({"restaurant_id": restaurant_id, "subject": _phone(device)})
        is_active = known is not None and not known["over"] and known["until"] > clock.now()
        if _should_pause(restaurant_id, device, known, is_active) == is_active:
            return change
        if known is not None and is_active:
            if _end(known):
                change = None if change else False
        elif _pause("phone", _phone(device), restaurant_id, request["table_id"], request["table_name"]):
            change = None if change is False else True


def _end(pause: Pause) -> bool:
    """End a pause as if it had not been; False if it is over, or another one has begun since."""
    which = {"_id": pause["_id"], "created_at": pause["created_at"], **_active(pause["restaurant_id"])}
    return bool(documents().update_one(which, {"$set": {"over": True}}).modified_count)


def _should_pause(restaurant_id: ObjectId, device: str, known: Pause | None, is_active: bool) -> bool:
    """Whether the limit is reached in the window up to now, or up to the start of the phone's active pause."""
    since = clock.now() - COUNTING_WINDOW
    if known is not None:
        if is_active:
            since = known["created_at"] - COUNTING_WINDOW
        since = max(since, known.get("lifted_at") or since)
    return len(_failed_visits(restaurant_id, device, since)) >= NOBODY_THERE_LIMIT


def _failed_visits(restaurant_id: ObjectId, device: str, since: datetime) -> set[tuple[datetime, str]]:
    """The dismissals since then, by time and actor: several requests that are dismissed together count once."""
    times = set()
    for recent in ({"live": True}, {"ended_at": {"$gt": since}}):  # two indexed queries; `device` has no index
        which = {"restaurant_id": restaurant_id, **recent}
        requests = service_request.documents().find(which, {"device": True, "steps": True})
        for steps in (request["steps"] for request in requests if request["device"] == device):
            for step, following in zip_longest(steps, steps[1:]):
                if step["what"] == "dismissed" and step["by"] and step["at"] > since and not _undone(following):
                    times.add((step["at"], step["by"]["id"]))
    return times


def _undone(following: Step | None) -> bool:
    """Whether the next step is an undo by staff. One by the guest ("I am here") does not reduce the count."""
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
