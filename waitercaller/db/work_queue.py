"""Work queues in collections: leases, retries with backoff, and an error when the attempts are exhausted.

A document in state "due" may be taken once `next_at` has passed. Taking it is one conditional update, which increments
`attempts` and sets `next_at` to the end of the lease, so one of two processes wins. The holder of the lease may extend
it, reschedule the document for a retry, or finish it; each update is conditional on the lease, so a process that has
lost it changes nothing. When a process dies, its lease expires and another process takes the document.
"""

import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypedDict, TypeVar, cast

from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError

from waitercaller.db import clock
from waitercaller.db.client import Changes, Document, db
from waitercaller.db.faults import is_transient

log = logging.getLogger(__name__)

DUPLICATE_KEY = 11000  # MongoDB's error code
MAX_DOUBLINGS = 30  # of a backoff; prevents the overflow of timedelta


class Work(TypedDict):
    """The keys of every document in a queue, beside `_id` and, if there is a retention, `purge_at`."""

    state: str  # "due", or the final state
    attempts: int  # how often it has been taken
    next_at: datetime  # when it may be taken; while it is leased, the end of the lease


W = TypeVar("W", bound=Work)


def due(delay: timedelta = timedelta()) -> Document:
    """The keys of a new document that may be taken after `delay`."""
    return {"state": "due", "attempts": 0, "next_at": clock.now() + delay}


@dataclass(kw_only=True)
class WorkQueue(Generic[W]):
    """The queue in one collection. Every method raises PyMongoError when the database is unavailable."""

    collection: str
    lease_duration: timedelta  # longer than an attempt, or than the time between two calls of `extend`
    first_backoff: timedelta  # after the first attempt; doubled after each further one
    longest_backoff: timedelta  # upper limit of the backoff
    max_attempts: int | None = None  # None: unlimited
    retention: Mapping[str, timedelta] = field(
        default_factory=dict
    )  # by final state; documents in other states are not deleted
    shard_key: tuple[str, ...] = ()  # keys that updates must contain beside `_id`; see docs/sharding.md

    def enqueue(self, work: Changes, txn: ClientSession | None = None, delay: timedelta = timedelta()) -> bool:
        """Add a document that is due after `delay`; idempotent by `_id`, returns False if it exists.

        In a transaction a duplicate raises DuplicateKeyError, since it has aborted the transaction.
        """
        try:
            db()[self.collection].insert_one({**work, **due(delay)}, session=txn)
        except DuplicateKeyError:
            if txn or "_id" not in work:
                raise
            return False
        return True

    def enqueue_all(self, works: Sequence[Changes], txn: ClientSession | None = None) -> None:
        """Add documents that are due now; existing ones with the same `_id` are left unchanged."""
        if not works:
            return
        try:
            db()[self.collection].insert_many([{**work, **due()} for work in works], ordered=False, session=txn)
        except BulkWriteError as error:
            if txn or any(each["code"] != DUPLICATE_KEY for each in error.details["writeErrors"]):
                raise

    def enqueue_again(self, document_id: Any, state: str, changes: Document) -> None:
        """Make a document in this final state due again, with no attempts."""
        change: Document = {"$set": {**changes, **due()}, "$unset": {"purge_at": ""}}
        db()[self.collection].update_one({"_id": document_id, "state": state}, change)

    def get(self, document_id: Any) -> W | None:
        """The document with this id, in any state."""
        return cast(W | None, db()[self.collection].find_one({"_id": document_id}))

    def take(self, limit: int, without: tuple[str, ...] = ()) -> Iterator[W]:
        """Lease up to `limit` documents that are due, ordered by `next_at`.

        Each is leased when the iteration reaches it, so slow work on one does not use up the leases of the others;
        those that another process has taken meanwhile are skipped. `without` excludes keys from the projection.
        """
        which = {"state": "due", "next_at": {"$lte": clock.now()}}
        found = db()[self.collection].find(which, dict.fromkeys(without, False)).sort("next_at").limit(limit)
        for document in cast(list[W], list(found)):
            attempt = {"next_at": clock.now() + self.lease_duration, "attempts": document["attempts"] + 1}
            if self._update(document, attempt):
                yield document

    def extend(self, document: W, **progress: Any) -> bool:
        """Renew the lease and store the progress; False if the lease was lost."""
        return self._update(document, {**progress, "next_at": clock.now() + self.lease_duration})

    def retry(self, document: W, wait: timedelta = timedelta(), **changes: Any) -> None:
        """Reschedule the document after the backoff, or after `wait` if that is longer."""
        self.reschedule(document, clock.now() + max(self.backoff(document["attempts"]), wait), **changes)

    def reschedule(self, document: W, next_at: datetime, **changes: Any) -> bool:
        """End the lease and make the document due at `next_at`; False if the lease was lost."""
        return self._update(document, {**changes, "next_at": next_at})

    def finish(self, document: W, state: str, **changes: Any) -> bool:
        """Set the final state and, by `retention`, `purge_at`; False if the lease was lost."""
        if state in self.retention:
            changes["purge_at"] = clock.now() + self.retention[state]
        return self._update(document, {**changes, "state": state})

    def remove(self, document: W) -> None:
        """Delete a finished document."""
        db()[self.collection].delete_one(self._as_read(document))

    def is_exhausted(self, document: W) -> bool:
        """Whether `max_attempts` is reached."""
        return self.max_attempts is not None and document["attempts"] >= self.max_attempts

    def give_up(self, document: W, what: str, reason: str, **changes: Any) -> None:
        """Set the state "failed" and log an error, in which `what` names the work."""
        self.finish(document, "failed", **changes)
        document_id = cast(Document, document)["_id"]
        log.error("gave up %s (%s) after %d attempts: %s", what, document_id, document["attempts"], reason)

    @contextmanager
    def retried_on_error(self, document: W) -> Iterator[None]:
        """Reschedule the document with backoff if the body raises, and re-raise the error.

        Not after a transient database error, when nothing can be written; the document is due again after its lease.
        """
        try:
            yield
        except Exception as error:
            if not is_transient(error):
                self.retry(document)
            raise

    def backoff(self, attempts: int) -> timedelta:
        """The exponential backoff after `attempts`, with jitter of ±25 %."""
        doublings = min(attempts - 1, MAX_DOUBLINGS)
        return min(self.first_backoff * 2.0**doublings, self.longest_backoff) * random.uniform(0.75, 1.25)

    def _update(self, document: W, changes: Document) -> bool:
        """Write `changes` if this process still holds the lease; `document` is updated, too."""
        written = db()[self.collection].update_one(self._as_read(document), {"$set": changes}).modified_count == 1
        if written:
            cast(Document, document).update(changes)
        return written

    def _as_read(self, document: W) -> Document:
        values = cast(Document, document)
        return {key: values[key] for key in ("_id", *self.shard_key)} | {"state": "due", "next_at": values["next_at"]}
