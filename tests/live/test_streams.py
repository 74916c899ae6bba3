"""The event streams: what they send, when they end, and their limits."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import ANY

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.cast import Person, wait_until
from tests.support.commands import listen
from waitercaller.live import hub, streams
from waitercaller.model import joins, logins, restaurants, service_request, tables
from waitercaller.model.requests import transitions
from waitercaller.requests.dashboard import views
from waitercaller.requests.guest import live_views as guest_views


class Stream:
    """An open event stream, read event by event."""

    def __init__(self, client: FlaskClient, path: str) -> None:
        self.response = client.get(path, buffered=False)
        self._chunks: Iterator[bytes] = iter(self.response.response)  # type: ignore[arg-type]

    def next(self) -> tuple[str, dict[str, Any]]:
        """The next event's name and data; blocks until it arrives."""
        chunk = next(self._chunks).decode()
        if chunk.startswith("retry:"):
            return self.next()
        event, data = chunk.strip().split("\n")
        return event.removeprefix("event: "), json.loads(data.removeprefix("data: "))

    def close(self) -> None:
        self.response.close()


@pytest.fixture
def code(app: Flask, alice: Person) -> str:
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["7"], None)
        return str(tables.of_restaurant(alice.restaurant_id)[0]["code"])


@pytest.fixture
def call(app: Flask, alice: Person, code: str) -> Any:
    """`call("key")`: a guest at table 7 taps."""

    def called(key: str) -> service_request.ServiceRequest:
        with app.app_context():
            restaurant, found = restaurants.get(alice.restaurant_id), tables.by_code(code)
            assert restaurant is not None
            assert found is not None
            return transitions.open_request(restaurant, found[0], restaurant["kinds"][0], key)

    return called


@pytest.fixture
def screen(watcher: Any, bob: Person) -> Iterator[Stream]:
    stream = Stream(bob.client, f"{bob.home}/live")
    yield stream
    stream.close()


def test_a_screen_gets_the_list_at_once_and_after_every_change(
    app: Flask, screen: Stream, call: Any, alice: Person
) -> None:
    event, data = screen.next()
    assert event == "calls"
    assert "Nobody is waiting" in data["html"]
    request = call("k1")
    event, data = screen.next()
    assert 'data-count="1"' in data["html"]
    with app.app_context():
        transitions.accept(alice.restaurant_id, [request["_id"]], {"id": "x", "name": "Anna"})
    assert "Anna is on the way" in screen.next()[1]["html"]
    with app.app_context():
        transitions.resolve(alice.restaurant_id, [request["_id"]], {"id": "x", "name": "Anna"})
    assert 'data-count="0"' in screen.next()[1]["html"]


def test_unchanged_content_is_not_sent(app: Flask, screen: Stream, call: Any, watcher: Any, alice: Person) -> None:
    screen.next()
    watcher.wake(f"restaurant:{alice.restaurant_id}")
    request = call("k1")
    assert 'data-count="1"' in screen.next()[1]["html"]
    with app.app_context():
        app.extensions["mongo"].database.requests.update_one({"_id": request["_id"]}, {"$set": {"shown": [1]}})
    call("k2")
    assert "asked again" in screen.next()[1]["html"]


def test_a_change_while_a_rendering_is_delayed_is_contained_in_it(
    app: Flask, monkeypatch: pytest.MonkeyPatch, screen: Stream, watcher: Any, alice: Person
) -> None:
    """The rendering is memoised for the latest version, so it must not contain an older state."""
    screen.next()
    topic = watcher._topics[f"restaurant:{alice.restaurant_id}"]

    def meanwhile(_seconds: float) -> None:
        heard = topic.version
        restaurants.ensure_zone(alice.restaurant_id, "Cellar")
        wait_until(lambda: topic.version > heard)

    with app.app_context():
        restaurants.ensure_zone(alice.restaurant_id, "Roof")
        wait_until(lambda: topic.version > 1)
    monkeypatch.setattr(hub, "time", SimpleNamespace(monotonic=time.monotonic, sleep=meanwhile))
    assert "Cellar" in screen.next()[1]["html"]


def test_a_stream_without_changes_sends_heartbeats(
    monkeypatch: pytest.MonkeyPatch, app: Flask, bob: Person, watcher: Any
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.05)
    stream = Stream(bob.client, f"{bob.home}/live")
    stream.next()
    assert stream.next()[0] == "ping"
    stream.close()


