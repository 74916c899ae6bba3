"""`shown`: screens record once that they display a request, and nothing else changes."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from tests.support.cast import Person, device, wait_until
from waitercaller.db import clock
from waitercaller.live.hub import Hub
from waitercaller.model import restaurants, service_request
from waitercaller.model.requests import seen, transitions
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.tables import Table

A, B = "a" * 32, "b" * 32

Call = Callable[..., service_request.ServiceRequest]


@pytest.fixture
def call(app: Flask, alice: Person, table: Table) -> Call:
    """`call("bill")`: a guest at table 7 taps."""

    def called(kind: str = "waiter") -> service_request.ServiceRequest:
        with app.app_context():
            restaurant = restaurants.get(alice.restaurant_id)
            assert restaurant
            wanted = next(each for each in restaurant["kinds"] if each["id"] == kind)
            return transitions.open_request(restaurant, table, wanted, f"key of {kind}")

    return called


@pytest.fixture
def screens_of(app: Flask) -> Callable[[ObjectId], list[str]]:
    """The screens that have recorded this request."""

    def found(request_id: ObjectId) -> list[str]:
        request = app.extensions["mongo"].database.requests.find_one({"_id": request_id})
        return [each["screen"] for each in request["shown"]]

    return found


def post(person: Person, screen: str, *ids: Any, rang: Iterable[Any] = ()) -> int:
    form = {"screen": screen, "ids": " ".join(map(str, ids)), "rang": " ".join(map(str, rang))}
    return person.client.submit(f"{person.home}/shown", form, page=f"{person.home}/dashboard").status_code


def test_a_screen_is_recorded_once_for_each_request(database: Any, alice: Person, call: Call) -> None:
    ids = [call("waiter")["_id"], call("bill")["_id"]]
    assert seen.record(alice.restaurant_id, ids, A) == 2
    assert seen.record(alice.restaurant_id, ids, A) == 0
    assert seen.record(alice.restaurant_id, ids[:1], B) == 1
    first, second = database.requests.find().sort("_id")
    assert [each["screen"] for each in first["shown"]] == [A, B]
    assert [each["screen"] for each in second["shown"]] == [A]


def test_it_is_recorded_whose_screen_it_is_and_for_what_it_has_rung(app: Flask, bob: Person, call: Call) -> None:
    ids = [call("waiter")["_id"], call("bill")["_id"]]
    counter = device(app, bob, "Bar")
    assert post(bob, A, *ids, rang=ids[:1]) == 204
    form = {"screen": B, "ids": str(ids[0]), "rang": ""}
    assert counter.submit(f"{bob.home}/shown", form, page=f"{bob.home}/dashboard").status_code == 204
    requests = app.extensions["mongo"].database.requests
    waiter, bill = (requests.find_one({"_id": each})["shown"] for each in ids)
    assert [(each["name"], each["member_id"], each["rang"]) for each in waiter] == [
        ("Bob", bob.member_id, True),
        ("Bar", None, False),
    ]
    assert [(each["name"], each["rang"]) for each in bill] == [("Bob", False)]


def test_a_page_that_does_not_say_whether_it_rings_is_not_taken_for_silent(
    bob: Person, database: Any, call: Call
) -> None:
    form = {"screen": A, "ids": str(call()["_id"])}
    assert bob.client.submit(f"{bob.home}/shown", form, page=f"{bob.home}/dashboard").status_code == 204
    [shown] = database.requests.find_one()["shown"]
    assert "rang" not in shown


def test_only_the_first_pushes_are_stored(database: Any, bob: Person, restaurant: Restaurant, call: Call) -> None:
    request, member = call(), restaurants.member_with_id(restaurant, bob.member_id)
    assert member
    for _ in range(seen.MAX_PUSHES_PER_REQUEST + 5):
        seen.note_pushed(bob.restaurant_id, request["_id"], member, clock.now())
    pushed = database.requests.find_one()["pushed"]
    assert len(pushed) == seen.MAX_PUSHES_PER_REQUEST
    assert {(each["member_id"], each["name"]) for each in pushed} == {(bob.member_id, "Bob")}


def test_only_the_latest_screens_are_stored(database: Any, alice: Person, call: Call) -> None:
    request = call()
    for number in range(seen.MAX_SCREENS_PER_REQUEST + 5):
        assert seen.record(alice.restaurant_id, [request["_id"]], f"{number:032x}") == 1
    screens = [each["screen"] for each in database.requests.find_one()["shown"]]
    assert screens == [f"{number:032x}" for number in range(5, seen.MAX_SCREENS_PER_REQUEST + 5)]


def test_an_ended_request_is_not_changed(database: Any, alice: Person, call: Call) -> None:
    request = call()
    transitions.resolve(alice.restaurant_id, [request["_id"]], {"id": "x", "name": "Anna"})
    assert seen.record(alice.restaurant_id, [request["_id"]], A) == 0


def test_recording_wakes_the_table_and_not_the_restaurant(
    app: Flask, alice: Person, call: Call, watcher: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr(watcher, "wake", woken.append)
    request = call()
    guest, staff = f"table:{request['table_id']}", f"restaurant:{alice.restaurant_id}"
    with app.app_context():
        seen.record(alice.restaurant_id, [request["_id"]], A)
        seen.record(alice.restaurant_id, [request["_id"]], B)
        transitions.resolve(alice.restaurant_id, [request["_id"]], {"id": "x", "name": "Anna"})
    wait_until(lambda: woken.count(guest) == 4 and woken.count(staff) == 2)


def test_a_screen_posts_the_requests_that_it_shows(bob: Person, call: Call, screens_of: Any) -> None:
    ids = [call("waiter")["_id"], call("bill")["_id"]]
    assert post(bob, A, *ids, ObjectId()) == 204
    assert [screens_of(each) for each in ids] == [[A], [A]]


def test_screens_of_other_restaurants_change_nothing(charlie: Person, call: Call, screens_of: Any) -> None:
    request = call()
    assert post(charlie, A, request["_id"]) == 204
    assert screens_of(request["_id"]) == []


@pytest.mark.parametrize(("screen", "ids"), [(A, ""), (A, "x"), ("x", "f" * 24), (A, " ".join(["f" * 24] * 501))])
def test_invalid_ids_are_refused(bob: Person, screen: str, ids: str) -> None:
    assert post(bob, screen, ids) == 400
    assert post(bob, A, ObjectId(), rang=["x"]) == 400
