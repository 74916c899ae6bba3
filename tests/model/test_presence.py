"""Presence: which screens are open, seen and heard, kept by whichever process holds their streams."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from config import Config
from tests.conftest import MakeApp
from tests.live.test_streams import Stream
from tests.support import databases
from tests.support.cast import Person, wait_until
from waitercaller.db import clock
from waitercaller.live.hub import Hub
from waitercaller.model import presence

A, B = "a" * 32, "b" * 32


def screen(screen_id: str, *, visible: bool = True, audible: bool = False) -> presence.Screen:
    return {
        "id": screen_id,
        "member_id": None,
        "name": "Bar",
        "visible": visible,
        "audible": audible,
        "since": clock.now(),
    }


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits whether a screen that left comes back."""
    monkeypatch.setattr(presence, "REOPEN_GRACE_SECONDS", 0.0)


@pytest.fixture
def other(app: Flask, make_app: MakeApp, config: Config) -> Flask:
    """Another process on the same database."""
    other = make_app(config)
    other.extensions["mongo"] = app.extensions["mongo"]
    return other


@pytest.fixture
def look(bob: Person) -> Iterator[Callable[..., Stream]]:
    """`look(A, visible=1, audible=0)`: Bob's dashboard with this id opens its stream."""
    with ExitStack() as opened:

        def open_stream(screen_id: str, client: Any = None, **flags: int | str) -> Stream:
            query = "&".join([f"screen={screen_id}", *(f"{name}={value}" for name, value in flags.items())])
            stream = Stream(client or bob.client, f"{bob.home}/live?{query}")
            opened.callback(stream.close)
            return stream

        yield open_stream


def tell(person: Person, screen_id: str, visible: str, audible: str, trouble: str | None = None) -> Any:
    """What a page says of itself: whether that was kept, or the status of a refusal."""
    form = {"screen": screen_id, "visible": visible, "audible": audible}
    if trouble is not None:
        form["trouble"] = trouble
    answer = person.client.submit(f"{person.home}/screens", form, page=f"{person.home}/dashboard")
    return answer.json["kept"] if answer.json else answer.status_code


# --- the store ----------------------------------------------------------------------------------------------


def test_a_screen_is_watching_while_its_stream_is_open(app: Flask, database: Any, alice: Person, at_once: None) -> None:
    presence.hold(alice.restaurant_id, screen(A))
    assert [each["name"] for each in presence.watching(alice.restaurant_id)] == ["Bar"]
    presence.release(app, alice.restaurant_id, A)
    presence.beat()
    assert not presence.is_watched(alice.restaurant_id)


