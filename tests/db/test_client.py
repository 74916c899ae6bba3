"""The clients of a process, and transactions under conflicts, lost connections and timeouts."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pymongo
import pytest
from flask import Flask
from pymongo import MongoClient, monitoring
from pymongo.client_session import ClientSession
from pymongo.errors import (
    AutoReconnect,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
)

from config import Config
from tests.support import databases
from waitercaller.db import client as way
from waitercaller.db import schema
from waitercaller.db.client import Mongo, db, in_background, patiently, transaction


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[databases.Server]:
    """A server with failpoints, see `fail`."""
    server = databases.Server(tmp_path / "faulty", "--enable-test-commands")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def away(faulty: databases.Server, make_app: Callable[[Config], Flask], config: Config) -> Flask:
    """An application on `faulty`."""
    return make_app(replace(config, mongodb_uri=databases.with_name(faulty.uri, "faulty")))


class Silent(monitoring.CommandListener):
    """A listener that hears how commands end, and does nothing."""

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


def fail(server: databases.Server, *commands: str, mode: Any = "alwaysOn", **how: Any) -> None:
    """Set a failpoint for these commands: errorCode=…, closeConnection=True, or blockConnection=True, blockTimeMS=…"""
    with MongoClient[dict[str, Any]](server.uri) as operator:
        operator.admin.command(
            "configureFailPoint", "failCommand", mode=mode, data={"failCommands": list(commands), **how}
        )


# --- transactions -----------------------------------------------------------------------------------------------------


@pytest.mark.needs_wire
def test_a_transaction_that_always_conflicts_ends(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyMongo's with_transaction would retry for two minutes."""
    monkeypatch.setattr(way, "CONFLICT_SECONDS", 0.5)
    tries = itertools.count()

    def conflict(_txn: object) -> None:
        assert next(tries) < 1000
        raise OperationFailure("conflict", 112, {"errorLabels": ["TransientTransactionError"]})

    with app.app_context(), pytest.raises(PyMongoError):
        transaction(conflict)
    assert next(tries) > 1


