"""The work queue: leases, retries with backoff, exhausted attempts, idempotent enqueueing."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from flask import Flask
from pymongo.errors import BulkWriteError, DuplicateKeyError, ServerSelectionTimeoutError

from tests.support.together import at_once_in
from waitercaller.db import clock
from waitercaller.db.client import db, transaction
from waitercaller.db.work_queue import Work, WorkQueue

Later = Callable[..., None]


class Errand(Work):
    _id: str


QUEUE = WorkQueue[Errand](
    collection="errands",
    lease_duration=timedelta(minutes=2),
    first_backoff=timedelta(seconds=10),
    longest_backoff=timedelta(minutes=5),
    max_attempts=3,
    retention={"done": timedelta(days=7), "failed": timedelta(days=30)},
)


@pytest.fixture(autouse=True)
def here(database: Any, app: Flask) -> Iterator[None]:
    """An application context, on each kind of database."""
    with app.app_context():
        yield


def stored(document_id: str = "one") -> Any:
    return db().errands.find_one({"_id": document_id})


def take_one() -> Errand:
    (taken,) = QUEUE.take(1)
    return taken


def test_enqueueing_is_idempotent_by_id() -> None:
    assert QUEUE.enqueue({"_id": "one", "what": "first"})
    assert not QUEUE.enqueue({"_id": "one", "what": "second"})
    assert (stored()["what"], stored()["state"], stored()["attempts"]) == ("first", "due", 0)


def test_of_several_only_new_documents_are_added() -> None:
    QUEUE.enqueue({"_id": "one", "what": "first"})
    QUEUE.enqueue_all([{"_id": "one", "what": "second"}, {"_id": "two", "what": "second"}])
    assert [stored(each)["what"] for each in ("one", "two")] == ["first", "second"]
    QUEUE.enqueue_all([])
    assert db().errands.count_documents({}) == 2


@pytest.mark.needs_wire
def test_a_duplicate_aborts_the_transaction() -> None:
    QUEUE.enqueue({"_id": "one"})
    with pytest.raises(DuplicateKeyError):
        transaction(lambda txn: QUEUE.enqueue({"_id": "one"}, txn))
    with pytest.raises(BulkWriteError):
        transaction(lambda txn: QUEUE.enqueue_all([{"_id": "two"}, {"_id": "one"}], txn))
    assert db().errands.count_documents({}) == 1


def test_nothing_is_taken_before_it_is_due(later: Later) -> None:
    QUEUE.enqueue({"_id": "one"}, delay=timedelta(minutes=1))
    assert list(QUEUE.take(10)) == []
    later(seconds=61)
    assert take_one()["attempts"] == 1


def test_documents_are_taken_in_the_order_of_next_at_up_to_the_limit(later: Later) -> None:
    for name in ("first", "second", "third"):
        QUEUE.enqueue({"_id": name, "large": "x"})
        later(seconds=1)
    taken = list(QUEUE.take(2, without=("large",)))
    assert [each["_id"] for each in taken] == ["first", "second"]
    assert "large" not in taken[0]
    assert stored("first")["large"] == "x"


def test_each_document_is_leased_when_the_iteration_reaches_it(later: Later) -> None:
    """Work on the first may take longer than a lease without blocking the others."""
    for name in ("first", "second"):
        QUEUE.enqueue({"_id": name})
        later(seconds=1)
    taking = QUEUE.take(2)
    assert next(taking)["_id"] == "first"
    assert take_one()["_id"] == "second", "by another process"
    assert list(taking) == []


@pytest.mark.needs_wire
def test_of_concurrent_processes_one_takes_a_document(app: Flask) -> None:
    for number in range(20):
        QUEUE.enqueue({"_id": str(number)})
    taken = at_once_in(app, *[lambda: [each["_id"] for each in QUEUE.take(20)]] * 4)
    assert sorted(chain(*taken)) == sorted(map(str, range(20)))


def test_a_process_that_has_lost_its_lease_changes_nothing(later: Later) -> None:
    QUEUE.enqueue({"_id": "one"})
    slow = take_one()
    later(seconds=121)
    other = take_one()
    assert not QUEUE.extend(slow, progress=1)
    assert not QUEUE.finish(slow, "done")
    assert not QUEUE.reschedule(slow, clock.now())
    QUEUE.retry(slow)
    QUEUE.remove(slow)
    assert stored() == other


def test_extending_renews_the_lease_and_stores_the_progress(later: Later) -> None:
    QUEUE.enqueue({"_id": "one"})
    work = take_one()
    later(seconds=100)
    assert QUEUE.extend(work, progress=1)
    later(seconds=100)
    assert list(QUEUE.take(1)) == []
    assert (stored()["progress"], stored()["attempts"]) == (1, 1)


def test_finished_documents_are_kept_for_the_retention_or_removed(later: Later) -> None:
    QUEUE.enqueue({"_id": "one"})
    assert QUEUE.finish(take_one(), "done", result=7)
    assert (stored()["state"], stored()["result"]) == ("done", 7)
    assert timedelta(days=6) < stored()["purge_at"] - clock.now() <= timedelta(days=7)
    later(hours=1)
    assert list(QUEUE.take(1)) == []
    QUEUE.enqueue({"_id": "two"})
    QUEUE.remove(take_one())
    assert stored("two") is None


def test_a_document_in_a_final_state_can_be_enqueued_again() -> None:
    QUEUE.enqueue({"_id": "one"})
    QUEUE.finish(take_one(), "done")
    QUEUE.enqueue_again("one", "failed", {"what": "again"})
    assert stored()["state"] == "done"
    QUEUE.enqueue_again("one", "done", {"what": "again"})
    assert (stored()["state"], stored()["what"], stored()["attempts"]) == ("due", "again", 0)
    assert "purge_at" not in stored()


def test_the_backoff_grows_up_to_its_limit_with_jitter() -> None:
    def seconds(attempts: int) -> list[float]:
        return [QUEUE.backoff(attempts).total_seconds() for _ in range(50)]

    for attempts, middle in ((1, 10), (2, 20), (4, 80), (9, 300), (100, 300)):
        assert all(0.75 * middle <= each <= 1.25 * middle for each in seconds(attempts))
    assert len(set(seconds(1))) > 1


def test_a_retry_waits_at_least_as_long_as_requested(later: Later) -> None:
    QUEUE.enqueue({"_id": "one"})
    QUEUE.retry(take_one(), wait=timedelta(minutes=1))
    later(seconds=59)
    assert list(QUEUE.take(1)) == []
    later(seconds=2)
    assert take_one()["attempts"] == 2


def test_giving_up_sets_the_state_and_logs_an_error(later: Later, caplog: pytest.LogCaptureFixture) -> None:
    QUEUE.enqueue({"_id": "one"})
    for _ in range(2):
        work = take_one()
        assert not QUEUE.is_exhausted(work)
        QUEUE.retry(work)
        later(minutes=10)
    work = take_one()
    assert QUEUE.is_exhausted(work)
    QUEUE.give_up(work, "the errand", "nobody is at home")
    assert stored()["state"] == "failed"
    assert stored()["purge_at"] - clock.now() > timedelta(days=29)
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.getMessage() == "gave up the errand (one) after 3 attempts: nobody is at home"


def test_an_error_reschedules_the_document_and_is_raised_again(later: Later) -> None:
    QUEUE.enqueue({"_id": "one"})
    with pytest.raises(ZeroDivisionError), QUEUE.retried_on_error(take_one()):
        raise ZeroDivisionError
    assert stored()["next_at"] - clock.now() < timedelta(seconds=13)


def test_after_a_transient_database_error_the_lease_expires() -> None:
    QUEUE.enqueue({"_id": "one"})
    with pytest.raises(ServerSelectionTimeoutError), QUEUE.retried_on_error(take_one()):
        raise ServerSelectionTimeoutError
    assert stored()["next_at"] - clock.now() > timedelta(seconds=110)


def test_updates_of_a_sharded_collection_contain_its_key() -> None:
    sharded = WorkQueue[Errand](
        collection="errands",
        lease_duration=timedelta(minutes=2),
        first_backoff=timedelta(seconds=10),
        longest_backoff=timedelta(minutes=5),
        shard_key=("restaurant_id",),
    )
    sharded.enqueue({"_id": "one", "restaurant_id": "Lucia"})
    (work,) = sharded.take(1)
    moved: Any = {**work, "restaurant_id": "another"}
    assert not sharded.finish(moved, "done")
    assert sharded.finish(work, "done")
    assert "purge_at" not in stored()
