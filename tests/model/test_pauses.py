"""Pauses of phones after two dismissed calls, and of tables by hand."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from pymongo.errors import DuplicateKeyError

from tests.support.together import at_once_in
from waitercaller.db import clock
from waitercaller.model import pauses, restaurants, tables
from waitercaller.model.requests import queries, transitions
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import Scope, ServiceRequest
from waitercaller.model.tables import Table

ANNA = restaurants.Actor(id="anna", name="Anna")
BOB = restaurants.Actor(id="bob", name="Bob")
PHONE = "the hash of a cookie"

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.moments]

Call = Callable[..., ServiceRequest]


@pytest.fixture
def call(restaurant: Restaurant, table: Table, later: Any) -> Call:
    """`call("bill")`: 10 s later, Dana's phone calls for the bill."""

    def called(kind: str = "waiter", phone: str | None = PHONE) -> ServiceRequest:
        later(seconds=10)
        chosen = next(each for each in restaurant["kinds"] if each["id"] == kind)
        return transitions.open_request(restaurant, table, chosen, str(ObjectId()), device=phone)

    return called


def nobody_there(*requests: ServiceRequest, by: restaurants.Actor = ANNA) -> list[bool]:
    """Dismiss these requests; returns for each changed phone whether it is paused."""
    restaurant_id, ids = requests[0]["restaurant_id"], [request["_id"] for request in requests]
    transitions.dismiss(restaurant_id, ids, by)
    return reviewed(*requests)


def reviewed(*requests: ServiceRequest) -> list[bool]:
    restaurant_id, ids = requests[0]["restaurant_id"], [request["_id"] for request in requests]
    found = queries.with_ids({"restaurant_id": restaurant_id}, ids)
    return [paused for _, paused in pauses.review(restaurant_id, found)]


def undo(request: ServiceRequest) -> list[bool]:
    """Reopen a dismissed request, as staff."""
    transitions.reopen({"restaurant_id": request["restaurant_id"]}, [request["_id"]], ANNA)
    return reviewed(request)


def is_paused(table: Table, *phones: str) -> bool:
    return pauses.applying_to(table, list(phones)) is not None


def test_nobody_there_twice_within_an_hour_pauses_the_phone_for_three_hours(
    call: Call, table: Table, later: Any
) -> None:
    assert nobody_there(call()) == []
    assert not is_paused(table, PHONE)
    later(minutes=59, seconds=45)
    assert nobody_there(call()) == [True]
    assert is_paused(table, PHONE)
    assert not is_paused(table, "another phone")
    later(minutes=179)
    assert is_paused(table, PHONE)
    later(minutes=2)
    assert not is_paused(table, PHONE)


def test_twice_within_more_than_an_hour_pauses_nobody(call: Call, table: Table, later: Any) -> None:
    nobody_there(call())
    later(minutes=61)
    assert nobody_there(call()) == []
    assert not is_paused(table, PHONE)


def test_requests_that_are_dismissed_together_count_once(call: Call, table: Table) -> None:
    assert nobody_there(call("waiter"), call("bill"), call("water")) == []
    assert not is_paused(table, PHONE)
    assert nobody_there(call("bill")) == [True]


def test_it_counts_by_phone_over_all_tables_of_a_restaurant(
    restaurant: Restaurant, call: Call, table: Table, later: Any
) -> None:
    tables.add_many(restaurant["_id"], ["8"], None)
    other_table = tables.of_restaurant(restaurant["_id"])[1]
    nobody_there(call())
    later(minutes=5)
    kind = restaurant["kinds"][0]
    assert nobody_there(transitions.open_request(restaurant, other_table, kind, "k", device=PHONE)) == [True]
    assert is_paused(table, PHONE)
    assert is_paused(other_table, PHONE)


def test_calls_without_a_known_phone_and_those_of_different_phones_pause_nobody(call: Call, table: Table) -> None:
    for phone in (None, None, "one", "two"):
        assert nobody_there(call(phone=phone)) == []
    assert pauses.active(table["restaurant_id"]) == []


