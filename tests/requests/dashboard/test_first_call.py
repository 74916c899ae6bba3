"""The page "Your first call": its steps, and a test call from a phone, which no figure counts."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import segno
from flask import Flask

from tests.support.cast import Browser, Person, visit
from waitercaller.alerts import due_steps
from waitercaller.db import clock
from waitercaller.model import first_call, restaurants, tables
from waitercaller.model.requests import rehearsals, transitions
from waitercaller.model.rollups import store
from waitercaller.model.service_request import ServiceRequest
from waitercaller.web.qr import qr_svg

pytestmark = pytest.mark.moments


@pytest.fixture
def owner(app: Flask, alice: Person) -> Person:
    """Alice, whose restaurant is new, closed now, and has two tables."""
    with app.app_context():
        first_call.begin(alice.restaurant_id, None)
        tables.add_many(alice.restaurant_id, ["1", "2"], None)
        close = {"opening": {"state": "closed", "until": None}}
        restaurants.documents().update_one({"_id": alice.restaurant_id}, {"$set": close})
        restaurants.forget(alice.restaurant_id)
    return alice


def page(owner: Person) -> str:
    return owner.client.get(f"{owner.home}/first-call").text


def current(owner: Person) -> str:
    found = re.search(r'data-current="(\w*)"', page(owner))
    assert found
    return found[1]


def send(owner: Person, act: str, **data: str) -> Any:
    return owner.client.submit(f"{owner.home}/first-call-{act}", data, page=f"{owner.home}/first-call")


def code_address(owner: Person) -> str:
    """The address in the page's code."""
    found = re.search(r'class="first-call-code" href="http://localhost([^"]+)"', page(owner))
    assert found
    return found[1]


def tap(phone: Browser, address: str) -> str:
    """Open a table's page and call for a waiter; the address that it leads to."""
    opened = phone.get(address).text
    action = re.search(r'id="call" method="post" action="([^"]+)"', opened)
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', opened))
    assert action
    answer = phone.post(action[1].replace("&amp;", "&"), data={**form, "kind": "waiter"})
    assert answer.status_code == 303
    return answer.location


@pytest.fixture
def called(app: Flask) -> Callable[[], list[ServiceRequest]]:
    return lambda: list(app.extensions["mongo"].database.requests.find().sort("created_at"))


def counted(app: Flask, owner: Person) -> int:
    now = clock.now()
    with app.app_context():
        return len(store.calls_between(owner.restaurant_id, now - timedelta(days=1), now + timedelta(days=1), 9))


# --- the steps --------------------------------------------------------------------------------------------------------


def test_the_steps_are_done_one_after_the_other(app: Flask, alice: Person) -> None:
    assert alice.client.get(f"{alice.home}/first-call").status_code == 303, "this restaurant is not new"
    with app.app_context():
        first_call.begin(alice.restaurant_id, None)
        restaurants.forget(alice.restaurant_id)
    assert current(alice) == "tables"
    refused = send(alice, "tables", names="1-100000")
    assert (refused.status_code, "At most 200 tables at once" in refused.text) == (400, True)
    assert current(alice) == "tables"
    assert send(alice, "tables", names="1-12").status_code == 303
    assert current(alice) == "hours"
    refused = send(alice, "hours", opens="<i>", closes="25:00", time_zone="Europe/Nowhere")
    assert (refused.status_code, refused.text.count('aria-invalid="true"')) == (400, 3)
    assert "<i>" not in refused.text
    assert send(alice, "hours", opens="18:00", closes="01:00", time_zone="Europe/Rome").status_code == 303
    with app.app_context():
        restaurant = restaurants.get(alice.restaurant_id)
        assert restaurant
    assert restaurant["time_zone"] == "Europe/Rome"
    assert restaurant["hours"] == [{"day": day, "opens": "18:00", "closes": "01:00"} for day in range(7)]
    assert current(alice) == "call"
    assert "Every day from 18:00 to 01:00 (Rome)" in page(alice)
    assert send(alice, "said", what="something").status_code == 400
    for what in ("heard", "printed"):
        assert send(alice, "said", what=what).status_code == 303
    assert "4 of 6 steps are done" in page(alice)
    assert "/staff?add=screen#add-screen" in page(alice)
    assert 'id="add-screen" open' in alice.client.get(f"{alice.home}/staff?add=screen").text
    for path in ("tables", "tables/print", "dashboard"):
        assert "What is left to do before the first evening" in alice.client.get(f"{alice.home}/{path}").text
    assert send(alice, "end").status_code == 303
    assert "Your first call" not in alice.client.get(f"{alice.home}/dashboard").text
    assert alice.client.get(f"{alice.home}/first-call").status_code == 303


# --- the test call ----------------------------------------------------------------------------------------------------