def test_a_lost_connection_is_retried_shorter_than_a_conflict(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that pages with a transaction answer 503 within two seconds, too."""
    monkeypatch.setattr(way, "RECONNECT_SECONDS", 0.0)
    tries = itertools.count()

    def lose(_txn: object) -> None:
        next(tries)
        error = AutoReconnect("connection closed")
        error._add_error_label("TransientTransactionError")
        raise error

    with app.app_context(), pytest.raises(ConnectionFailure):
        transaction(lose)
    assert next(tries) == 1


def test_a_transaction_ends_soon_when_the_database_is_frozen(own_server: databases.Server, frail_app: Flask) -> None:
    """One operation timeout and a short one for the abort, without a retry."""
    began: list[float] = []

    def insert(txn: ClientSession | None) -> None:
        began.append(time.monotonic())
        db().users.insert_one({"email": "x"}, session=txn)

    with frail_app.app_context():
        db().command("ping")
        own_server.freeze()
        try:
            with pytest.raises(PyMongoError):
                transaction(insert)
        finally:
            own_server.thaw()
    assert len(began) == 1


@pytest.mark.needs_wire
def test_an_abort_is_sent_even_after_the_deadline(app: Flask, mongodb_uri: str) -> None:
    """Otherwise the server keeps the documents locked for up to a minute."""
    sent: list[str] = []

    class Listener(Silent):
        def started(self, event: monitoring.CommandStartedEvent) -> None:
            sent.append(event.command_name)

    mongo: Mongo = app.extensions["mongo"]
    mongo.close()
    mongo._clients["pages"] = MongoClient(mongodb_uri, event_listeners=[Listener()])

    def too_slow(txn: ClientSession | None) -> None:
        db().limits.update_one({"_id": "x"}, {"$set": {"n": 1}}, session=txn)
        while (remaining := pymongo._csot.remaining()) is not None and remaining > 0:
            pass
        raise TimeoutError

    with app.app_context(), pytest.raises(TimeoutError), pymongo.timeout(0.2):
        transaction(too_slow)
    assert sent[-1] == "abortTransaction"


def test_a_commit_with_a_lost_reply_is_retried_and_applied_once(away: Flask, faulty: databases.Server) -> None:
    fail(faulty, "commitTransaction", mode={"times": 1}, closeConnection=True)
    with away.app_context():
        transaction(lambda txn: db().counts.update_one({"_id": 1}, {"$inc": {"n": 1}}, upsert=True, session=txn))
        assert db().counts.find_one({"_id": 1}) == {"_id": 1, "n": 1}


@pytest.mark.needs_wire
def test_a_commit_that_is_never_answered_ends(
    away: Flask, faulty: databases.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(way, "RECONNECT_SECONDS", 0.2)
    fail(faulty, "commitTransaction", closeConnection=True)
    # A busy machine uses up the operation timeout first.
    with away.app_context(), pytest.raises((ConnectionFailure, ExecutionTimeout)):
        transaction(lambda txn: db().counts.insert_one({"_id": 2}, session=txn))


# --- clients ----------------------------------------------------------------------------------------------------------


@pytest.mark.needs_wire
def test_connections_have_an_application_name(app: Flask) -> None:
    metadata = app.extensions["mongo"].client.options.pool_options.metadata
    assert metadata["application"] == {"name": "waitercaller"}


@pytest.mark.needs_wire
def test_long_work_is_not_ended_by_the_limit_of_pages(
    away: Flask, faulty: databases.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(way, "OPERATION_SECONDS", 0.3)
    fail(faulty, "createIndexes", blockConnection=True, blockTimeMS=1000)
    with away.app_context():
        with pytest.raises(PyMongoError):
            db().things.create_index("name")
        with patiently():
            assert db().things.create_index("name") == "name_1"
        with pytest.raises(PyMongoError):  # outside of it the operation timeout applies again
            db().things.create_index("other")


@pytest.mark.needs_wire
def test_the_check_after_a_restore_is_not_ended_by_the_limit_of_pages(
    away: Flask, faulty: databases.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """restore.sh would leave the service stopped. With 200,000 requests the embedded database counts for longer."""
    monkeypatch.setattr(way, "OPERATION_SECONDS", 0.3)
    with away.app_context(), patiently():
        schema.build(db())
        db().users.insert_one({"email": "alice@example.org"}, bypass_document_validation=True)
    check = partial(away.test_cli_runner().invoke, args=["check-database"])
    fail(faulty, "count", mode={"times": 1}, blockConnection=True, blockTimeMS=1000)
    done = check()
    assert (done.exit_code, done.output) == (0, "users 1\n")
    fail(faulty, "count", mode={"times": 1}, errorCode=13)
    done = check()
    assert done.exit_code == 1
    assert "The database failed: OperationFailure, code 13." in done.output


def test_concurrent_threads_get_the_same_client(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    made = itertools.count()
    together = threading.Barrier(8)

    def slowly(*_: Any, **__: Any) -> Any:
        next(made)
        time.sleep(0.05)
        return object()

    monkeypatch.setattr(way, "MongoClient", slowly)
    mongo = Mongo(config.mongodb_uri)

    def get() -> int:
        together.wait(10)
        return id(mongo.client)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: get(), range(8)))) == 1
    assert next(made) == 1


def test_pages_that_keep_all_their_connections_busy_delay_nothing_in_the_background(
    away: Flask, faulty: databases.Server
) -> None:
    began = threading.Event()

    class Listener(Silent):
        def started(self, event: monitoring.CommandStartedEvent) -> None:
            if event.command_name == "count":
                began.set()

    away.extensions["mongo"]._clients["pages"] = MongoClient(
        databases.with_name(faulty.uri, "faulty"), maxPoolSize=1, waitQueueTimeoutMS=100, event_listeners=[Listener()]
    )
    fail(faulty, "count", blockConnection=True, blockTimeMS=3000)

    def page() -> None:
        with away.app_context():
            db().command("count", "limits")

    with ThreadPoolExecutor() as threads, away.app_context():
        busy = threads.submit(page)
        assert began.wait(60)
        with pytest.raises(WaitQueueTimeoutError):
            db().command("ping")
        with in_background():
            assert db().command("ping")["ok"]
        busy.result()
