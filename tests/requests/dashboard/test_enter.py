"""Staff enter a call for a guest who waved, and say "back in 5 minutes". Bob is a waiter, Dana a guest."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from tests.requests.guest.test_page import Phone
from tests.support.cast import Browser, Person
from waitercaller.db import clock
from waitercaller.model import restaurants, tables
from waitercaller.model.requests import transitions
from waitercaller.model.rollups import figures
from waitercaller.model.service_request import POSTPONED_FOR, escalation_of
from waitercaller.model.tables import Table
from waitercaller.requests.dashboard import cards

pytestmark = pytest.mark.moments


@pytest.fixture
def here(table: Table, bob: Person) -> str:
    """The page of the kinds of table 7."""
    return f"{bob.home}/tables/{table['_id']}/enter"


@pytest.fixture
def requests_in(app: Flask) -> Callable[[], list[Any]]:
    return lambda: list(app.extensions["mongo"].database.requests.find())


@pytest.fixture
def phone(table: Table, dana: Browser) -> Phone:
    phone = Phone(dana, table["code"])
    phone.scan()
    return phone


def enter(person: Person, here: str, kind: str = "waiter", **form: str) -> Any:
    page = person.client.get(here).text
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key
    return person.client.submit(here, {"key": key[1], "kind": kind, **form})


def test_two_taps_open_a_request_that_is_reported_as_by_staff(
    bob: Person, here: str, table: Table, requests_in: Any
) -> None:
    assert 'href="enter"' in bob.client.get(f"{bob.home}/dashboard").text
    assert f'href="{here}"' in bob.client.get(f"{bob.home}/enter").text
    answer = enter(bob, here, "bill/card")
    assert (answer.status_code, answer.location) == (303, f"{bob.home}/dashboard")
    (request,) = requests_in()
    assert (request["kind"], request["choice"], request["state"]) == ("bill", "card", "waiting")
    assert request["device"] is None
    assert [(step["what"], step["by"]["name"]) for step in request["steps"]] == [("called", "Bob")]
    assert request["due_at"] == request["first_at"] + timedelta(seconds=40)  # the same clock as a guest's call
    assert "Table 7: Bill." in bob.client.get(answer.location).text
    assert "entered by Bob of the staff" in bob.client.get(f"{bob.home}/history").text


def test_the_same_tap_sent_twice_is_one_call_and_another_one_reminds(bob: Person, here: str, requests_in: Any) -> None:
    for _ in range(2):
        enter(bob, here, key="0" * 32)
    assert [request["reminders"] for request in requests_in()] == [0]
    enter(bob, here)
    (request,) = requests_in()
    assert request["reminders"] == 1
    assert [step["by"]["name"] for step in request["steps"]] == ["Bob", "Bob"]


def test_it_reminds_of_a_guests_own_call(bob: Person, here: str, phone: Phone, requests_in: Any) -> None:
    phone.tap()
    enter(bob, here)
    (request,) = requests_in()
    assert [(step["what"], step["by"] and step["by"]["name"]) for step in request["steps"]] == [
        ("called", None),
        ("reminded", "Bob"),
    ]
    assert "entered by" not in bob.client.get(f"{bob.home}/history").text


def test_a_closed_restaurant_and_a_paused_table_take_it_too(
    app: Flask, bob: Person, here: str, table: Table, requests_in: Any
) -> None:
    bob.client.submit(f"{bob.home}/tables/{table['_id']}/pause", page=here)
    closed = {"opening": {"state": "closed", "until": None}}
    app.extensions["mongo"].database.restaurants.update_one({"_id": bob.restaurant_id}, {"$set": closed})
    restaurants.forget(bob.restaurant_id)
    assert enter(bob, here).status_code == 303
    assert len(requests_in()) == 1


@pytest.mark.parametrize(
    "form",
    [{"kind": ""}, {"kind": "lobster"}, {"kind": "bill/lobster"}, {"key": ""}, {"key": "x" * 32}, {"key": "0" * 33}],
    ids=str,
)
def test_what_the_page_does_not_offer_is_refused(bob: Person, here: str, requests_in: Any, form: Any) -> None:
    assert enter(bob, here, **form).status_code == 400
    assert requests_in() == []


def test_a_table_that_is_removed_or_of_another_restaurant_is_not_found(
    app: Flask, bob: Person, charlie: Person, here: str, table: Table, requests_in: Any
) -> None:
    theirs = here.replace(str(bob.restaurant_id), str(charlie.restaurant_id))
    token = charlie.client.csrf_token(f"{charlie.home}/dashboard")
    form = {"csrf_token": token, "key": "0" * 32, "kind": "waiter"}
    assert charlie.client.get(theirs).status_code == charlie.client.post(theirs, data=form).status_code == 404
    with app.app_context():
        tables.remove(bob.restaurant_id, table["_id"], None)
    assert bob.client.get(here).status_code == 404
    assert "There are no tables yet." in bob.client.get(f"{bob.home}/enter").text
    assert requests_in() == []


def test_three_hundred_tables_are_listed_by_zone_with_a_link_to_each_zone(app: Flask, bob: Person) -> None:
    with app.app_context():
        for name in ("Terrace", "Hall"):
            zone_id = restaurants.ensure_zone(bob.restaurant_id, name)
            tables.add_many(bob.restaurant_id, [f"{name} {number}" for number in range(140)], zone_id)
        tables.add_many(bob.restaurant_id, [f"{number}" for number in range(20)], None)
    page = bob.client.get(f"{bob.home}/enter").text
    assert page.count('/enter"') == 300 + page.count('id="enter"')
    assert re.findall(r'href="#(zone-\w+)"', page) == re.findall(r'id="(zone-\w+)"', page)
    assert page.index("Terrace 139") < page.index("Hall 0") < page.rindex("Without a zone") < page.index(">19<")


def test_what_staff_entered_is_counted(app: Flask, bob: Person, here: str, phone: Phone, requests_in: Any) -> None:
    phone.tap()
    enter(bob, here, "bill")
    total = figures.total(figures.cells_of(requests_in()))
    assert (total.calls, total.by_staff) == (2, 1)
    (cell,) = figures.cells_of(requests_in()[:1])
    del cell["by_staff"]  # as counted by an earlier version
    assert figures.total([cell]).by_staff == 0


# --- back in 5 minutes ------------------------------------------------------------------------------------------------


def post(person: Person, request_id: ObjectId, act: str, **form: str) -> Any:
    return person.client.submit(f"{person.home}/requests/{request_id}/{act}", form, page=f"{person.home}/dashboard")


def test_back_in_five_minutes_keeps_the_state_and_postpones_the_next_step(
    bob: Person, phone: Phone, requests_in: Any, later: Callable[..., None]
) -> None:
    phone.tap()
    (request,) = requests_in()
    menu = f"{bob.home}/requests/{request['_id']}/more"
    assert "Back in 5 minutes" not in bob.client.get(menu).text
    post(bob, request["_id"], "accept")
    assert "Back in 5 minutes" in bob.client.get(menu).text
    second, before = timedelta(seconds=1), clock.now()  # the clock follows the database's, also back by milliseconds
    assert post(bob, request["_id"], "postpone").status_code == 303
    (request,) = requests_in()
    assert (request["state"], request["by"]["name"]) == ("accepted", "Bob")
    assert before - second <= request["due_at"] - POSTPONED_FOR <= clock.now() + second
    assert (request["steps"][-1]["what"], request["steps"][-1]["by"]["name"]) == ("postponed", "Bob")
    assert "Table 7: back in 5 minutes." in bob.client.get(f"{bob.home}/dashboard").text
    assert "Bob will be back in 5 minutes" in phone.look().text
    later(minutes=3, seconds=30)
    assert "Bob will be back in 2 minutes" in phone.look().text
    later(minutes=2)
    assert "Bob is on the way" in phone.look().text


def test_a_waiting_or_ended_call_cannot_be_postponed(bob: Person, phone: Phone, requests_in: Any) -> None:
    phone.tap()
    (request,) = requests_in()
    post(bob, request["_id"], "postpone")
    assert requests_in()[0] == request
    post(bob, request["_id"], "resolve")
    post(bob, request["_id"], "postpone")
    assert [step["what"] for step in requests_in()[0]["steps"]] == ["called", "resolved"]
    assert requests_in()[0]["due_at"] is None


def test_whoever_takes_it_over_is_on_the_way(
    bob: Person,
    hire: Callable[..., Person],
    alice: Person,
    phone: Phone,
    requests_in: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anna = hire("Anna", role="waiter", at=alice)
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)
    phone.tap()
    (request,) = requests_in()
    post(bob, request["_id"], "accept")
    post(bob, request["_id"], "postpone")
    post(anna, request["_id"], f"accept?from={bob.member_id}")
    (taken,) = requests_in()
    assert taken["since"] == moment.replace(microsecond=moment.microsecond // 1000 * 1000), "her own clock begins"
    assert "Anna is on the way" in phone.look().text


def test_the_card_says_when_and_is_not_late_before(
    app: Flask, bob: Person, phone: Phone, requests_in: Any, later: Callable[..., None]
) -> None:
    phone.tap()
    (request,) = requests_in()
    post(bob, request["_id"], "accept")
    later(minutes=3)
    with app.app_context():
        transitions.postpone(bob.restaurant_id, [request["_id"]], {"id": bob.member_id, "name": "Bob"})
        restaurant = restaurants.get(bob.restaurant_id)
        assert restaurant is not None
        times = escalation_of(restaurant)
        (card,) = cards.cards_of(requests_in(), "en", times)
    assert card.back_at is not None
    assert card.late_ms == (card.back_at - requests_in()[0]["first_at"]) / timedelta(milliseconds=1)
    page = bob.client.get(f"{bob.home}/dashboard").text
    assert f"You are back at {card.back_at:%H:%M}" in page
    assert f"Bob is back at {card.back_at:%H:%M}" in page
