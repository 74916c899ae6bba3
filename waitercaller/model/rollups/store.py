"""Rollups: requests counted per quarter of an hour, and the requests of a period for the history.

The counts of a quarter are always recomputed from its requests, never incremented, so recounting is idempotent. Two
work queues distribute the work among processes: the job that finds new requests (collection `jobs`), once a minute, and
the quarters to count (`rollups` itself). A quarter is rescheduled as long as its requests can change: until all have
ended and cannot be undone. Rehearsals are not counted.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from operator import itemgetter
from typing import NotRequired, TypedDict, cast

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from waitercaller.db import clock, work_queue
from waitercaller.db.client import Changes, db
from waitercaller.db.work_queue import Work, WorkQueue
from waitercaller.model import service_request
from waitercaller.model.rollups import retention, times
from waitercaller.model.rollups.figures import Cell, cells_of, reached_nobody
from waitercaller.model.service_request import NOT_REHEARSED, UNDO_WINDOW, ServiceRequest

JOB = "rollups"
ROUND_INTERVAL = timedelta(minutes=1)
LONGEST_RECOUNT_INTERVAL = timedelta(hours=1)  # for old quarters with requests that are still live
OVERLAP = timedelta(minutes=5)  # requests may become visible out of order: clocks differ, writes take time
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
BATCH_SIZE = 1000  # requests per query
MAX_QUARTERS_PER_ROUND = 5000  # per round
FRESH = timedelta(hours=1)  # the counts of the quarters since then are not read but made when they are asked for
PURGE_INTERVAL = timedelta(hours=1)


class Job(Work):
    """The job that finds new requests (collection `jobs`)."""

    _id: str  # JOB
    seen: datetime  # new requests up to this `created_at` have been found
    purged_at: NotRequired[datetime]  # when all requests that are kept no longer had been deleted


class Counts(TypedDict):
    """The counts of one quarter, stored or just made."""

    quarter: datetime  # its start, UTC
    cells: list[Cell]


class Rollup(Work):
    """The counts of one quarter (collection `rollups`). State "due" while its requests can change, then "counted"."""

    _id: ObjectId
    restaurant_id: ObjectId
    quarter: datetime  # start of the quarter, UTC
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
    """Run a round if it is due; returns how many quarters were counted. Raises PyMongoError."""
    JOBS.enqueue({"_id": JOB, "seen": BEGINNING})
    return sum(_round(job) for job in JOBS.take(1))


def run_now() -> int:
    """Run a round now, whether or not it is due; see `process_due`."""
    JOBS.enqueue({"_id": JOB, "seen": BEGINNING})
    job = JOBS.get(JOB)
    return _round(job) if job else 0


def of_period(restaurant_id: ObjectId, begin: datetime, end: datetime) -> list[Counts]:
    """The counts of a restaurant in this period, oldest first.

    Those of the last FRESH are made from the requests: a call counts at once, not after the next round.
    """
    fresh_from = times.quarter_of(clock.now() - FRESH)
    stored_until, fresh = min(end, fresh_from), list[Counts]()
    if fresh_from < end:
        fresh = counts_of(calls_in(restaurant_id, max(begin, fresh_from), end))
    within = {"restaurant_id": restaurant_id, "quarter": {"$gte": begin, "$lt": stored_until}}
    found = documents().find(within, {"quarter": True, "cells": True}).sort("quarter")
    return [*(Counts(quarter=each["quarter"], cells=each["cells"]) for each in found), *fresh]


def counts_of(requests: Iterable[ServiceRequest]) -> list[Counts]:
    """The counts of these requests by quarters, oldest first."""
    by_quarter: dict[datetime, list[ServiceRequest]] = defaultdict(list)
    for request in requests:
        by_quarter[times.quarter_of(request["created_at"])].append(request)
    return [{"quarter": quarter, "cells": cells_of(by_quarter[quarter])} for quarter in sorted(by_quarter)]


def calls_in(restaurant_id: ObjectId, begin: datetime, end: datetime) -> list[ServiceRequest]:
    """All requests of a restaurant in this period, oldest first, without rehearsals; for a day or less."""
    found = service_request.documents().find(_within(restaurant_id, begin, end), {"keys": False})
    return sorted(found, key=itemgetter("created_at"))


def with_steps_of(restaurant_id: ObjectId, member_id: str, begin: datetime, end: datetime) -> list[ServiceRequest]:
    """The requests of this period in which the member took a step, without rehearsals."""
    within = {**_within(restaurant_id, begin, end), "steps.by.id": member_id}
    return list(service_request.documents().find(within, {"steps": True, "first_at": True, "created_at": True}))


def calls_between(restaurant_id: ObjectId, begin: datetime, end: datetime, limit: int) -> list[ServiceRequest]:
    """Up to `limit` requests of a restaurant in this period, latest first, without rehearsals."""
    within = _within(restaurant_id, begin, end)
    return list(service_request.documents().find(within, {"keys": False}).sort("created_at", -1).limit(limit))


def unreached_between(restaurant_id: ObjectId, begin: datetime, end: datetime, limit: int) -> list[ServiceRequest]:
    """Up to `limit` requests of this period that reached nobody, latest first, without rehearsals."""
    within = {**_within(restaurant_id, begin, end), "shown": [], "signed": []}
    found: Iterator[ServiceRequest] = service_request.documents().find(within, {"keys": False}).sort("created_at", -1)
    return list(islice(filter(reached_nobody, found), limit))


def _within(restaurant_id: ObjectId, begin: datetime, end: datetime) -> dict[str, object]:
    # The embedded server reads what the first clause finds (docs/facts.md): the period, not the whole restaurant.
    return {"created_at": {"$gte": begin, "$lt": end}, "restaurant_id": restaurant_id, **NOT_REHEARSED}


def _round(job: Job) -> int:
    """Find new requests, recount due quarters, purge old requests; returns how many quarters were counted."""
    next_round, counted = clock.now() + ROUND_INTERVAL, 0
    with JOBS.retried_on_error(job):
        _find_new(job)
        for rollup in QUARTERS.take(MAX_QUARTERS_PER_ROUND, without=("cells",)):
            with QUARTERS.retried_on_error(rollup):
                counted += _recount(rollup)
        _purge(job)
        JOBS.reschedule(job, next_round, attempts=0)
    return counted


def _find_new(job: Job) -> None:
    """Make the quarters of new requests due; the progress is stored after each batch."""
    begun_at = clock.now()
    since = job["seen"] - OVERLAP
    while new := _requests_since(since):
        _schedule({(each["restaurant_id"], times.quarter_of(each["created_at"])) for each in new})
        since = new[-1]["created_at"]
        if len(new) < BATCH_SIZE:
            break
        JOBS.extend(job, seen=since)
    JOBS.extend(job, seen=begun_at)


def _requests_since(since: datetime) -> list[ServiceRequest]:
    fields = {"restaurant_id": True, "created_at": True}
    new = service_request.documents().find({"created_at": {"$gte": since}, **NOT_REHEARSED}, fields)
    return list(new.sort("created_at").limit(BATCH_SIZE))


def _schedule(keys: Iterable[tuple[ObjectId, datetime]]) -> None:
    """Make these quarters due. A process that is counting one loses its lease, since its count may be incomplete."""
    for restaurant_id, quarter in keys:
        which = {"restaurant_id": restaurant_id, "quarter": quarter}
        change: Changes = {"$set": work_queue.due(), "$setOnInsert": {"cells": []}}
        try:
            documents().update_one(which, change, upsert=True)
        except DuplicateKeyError:
            documents().update_one(which, change)  # created concurrently by another process


def _recount(rollup: Rollup) -> bool:
    """Count a quarter's requests; False if the lease was lost."""
    quarter = rollup["quarter"]
    within = _within(rollup["restaurant_id"], quarter, quarter + times.QUARTER)
    requests = list(service_request.documents().find(within, {"keys": False}))
    cells = cells_of(requests)
    if _is_over(quarter, requests):
        return QUARTERS.finish(rollup, "counted", cells=cells)
    return QUARTERS.reschedule(rollup, _next_count(quarter), cells=cells, attempts=0)


def _is_over(quarter: datetime, requests: list[ServiceRequest]) -> bool:
    """Whether the requests of this quarter cannot change any more."""
    ends = [request["ended_at"] for request in requests if request["ended_at"]]
    return len(ends) == len(requests) and max([quarter + times.QUARTER, *ends]) + UNDO_WINDOW + OVERLAP < clock.now()


def _next_count(quarter: datetime) -> datetime:
    """When to recount a quarter: the older it is, the less often."""
    now = clock.now()
    return now + min(max((now - quarter) / 10, ROUND_INTERVAL), LONGEST_RECOUNT_INTERVAL)


def _purge(job: Job) -> None:
    """Delete the requests that are kept no longer, once in PURGE_INTERVAL; more often while there are many."""
    if job.get("purged_at", BEGINNING) > clock.now() - PURGE_INTERVAL:
        return
    unfinished = documents().find({"state": "due"}, {"restaurant_id": True, "quarter": True})
    if retention.purge({(each["restaurant_id"], each["quarter"]) for each in unfinished}):
        JOBS.extend(job, purged_at=clock.now())