def test_a_pause_does_not_apply_to_other_restaurants(call: Call, database: Any) -> None:
    nobody_there(call())
    nobody_there(call())
    elsewhere: Any = {"restaurant_id": ObjectId(), "_id": ObjectId(), "name": "1"}
    assert not is_paused(elsewhere, PHONE)


def test_an_undo_by_staff_reduces_the_count_and_lifts_the_pause(call: Call, table: Table) -> None:
    nobody_there(call())
    second = call()
    assert nobody_there(second) == [True]
    assert undo(second) == [False]
    assert not is_paused(table, PHONE)
    assert nobody_there(second) == [True]


def test_an_undo_counts_also_where_the_table_has_called_again_since(call: Call, table: Table) -> None:
    nobody_there(call())
    second = call()
    nobody_there(second)
    newer = call(phone="another phone at the table")
    assert undo(second) == [False]
    (live,) = queries.live_of_table(table["restaurant_id"], table["_id"])
    assert (live["_id"], live["first_at"]) == (newer["_id"], second["first_at"])
    assert not is_paused(table, PHONE)


def test_an_undo_by_the_guest_does_not_reduce_the_count(call: Call, table: Table, later: Any) -> None:
    request = call()
    nobody_there(request)
    place: Scope = {"restaurant_id": table["restaurant_id"], "table_id": table["_id"]}
    later(minutes=1)
    assert transitions.reopen(place, [request["_id"]], None) == 1
    assert nobody_there(request) == [True]
    assert is_paused(table, PHONE)


def test_an_undo_of_a_third_time_lifts_nothing(call: Call, table: Table, later: Any) -> None:
    third = call("bill")
    nobody_there(call())
    later(minutes=50)
    nobody_there(call())
    later(minutes=30)
    nobody_there(third)
    assert undo(third) == []
    assert is_paused(table, PHONE)


def test_after_a_lifted_pause_earlier_dismissals_do_not_count(call: Call, table: Table) -> None:
    nobody_there(call())
    nobody_there(call())
    (pause,) = pauses.active(table["restaurant_id"])
    assert pauses.lift(ObjectId(), pause["_id"]) is None
    assert pauses.lift(table["restaurant_id"], pause["_id"]) is not None
    assert pauses.lift(table["restaurant_id"], pause["_id"]) is None
    assert not is_paused(table, PHONE)
    assert nobody_there(call()) == []
    assert nobody_there(call()) == [True]


def test_a_table_is_paused_for_a_quarter_of_an_hour_whichever_phone_taps(table: Table, later: Any) -> None:
    assert pauses.pause_table(table)
    assert not pauses.pause_table(table)
    assert is_paused(table)
    assert is_paused(table, PHONE)
    later(minutes=14, seconds=59)
    assert is_paused(table, PHONE)
    later(seconds=2)
    assert not is_paused(table, PHONE)
    assert pauses.pause_table(table)


def test_taps_are_counted_up_to_a_maximum(table: Table) -> None:
    pauses.pause_table(table)
    for _ in range(pauses.MAX_TAPS_COUNTED + 2):
        pause = pauses.applying_to(table, [PHONE])
        assert pause is not None
        pauses.count_tap(pause, table)
    assert [each["taps"] for each in pauses.active(table["restaurant_id"])] == [pauses.MAX_TAPS_COUNTED]


def test_a_pause_begins_without_the_taps_of_the_last_one(table: Table, later: Any) -> None:
    pauses.pause_table(table)
    (pause,) = pauses.active(table["restaurant_id"])
    pauses.count_tap(pause, table)
    later(minutes=16)
    pauses.count_tap(pause, table)  # a delayed tap of the previous pause
    pauses.pause_table(table)
    assert [each["taps"] for each in pauses.active(table["restaurant_id"])] == [0]


