"""The store of the report: calls counted by quarters of an hour, and the calls themselves for the history of a day.

A quarter's counts are always made anew from its calls, never added to, so it does not matter how often, by whom or in
which order that is done. A quarter is due as long as its calls can change: until each has ended, and cannot be undone.
One process at a time looks for new calls; each quarter is leased on its own, and what was counted is written only by
whoever still has the lease.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import cast

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from waitercaller.db import clock
from waitercaller.db.client import Document, db
from waitercaller.model.rollups import times
from waitercaller.model.rollups.figures import cells_of
from waitercaller.model.service_request import UNDO, ServiceRequest

JOB = "rollups"
EVERY = timedelta(minutes=1)
LEASE = timedelta(minutes=2)
SELDOM = timedelta(hours=1)  # how often a quarter of long ago is counted anew while a call of it is not over
OVERLAP = timedelta(minutes=5)  # calls become visible a little out of order: clocks differ, writes take their time
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
BATCH = 1000
MOST = 5000  # quarters in a round
KEPT = timedelta(days=400)  # requests; what was counted of them stays


def work_off() -> int:
    """Do what is due, unless another process has just done so; returns how many quarters. Raises PyMongoError."""
    return bring_up_to_date() if _claim() else 0


def bring_up_to_date() -> int:
    """Look for new calls, count anew whatever may have changed, and let go of what is old; see `work_off`."""
    _find_new()
    counted = sum(_recount(rollup) for rollup in _due())
    _purge()
    return counted


def of_period(restaurant_id: ObjectId, begin: datetime, end: datetime) -> list[Document]:
    """What was counted of a restaurant's calls, by quarters: [{quarter, cells}], the oldest first."""
    within = {"restaurant_id": restaurant_id, "quarter": {"$gte": begin, "$lt": end}}
    return list(db().rollups.find(within, {"quarter": True, "cells": True}).sort("quarter"))


def calls_between(restaurant_id: ObjectId, begin: datetime, end: datetime, most: int) -> list[ServiceRequest]:
    """A restaurant's calls, the latest first and at most so many."""
    within = {"restaurant_id": restaurant_id, "created_at": {"$gte": begin, "$lt": end}}
    found = db().requests.find(within, {"keys": False, "shown": False}).sort("created_at", -1).limit(most)
    return cast(list[ServiceRequest], list(found))


def _claim() -> bool:
    """Whether this round is ours."""
    now = clock.now()
    try:
        claimed = db().jobs.update_one(
            {"_id": JOB, "due_at": {"$lte": now}}, {"$set": {"due_at": now + EVERY}}, upsert=True
        )
    except DuplicateKeyError:
        return False  # it is there and not due
    return bool(claimed.modified_count) or claimed.upserted_id is not None


def _find_new() -> None:
    """Have the quarters counted of calls that nobody has looked at."""
    beginning = clock.now()
    job = db().jobs.find_one({"_id": JOB}) or {}
    since = job["seen"] - OVERLAP if "seen" in job else FIRST
    while new := _calls_since(since):
        _queue({(each["restaurant_id"], times.quarter_of(each["created_at"])) for each in new})
        since = new[-1]["created_at"]
        if len(new) < BATCH:
            break
        _note_seen(since)
    _note_seen(beginning)


def _note_seen(until: datetime) -> None:
    change: Document = {"$set": {"seen": until}, "$setOnInsert": {"due_at": clock.now()}}
    db().jobs.update_one({"_id": JOB}, change, upsert=True)


def _calls_since(since: datetime) -> list[Document]:
    fields = {"restaurant_id": True, "created_at": True}
    return list(db().requests.find({"created_at": {"$gte": since}}, fields).sort("created_at").limit(BATCH))


def _queue(found: Iterable[tuple[ObjectId, datetime]]) -> None:
    """Make these quarters due. Whoever is counting one of them counts in vain: it may have been read before."""
    for restaurant_id, quarter in found:
        which = {"restaurant_id": restaurant_id, "quarter": quarter}
        change: Document = {"$set": {"open": True, "due_at": clock.now()}, "$setOnInsert": {"cells": []}}
        try:
            db().rollups.update_one(which, change, upsert=True)
        except DuplicateKeyError:
            db().rollups.update_one(which, change)  # another process was faster


def _due() -> list[Document]:
    due = {"open": True, "due_at": {"$lte": clock.now()}}
    fields = {"restaurant_id": True, "quarter": True, "due_at": True}
    return list(db().rollups.find(due, fields).sort("due_at").limit(MOST))


def _recount(rollup: Document) -> bool:
    """Count a quarter's calls; False when another process does."""
    leased_until = clock.now() + LEASE
    mine = {"_id": rollup["_id"], "restaurant_id": rollup["restaurant_id"], "open": True, "due_at": rollup["due_at"]}
    if not db().rollups.update_one(mine, {"$set": {"due_at": leased_until}}).modified_count:
        return False
    quarter = rollup["quarter"]
    within = {"restaurant_id": rollup["restaurant_id"], "created_at": {"$gte": quarter, "$lt": quarter + times.QUARTER}}
    requests = cast(list[ServiceRequest], list(db().requests.find(within, {"keys": False, "shown": False})))
    counted = {"cells": cells_of(requests), "open": not _is_over(quarter, requests), "due_at": _next(quarter)}
    return db().rollups.update_one({**mine, "due_at": leased_until}, {"$set": counted}).modified_count == 1


def _is_over(quarter: datetime, requests: list[ServiceRequest]) -> bool:
    """Whether nothing of this quarter can change any more."""
    ends = [request["ended_at"] for request in requests if request["ended_at"]]
    return len(ends) == len(requests) and max([quarter + times.QUARTER, *ends]) + UNDO + OVERLAP < clock.now()


def _next(quarter: datetime) -> datetime:
    """When a quarter is to be counted again: the older it is, the less often."""
    now = clock.now()
    return now + min(max((now - quarter) / 10, EVERY), SELDOM)


def _purge() -> None:
    """Delete requests that ended long ago and have been counted for good, a batch at a time."""
    limit = clock.now() - KEPT
    unfinished = db().rollups.find({"open": True, "quarter": {"$lt": limit}}, {"restaurant_id": True, "quarter": True})
    kept = {(each["restaurant_id"], each["quarter"]) for each in unfinished}
    fields = {"restaurant_id": True, "created_at": True}
    old = db().requests.find({"created_at": {"$lt": limit}, "ended_at": {"$lt": limit}}, fields).sort("created_at")
    counted = (each for each in old if (each["restaurant_id"], times.quarter_of(each["created_at"])) not in kept)
    for request in islice(counted, BATCH):
        db().requests.delete_one({"_id": request["_id"], "restaurant_id": request["restaurant_id"], "live": False})
