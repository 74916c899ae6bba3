"""The store of the report: calls counted by quarters of an hour, and the calls themselves for the history of a day.

A quarter's counts are always computed anew from its requests, never added to, so it does not matter how often, by whom
or in which order that is done. Two work queues share the work among processes: the job that looks for new requests
(collection `jobs`), one round a minute, and the quarters to count (`rollups` itself). A quarter is due again and again
as long as its requests can change: until each has ended and cannot be undone.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import cast

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from waitercaller.db import clock, work_queue
from waitercaller.db.client import Changes, db
from waitercaller.db.work_queue import Work, WorkQueue
from waitercaller.model import service_request
from waitercaller.model.rollups import times
from waitercaller.model.rollups.figures import Cell, cells_of
from waitercaller.model.service_request import UNDO_WINDOW, ServiceRequest

JOB = "rollups"
ROUND_INTERVAL = timedelta(minutes=1)
LONGEST_RECOUNT_INTERVAL = timedelta(hours=1)  # of a quarter of long ago that has a request which is not over
OVERLAP = timedelta(minutes=5)  # requests become visible a little out of order: clocks differ, writes take their time
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
BATCH_SIZE = 1000  # requests
MAX_QUARTERS_PER_ROUND = 5000  # of one round
REQUEST_RETENTION = timedelta(days=400)  # the counts stay


class Job(Work):
    """The state of the search for new requests (collection `jobs`)."""

    _id: str  # JOB
    seen: datetime  # up to where new requests were looked for, by `created_at`


class Rollup(Work):
    """The counts of one quarter (collection `rollups`). State "due" while its requests can change, then "counted"."""

    _id: ObjectId
    restaurant_id: ObjectId
    quarter: datetime  # its begin
    cells: list[Cell]


def documents() -> Collection[Rollup]:
    """The collection `rollups`."""
    return cast(Collection[Rollup], db().rollups)


JOBS = WorkQueue[Job](
    collection="jobs",
    lease_duration=timedelta(minutes=2),  # for one batch of new requests
    first_backoff=ROUND_INTERVAL,
    longest_backoff=timedelta(minutes=10),
)
QUARTERS = WorkQueue[Rollup](
    collection="rollups",
    lease_duration=timedelta(minutes=2),
    first_backoff=ROUND_INTERVAL,
    longest_backoff=LONGEST_RECOUNT_INTERVAL,
    shard_key=("restaurant_id", "quarter"),
)


def process_due() -> int:
    """A round, unless another process has just had one; returns how many quarters were counted. Raises PyMongoError."""
    JOBS.enqueue({"_id": JOB, "seen": BEGINNING})
    return sum(_round(job) for job in JOBS.take(1))


def run_now() -> int:
    """A round now, whether or not one is due; see `process_due`."""
    JOBS.enqueue({"_id": JOB, "seen": BEGINNING})
    job = JOBS.get(JOB)
    return _round(job) if job else 0


def of_period(restaurant_id: ObjectId, begin: datetime, end: datetime) -> list[Rollup]:
    """What was counted of a restaurant's calls, by quarters: [{quarter, cells}], the oldest first."""
    within = {"restaurant_id": restaurant_id, "quarter": {"$gte": begin, "$lt": end}}
    return list(documents().find(within, {"quarter": True, "cells": True}).sort("quarter"))


def calls_between(restaurant_id: ObjectId, begin: datetime, end: datetime, limit: int) -> list[ServiceRequest]:
    """A restaurant's calls, the latest first and at most so many."""
    within = {"restaurant_id": restaurant_id, "created_at": {"$gte": begin, "$lt": end}}
    found = (
        service_request.documents().find(within, {"keys": False, "shown": False}).sort("created_at", -1).limit(limit)
    )
    return list(found)


def _round(job: Job) -> int:
    """Find new requests, count anew whatever may have changed, delete what is old; returns how many were counted."""
    next_round, counted = clock.now() + ROUND_INTERVAL, 0
    with JOBS.retried_on_error(job):
        _find_new(job)
        for rollup in QUARTERS.take(MAX_QUARTERS_PER_ROUND, without=("cells",)):
            with QUARTERS.retried_on_error(rollup):
                counted += _recount(rollup)
        _purge()
        JOBS.reschedule(job, next_round, attempts=0)
    return counted


def _find_new(job: Job) -> None:
    """Make the quarters due whose requests nobody has looked at; the progress is noted after each batch."""
    begun_at = clock.now()
    since = job["seen"] - OVERLAP
    while new := _requests_since(since):
        _make_due({(each["restaurant_id"], times.quarter_of(each["created_at"])) for each in new})
        since = new[-1]["created_at"]
        if len(new) < BATCH_SIZE:
            break
        JOBS.extend(job, seen=since)
    JOBS.extend(job, seen=begun_at)


def _requests_since(since: datetime) -> list[ServiceRequest]:
    fields = {"restaurant_id": True, "created_at": True}
    new = service_request.documents().find({"created_at": {"$gte": since}}, fields)
    return list(new.sort("created_at").limit(BATCH_SIZE))


def _make_due(found: Iterable[tuple[ObjectId, datetime]]) -> None:
    """Make these quarters due. A process that is counting one of them loses its lease: it may have read too little."""
    for restaurant_id, quarter in found:
        which = {"restaurant_id": restaurant_id, "quarter": quarter}
        change: Changes = {"$set": work_queue.due(), "$setOnInsert": {"cells": []}}
        try:
            documents().update_one(which, change, upsert=True)
        except DuplicateKeyError:
            documents().update_one(which, change)  # another process was faster


def _recount(rollup: Rollup) -> bool:
    """Count a quarter's requests; False when the lease was lost meanwhile."""
    quarter = rollup["quarter"]
    within = {"restaurant_id": rollup["restaurant_id"], "created_at": {"$gte": quarter, "$lt": quarter + times.QUARTER}}
    requests = list(service_request.documents().find(within, {"keys": False, "shown": False}))
    cells = cells_of(requests)
    if _is_over(quarter, requests):
        return QUARTERS.finish(rollup, "counted", cells=cells)
    return QUARTERS.reschedule(rollup, _next_count(quarter), cells=cells, attempts=0)


def _is_over(quarter: datetime, requests: list[ServiceRequest]) -> bool:
    """Whether nothing of this quarter can change any more."""
    ends = [request["ended_at"] for request in requests if request["ended_at"]]
    return len(ends) == len(requests) and max([quarter + times.QUARTER, *ends]) + UNDO_WINDOW + OVERLAP < clock.now()


def _next_count(quarter: datetime) -> datetime:
    """When a quarter is to be counted again: the older it is, the less often."""
    now = clock.now()
    return now + min(max((now - quarter) / 10, ROUND_INTERVAL), LONGEST_RECOUNT_INTERVAL)


def _purge() -> None:
    """Delete requests that ended long ago and have been counted for good, a batch at a time."""
    limit = clock.now() - REQUEST_RETENTION
    unfinished = documents().find({"state": "due", "quarter": {"$lt": limit}}, {"restaurant_id": True, "quarter": True})
    kept = {(each["restaurant_id"], each["quarter"]) for each in unfinished}
    fields = {"restaurant_id": True, "created_at": True}
    requests = service_request.documents()
    old = requests.find({"created_at": {"$lt": limit}, "ended_at": {"$lt": limit}}, fields).sort("created_at")
    counted = (each for each in old if (each["restaurant_id"], times.quarter_of(each["created_at"])) not in kept)
    for request in islice(counted, BATCH_SIZE):
        requests.delete_one({"_id": request["_id"], "restaurant_id": request["restaurant_id"], "live": False})
