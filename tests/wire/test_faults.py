"""Each fault does to a client what a replica set would do to it."""

import time
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import (
    AutoReconnect,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from tests.wire import faults
from tests.wire.cluster import Cluster
from tests.wire.protocol import Document

Database_ = Database[Document]


def inserted(database: Database_, number: int = 5) -> int:
    """How many of so many documents are there after one insert of each."""
    for each in range(number):
        database.things.insert_one({"number": each})
    return database.things.count_documents({})


def test_a_write_whose_answer_is_lost_is_sent_again_and_done_once(db: Database_, cluster: Cluster) -> None:
    fault = faults.lost_answers("insert", every=2)
    before = cluster.proxy.retries.repeated
    with cluster.proxy.injecting(fault):
        assert inserted(db) == 5
    assert fault.injected >= 2
    assert cluster.proxy.retries.repeated - before == fault.injected


def test_a_lost_answer_is_told_where_writes_are_not_retried(connect: Any, cluster: Cluster) -> None:
    database = connect(retryWrites=False)
    with cluster.proxy.injecting(faults.lost_answers("insert", times=1)), pytest.raises(AutoReconnect):
        database.things.insert_one({})
    assert database.things.count_documents({}) == 1, "it was written all the same"


def test_counters_are_not_counted_twice(db: Database_, cluster: Cluster) -> None:
    with cluster.proxy.injecting(faults.lost_answers("update", every=2)):
        for _ in range(6):
            db.limits.update_one({"_id": 1}, {"$inc": {"count": 1}}, upsert=True)
    assert db.limits.find_one() == {"_id": 1, "count": 6}


def test_a_connection_that_closes_before_the_command(db: Database_, cluster: Cluster) -> None:
    fault = faults.closed_connections("insert", "find", "aggregate", every=2)
    with cluster.proxy.injecting(fault):
        assert inserted(db) == 5
    assert fault.injected >= 2


@pytest.mark.parametrize("code", [10107, 189, 91, 11600, 11602, 13435])
def test_an_election_refuses_and_is_over(db: Database_, cluster: Cluster, code: int) -> None:
    db.things.insert_one({"number": 0})
    fault = faults.not_primary("insert", "update", code=code, times=3)
    with cluster.proxy.injecting(fault):
        db.things.update_one({"number": 0}, {"$set": {"a": 1}})
    assert fault.injected >= 1
    assert db.things.find_one({"a": 1}) is not None


def test_an_election_that_does_not_end_is_told_in_time(connect: Any, cluster: Cluster) -> None:
    database = connect(timeoutMS=300)
    fault = faults.not_primary()
    with cluster.proxy.injecting(fault), pytest.raises(PyMongoError):
        database.things.insert_one({})
    assert fault.injected > 1


@pytest.mark.parametrize("code", [189, 91])
def test_a_write_that_was_applied_by_a_primary_that_steps_down(db: Database_, cluster: Cluster, code: int) -> None:
    fault = faults.steps_down("insert", code=code, times=1)
    with cluster.proxy.injecting(fault):
        assert inserted(db, 2) == 2
    assert fault.injected == 1


def test_a_majority_that_lags_longer_than_the_client_waits(connect: Any, cluster: Cluster) -> None:
    database = connect(timeoutMS=200)
    with cluster.proxy.injecting(faults.delayed_majority(5.0, "insert")), pytest.raises(PyMongoError) as caught:
        database.things.insert_one({})
    assert caught.value.timeout
    assert connect().things.count_documents({}) == 1, "it is there, of the majority nothing is known"


def test_a_majority_that_lags_longer_than_the_write_concern(connect: Any, cluster: Cluster) -> None:
    database = connect(timeoutMS=None, wTimeoutMS=50)
    with cluster.proxy.injecting(faults.delayed_majority(5.0, "insert", times=1)), pytest.raises(WTimeoutError):
        database.things.insert_one({})


def test_a_deaf_primary_says_nothing_for_ever(db: Database_, cluster: Cluster) -> None:
    db.things.insert_one({})
    deaf = faults.Deaf()
    with cluster.proxy.injecting(deaf):
        with db.watch(max_await_time_ms=20) as stream:
            assert stream.try_next() is None
            token = stream.resume_token
            deaf.begin()
            db.things.insert_one({"_id": "unheard"})
            for _ in range(3):
                assert stream.try_next() is None
                assert stream.resume_token == token, "which is how one knows"
        with db.watch(max_await_time_ms=20, resume_after=token) as again:
            assert again.next()["documentKey"] == {"_id": "unheard"}, "a stream that is opened anew hears"
    assert deaf.injected == 3


def test_an_old_primary_reads_from_its_past(db: Database_, cluster: Cluster) -> None:
    db.things.insert_one({"_id": 1, "state": "waiting"})
    stale = faults.StaleReads()
    with cluster.proxy.injecting(stale):
        assert db.things.find_one({"_id": 1}) == {"_id": 1, "state": "waiting"}
        db.things.update_one({"_id": 1}, {"$set": {"state": "accepted"}})
        stale.begin()
        assert db.things.find_one({"_id": 1}) == {"_id": 1, "state": "waiting"}
        assert db.things.update_one({"_id": 1, "state": "waiting"}, {"$set": {"a": 1}}).matched_count == 0
    assert stale.injected == 1
    assert db.things.find_one({"_id": 1}) == {"_id": 1, "state": "accepted"}


def test_an_abort_that_never_arrives_leaves_its_locks(db: Database_, connect: Any, cluster: Cluster) -> None:
    db.things.insert_one({"_id": 1})
    other = connect(timeoutMS=300)
    with cluster.proxy.injecting(faults.lost_aborts()), other.client.start_session() as session:
        session.start_transaction()
        other.things.update_one({"_id": 1}, {"$set": {"a": 1}}, session=session)
        session.abort_transaction()  # the driver does not mind that nobody heard it
    with pytest.raises(PyMongoError):
        other.things.update_one({"_id": 1}, {"$set": {"a": 2}})
    with cluster.behind() as client:
        client.admin.command("killAllSessions", [])  # a server does it by itself, after a minute


def test_a_snapshot_that_is_too_old(db: Database_, cluster: Cluster) -> None:
    db.things.insert_many([{} for _ in range(5)])
    with db.client.start_session(snapshot=True) as session:
        found = db.things.find({}, batch_size=2, session=session)
        next(found)
        with cluster.proxy.injecting(faults.snapshot_too_old("getMore")), pytest.raises(OperationFailure) as caught:
            list(found)
    assert caught.value.code == faults.SNAPSHOT_TOO_OLD


@pytest.mark.parametrize(
    "fault", [faults.conflicts(times=2), faults.forgotten_transactions(times=2)], ids=["conflicts", "commits"]
)
def test_a_transaction_is_done_again_as_a_whole(db: Database_, cluster: Cluster, fault: faults.Fault) -> None:
    db.things.insert_one({"_id": 1, "count": 0})

    def work(session: Any) -> None:
        db.things.update_one({"_id": 1}, {"$inc": {"count": 1}}, session=session)
        db.audit.insert_one({}, session=session)

    with cluster.proxy.injecting(fault), db.client.start_session() as session:
        session.with_transaction(work)
    assert fault.injected == 2
    assert db.things.find_one() == {"_id": 1, "count": 1}
    assert db.audit.count_documents({}) == 1


def test_a_commit_whose_answer_is_lost_is_asked_again(db: Database_, cluster: Cluster) -> None:
    fault = faults.lost_answers("commitTransaction", times=1)

    def work(session: Any) -> None:
        db.things.insert_one({}, session=session)

    with cluster.proxy.injecting(fault), db.client.start_session() as session:
        session.with_transaction(work)
    assert fault.injected == 1
    assert db.things.count_documents({}) == 1


def test_errors_of_any_code(db: Database_, cluster: Cluster) -> None:
    fault = faults.answers(175, "find", name="QueryPlanKilled")
    with cluster.proxy.injecting(fault), pytest.raises(OperationFailure) as caught:
        db.things.find_one()
    assert caught.value.code == 175


def test_faults_end_with_their_block(db: Database_, cluster: Cluster) -> None:
    begun = time.monotonic()
    with cluster.proxy.injecting(faults.not_primary()):
        pass
    assert inserted(db, 1) == 1
    assert time.monotonic() - begun < 60