def test_the_streams_of_a_topic_send_their_heartbeats_together(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(streams, "time", SimpleNamespace(monotonic=lambda: now))
    first = streams._next_heartbeat("restaurant:1")
    assert now + streams.HEARTBEAT_SECONDS / 2 < first <= now + streams.HEARTBEAT_SECONDS
    now = (now + first - streams.HEARTBEAT_SECONDS / 2) / 2  # another stream opens a little later
    assert streams._next_heartbeat("restaurant:1") == pytest.approx(first)
    now = first + 0.2  # the tick at which they wake
    assert streams._next_heartbeat("restaurant:1") == pytest.approx(first + streams.HEARTBEAT_SECONDS)
    assert len({streams._next_heartbeat(f"restaurant:{number}") for number in range(50)}) > 25


def test_wake_ups_without_changes_do_not_delay_the_heartbeat(
    monkeypatch: pytest.MonkeyPatch, bob: Person, watcher: Any
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.3)
    stream = Stream(bob.client, f"{bob.home}/live")
    stream.next()
    ended = threading.Event()

    def wake() -> None:
        while not ended.wait(0.05):
            watcher.wake_all()

    waker = threading.Thread(target=wake)
    waker.start()
    silence = threading.Timer(5, ended.set)  # without its own heartbeat the stream would send nothing before
    silence.start()
    assert stream.next()[0] == "ping"
    assert not ended.is_set()
    silence.cancel()
    ended.set()
    waker.join()
    stream.close()


def test_the_guests_stream_shows_every_step(app: Flask, dana: FlaskClient, watcher: Any, code: str, call: Any) -> None:
    stream = Stream(dana, f"/t/{code}/live")
    assert "How can we help?" in stream.next()[1]["html"]
    request = call("k1")
    assert "Your call is sent" in stream.next()[1]["html"]
    with app.app_context():
        transitions.accept(request["restaurant_id"], [request["_id"]], {"id": "x", "name": "Anna"})
    assert "Anna is on the way" in stream.next()[1]["html"]
    stream.close()


def test_a_removed_table_ends_the_guests_stream(
    app: Flask, dana: FlaskClient, watcher: Any, code: str, alice: Person
) -> None:
    stream = Stream(dana, f"/t/{code}/live")
    stream.next()
    with app.app_context():
        tables.remove(alice.restaurant_id, tables.of_restaurant(alice.restaurant_id)[0]["_id"])
    event, data = stream.next()
    assert (event, data["reason"]) == ("bye", "gone")


def test_a_login_that_ends_closes_its_streams(app: Flask, screen: Stream, bob: Person) -> None:
    screen.next()
    with app.app_context():
        logins.end_all(bob.user_id)
    event, data = screen.next()
    assert (event, data["reason"]) == ("bye", "logged_out")


def test_the_stream_of_a_removed_member_ends(app: Flask, screen: Stream, alice: Person, bob: Person) -> None:
    screen.next()
    app.extensions["mongo"].database.restaurants.update_one(
        {"_id": alice.restaurant_id}, {"$pull": {"members": {"id": bob.member_id}}}
    )
    assert screen.next()[1].get("reason") == "logged_out"


def test_a_stream_ends_while_no_changes_are_received(screen: Stream, watcher: Any, bob: Person) -> None:
    screen.next()
    watcher.listening = False
    event, data = screen.next()
    assert (event, data["reason"]) == ("bye", "fault")
    refused = bob.client.get(f"{bob.home}/live")
    assert refused.status_code == 503
    watcher.listening = True


def test_pages_that_come_back_to_a_deaf_process_cost_the_database_nothing(
    app: Flask, watcher: Any, bob: Person, code: str
) -> None:
    watcher.listening = False
    with listen(app).counted() as sent:
        answers = [bob.client.get(path) for path in (f"{bob.home}/live", f"/t/{code}/live")]
    assert ([each.status_code for each in answers], sent) == ([503, 503], [])


def test_a_stopping_process_ends_its_streams_at_once(app: Flask, screen: Stream) -> None:
    screen.next()
    app.extensions["hub"].close()
    event, data = screen.next()
    assert (event, data["reason"]) == ("bye", "restart")


def test_pages_come_back_spread_over_the_time_that_opening_their_streams_takes() -> None:
    closing = hub.Hub()
    subscriptions = [closing.subscribe(f"restaurant:{number}") for number in range(3000)]
    closing.close()
    waits = []
    for each in subscriptions:
        waits.append(streams._retry_ms(closing, "restart"))
        each.close()
    seconds = Counter(wait // 1000 for wait in waits)
    assert min(waits) >= 500
    assert 58 <= max(seconds) <= 60
    assert max(seconds.values()) < 100
    assert max(streams._retry_ms(closing, "lifetime") for _ in range(100)) <= 1500


def test_a_stream_ends_after_its_lifetime(monkeypatch: pytest.MonkeyPatch, watcher: Any, bob: Person) -> None:
    monkeypatch.setattr(streams, "LIFETIME_SECONDS", 0.0)
    stream = Stream(bob.client, f"{bob.home}/live")
    event, data = stream.next()
    assert (event, data["reason"]) == ("bye", "lifetime")
    stream.close()


def test_streams_are_limited_for_each_login_and_released(
    monkeypatch: pytest.MonkeyPatch, app: Flask, bob: Person, watcher: Any
) -> None:
    monkeypatch.setattr(views, "MAX_STREAMS_PER_LOGIN", 2)
    path = f"{bob.home}/live"
    first, second = Stream(bob.client, path), Stream(bob.client, path)
    assert bob.client.get(path).status_code == 429
    first.close()
    third = Stream(bob.client, path)
    assert third.response.status_code == 200
    second.close()
    third.close()
    assert app.extensions["hub"].open_streams() == 0


def test_guests_and_other_restaurants_do_not_use_up_the_streams_of_staff(
    monkeypatch: pytest.MonkeyPatch, dana: FlaskClient, bob: Person, charlie: Person, code: str, watcher: Any
) -> None:
    monkeypatch.setattr(views, "MAX_STREAMS_PER_ADDRESS", 1)
    monkeypatch.setattr(guest_views, "MAX_STREAMS_PER_ADDRESS", 2)
    opened = [Stream(dana, f"/t/{code}/live") for _ in range(2)]  # from one IP address, that of the Wi-Fi
    assert dana.get(f"/t/{code}/live").status_code == 429
    opened += [Stream(charlie.client, f"{charlie.home}/live"), Stream(bob.client, f"{bob.home}/live")]
    assert [stream.response.status_code for stream in opened] == [200] * 4
    assert bob.client.get(f"{bob.home}/live").status_code == 429
    for stream in opened:
        stream.close()


def test_addresses_of_one_ipv6_prefix_share_a_limit(
    monkeypatch: pytest.MonkeyPatch, dana: FlaskClient, code: str, watcher: Any
) -> None:
    monkeypatch.setattr(guest_views, "MAX_STREAMS_PER_ADDRESS", 1)
    dana.environ_base["REMOTE_ADDR"] = "2001:db8::1"
    first = Stream(dana, f"/t/{code}/live")
    dana.environ_base["REMOTE_ADDR"] = "2001:db8::2"
    assert dana.get(f"/t/{code}/live").status_code == 429
    first.close()


def test_a_stream_that_is_never_read_is_unsubscribed(app: Flask, bob: Person, watcher: Any) -> None:
    bob.client.get(f"{bob.home}/live", buffered=False).close()
    assert app.extensions["hub"].open_streams() == 0


def test_a_stream_requires_membership(client: FlaskClient, charlie: Person, alice: Person) -> None:
    assert client.get(f"{alice.home}/live").status_code == 303
    assert charlie.client.get(f"{alice.home}/live").status_code == 404


def test_a_guests_stream_follows_the_tables_that_are_joined_with_its_own(
    app: Flask, dana: FlaskClient, alice: Person, code: str, call: Any, watcher: Any
) -> None:
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["8"], None)
        seven, eight = tables.of_restaurant(alice.restaurant_id)
    stream = Stream(dana, f"/t/{eight['code']}/live")
    assert "How can we help?" in stream.next()[1]["html"]
    with app.app_context():
        joins.join(alice.restaurant_id, [seven["_id"], eight["_id"]])
    assert stream.next() == ("bye", {"now": ANY, "reason": "other_topics", "retry_ms": ANY})  # the page opens it again
    stream.close()
    stream = Stream(dana, f"/t/{eight['code']}/live")
    assert "These tables call as one: 7 + 8" in stream.next()[1]["html"]
    call("at table 7")
    assert "Your call is sent" in stream.next()[1]["html"]
    with app.app_context():
        joins.separate(alice.restaurant_id, eight["_id"])
    assert "How can we help?" in stream.next()[1]["html"]  # it hears of too much now, which does no harm
    stream.close()
