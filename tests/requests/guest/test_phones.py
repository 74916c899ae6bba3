"""Each phone at a table owns what it asked for: its note, its choice, and its “Never mind”."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask

from tests.requests.guest.test_page import Phone
from tests.support.cast import Person
from tests.support.together import at_once_in
from waitercaller.db import cache
from waitercaller.model import restaurants, service_request
from waitercaller.model.requests import transitions
from waitercaller.model.tables import Table

pytestmark = pytest.mark.usefixtures("stored")

NEVER_MIND = "Never mind, cancel my call"
LEFT_TO_OTHERS = "You have cancelled. Somebody else at your table is still waiting."


@pytest.fixture
def stored(app: Flask, alice: Person) -> Any:
    """The collection of requests; the restaurant takes notes."""
    database = app.extensions["mongo"].database
    database.restaurants.update_one({"_id": alice.restaurant_id}, {"$set": {"settings.notes": True}})
    cache.restaurants.clear()
    return database.requests


@pytest.fixture
def card(alice: Person) -> Callable[[], str]:
    return lambda: alice.client.get(f"{alice.home}/dashboard").text


def test_the_notes_of_two_phones_are_both_read(come: Callable[[], Phone], card: Callable[[], str]) -> None:
    first, second = come(), come()
    first.tap(note="No ice")
    second.tap(note="A straw")
    assert "“No ice”" in card()
    assert "“A straw”" in card()
    assert ("No ice" in first.look().text, "A straw" in first.look().text) == (True, False)
    assert ("No ice" in second.look().text, "A straw" in second.look().text) == (False, True)
    first.tap(note="No ice at all")  # replaces its own
    assert "“No ice”" not in card()
    assert "“No ice at all”" in card()
    assert "“A straw”" in card()


def test_so_are_their_choices(come: Callable[[], Phone], card: Callable[[], str], stored: Any) -> None:
    first, second = come(), come()
    first.tap("bill/card")
    second.tap("bill/cash")
    assert " · <bdi>Card</bdi>, <bdi>Cash</bdi>" in card()
    assert 'value="bill/card" aria-current="true"' in first.look().text
    assert 'value="bill/cash" aria-current="true"' in second.look().text
    second.tap("bill/card")
    assert "<bdi>Card</bdi></ul>" in card()
    assert stored.find_one()["reminders"] == 2


def test_who_cancels_ends_nothing_that_another_phone_asked_for(
    come: Callable[[], Phone], card: Callable[[], str], stored: Any
) -> None:
    first, second = come(), come()
    first.tap(note="No ice")
    second.tap(note="A straw")
    began = stored.find_one()["first_at"]
    first.send("cancel")
    request = stored.find_one()
    assert (request["state"], request["note"], request["first_at"]) == ("waiting", "A straw", began)
    assert "No ice" not in card()
    page = first.look().text
    assert LEFT_TO_OTHERS in page
    assert NEVER_MIND not in page
    page = second.look().text
    assert LEFT_TO_OTHERS not in page
    assert NEVER_MIND in page
    second.send("cancel")
    assert stored.find_one()["state"] == "cancelled"
    for phone in (first, second):
        assert "Your call is cancelled" in phone.look().text


def test_who_only_reminded_may_take_that_back(come: Callable[[], Phone], stored: Any) -> None:
    first, second = come(), come()
    first.tap(note="No ice")
    second.tap()
    second.send("cancel")
    request = stored.find_one()
    assert (request["state"], request["note"]) == ("waiting", "No ice")
    assert NEVER_MIND in first.look().text
    second.tap()  # and asks again
    assert NEVER_MIND in second.look().text
    assert LEFT_TO_OTHERS not in second.look().text


def test_a_phone_that_looks_on_has_nothing_to_cancel(come: Callable[[], Phone], stored: Any) -> None:
    come().tap()
    other = come()
    assert NEVER_MIND not in other.look().text
    other.send("cancel")
    assert stored.find_one()["state"] == "waiting"


def test_what_the_staff_entered_for_a_guest_who_waved_is_nobodys_to_cancel(
    come: Callable[[], Phone], stored: Any, alice: Person, table: Table, app: Flask
) -> None:
    phone = come()
    phone.tap()
    with app.app_context():
        restaurant = restaurants.get(alice.restaurant_id)
        assert restaurant is not None
        by = restaurants.Actor(id=alice.member_id, name="Alice")
        transitions.open_request(restaurant, table, restaurant["kinds"][0], "entered", by=by)
    phone.send("cancel")
    request = stored.find_one()
    assert (request["state"], request["device"], request["others"]) == ("waiting", None, [])


def test_a_known_phone_that_scans_again_keeps_its_never_mind(come: Callable[[], Phone], stored: Any) -> None:
    phone = come()
    phone.tap(note="No ice")
    page = phone.scan().text
    assert NEVER_MIND in page
    assert "No ice" in page
    phone.send("cancel")
    assert stored.find_one()["state"] == "cancelled"
    assert "Your call is cancelled" in phone.scan().text


def test_and_its_not_yet(come: Callable[[], Phone], stored: Any, alice: Person, table: Table, app: Flask) -> None:
    phone = come()
    phone.tap()
    with app.app_context():
        transitions.resolve(alice.restaurant_id, [stored.find_one()["_id"]], {"id": "x", "name": "Anna"})
    assert "Not yet?" in phone.scan().text
    phone.send("reopen")
    assert stored.find_one()["state"] == "waiting"
    assert "Not yet?" not in come().look().text


def test_a_request_of_an_older_version_is_its_openers(come: Callable[[], Phone], stored: Any) -> None:
    first, second = come(), come()
    first.tap(note="No ice")
    stored.update_one({}, {"$unset": {"others": True}})
    second.tap()
    assert len(stored.find_one()["others"]) == 1
    stored.update_one({}, {"$unset": {"others": True}})
    first.send("cancel")
    assert stored.find_one()["state"] == "cancelled"


@pytest.mark.needs_wire
def test_two_phones_that_cancel_at_once_leave_nothing(app: Flask, alice: Person, table: Table, stored: Any) -> None:
    where: service_request.Scope = {"restaurant_id": alice.restaurant_id, "table_id": table["_id"]}
    for number in range(10):
        with app.app_context():
            restaurant = restaurants.get(alice.restaurant_id)
            assert restaurant is not None
            tap = partial(transitions.open_request, restaurant, table, restaurant["kinds"][0])
            tap(f"a{number}", device="a")
            ids = [tap(f"b{number}", device="b")["_id"]]
        at_once_in(app, *(partial(transitions.cancel, where, ids, [phone]) for phone in "ab"))
        assert stored.count_documents({"state": "cancelled"}) == number + 1