def test_an_expired_pause_is_marked_once(table: Table, later: Any, database: Any) -> None:
    pauses.pause_table(table)
    assert pauses.end_due() == 0
    later(minutes=16)
    assert pauses.end_due() == 1
    assert pauses.end_due() == 0
    assert database.pauses.find_one()["purge_at"] > clock.now()  # it is not purged before the watchers read the change


def test_the_database_refuses_a_second_pause_of_the_same_phone(table: Table, database: Any) -> None:
    pauses.pause_table(table)
    again = {**database.pauses.find_one(), "_id": ObjectId()}
    with pytest.raises(DuplicateKeyError):
        database.pauses.insert_one(again)


@pytest.mark.needs_wire
def test_concurrent_dismissals_pause_the_phone_once(app: Flask, call: Call, table: Table) -> None:
    for number in range(8):
        phone = f"phone {number}"
        works = [
            partial(nobody_there, call(kind, phone), by=actor) for kind, actor in (("waiter", ANNA), ("bill", BOB))
        ]
        assert sorted(at_once_in(app, *works)) == [[], [True]]
        assert is_paused(table, phone)
    assert len(pauses.active(table["restaurant_id"])) == 8


@pytest.mark.parametrize("anna", ["dismisses", "reopens"])
def test_an_outdated_count_lifts_no_pause(call: Call, monkeypatch: pytest.MonkeyPatch, anna: str) -> None:
    """Anna's count of dismissals is outdated when she acts on it: Bob has dismissed another call meanwhile."""
    if anna == "reopens":
        nobody_there(call("bill"))
    first, second = call("waiter"), call("bill")
    count = pauses._failed_visits

    def outdated(*args: Any) -> Any:
        found = count(*args)
        monkeypatch.setattr(pauses, "_failed_visits", count)
        nobody_there(second, by=BOB)
        return found

    if anna == "reopens":
        assert nobody_there(first) == [True]
    monkeypatch.setattr(pauses, "_failed_visits", outdated)
    assert (undo if anna == "reopens" else nobody_there)(first) == []
    assert [each["subject"] for each in pauses.active(first["restaurant_id"])] == [f"phone:{PHONE}"]


@pytest.mark.needs_wire
def test_an_undo_against_a_second_time_is_consistent(app: Flask, call: Call, table: Table) -> None:
    for number in range(8):
        phone = f"phone {number}"
        first, second = call("waiter", phone), call("bill", phone)
        nobody_there(first)
        at_once_in(app, partial(undo, first), partial(nobody_there, second, by=BOB))
        assert not is_paused(table, phone)
        transitions.dismiss(table["restaurant_id"], [first["_id"]], ANNA)


@pytest.mark.needs_wire
def test_concurrent_pauses_of_a_table_create_one(app: Flask, table: Table) -> None:
    paused = at_once_in(app, *[partial(pauses.pause_table, table)] * 8)
    assert sorted(paused) == [False] * 7 + [True]


@pytest.mark.needs_wire
def test_concurrent_taps_are_all_counted(app: Flask, table: Table) -> None:
    pauses.pause_table(table)
    (pause,) = pauses.active(table["restaurant_id"])
    at_once_in(app, *[partial(pauses.count_tap, pause, table)] * 20)
    assert [each["taps"] for each in pauses.active(table["restaurant_id"])] == [20]


# --- the cache ---------------------------------------------------------------------------------------------------


def test_that_a_restaurant_has_no_pauses_is_cached(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_paused(table, PHONE)
    with monkeypatch.context() as patch:
        patch.setattr(pauses, "db", lambda: pytest.fail("the database was asked"))
        assert not is_paused(table, PHONE)
    pauses.pause_table(table)
    assert is_paused(table, PHONE)


def test_a_stale_cached_pause_suppresses_no_call(database: Any, table: Table) -> None:
    pauses.pause_table(table)
    assert is_paused(table)
    database.pauses.update_many({}, {"$set": {"over": True}})  # not known to this process yet
    assert not is_paused(table)
