"""The watcher: changes in the database, by any process, wake the topics that show them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from pymongo import MongoClient

from tests.support import databases
from tests.support.cast import WAIT_SECONDS, Person, wait_until
from tests.support.commands import listen
from waitercaller.db import cache, client, clock
from waitercaller.db.client import Document
from waitercaller.live import watcher as watcher_module
from waitercaller.live.hub import Hub, Subscription
from waitercaller.model import changes, logins, pauses, restaurants, tables
from waitercaller.model.requests import transitions as requests
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.tables import Table

pytestmark = pytest.mark.needs_wire

CHANGES = 20


@pytest.fixture
def screen(watcher: Hub) -> Callable[..., Subscription]:
    """`screen("table:7")`: a subscription to these topics, with no pending wake-ups."""

    def opened(*topics: str) -> Subscription:
        return watcher.subscribe(*topics)

    return opened


@pytest.fixture
def call(app: Flask, alice: Person, table: Table) -> Callable[[], ServiceRequest]:
    """`call()`: a guest at Alice's table calls a waiter."""

    def called() -> ServiceRequest:
        with app.app_context():
            restaurant = restaurants.get(alice.restaurant_id)
            assert restaurant is not None
            return requests.open_request(restaurant, table, restaurant["kinds"][0], "a one-time key")

    return called


def settle(app: Flask, watcher: Hub) -> None:
    """Wait until all changes so far have been announced."""
    with app.app_context():
        _, login = logins.start(ObjectId(), "127.0.0.1", "a test")
        marker = watcher.subscribe(f"login:{login['_id']}")
        logins.end(login["_id"])
    assert marker.wait(WAIT_SECONDS)
    marker.close()


def test_a_call_wakes_the_restaurant_and_the_table(
    alice: Person, charlie: Person, table: Table, call: Any, screen: Any
) -> None:
    staff, guest = screen(f"restaurant:{alice.restaurant_id}"), screen(f"table:{table['_id']}")
    elsewhere = screen(f"restaurant:{charlie.restaurant_id}")
    call()
    assert staff.wait(WAIT_SECONDS) == {f"restaurant:{alice.restaurant_id}"}
    assert guest.wait(WAIT_SECONDS) == {f"table:{table['_id']}"}
    assert elsewhere.wait(0) == set()


def test_a_step_of_a_call_wakes_both(
    app: Flask, alice: Person, table: Table, call: Any, watcher: Hub, screen: Any
) -> None:
    request = call()
    settle(app, watcher)
    staff, guest = screen(f"restaurant:{alice.restaurant_id}"), screen(f"table:{table['_id']}")
    with app.app_context():
        requests.resolve(alice.restaurant_id, [request["_id"]], restaurants.Actor(id=alice.member_id, name="Alice"))
    assert staff.wait(WAIT_SECONDS)
    assert guest.wait(WAIT_SECONDS)


def test_a_seen_request_wakes_the_table_and_not_the_restaurant(
    app: Flask, alice: Person, table: Table, call: Any, watcher: Hub, screen: Any
) -> None:
    request = call()
    settle(app, watcher)
    staff, guest = screen(f"restaurant:{alice.restaurant_id}"), screen(f"table:{table['_id']}")
    documents = app.extensions["mongo"].database.requests
    for _ in range(2):
        documents.update_one({"_id": request["_id"]}, {"$push": {"shown": {"at": clock.now()}}})
        assert guest.wait(WAIT_SECONDS)
    settle(app, watcher)
    assert staff.wait(0) == set()
    both = {"$push": {"shown": {"at": clock.now()}}, "$inc": {"reminders": 1}}
    documents.update_one({"_id": request["_id"]}, both)
    assert staff.wait(WAIT_SECONDS)


def test_a_pause_a_tap_in_it_and_its_end_wake_the_staff_and_the_table(
    app: Flask, alice: Person, table: Table, watcher: Hub, screen: Any, later: Any
) -> None:
    staff, guest = screen(f"restaurant:{alice.restaurant_id}"), screen(f"table:{table['_id']}")

    def both_are_woken() -> None:
        assert staff.wait(WAIT_SECONDS)
        assert guest.wait(WAIT_SECONDS)

    with app.app_context():
        pauses.pause_table(table)
        both_are_woken()
        pauses.count_tap(pauses.active(alice.restaurant_id)[0], table)
        both_are_woken()
        later(minutes=16)
        pauses.end_due()
        both_are_woken()