def test_a_screen_that_opens_while_the_process_speaks_stays(
    database: Any, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    presence.hold(alice.restaurant_id, screen(A))
    look_at_memory = presence._held_now

    def meanwhile(process: Any) -> Any:
        held = look_at_memory(process)
        presence.hold(alice.restaurant_id, screen(B))
        return held

    monkeypatch.setattr(presence, "_held_now", meanwhile)
    presence.beat()
    assert presence.visible_ids(alice.restaurant_id) == {A, B}


def test_what_counts_is_what_can_be_seen_or_heard(database: Any, alice: Person) -> None:
    presence.hold(alice.restaurant_id, screen(A, visible=False, audible=False))
    assert [each["id"] for each in presence.open_screens(alice.restaurant_id)] == [A]
    assert not presence.is_watched(alice.restaurant_id)
    presence.hold(alice.restaurant_id, screen(B, visible=False, audible=True))
    assert presence.is_watched(alice.restaurant_id)
    assert presence.heard() == {alice.restaurant_id}
    assert presence.visible_ids(alice.restaurant_id) == set()
    assert presence.change(alice.restaurant_id, A, visible=True, audible=False)
    assert presence.visible_ids(alice.restaurant_id) == {A}


def test_of_another_restaurant_nothing_is_seen_or_changed(database: Any, alice: Person, charlie: Person) -> None:
    presence.hold(alice.restaurant_id, screen(A))
    assert not presence.is_watched(charlie.restaurant_id)
    assert not presence.change(charlie.restaurant_id, A, visible=False, audible=False)
    assert presence.visible_ids(alice.restaurant_id) == {A}


def test_a_screen_that_renews_its_stream_never_goes(app: Flask, database: Any, alice: Person) -> None:
    presence.hold(alice.restaurant_id, screen(A))
    presence.release(app, alice.restaurant_id, A)
    presence.beat()
    assert presence.visible_ids(alice.restaurant_id) == {A}
    presence.hold(alice.restaurant_id, screen(A, audible=True))
    presence.beat()
    (only,) = presence.watching(alice.restaurant_id)
    assert only["audible"]


def test_the_second_of_two_streams_keeps_a_screen(app: Flask, database: Any, alice: Person, at_once: None) -> None:
    presence.hold(alice.restaurant_id, screen(A))
    presence.hold(alice.restaurant_id, screen(A))
    presence.release(app, alice.restaurant_id, A)
    presence.beat()
    assert presence.is_watched(alice.restaurant_id)
    presence.release(app, alice.restaurant_id, A)
    presence.beat()
    assert not presence.is_watched(alice.restaurant_id)


def test_screens_that_are_made_up_without_end_cost_bounded_space(
    app: Flask, database: Any, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "MAX_SCREENS_PER_RESTAURANT", 3)
    held = [presence.hold(alice.restaurant_id, screen(f"{number:032x}")) for number in range(5)]
    assert held == [True] * 3 + [False] * 2
    assert presence.hold(alice.restaurant_id, screen(f"{0:032x}"))
    presence.beat()
    assert len(presence.open_screens(alice.restaurant_id)) == 3


def test_a_process_that_does_not_speak_takes_its_screens_along(
    database: Any, alice: Person, later: Callable[..., None]
) -> None:
    presence.hold(alice.restaurant_id, screen(A))
    later(seconds=40)
    presence.beat()
    later(seconds=40)
    assert presence.is_watched(alice.restaurant_id)
    later(seconds=6)
    assert not presence.is_watched(alice.restaurant_id)
    presence.beat()  # it was only suspended
    assert presence.is_watched(alice.restaurant_id)


def test_a_screen_that_has_changed_processes_is_one(
    app: Flask, database: Any, other: Flask, alice: Person, later: Callable[..., None]
) -> None:
    presence.hold(alice.restaurant_id, screen(A, audible=False))
    later(seconds=1)
    with other.app_context():
        presence.hold(alice.restaurant_id, screen(A, audible=True))
    (only,) = presence.watching(alice.restaurant_id)
    assert only["audible"]
    assert presence.change(alice.restaurant_id, A, visible=False, audible=False)
    assert not presence.is_watched(alice.restaurant_id)


@pytest.mark.needs_wire
def test_what_a_page_says_to_another_process_outlives_the_next_beat(database: Any, other: Flask, alice: Person) -> None:
    presence.hold(alice.restaurant_id, screen(A))
    with other.app_context():
        assert presence.change(alice.restaurant_id, A, visible=False, audible=True)
    presence.beat()
    database.screens.delete_many({})  # what a fault has lost is written again as it was last said
    presence.beat()
    (only,) = presence.open_screens(alice.restaurant_id)
    assert (only["visible"], only["audible"]) == (False, True)


def test_what_nobody_holds_is_cleared_away(app: Flask, database: Any, alice: Person, at_once: None) -> None:
    presence.hold(alice.restaurant_id, screen(A))
    presence.release(app, alice.restaurant_id, A)
    presence.beat()
    presence.beat()
    assert database.screens.count_documents({}) == 0
    presence.hold(alice.restaurant_id, screen(B))
    assert presence.visible_ids(alice.restaurant_id) == {B}


@pytest.mark.needs_wire
def test_a_database_that_is_away_stops_no_stream_and_hears_of_it_later(
    frail_app: Flask, own_server: databases.Server, alice: Person
) -> None:
    own_server.kill()
    with frail_app.app_context():
        presence.hold(alice.restaurant_id, screen(A))
        own_server.start()
        assert not presence.is_watched(alice.restaurant_id)
        presence.beat()
        assert presence.is_watched(alice.restaurant_id)


# --- signs of life ------------------------------------------------------------------------------------------


def answering(screen_id: str) -> presence.Screen:
    """A screen whose page answers the events of its stream."""
    return {**screen(screen_id, audible=True), "answered_at": clock.now()}


def test_a_frozen_tab_or_dead_device_stops_counting_within_60_seconds(
    database: Any, alice: Person, later: Callable[..., None]
) -> None:
    """Its stream stays open: nobody has closed the connection."""
    presence.hold(alice.restaurant_id, answering(A))
    presence.hold(alice.restaurant_id, answering(B))
    later(seconds=30)
    presence.beat()
    presence.change(alice.restaurant_id, B, visible=True, audible=False)
    later(seconds=19)
    presence.beat()
    assert presence.visible_ids(alice.restaurant_id) == {A, B}
    assert presence.heard() == {alice.restaurant_id}
    later(seconds=2)
    assert presence.visible_ids(alice.restaurant_id) == {B}
    assert presence.heard() == set()
    presence.beat()
    assert [each["id"] for each in presence.open_screens(alice.restaurant_id)] == [B]
    assert presence.change(alice.restaurant_id, A, visible=True, audible=True)  # it thaws
    presence.beat()
    assert presence.visible_ids(alice.restaurant_id) == {A, B}
    assert presence.heard() == {alice.restaurant_id}


def test_a_page_of_an_older_version_counts_as_long_as_its_stream_is_open(
    database: Any, alice: Person, later: Callable[..., None]
) -> None:
    presence.hold(alice.restaurant_id, screen(A, audible=True))
    later(minutes=3)
    presence.beat()
    assert presence.heard() == {alice.restaurant_id}
    assert presence.visible_ids(alice.restaurant_id) == {A}


def test_a_sign_of_life_wakes_nobody_and_its_absence_does(
    app: Flask, alice: Person, watcher: Hub, monkeypatch: pytest.MonkeyPatch, later: Callable[..., None]
) -> None:
    woken: list[str] = []
    watcher.subscribe("table:elsewhere")  # an open page of others
    monkeypatch.setattr(watcher, "wake", woken.append)
    house = f"restaurant:{alice.restaurant_id}"
    with app.app_context():
        presence.hold(alice.restaurant_id, {**answering(A), "trouble": []})
        wait_until(lambda: woken == [house])
        later(seconds=30)
        presence.beat()
        presence.change(alice.restaurant_id, A, visible=True, audible=True)
        later(seconds=30)
        presence.beat()
        presence.change(alice.restaurant_id, A, visible=True, audible=True, trouble=["battery"])
        wait_until(lambda: woken == [house] * 2)
        later(seconds=51)
        presence.beat()
        presence.beat()
        presence.change(alice.restaurant_id, A, visible=True, audible=True, trouble=["battery"])
        wait_until(lambda: woken == [house] * 4)


# --- troubles -----------------------------------------------------------------------------------------------


def test_what_troubles_a_screen_stands_in_the_lists_of_open_screens(
    app: Flask, look: Any, watcher: Hub, alice: Person, bob: Person
) -> None:
    look(A, visible=1, audible=1, answers=1)
    with app.app_context():
        (only,) = presence.open_screens(bob.restaurant_id)
    assert (only["trouble"], "answered_at" in only) == ([], True)
    assert "battery low" not in alice.client.get(f"{alice.home}/dashboard").text
    assert tell(bob, A, "1", "1", "sleep blocked battery") is True
    with app.app_context():
        (only,) = presence.open_screens(bob.restaurant_id)
    assert only["trouble"] == ["battery", "sleep", "blocked"]  # the worst first
    for page in ("dashboard", "staff"):
        assert "battery low" in alice.client.get(f"{alice.home}/{page}").text
    assert tell(bob, A, "1", "1", "") is True
    for page in ("dashboard", "staff"):
        assert "battery low" not in alice.client.get(f"{alice.home}/{page}").text


@pytest.mark.parametrize("words", ["fire", "battery fire", "battery battery", "<b>", "battery" * 1000])
def test_what_is_no_known_trouble_is_refused(look: Any, watcher: Hub, bob: Person, words: str) -> None:
    look(A, visible=1)
    assert tell(bob, A, "1", "1", words) == 400


def test_a_stream_may_tell_troubles_and_unknown_ones_are_left_out(
    app: Flask, look: Any, watcher: Hub, bob: Person
) -> None:
    look(A, visible=1, trouble="battery+fire")
    with app.app_context():
        (only,) = presence.open_screens(bob.restaurant_id)
    assert only["trouble"] == ["battery"]
    assert "answered_at" not in only


# --- over the wire ------------------------------------------------------------------------------------------


def test_an_open_dashboard_is_present(app: Flask, look: Any, watcher: Hub, bob: Person, at_once: None) -> None:
    stream = look(A, visible=1, audible=0)
    stream.next()
    with app.app_context():
        (only,) = presence.watching(bob.restaurant_id)
    assert (only["id"], only["member_id"], only["name"]) == (A, bob.member_id, "Bob")
    assert (only["visible"], only["audible"]) == (True, False)
    assert tell(bob, A, "0", "1")
    with app.app_context():
        assert presence.heard() == {bob.restaurant_id}
        assert presence.visible_ids(bob.restaurant_id) == set()
    stream.close()
    with app.app_context():
        presence.beat()
        assert not presence.open_screens(bob.restaurant_id)


def test_two_processes_know_each_others_screens(app: Flask, other: Flask, look: Any, watcher: Hub, bob: Person) -> None:
    elsewhere = other.test_client()
    elsewhere.set_cookie("session", bob.client.cookie("session"))  # Bob's second tab, served by the other process
    first, second = look(A, visible=1), look(B, elsewhere, visible=1)
    for process in (app, other):
        with process.app_context():
            assert presence.visible_ids(bob.restaurant_id) == {A, B}
    assert tell(bob, B, "0", "0")  # to the process that does not hold it
    with other.app_context():
        assert presence.visible_ids(bob.restaurant_id) == {A}
    assert tell(bob, B, "1", "0")
    first.close()
    second.close()


def test_of_two_processes_the_dead_one_counts_for_nothing(
    app: Flask, other: Flask, database: Any, alice: Person, later: Callable[..., None]
) -> None:
    presence.hold(alice.restaurant_id, screen(A))
    with other.app_context():
        presence.hold(alice.restaurant_id, screen(B))
    later(seconds=30)
    presence.beat()
    later(seconds=30)
    assert presence.visible_ids(alice.restaurant_id) == {A}


def test_presence_wakes_the_screens_of_the_house_and_heartbeats_nobody(
    app: Flask, alice: Person, watcher: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    watcher.subscribe("table:elsewhere")  # an open page of others
    monkeypatch.setattr(watcher, "wake", woken.append)
    with app.app_context():
        presence.hold(alice.restaurant_id, screen(A))
        presence.beat()
        presence.change(alice.restaurant_id, A, visible=False, audible=False)
        presence.beat()
        presence.hold(alice.restaurant_id, screen(B))
    house = f"restaurant:{alice.restaurant_id}"
    wait_until(lambda: woken.count(house) == 3)
    assert set(woken) == {house}


@pytest.mark.parametrize("screen_id", ["", "x", "A" * 32, "a" * 33, "../" * 10])
def test_a_screen_without_a_proper_id_is_served_and_not_counted(
    app: Flask, look: Any, watcher: Hub, bob: Person, screen_id: str
) -> None:
    assert look(screen_id, visible=1).next()[0] == "calls"
    with app.app_context():
        assert not presence.open_screens(bob.restaurant_id)
    assert tell(bob, screen_id, "1", "1") == 400


def test_a_screen_that_is_not_open_changes_nothing(bob: Person, charlie: Person, look: Any, watcher: Hub) -> None:
    assert tell(bob, A, "1", "1") is False
    look(A, visible=1)
    assert tell(bob, A, "yes", "1") == 400
    assert tell(charlie, A, "0", "0") is False


def test_the_times_are_those_of_the_contract() -> None:
    """Three beats may be missed by a hair before a process counts as dead."""
    assert timedelta(seconds=presence.BEAT_SECONDS) * 3 <= presence.ALIVE_FOR < presence.RETENTION
