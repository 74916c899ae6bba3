"""Bob waits tables for Alice: what he sees, and what his taps do."""

from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from flask.testing import FlaskClient

from tests.cast import Person
from waitercaller import restaurants
from waitercaller.db import Document
from waitercaller.requests import store
from waitercaller.tables import store as tables

ACTS = ["accept", "resolve", "dismiss", "reopen"]


@pytest.fixture
def call(app: Flask, alice: Person) -> Callable[..., ObjectId]:
    """`call("7", "bill")`: a guest at table 7 wants the bill; returns the request's id."""

    def called(name: str = "7", kind: str = "waiter", zone: str = "") -> ObjectId:
        with app.app_context():
            zone_id = restaurants.zone_named(alice.restaurant_id, zone)
            if not any(table["name"] == name for table in tables.of_restaurant(alice.restaurant_id)):
                tables.add_many(alice.restaurant_id, [name], zone_id)
            table = next(table for table in tables.of_restaurant(alice.restaurant_id) if table["name"] == name)
            restaurant = restaurants.get(alice.restaurant_id)
            assert restaurant is not None
            chosen = next(each for each in restaurant["kinds"] if each["id"] == kind)
            return store.open_request(restaurant, table, chosen, str(ObjectId()))["_id"]

    return called


@pytest.fixture
def request_of(app: Flask) -> Callable[[ObjectId], Document]:
    return lambda request_id: app.extensions["mongo"].database.requests.find_one({"_id": request_id})


def tap(person: Person, request_id: ObjectId, act: str, query: str = "", **form: Any) -> Any:
    """What the button on a card does, for a browser with scripts."""
    token = person.client.csrf_token(f"{person.home}/dashboard")
    return person.client.post(
        f"{person.home}/requests/{request_id}/{act}{query}",
        data={"csrf_token": token, **form},
        headers={"Accept": "application/json"},
    )


def test_nobody_is_waiting(bob: Person) -> None:
    assert "Nobody is waiting" in bob.client.get(f"{bob.home}/dashboard").text


def test_one_card_for_each_table_with_its_kinds_and_its_zone(bob: Person, call: Any) -> None:
    call("7", zone="Terrace")
    call("7", "bill")
    call("12", "water")
    page = bob.client.get(f"{bob.home}/dashboard").text
    assert "2 tables waiting" in page
    assert page.count("<article") == 2
    for words in ("Terrace", "Waiter", "Bill", "Water"):
        assert words in page


def test_a_tap_accepts_the_whole_card(bob: Person, call: Any, request_of: Any) -> None:
    waiter, bill = call(), call(kind="bill")
    answer = tap(bob, waiter, "accept", ids=f"{waiter} {bill}")
    assert answer.json == {"ok": True, "message": "7: you are on the way."}
    for request_id in (waiter, bill):
        assert request_of(request_id)["by"] == {"id": bob.member_id, "name": "Bob"}
    assert "Bob is on the way" in bob.client.get(f"{bob.home}/dashboard").text


def test_without_a_list_the_address_names_the_request(bob: Person, call: Any, request_of: Any) -> None:
    waiter, bill = call(), call(kind="bill")
    tap(bob, waiter, "resolve")
    assert request_of(waiter)["state"] == "resolved"
    assert request_of(bill)["state"] == "waiting"


def test_the_loser_is_told_who_has_it(alice: Person, bob: Person, call: Any) -> None:
    request_id = call()
    tap(alice, request_id, "accept")
    answer = tap(bob, request_id, "accept")
    assert (answer.status_code, answer.json) == (409, {"ok": False, "message": "Alice has it."})


def test_a_second_tap_of_the_winner_says_so(bob: Person, call: Any) -> None:
    request_id = call()
    tap(bob, request_id, "accept")
    assert tap(bob, request_id, "accept").json["message"] == "7: you have it already."


def test_taking_over_needs_the_name_that_was_seen(alice: Person, bob: Person, call: Any, request_of: Any) -> None:
    request_id = call()
    tap(alice, request_id, "accept")
    assert tap(bob, request_id, "accept", f"?from={alice.member_id}").status_code == 200
    assert request_of(request_id)["by"]["name"] == "Bob"
    assert tap(alice, request_id, "accept", f"?from={alice.member_id}").status_code == 409


def test_done_nobody_there_and_undo(bob: Person, call: Any, request_of: Any) -> None:
    request_id = call()
    for act, state in (("resolve", "resolved"), ("reopen", "waiting"), ("dismiss", "dismissed"), ("reopen", "waiting")):
        assert tap(bob, request_id, act).status_code == 200
        assert request_of(request_id)["state"] == state
    assert [step["by"]["name"] for step in request_of(request_id)["steps"][1:]] == ["Bob"] * 4


def test_what_just_ended_can_be_undone_from_the_page(bob: Person, call: Any) -> None:
    request_id = call()
    tap(bob, request_id, "resolve")
    assert f"/requests/{request_id}/reopen" in bob.client.get(f"{bob.home}/dashboard").text


def test_without_scripts_a_tap_leads_back_with_a_sentence(bob: Person, call: Any) -> None:
    request_id = call()
    answer = bob.client.submit(f"{bob.home}/requests/{request_id}/accept", page=f"{bob.home}/dashboard")
    assert (answer.status_code, answer.location) == (303, f"{bob.home}/dashboard")
    assert "7: you are on the way." in bob.client.get(answer.location).text


@pytest.mark.parametrize("act", ACTS)
def test_a_tap_without_its_token_changes_nothing(bob: Person, call: Any, request_of: Any, act: str) -> None:
    request_id = call()
    assert bob.client.post(f"{bob.home}/requests/{request_id}/{act}").status_code == 400
    assert request_of(request_id)["state"] == "waiting"


@pytest.mark.parametrize("act", ACTS)
def test_requests_of_others_are_not_found(charlie: Person, call: Any, request_of: Any, act: str) -> None:
    request_id = call()
    assert tap(charlie, request_id, act).status_code == 404
    assert request_of(request_id)["state"] == "waiting"


@pytest.mark.parametrize("ids", ["nonsense", "1 2 3", "\0", " ".join(str(ObjectId()) for _ in range(21))])
def test_a_misshapen_list_is_refused(bob: Person, call: Any, request_of: Any, ids: str) -> None:
    request_id = call()
    assert tap(bob, request_id, "resolve", ids=ids).status_code == 400
    assert request_of(request_id)["state"] == "waiting"


def test_an_over_call_says_so(bob: Person, call: Any) -> None:
    request_id = call()
    tap(bob, request_id, "resolve")
    assert tap(bob, request_id, "accept").json["message"] == "7: that call is over already."


def test_get_changes_nothing(bob: Person, call: Any, request_of: Any) -> None:
    request_id = call()
    for act in ACTS:
        assert bob.client.get(f"{bob.home}/requests/{request_id}/{act}").status_code == 405
    assert request_of(request_id)["state"] == "waiting"


def test_malformed_ids_are_not_found(bob: Person) -> None:
    for path in ("/r/nonsense/dashboard", f"/r/{ObjectId()}/dashboard", "/r/%00/dashboard"):
        assert bob.client.get(path).status_code == 404


def test_a_stranger_is_asked_to_log_in(client: FlaskClient, alice: Person) -> None:
    answer = client.get(f"{alice.home}/dashboard")
    assert answer.status_code == 303
    assert answer.location == f"/login?next=/r/{alice.restaurant_id}/dashboard"