def test_a_pause_by_another_process_invalidates_the_cache(
    app: Flask, alice: Person, table: Table, screen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff = screen(f"restaurant:{alice.restaurant_id}")
    with app.app_context():
        assert pauses.applying_to(table, []) is None  # which is cached
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(pauses, "cache", SimpleNamespace(pauses=cache.Cache()))
            pauses.pause_table(table)
        assert staff.wait(WAIT_SECONDS)
        assert pauses.applying_to(table, []) is not None


def test_deletes_wake_no_topic(app: Flask, alice: Person, call: Any, watcher: Hub, screen: Any) -> None:
    request = call()
    settle(app, watcher)
    staff = screen(f"restaurant:{alice.restaurant_id}")
    app.extensions["mongo"].database.requests.delete_one({"_id": request["_id"]})
    settle(app, watcher)
    assert staff.wait(0) == set()


def test_a_fault_in_one_announcement_does_not_end_the_watching(
    app: Flask, watcher: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    announce = watcher_module.announce

    def fail_once(hub: Hub, change: Document) -> None:
        monkeypatch.setattr(watcher_module, "announce", announce)
        raise KeyError("restaurant_id")

    monkeypatch.setattr(watcher_module, "announce", fail_once)
    with app.app_context():
        logins.start(ObjectId(), "127.0.0.1", "a test")
    wait_until(lambda: "fault while watching" in caplog.text)
    wait_until(lambda: watcher.listening)
    settle(app, watcher)


@pytest.fixture
def elsewhere(app: Flask) -> Iterator[Any]:
    """The database as another process writes to it."""
    with MongoClient[Document](app.extensions["config"].mongodb_uri) as client:
        yield client.get_default_database()


def test_a_changed_restaurant_is_read_again(app: Flask, alice: Person, elsewhere: Any, screen: Any) -> None:
    with app.app_context():
        assert restaurants.get(alice.restaurant_id)
        woken = screen(f"restaurant:{alice.restaurant_id}")
        elsewhere.restaurants.update_one({"_id": alice.restaurant_id}, {"$set": {"name": "Renamed"}})
        assert woken.wait(WAIT_SECONDS)
        restaurant = restaurants.get(alice.restaurant_id)
    assert restaurant is not None
    assert restaurant["name"] == "Renamed"


def test_a_changed_table_is_read_again(app: Flask, table: Table, elsewhere: Any, screen: Any) -> None:
    with app.app_context():
        assert tables.by_code(table["code"])
        woken = screen(f"table:{table['_id']}")
        elsewhere.tables.update_one({"_id": table["_id"]}, {"$set": {"name": "Renamed"}})
        assert woken.wait(WAIT_SECONDS)
        found = tables.by_code(table["code"])
    assert found is not None
    assert found[0]["name"] == "Renamed"


def test_the_end_of_a_login_wakes_its_topic(app: Flask, alice: Person, screen: Any) -> None:
    with app.app_context():
        _, login = logins.start(alice.user_id, "127.0.0.1", "a test")
        stream = screen(f"login:{login['_id']}")
        logins.end(login["_id"])
    assert stream.wait(WAIT_SECONDS)


def test_a_change_of_a_deleted_document_wakes_all_topics() -> None:
    hub = Hub()
    streams = [hub.subscribe("restaurant:1"), hub.subscribe("table:7")]
    change = {"ns": {"coll": "requests"}, "documentKey": {"_id": ObjectId()}, "fullDocument": None}
    watcher_module.announce(hub, change)
    assert [bool(stream.wait(0)) for stream in streams] == [True, True]


# --- an unavailable database ------------------------------------------------------------------------------------------


@contextmanager
def watching(app: Flask, at_once: bool = True) -> Iterator[Hub]:
    hub: Hub = app.extensions["hub"]
    hub.listening = False
    stopped = threading.Event()
    thread = threading.Thread(target=watcher_module.run, args=(app, lambda: not stopped.is_set()), daemon=True)
    thread.start()
    if at_once:
        wait_until(lambda: hub.listening)
    yield hub
    stopped.set()
    thread.join(WAIT_SECONDS)
    assert not thread.is_alive()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "AWAIT_MS", 100)
    monkeypatch.setattr(watcher_module, "REOPEN_DELAY_SECONDS", 0.1)


@pytest.fixture
def soon_deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "LATE_SECONDS", 1.4)


@pytest.mark.usefixtures("soon_deaf")
def test_the_watcher_recovers_from_a_killed_database(frail_app: Flask, own_server: databases.Server) -> None:
    with watching(frail_app) as hub:
        screen = hub.subscribe("restaurant:1", "table:7")
        cache.restaurants.get("kept", lambda: {"_id": "kept"})
        own_server.kill()
        wait_until(lambda: not hub.listening)
        assert screen.wait(WAIT_SECONDS)
        own_server.start()
        wait_until(lambda: hub.listening)
        assert screen.wait(WAIT_SECONDS) == {"restaurant:1", "table:7"}
        assert cache.restaurants.get("kept", lambda: None) is None
        with frail_app.app_context():
            _, login = logins.start(ObjectId(), "127.0.0.1", "a test")
            stream = hub.subscribe(f"login:{login['_id']}")
            logins.end(login["_id"])
        assert stream.wait(WAIT_SECONDS)


