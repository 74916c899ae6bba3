"""Transitions of a request from the first tap to its end."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from pymongo.errors import DuplicateKeyError, WriteError

from tests.support.together import at_once_in
from waitercaller.db import clock
from waitercaller.db.client import transaction
from waitercaller.model import restaurants, service_request, tables
from waitercaller.model.requests import queries, transitions
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.model.service_request import Scope
from waitercaller.model.tables import Table

ANNA = restaurants.Actor(id="anna", name="Anna")
BOB = restaurants.Actor(id="bob", name="Bob")
PHONE = "Dana's phone"

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def tap(restaurant: Restaurant, table: Table) -> Callable[..., service_request.ServiceRequest]:
    """`tap("key")`: a guest at the table taps "Call a waiter" on the page that carries this key."""

    def tapped(key: str, kind: str = "waiter") -> service_request.ServiceRequest:
        chosen = next(each for each in restaurant["kinds"] if each["id"] == kind)
        return transitions.open_request(restaurant, table, chosen, key, device=PHONE)

    return tapped


def at(table: Table) -> Scope:
    return {"restaurant_id": table["restaurant_id"], "table_id": table["_id"]}


def state_of(database: Any, request: service_request.ServiceRequest) -> str:
    return str(database.requests.find_one({"_id": request["_id"]})["state"])


def test_a_tap_opens_one_request_with_its_snapshots(tap: Any, restaurant: Restaurant, table: Table) -> None:
    request = tap("k1")
    assert (request["state"], request["live"], request["table_name"]) == ("waiting", True, "7")
    assert request["kind_labels"] == restaurant["kinds"][0]["labels"]
    assert queries.live_of_restaurant(restaurant["_id"])[0]["_id"] == request["_id"]
    assert queries.live_of_table(restaurant["_id"], table["_id"])[0]["_id"] == request["_id"]


def test_the_same_tap_sent_again_is_answered_with_its_request(tap: Any, database: Any) -> None:
    first, again = tap("k1"), tap("k1")
    assert first["_id"] == again["_id"]
    assert again["reminders"] == 0
    assert database.requests.count_documents({}) == 1


def test_another_choice_or_note_on_the_same_page_is_another_tap(restaurant: Restaurant, table: Table) -> None:
    bill = next(each for each in restaurant["kinds"] if each["id"] == "bill")
    card, cash = bill["choices"][:2]
    tap = partial(transitions.open_request, restaurant, table, bill, "k1", device=PHONE)
    first = tap(choice=card)
    assert (tap(choice=card)["reminders"], tap(choice=cash)["choice"]) == (0, cash["id"])
    assert tap(choice=cash)["reminders"] == 1
    last = tap(choice=cash, note="Quickly, please")
    assert (last["_id"], last["reminders"]) == (first["_id"], 2)
    assert (last["choice"], last["note"]) == (cash["id"], "Quickly, please")


def test_a_tap_sent_again_after_its_request_was_resolved_opens_nothing(
    tap: Any, restaurant: Restaurant, database: Any
) -> None:
    first = tap("k1")
    transitions.resolve(restaurant["_id"], [first["_id"]], ANNA)
    assert tap("k1")["state"] == "resolved"
    assert database.requests.count_documents({}) == 1


@pytest.mark.needs_wire  # mongomock compares the arrays of two documents as a whole
def test_a_reminder_sent_again_after_the_end_opens_nothing(tap: Any, restaurant: Restaurant, database: Any) -> None:
    first = tap("k1")
    tap("k2")
    transitions.resolve(restaurant["_id"], [first["_id"]], ANNA)
    assert tap("k2")["_id"] == first["_id"]
    assert database.requests.count_documents({}) == 1


def test_another_tap_reminds_of_the_live_request(tap: Any, restaurant: Restaurant) -> None:
    first = tap("k1")
    transitions.accept(restaurant["_id"], [first["_id"]], ANNA)
    reminded = tap("k2")
    assert (reminded["_id"], reminded["reminders"], reminded["state"]) == (first["_id"], 1, "accepted")
    assert [step["what"] for step in reminded["steps"]] == ["called", "accepted", "reminded"]


def test_one_page_may_call_for_each_kind_once(tap: Any, database: Any) -> None:
    assert tap("k1")["_id"] != tap("k1", "bill")["_id"]
    assert database.requests.count_documents({"live": True}) == 2


def test_the_number_of_reminders_is_bounded(tap: Any) -> None:
    for number in range(transitions.MAX_KEYS_PER_REQUEST + 5):
        request = tap(f"k{number}")
    assert request["reminders"] == transitions.MAX_KEYS_PER_REQUEST - 1
    assert len(request["keys"]) == transitions.MAX_KEYS_PER_REQUEST


def test_after_the_end_a_new_tap_opens_a_new_request(tap: Any, restaurant: Restaurant) -> None:
    first = tap("k1")
    transitions.resolve(restaurant["_id"], [first["_id"]], ANNA)
    second = tap("k2")
    assert second["_id"] != first["_id"]
    assert second["state"] == "waiting"


def test_of_two_who_accept_one_wins(tap: Any, restaurant: Restaurant, database: Any) -> None:
    ids = [tap("k1")["_id"]]
    assert [each["_id"] for each in transitions.accept(restaurant["_id"], ids, ANNA)] == ids
    assert transitions.accept(restaurant["_id"], ids, BOB) == []
    assert database.requests.find_one({"_id": ids[0]})["by"] == ANNA


def test_taking_over_requires_the_present_member(tap: Any, restaurant: Restaurant, database: Any) -> None:
    ids = [tap("k1")["_id"]]
    transitions.accept(restaurant["_id"], ids, ANNA)
    assert transitions.accept(restaurant["_id"], ids, BOB, taken_from="somebody else") == []
    assert len(transitions.accept(restaurant["_id"], ids, BOB, taken_from="anna")) == 1
    assert database.requests.find_one({"_id": ids[0]})["by"] == BOB


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize(
    ("act", "state"),
    [(transitions.resolve, "resolved"), (transitions.dismiss, "dismissed")],
    ids=["resolve", "dismiss"],
)
def test_a_live_request_is_ended_once(
    tap: Any, restaurant: Restaurant, database: Any, act: Any, state: str, accepted: bool
) -> None:
    request = tap("k1")
    if accepted:
        transitions.accept(restaurant["_id"], [request["_id"]], ANNA)
    assert act(restaurant["_id"], [request["_id"]], ANNA) == 1
    assert act(restaurant["_id"], [request["_id"]], BOB) == 0
    assert state_of(database, request) == state
    assert queries.live_of_restaurant(restaurant["_id"]) == []
    assert [each["_id"] for each in queries.recently_ended(restaurant["_id"])] == [request["_id"]]


def test_the_guest_cancels_a_live_request(tap: Any, restaurant: Restaurant, table: Table, database: Any) -> None:
    request = tap("k1")
    assert transitions.cancel(at(table), [request["_id"]], [PHONE]) == 1
    assert state_of(database, request) == "cancelled"
    assert transitions.resolve(restaurant["_id"], [request["_id"]], ANNA) == 0
    assert transitions.cancel(at(table), [request["_id"]], [PHONE]) == 0


def test_a_phone_that_asked_for_nothing_cancels_nothing(tap: Any, table: Table, database: Any) -> None:
    request = tap("k1")
    for phones in ([], ["another phone"]):
        assert transitions.cancel(at(table), [request["_id"]], phones) == 0
    assert state_of(database, request) == "waiting"


def test_other_restaurants_and_tables_change_nothing(tap: Any, database: Any) -> None:
    request = tap("k1")
    stranger = ObjectId()
    for changed in (
        transitions.accept(stranger, [request["_id"]], BOB),
        transitions.resolve(stranger, [request["_id"]], BOB),
        transitions.dismiss(stranger, [request["_id"]], BOB),
        transitions.cancel({"restaurant_id": stranger, "table_id": request["table_id"]}, [request["_id"]], [PHONE]),
        transitions.cancel(
            {"restaurant_id": request["restaurant_id"], "table_id": stranger}, [request["_id"]], [PHONE]
        ),
        transitions.withdraw({"restaurant_id": stranger, "table_id": request["table_id"]}),
    ):
        assert not changed
    assert state_of(database, request) == "waiting"


@pytest.mark.parametrize("end", [transitions.resolve, transitions.dismiss], ids=["resolved", "dismissed"])
def test_an_ended_request_is_reopened_with_its_first_at(tap: Any, restaurant: Restaurant, later: Any, end: Any) -> None:
    request = tap("k1")
    where: Scope = {"restaurant_id": restaurant["_id"]}
    end(restaurant["_id"], [request["_id"]], ANNA)
    later(minutes=4)
    assert transitions.reopen(where, [request["_id"]], ANNA) == 1
    (back,) = queries.live_of_restaurant(restaurant["_id"])
    assert (back["state"], back["by"], back["first_at"]) == ("waiting", None, request["first_at"])


def test_after_five_minutes_a_request_cannot_be_reopened(tap: Any, restaurant: Restaurant, later: Any) -> None:
    request = tap("k1")
    transitions.resolve(restaurant["_id"], [request["_id"]], ANNA)
    later(minutes=5, seconds=1)
    assert transitions.reopen({"restaurant_id": restaurant["_id"]}, [request["_id"]], ANNA) == 0


def test_a_cancelled_request_cannot_be_reopened(tap: Any, restaurant: Restaurant, table: Table) -> None:
    request = tap("k1")
    transitions.cancel(at(table), [request["_id"]], [PHONE])
    assert transitions.reopen({"restaurant_id": restaurant["_id"]}, [request["_id"]], ANNA) == 0


@pytest.mark.parametrize("by", [ANNA, None], ids=["undone by the staff", "the guest says not yet"])
def test_a_newer_request_inherits_the_first_at(
    tap: Any, restaurant: Restaurant, table: Table, later: Any, database: Any, by: Actor | None
) -> None:
    where: Scope = {"restaurant_id": restaurant["_id"]} if by else at(table)
    first = tap("k1")
    transitions.resolve(restaurant["_id"], [first["_id"]], ANNA)
    later(minutes=1)
    newer = tap("k2")
    assert transitions.reopen(where, [first["_id"]], by) == 1
    (live,) = queries.live_of_restaurant(restaurant["_id"])
    assert (live["_id"], live["first_at"]) == (newer["_id"], first["first_at"])
    assert state_of(database, first) == "resolved"


@pytest.mark.needs_wire
def test_a_removed_table_withdraws_its_calls_in_one_transaction(
    tap: Any, restaurant: Restaurant, table: Table, database: Any
) -> None:
    request = tap("k1")

    def fails(txn: Any) -> None:
        tables.remove(restaurant["_id"], table["_id"], txn)
        transitions.withdraw({"restaurant_id": restaurant["_id"], "table_id": table["_id"]}, txn)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        transaction(fails)
    assert state_of(database, request) == "waiting"
    assert tables.get(restaurant["_id"], table["_id"]) is not None

    transaction(lambda txn: transitions.withdraw({"restaurant_id": restaurant["_id"], "table_id": table["_id"]}, txn))
    assert state_of(database, request) == "withdrawn"


@pytest.mark.needs_wire
def test_the_database_refuses_a_second_live_request_and_a_misshapen_one(tap: Any, database: Any) -> None:
    request = tap("k1")
    with pytest.raises(DuplicateKeyError):
        database.requests.insert_one({**request, "_id": ObjectId(), "keys": ["other"]})
    with pytest.raises(WriteError):
        database.requests.update_one({"_id": request["_id"]}, {"$set": {"state": "unheard of"}})


@pytest.mark.needs_wire
def test_fifty_concurrent_taps_of_one_page_are_one_request(app: Flask, tap: Any, database: Any) -> None:
    found = at_once_in(app, *[partial(tap, "k1")] * 50)
    assert len({request["_id"] for request in found}) == 1
    (request,) = database.requests.find()
    assert request["reminders"] == 0


@pytest.mark.needs_wire
def test_fifty_phones_at_once_are_one_request_and_its_reminders(app: Flask, tap: Any, database: Any) -> None:
    found = at_once_in(app, *(partial(tap, f"k{number}") for number in range(50)))
    assert len({request["_id"] for request in found}) == 1
    (request,) = database.requests.find()
    assert request["reminders"] == 49


@pytest.mark.needs_wire
def test_of_twenty_who_accept_at_once_one_wins(app: Flask, tap: Any, restaurant: Restaurant, database: Any) -> None:
    ids = [tap("k1")["_id"]]
    actors = [restaurants.Actor(id=str(number), name=f"Waiter {number}") for number in range(20)]
    won = at_once_in(app, *(partial(transitions.accept, restaurant["_id"], ids, actor) for actor in actors))
    assert [len(taken) for taken in won if taken] == [1]
    request = database.requests.find_one({"_id": ids[0]})
    assert request["by"] == next(actor for actor, taken in zip(actors, won, strict=True) if taken)
    assert [step["what"] for step in request["steps"]] == ["called", "accepted"]


@pytest.mark.needs_wire
def test_accept_against_cancel_is_consistent(app: Flask, tap: Any, restaurant: Restaurant, table: Table) -> None:
    outcomes: Counter[str] = Counter()
    for round_number in range(10):
        request = tap(f"k{round_number}")
        ids = [request["_id"]]
        both: list[Callable[[], object]] = [
            partial(transitions.accept, restaurant["_id"], ids, ANNA),
            partial(transitions.cancel, at(table), ids, [PHONE]),
        ]
        at_once_in(app, *both)
        (after,) = queries.with_ids(at(table), ids)
        assert after["state"] == "cancelled"  # cancel succeeds before or after accept
        assert not after["live"]
        outcomes[" ".join(step["what"] for step in after["steps"])] += 1
    assert set(outcomes) <= {"called cancelled", "called accepted cancelled"}


@pytest.mark.needs_wire
def test_reopen_against_a_new_call_leaves_one_live_request_with_the_first_clock(
    app: Flask, tap: Any, restaurant: Restaurant
) -> None:
    where: Scope = {"restaurant_id": restaurant["_id"]}
    for round_number in range(10):
        first = tap(f"a{round_number}")
        transitions.resolve(restaurant["_id"], [first["_id"]], ANNA)
        both = [partial(transitions.reopen, where, [first["_id"]], ANNA), partial(tap, f"b{round_number}")]
        at_once_in(app, *both)
        (live,) = queries.live_of_restaurant(restaurant["_id"])
        assert live["first_at"] == first["first_at"]
        transitions.cancel({**where, "table_id": live["table_id"]}, [live["_id"]], [PHONE])


def test_a_request_is_due_after_the_first_time_of_the_escalation(tap: Any) -> None:
    request = tap("k1")
    assert request["due_at"] - clock.now() <= service_request.escalation_of(None).nag