def test_a_test_from_the_owners_phone_is_seen_as_one_and_counted_nowhere(
    app: Flask, owner: Person, called: Any
) -> None:
    address, phone = code_address(owner), visit(app)
    assert str(qr_svg(segno.make_qr(f"http://localhost{address}", error="l"))) in page(owner)
    assert "This is a test" in phone.get(address).text, "it can be tried while the restaurant is closed"
    after = tap(phone, address)
    assert "This is a test" in phone.get(after).text
    assert "<b>Test</b> · " in owner.client.get(f"{owner.home}/dashboard").text
    (request,) = called()
    assert request["table_name"] == "1"
    assert counted(app, owner) == 0
    with app.app_context():
        transitions.accept(owner.restaurant_id, [request["_id"]], {"id": owner.member_id, "name": "Alice"})
    assert "Alice took it after" in page(owner)
    with app.app_context():
        transitions.resolve(owner.restaurant_id, [request["_id"]], {"id": owner.member_id, "name": "Alice"})
    assert "Not yet?" not in phone.get(after).text


def test_what_was_not_seen_is_said(app: Flask, owner: Person, later: Callable[..., None]) -> None:
    phone = visit(app)
    after = tap(phone, code_address(owner))
    later(seconds=6)
    assert "No screen shows your test call" in phone.get(after).text
    assert "No screen was open, and no phone is told of calls." in page(owner)
    for _ in range(8):  # it waits as long as a guest's call, and ends by itself
        later(seconds=40)
        with app.app_context():
            due_steps.escalate()
    assert "It was a test, which ends by itself." in phone.get(after).text
    assert "Nobody took it, so it has gone through all steps." in page(owner)
    assert "No screen was open." in page(owner)


def test_a_guest_who_calls_for_the_same_makes_it_a_call(app: Flask, owner: Person, called: Any) -> None:
    with app.app_context():
        restaurants.documents().update_one({"_id": owner.restaurant_id}, {"$unset": {"opening": ""}})
        restaurants.forget(owner.restaurant_id)
    for number, is_same_phone in enumerate((False, True)):
        phone = visit(app)
        address = code_address(owner)
        tap(phone, address)
        assert "rehearsal" in called()[-1]
        tap(phone if is_same_phone else visit(app), address.partition("?")[0])
        assert "rehearsal" not in called()[-1]
        assert counted(app, owner) == number + 1
        with app.app_context():
            transitions.resolve(owner.restaurant_id, [called()[-1]["_id"]], {"id": owner.member_id, "name": "Alice"})


def test_a_call_of_no_known_phone_makes_a_test_of_no_known_phone_a_call(app: Flask, owner: Person, called: Any) -> None:
    with app.app_context():
        restaurant = restaurants.get(owner.restaurant_id)
        assert restaurant is not None
        table, kind = tables.of_restaurant(owner.restaurant_id)[0], restaurant["kinds"][0]
        transitions.open_request(restaurant, table, kind, "a test", rehearsal=rehearsals.expected(restaurant))
        transitions.open_request(restaurant, table, kind, "a tap")
    assert ["rehearsal" in each for each in called()] == [False]


def test_never_mind_ends_a_test_too(app: Flask, owner: Person, called: Any) -> None:
    phone = visit(app)
    opened = phone.get(tap(phone, code_address(owner))).text
    cancel = re.search(r'formaction="([^"]+/cancel[^"]*)"', opened)
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', opened))
    assert cancel
    phone.post(cancel[1].replace("&amp;", "&"), data=form)
    assert [request["state"] for request in called()] == ["cancelled"]


def test_only_its_own_young_code_makes_a_test(app: Flask, owner: Person, called: Any, later: Any) -> None:
    path, _, query = code_address(owner).partition("?")
    with app.app_context():
        other = tables.of_restaurant(owner.restaurant_id)[1]["code"]
    for address in (f"/t/{other}?{query}", f"{path}?test=forged", path):
        assert "We are closed now" in visit(app).get(address).text, "it is no test"
    later(minutes=70)
    assert "We are closed now" in visit(app).get(f"{path}?{query}").text
    fresh = code_address(owner)
    assert "This is a test" in visit(app).get(fresh).text
    send(owner, "end")
    assert "We are closed now" in visit(app).get(fresh).text
    assert called() == []


@pytest.mark.parametrize(("url", "is_told"), [("http://127.0.0.1:8000", True), ("http://192.168.0.7:8000", False)])
def test_who_serves_this_computer_alone_is_told_that_no_phone_opens_the_codes(
    app: Flask, owner: Person, monkeypatch: pytest.MonkeyPatch, url: str, is_told: bool
) -> None:
    monkeypatch.setitem(app.extensions, "config", replace(app.extensions["config"], public_url=url))
    for path in ("first-call", "tables/print"):
        assert ("HOST=0.0.0.0 make run" in owner.client.get(f"{owner.home}/{path}").text) is is_told
