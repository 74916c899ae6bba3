"""A queue of work in a collection: one process at a time takes a document, retries with backoff, gives up loudly.

A document that is "due" may be taken once `next_at` has passed. Taking it is one conditional update, which counts an
attempt and moves `next_at` to the end of the lease, so of two processes one wins. Whoever holds the lease may extend
it, put the document back for a retry, or finish it; each is conditional on the lease, so a process that has lost it
changes nothing. A process that dies loses nothing either: its lease runs out and another one takes the document.
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
from waitercaller.db.faults import is_away

log = logging.getLogger(__name__)

DUPLICATE_KEY = 11000  # MongoDB's error code
MOST_DOUBLINGS = 30  # of a backoff: beyond any `longest_backoff`, and a timedelta can hold it


class Work(TypedDict):
    """The keys that every document of a queue has, beside `_id` and, where there is a retention, `purge_at`."""

    state: str  # "due" until it is finished, then how it ended
    attempts: int  # how often it was taken
    next_at: datetime  # when it may be taken; while somebody works on it, when the lease ends


W = TypeVar("W", bound=Work)


def due(delay: timedelta = timedelta()) -> Document:
    """The keys of a document that may be taken after the delay, not tried yet."""
    return {"state": "due", "attempts": 0, "next_at": clock.now() + delay}


@dataclass(kw_only=True)
class WorkQueue(Generic[W]):
    """The documents of one collection. Every method raises PyMongoError when the database is away."""

    collection: str
    lease_duration: timedelta  # longer than one attempt, or than the time from one `extend` to the next
    first_backoff: timedelta  # after the first attempt; doubled after each further one …
    longest_backoff: timedelta  # … up to this
    most_attempts: int | None = None  # None: it is never given up
    retention: Mapping[str, timedelta] = field(default_factory=dict)  # by final state; it stays where none is named
    shard_key: tuple[str, ...] = ()  # keys that an update must name beside `_id`, see docs/sharding.md

    def enqueue(self, work: Changes, txn: ClientSession | None = None, delay: timedelta = timedelta()) -> bool:
        """Add a document that is due after the delay; idempotent by its `_id`: False where there is one already.

        Within a transaction a duplicate raises DuplicateKeyError, since it has aborted the transaction.
        """
        try:
            db()[self.collection].insert_one({**work, **due(delay)}, session=txn)
        except DuplicateKeyError:
            if txn or "_id" not in work:
                raise
            return False
        return True

    def enqueue_all(self, works: Sequence[Changes], txn: ClientSession | None = None) -> None:
        """Add several documents that are due now; those whose `_id` is there already stay as they are."""
        if not works:
            return
        try:
            db()[self.collection].insert_many([{**work, **due()} for work in works], ordered=False, session=txn)
        except BulkWriteError as error:
            if txn or any(each["code"] != DUPLICATE_KEY for each in error.details["writeErrors"]):
                raise

    def enqueue_again(self, document_id: Any, state: str, changes: Document) -> None:
        """Make a document that has ended in this state due again, as if it were new."""
        change: Document = {"$set": {**changes, **due()}, "$unset": {"purge_at": ""}}
        db()[self.collection].update_one({"_id": document_id, "state": state}, change)

    def get(self, document_id: Any) -> W | None:
        """The document with this id, in whatever state."""
        return cast(W | None, db()[self.collection].find_one({"_id": document_id}))

    def take(self, most: int, without: tuple[str, ...] = ()) -> Iterator[W]:
        """Lease documents that are due, the longest due first, at most so many of them.

        Each is leased when the caller comes to it, so that the first ones may take their time; those that another
        process has taken meanwhile are left out. Large keys that nobody needs can be left `without`.
        """
        which = {"state": "due", "next_at": {"$lte": clock.now()}}
        found = db()[self.collection].find(which, dict.fromkeys(without, False)).sort("next_at").limit(most)
        for document in cast(list[W], list(found)):
            attempt = {"next_at": clock.now() + self.lease_duration, "attempts": document["attempts"] + 1}
            if self._update(document, attempt):
                yield document

    def extend(self, document: W, **progress: Any) -> bool:
        """Renew the lease and note how far the work has come; False when another process has taken the document."""
        return self._update(document, {**progress, "next_at": clock.now() + self.lease_duration})

    def retry(self, document: W, wait: timedelta = timedelta(), **changes: Any) -> None:
        """Put the document back to be taken again after the backoff, or after `wait` if that is longer."""
        self.reschedule(document, clock.now() + max(self.backoff(document["attempts"]), wait), **changes)

    def reschedule(self, document: W, next_at: datetime, **changes: Any) -> bool:
        """Put the document back to be taken from `next_at` on; False when another process has taken it."""
        return self._update(document, {**changes, "next_at": next_at})

    def finish(self, document: W, state: str, **changes: Any) -> bool:
        """Note how it ended, and when the database deletes it; False when another process has taken the document."""
        if state in self.retention:
            changes["purge_at"] = clock.now() + self.retention[state]
        return self._update(document, {**changes, "state": state})

    def remove(self, document: W) -> None:
        """Delete a document whose work is done."""
        db()[self.collection].delete_one(self._as_read(document))

    def is_exhausted(self, document: W) -> bool:
        """Whether no attempt is left."""
        return self.most_attempts is not None and document["attempts"] >= self.most_attempts

    def give_up(self, document: W, what: str, reason: str) -> None:
        """Stop trying: an error in the log, and the state "failed". `what` is logged as the name of the work."""
        self.finish(document, "failed")
        document_id = cast(Document, document)["_id"]
        log.error("gave up %s (%s) after %d attempts: %s", what, document_id, document["attempts"], reason)

    @contextmanager
    def retried_on_error(self, document: W) -> Iterator[None]:
        """Put the document back with backoff when the work raises; the error goes on to whoever logs and counts it.

        Not when the database is away, since nothing can be written then: the lease brings it back.
        """
        try:
            yield
        except Exception as error:
            if not is_away(error):
                self.retry(document)
            raise

    def backoff(self, attempts: int) -> timedelta:
        """How long to wait after so many attempts, with jitter: what failed together does not return together."""
        doublings = min(attempts - 1, MOST_DOUBLINGS)
        return min(self.first_backoff * 2.0**doublings, self.longest_backoff) * random.uniform(0.75, 1.25)

    def _update(self, document: W, changes: Document) -> bool:
        """Write the changes if the document is as it was read, hence still ours; `document` then has them too."""
        written = db()[self.collection].update_one(self._as_read(document), {"$set": changes}).modified_count == 1
        if written:
            cast(Document, document).update(changes)
        return written

    def _as_read(self, document: W) -> Document:
        values = cast(Document, document)
        return {key: values[key] for key in ("_id", *self.shard_key)} | {"state": "due", "next_at": values["next_at"]}