@pytest.mark.usefixtures("soon_deaf")
def test_the_watcher_recovers_from_a_frozen_database(frail_app: Flask, own_server: databases.Server) -> None:
    with watching(frail_app) as hub:
        own_server.freeze()
        wait_until(lambda: not hub.listening)
        own_server.thaw()
        wait_until(lambda: hub.listening)


def test_a_database_that_is_slow_for_a_moment_ends_no_stream(
    frail_app: Flask, own_server: databases.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watching(frail_app) as hub:
        told = list[bool]()
        monkeypatch.setattr(Hub, "wake_all", lambda hub: told.append(hub.listening))
        own_server.freeze()
        time.sleep(client.OPERATION_SECONDS + 1.0)
        own_server.thaw()
        with frail_app.app_context():
            _, login = logins.start(ObjectId(), "127.0.0.1", "a test")
            stream = hub.subscribe(f"login:{login['_id']}")
            logins.end(login["_id"])
        assert stream.wait(WAIT_SECONDS)
        assert told == []


@pytest.mark.usefixtures("soon_deaf")
def test_the_watcher_can_be_stopped_without_a_database(frail_app: Flask, own_server: databases.Server) -> None:
    with watching(frail_app) as hub:
        own_server.kill()
        wait_until(lambda: not hub.listening)


@pytest.mark.usefixtures("soon_deaf")
def test_the_watcher_waits_for_a_database_that_starts_later(frail_app: Flask, own_server: databases.Server) -> None:
    own_server.kill()
    with watching(frail_app, at_once=False) as hub:
        assert not hub.listening
        own_server.start()
        wait_until(lambda: hub.listening)


def test_it_pauses_once_after_an_answer_however_many_changes_that_has(monkeypatch: pytest.MonkeyPatch) -> None:
    came_after = [0.1, 0.0, 0.0, 0.1, 0.0]  # seconds: two answers of the server
    now, announced, pauses_after = [0.0], list[Document](), list[int]()

    def try_next() -> Document:
        now[0] += came_after.pop(0)
        return {}

    stream = SimpleNamespace(try_next=try_next, alive=True, resume_token={})
    monkeypatch.setattr(changes, "open_stream", lambda _: nullcontext(stream))
    monkeypatch.setattr(changes, "clear_caches", list)
    monkeypatch.setattr(watcher_module, "_primary", lambda: None)
    monkeypatch.setattr(watcher_module, "announce", lambda _hub, change: announced.append(change))
    clocks = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda _: pauses_after.append(len(announced)))
    monkeypatch.setattr(watcher_module, "time", clocks)
    watcher_module._watch(Hub(), lambda: bool(came_after))
    assert (pauses_after, len(announced)) == ([1, 4], 5)


def test_changes_that_follow_each_other_come_in_few_answers(
    app: Flask, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher_module, "GATHER_SECONDS", 0.5)
    commands = listen(app)
    with watching(app) as hub, commands.counted() as sent:
        for number in range(CHANGES):
            app.extensions["mongo"].database.tables.update_one({"_id": table["_id"]}, {"$set": {"name": str(number)}})
        settle(app, hub)
    assert len([each for each in sent if each.startswith("getMore")]) < CHANGES / 2


@pytest.fixture
def reopened(app: Flask, watcher: Hub, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """`reopened()`: waits until the watcher has reopened its stream, and `listening` was False meanwhile."""
    heard: list[bool] = []
    listening: property = vars(Hub)["listening"]

    def note(hub: Hub, value: bool) -> None:
        heard.append(value)
        assert listening.fset
        listening.fset(hub, value)

    monkeypatch.setattr(Hub, "listening", listening.setter(note))
    return lambda: wait_until(lambda: heard[:2] == [False, True])


def test_a_stream_whose_resume_token_does_not_advance_is_reopened(
    reopened: Callable[[], None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A former primary that is partitioned from the set answers getMore with empty batches only."""
    monkeypatch.setattr(watcher_module, "STALE_AFTER_SECONDS", 0.0)
    reopened()
    assert "the resume token does not advance" in caplog.text


def test_a_stream_is_reopened_when_the_primary_changes(
    reopened: Callable[[], None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watcher_module, "_primary", lambda: ("elsewhere", 27017))
    wait_until(lambda: "another server is the primary" in caplog.text)
    reopened()


def test_a_stream_without_changes_is_not_reopened(own_server: databases.Server) -> None:
    """A primary writes a no-op every ten seconds, so the resume token advances without changes."""
    with MongoClient[Document](own_server.uri) as client, client.unused.watch(max_await_time_ms=200) as stream:
        first = stream.resume_token
        wait_until(lambda: stream.try_next() is not None or stream.resume_token != first)
