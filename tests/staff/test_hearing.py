"""Trying who can hear: a screen is rung and answers; the page of a rehearsal says what happened where."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from tests.support.cast import Browser, Person, device
from tests.support.push.phones import login_of
from waitercaller.alerts import due_steps
from waitercaller.db import clock
from waitercaller.model import presence, subscriptions
from waitercaller.model.requests import rehearsals, seen, transitions
from waitercaller.model.restaurants import Actor

pytestmark = pytest.mark.needs_wire

SCREEN = "5" * 31 + "a"


@pytest.fixture
def here(app: Flask) -> Any:
    """The database. No context of the application is kept: browsers would share what belongs to one of them."""
    return app.extensions["mongo"].database


@pytest.fixture
def counter(app: Flask, alice: Person) -> Browser:
    return device(app, alice, "Bar")


def show_screen(app: Flask, person: Person, audible: bool = True) -> None:
    screen = presence.Screen(id=SCREEN, member_id=None, name="Bar", visible=True, audible=audible, since=clock.now())
    with app.app_context():
        presence.hold(person.restaurant_id, screen)
        presence.beat()


def hearing(person: Person) -> str:
    return person.client.get(f"{person.home}/staff/hearing").text


def ring(person: Person, key: str = SCREEN[:8]) -> Any:
    path = f"{person.home}/staff/hearing/screens/{key}/ring"
    return person.client.submit(path, page=f"{person.home}/staff/hearing")


def answer(counter: Browser, person: Person, audible: int, asked: str) -> int:
    data = {"screen": SCREEN, "visible": 1, "audible": audible, "rang": asked}
    return counter.submit(f"{person.home}/screens", data, page=f"{person.home}/dashboard").status_code


def asked_at(counter: Browser, person: Person) -> str:
    """When the dashboard says that this screen is asked to ring, or empty."""
    found = re.search(rf'data-ring="{SCREEN[:8]}" data-at="(\d+)"', counter.get(f"{person.home}/dashboard").text)
    return found[1] if found else ""


# --- ring this one ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("audible", "words"), [(1, r"Rang at \d\d:\d\d:\d\d"), (0, r"Showed it at \S+, silent")])
def test_a_screen_is_asked_to_ring_and_says_that_it_did(
    app: Flask, here: Any, alice: Person, counter: Browser, audible: int, words: str
) -> None:
    show_screen(app, alice)
    assert asked_at(counter, alice) == ""
    assert ring(alice).status_code == 303
    assert "Test: asked for by Alice" in counter.get(f"{alice.home}/dashboard").text
    page = hearing(alice)
    assert "has not answered" in page
    assert 'http-equiv="refresh"' in page
    assert answer(counter, alice, audible, asked_at(counter, alice)) == 200
    page = hearing(alice)
    assert re.search(words, page)
    assert 'http-equiv="refresh"' not in page
    assert asked_at(counter, alice) == "", "it rings once"


def test_a_screen_that_stays_silent_has_not_answered_and_is_not_asked_for_ever(
    app: Flask, here: Any, alice: Person, counter: Browser, later: Callable[..., None]
) -> None:
    show_screen(app, alice)
    ring(alice)
    asked = asked_at(counter, alice)
    later(seconds=31)
    assert asked_at(counter, alice) == ""
    page = hearing(alice)
    assert "has not answered" in page
    assert 'http-equiv="refresh"' not in page
    assert answer(counter, alice, 1, str(int(asked) - 1)) == 200, "of something else"
    assert "has not answered" in hearing(alice)


def test_only_an_open_screen_of_this_restaurant_is_rung(app: Flask, here: Any, alice: Person, charlie: Person) -> None:
    show_screen(app, charlie)
    assert ring(alice).status_code == 303
    assert "That screen is not open any more." in hearing(alice)
    assert "ring" not in here.screens.find_one()["screens"][0]


@pytest.mark.parametrize("asked", ["x", "-1", "1" * 14])
def test_a_malformed_answer_changes_nothing(app: Flask, here: Any, alice: Person, counter: Browser, asked: str) -> None:
    show_screen(app, alice)
    assert answer(counter, alice, 1, asked) == 400


# --- try it with my whole house ---------------------------------------------------------------------------------------


def rehearse(person: Person) -> str:
    """The path of the page of a rehearsal that is started, or of the one that is under way."""
    started = person.client.submit(f"{person.home}/staff/hearing/rehearsal", page=f"{person.home}/staff/hearing")
    assert started.status_code == 303
    return str(started.location)


def request_of(here: Any) -> Any:
    return here.requests.find_one({"rehearsal": {"$exists": True}})


def walk(app: Flask, later: Callable[..., None], seconds: int) -> None:
    for _ in range(seconds):
        later(seconds=1)
        with app.app_context():
            due_steps.escalate()


def test_the_page_follows_it_and_says_at_last_what_worked(
    app: Flask, here: Any, alice: Person, counter: Browser, later: Callable[..., None]
) -> None:
    show_screen(app, alice)
    path = rehearse(alice)
    page = alice.client.get(path).text
    assert "The test call is under way" in page
    assert 'http-equiv="refresh"' in page
    where, ids, by = alice.restaurant_id, [request_of(here)["_id"]], Actor(id=alice.member_id, name="Alice")
    with app.app_context():
        later(seconds=2)
        seen.record(where, ids, SCREEN)
        later(seconds=1)
        transitions.accept(where, ids, by)
        transitions.resolve(where, ids, by)
    later(seconds=6)
    page = alice.client.get(path).text
    assert re.search(r"Alice took it after 3(\.\d)? s\.", page)
    assert "1 screen showed it" in page
    assert re.search(r"Showed it after 2(\.\d)? s", page)
    assert "Messages to phones are not set up in this installation." in page
    assert 'http-equiv="refresh"' not in page
    assert path in hearing(alice)


def test_the_page_names_what_did_not_work(
    app: Flask, here: Any, alice: Person, bob: Person, counter: Browser, later: Callable[..., None], monkeypatch: Any
) -> None:
    monkeypatch.setattr("waitercaller.push.outbox.is_enabled", lambda: True)
    show_screen(app, alice, audible=False)
    for person, name in ((alice, "a"), (bob, "b")):
        browser = {"endpoint": f"https://push.example.org/{name}", "p256dh": "k", "auth": "a", "key": "x"}
        about = {**browser, "browser": "Chrome/120 Android", "language": "en"}
        with app.app_context():
            subscriptions.put(alice.restaurant_id, person.member_id, login_of(person), about, "all")  # type: ignore[arg-type]
    path = rehearse(alice)
    here.pushes.update_one({"subscription_id": {"$regex": "^"}, "event": "called"}, {"$set": {"shown_at": clock.now()}})
    walk(app, later, 30)
    page = alice.client.get(path).text
    assert "Nobody took it, so it has gone through all steps." in page
    assert "No screen showed it." in page
    assert "No screen rang." in page
    assert len(re.findall(r"(Alice|Bob)’s phone did not answer \(Chrome on Android\)\.", page)) == 1
    assert "Was told after 0" in page
    steps = ("Asked for by Alice", "Called again, louder", "Called in all zones", "alerted", "to everybody", "is over")
    places = [page.index(words, page.index("<ol")) for words in steps]
    assert places == sorted(places)


def test_where_nothing_is_open_it_says_so(
    app: Flask, here: Any, alice: Person, counter: Browser, later: Callable[..., None]
) -> None:
    path = rehearse(alice)
    walk(app, later, 30)
    page = alice.client.get(path).text
    assert "No screen was open." in page
    assert "Its page was not open." in page, "the tablet at the bar"


def test_a_second_one_is_refused_and_leads_to_the_first(app: Flask, here: Any, alice: Person) -> None:
    first = rehearse(alice)
    assert rehearse(alice) == first
    assert "A test call is under way already." in alice.client.get(first).text
    assert here.requests.count_documents({}) == 1


def test_the_card_says_test_call_in_the_readers_language(app: Flask, here: Any, alice: Person) -> None:
    rehearse(alice)
    page = alice.client.get(f"{alice.home}/dashboard").text
    assert "<bdi>Test call</bdi></h2>" in page
    assert "Asked for by Alice" in page
    menu = alice.client.get(f"{alice.home}/requests/{here.requests.find_one()['_id']}/more").text
    assert "Pause this table" not in menu
    alice.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    assert "<bdi>Testruf</bdi></h2>" in alice.client.get(f"{alice.home}/dashboard").text


def test_its_page_is_this_restaurants_and_kept_for_a_day(
    app: Flask, here: Any, alice: Person, charlie: Person, later: Callable[..., None]
) -> None:
    path = rehearse(alice)
    request_id = request_of(here)["_id"]
    assert charlie.client.get(f"{charlie.home}/staff/hearing/rehearsal/{request_id}").status_code == 404
    assert alice.client.get(f"{alice.home}/staff/hearing/rehearsal/{ObjectId()}").status_code == 404
    assert alice.client.get(path).status_code == 200
    with app.app_context():
        later(hours=23)
        assert rehearsals.find(alice.restaurant_id, request_id)
        later(hours=2)
        assert rehearsals.find(alice.restaurant_id, request_id) is None
        assert rehearsals.latest(alice.restaurant_id) is None


def test_it_wants_a_form_of_ours(app: Flask, here: Any, alice: Person) -> None:
    assert alice.client.post(f"{alice.home}/staff/hearing/rehearsal").status_code == 400
    assert request_of(here) is None
