"""How often the hot paths ask the database, with warm caches: the number of commands, and which."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from flask import Flask

from tests.live.test_streams import Stream
from tests.requests.guest.test_page import Phone
from tests.support.cast import Person, visit
from tests.support.commands import Commands, listen
from waitercaller.live import hub
from waitercaller.model import restaurants, tables
from waitercaller.model.requests import seen, transitions
from waitercaller.model.tables import Table

pytestmark = pytest.mark.needs_wire

LOGGED_IN = ["find logins", "find users"]  # at every request of a person
LIVE = "find requests"


@pytest.fixture
def commands(app: Flask, bob: Person, table: Table) -> Commands:
    """What is sent after all caches are warm."""
    commands = listen(app)
    Phone(visit(app), table["code"]).scan()
    bob.client.get(f"{bob.home}/dashboard")
    return commands


@pytest.fixture
def phone(app: Flask, commands: Commands, table: Table) -> Phone:
    phone = Phone(visit(app), table["code"])
    phone.scan()
    return phone


def request_id(bob: Person) -> str:
    """The id on the dashboard's first card."""
    found = re.search(r"name=resolve value='([0-9a-f]{24})", bob.client.get(f"{bob.home}/dashboard").text)
    assert found
    return found[1]


def test_a_guests_page(commands: Commands, phone: Phone, app: Flask, bob: Person, table: Table) -> None:
    with commands.counted() as asked:
        Phone(visit(app), table["code"]).scan()
    assert asked == [LIVE]
    phone.tap()
    with commands.counted() as asked:
        phone.look()
    assert asked == [LIVE]  # what waits here, and elsewhere before it
    with app.app_context():
        requests = app.extensions["mongo"].database.requests
        seen.record(bob.restaurant_id, [each["_id"] for each in requests.find()], "a screen")
    with commands.counted() as asked:
        phone.look()
    assert asked == [LIVE, "find screens"]


@pytest.mark.parametrize(("answer", "expected"), [("", ["insert requests"]), ("state", ["insert requests", LIVE])])
def test_a_guests_call(commands: Commands, phone: Phone, answer: str, expected: list[str]) -> None:
    """At most two round trips: the call is stored, and a page with scripts is told of its table."""
    form = {**phone.form(), "kind": "waiter", "answer": answer}
    with commands.counted() as asked:
        assert phone.send("call", form).status_code in (200, 303)
    assert asked == expected
    form = {**phone.form(), "kind": "water", "answer": answer}
    with commands.counted() as asked:
        assert phone.send("call", form).status_code in (200, 303)
    assert asked == expected, "of a phone that has called before"


@pytest.mark.parametrize("act", ["accept", "resolve"])
def test_what_the_staff_does_with_a_card(commands: Commands, phone: Phone, bob: Person, act: str) -> None:
    phone.tap()
    token, path = bob.client.csrf_token(f"{bob.home}/dashboard"), f"{bob.home}/requests/{request_id(bob)}/{act}"
    with commands.counted() as asked:
        answer = bob.client.post(path, data={"csrf_token": token}, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert asked == [*LOGGED_IN, "update requests", LIVE]


def test_the_dashboard(commands: Commands, phone: Phone, bob: Person) -> None:
    phone.tap()
    with commands.counted() as asked:
        bob.client.get(f"{bob.home}/dashboard")
    assert asked == [*LOGGED_IN, LIVE, "find screens", LIVE]  # the last for what can be undone


@pytest.fixture
def screens(bob: Person, commands: Commands, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Stream]]:
    """Three screens, which have been told of all that is there."""
    monkeypatch.setattr(hub, "REDRAW_INTERVAL_SECONDS", 0.0)
    with ExitStack() as opened:
        screens = [Stream(bob.client, f"{bob.home}/live") for _ in range(3)]
        for screen in screens:
            opened.callback(screen.close)
            screen.next()
        yield screens


def test_a_change_is_asked_for_once_for_all_screens(
    app: Flask, commands: Commands, screens: list[Stream], bob: Person
) -> None:
    with app.app_context():
        restaurant, table = restaurants.get(bob.restaurant_id), tables.of_restaurant(bob.restaurant_id)[0]
        assert restaurant
        transitions.open_request(restaurant, table, restaurant["kinds"][0], "a tap")
    with commands.counted() as asked:
        app.extensions["hub"].wake(f"restaurant:{bob.restaurant_id}")
        for screen in screens:
            assert "data-count='1'" in screen.next()[1]["html"].replace('"', "'")
    assert asked == [LIVE, "find screens"]
