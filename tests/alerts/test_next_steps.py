"""Every live request has a next step that is due: after an acceptance, a hand-over, a reminder and an end as well."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from pymongo.errors import WriteError

from config import Config
from tests.support.calls import BOB, call, enqueued_pushes, found, steps, stored, subscribe
from tests.support.cast import Person
from waitercaller.alerts import due_steps
from waitercaller.db import clock
from waitercaller.model import presence, restaurants, tables
from waitercaller.model.requests import escalation, handover, seen, transitions
from waitercaller.model.restaurants import Actor
from waitercaller.push import encryption

pytestmark = pytest.mark.moments


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, vapid_private_key=encryption.new_private_key())


def test_fifty_requests_whose_steps_fail_do_not_keep_another_from_its_step(
    evening: Person, here: Any, later: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the fifty that are most overdue were tried again and again, and nobody else was."""
    tables.add_many(evening.restaurant_id, [str(number) for number in range(100, 100 + escalation.BATCH_SIZE)], None)
    faulty = {call(evening.restaurant_id, f"tap {each}", each + 2)["_id"] for each in range(escalation.BATCH_SIZE)}
    later(seconds=1)
    last = call(evening.restaurant_id, "the last", 0)
    later(seconds=41)
    advance = escalation.advance
    monkeypatch.setattr(
        escalation, "advance", lambda request, turn: 1 / 0 if request["_id"] in faulty else advance(request, turn)
    )
    assert due_steps.escalate() == 1
    assert steps(here, last) == ["called", "nagged"]


def test_the_call_and_what_is_due_after_it_are_one_write(evening: Person, here: Any) -> None:
    """A process that dies right after a call was stored leaves a call of which phones are told within a second."""
    subscribe(here, evening, "all")
    call(evening.restaurant_id)  # and nothing else: as if the process died
    due_steps.escalate()
    assert enqueued_pushes(here) == [("Alice", "called")]


def test_who_goes_and_forgets_is_reminded_then_colleagues_then_it_waits_again(
    evening: Person, here: Any, later: Callable[..., None]
) -> None:
    subscribe(here, evening, "all")
    request = call(evening.restaurant_id)
    transitions.accept(evening.restaurant_id, [request["_id"]], Actor(id=evening.member_id, name="Alice"))
    told = []
    for seconds in (239, 1, 120):
        later(seconds=seconds)
        due_steps.escalate()
        told.append([step for step in steps(here, request) if step not in ("called", "accepted")])
    assert told == [[], ["taker_reminded"], ["taker_reminded", "colleagues_told"]]
    later(seconds=120)
    due_steps.escalate()
    back = stored(here, request)
    assert (back["state"], back["by"], back["first_at"]) == ("waiting", None, request["first_at"])
    assert back["steps"][-1]["what"] == "returned"
    assert ("Alice", "taker_reminded") in enqueued_pushes(here)
    assert ("Alice", "colleagues_told") not in enqueued_pushes(here), "she is the one who goes"
    assert ("Alice", "returned") in enqueued_pushes(here)


def test_a_guest_who_calls_again_is_told_to_phones_once_a_minute(
    evening: Person, here: Any, later: Callable[..., None]
) -> None:
    subscribe(here, evening, "all")
    restaurants.set_setting(
        evening.restaurant_id, "escalation", {"nag": 600, "all_zones": 700, "alert": 800, "repeat": 600}
    )
    for number in range(7):
        call(evening.restaurant_id, f"tap {number}")
        due_steps.escalate()
        later(seconds=20)
    events = [event for _, event in enqueued_pushes(here)]
    assert events == ["again", "again", "called"], "after 60 and 120 of 120 seconds"


def test_who_was_passed_a_call_and_gives_no_sign_does_not_keep_it(
    evening: Person, here: Any, later: Callable[..., None]
) -> None:
    bob = next(each for each in found(evening.restaurant_id)["members"] if each["name"] == "Bob")
    subscribe(here, evening, "all")
    request = call(evening.restaurant_id)
    alice = Actor(id=evening.member_id, name="Alice")
    transitions.pass_on(evening.restaurant_id, [request["_id"]], Actor(id=bob["id"], name="Bob"), alice)
    later(seconds=19)
    due_steps.escalate()
    assert stored(here, request)["state"] == "accepted"
    later(seconds=1)
    due_steps.escalate()
    back = stored(here, request)
    assert (back["state"], back["by"], back["steps"][-1]["what"]) == ("waiting", None, "returned")
    assert ("Alice", "returned") in enqueued_pushes(here), "she passed it on"


@pytest.mark.parametrize("sign", ["phone", "screen", "counter"])
def test_a_sign_of_the_receiver_is_enough(
    app: Flask, evening: Person, here: Any, later: Callable[..., None], sign: str
) -> None:
    bob = next(each for each in found(evening.restaurant_id)["members"] if each["name"] == "Bob")
    request = call(evening.restaurant_id)
    alice = Actor(id=evening.member_id, name="Alice")
    transitions.pass_on(evening.restaurant_id, [request["_id"]], Actor(id=bob["id"], name="Bob"), alice)
    if sign == "phone":
        seen.sign(evening.restaurant_id, request["_id"], bob)
    else:
        screen: presence.Screen = {
            "id": "a" * 32,
            "member_id": bob["id"] if sign == "screen" else None,
            "name": "Bob",
            "visible": True,
            "audible": False,
            "since": clock.now(),
        }
        presence.hold(evening.restaurant_id, screen)
        seen.record(evening.restaurant_id, [request["_id"]], "a" * 32)
    later(seconds=20)
    due_steps.escalate()
    kept = stored(here, request)
    assert (kept["state"], kept["passed_by"], kept["next_step"]) == ("accepted", None, "taker_reminded")


def test_a_message_on_phones_is_replaced_by_what_has_happened(
    evening: Person, here: Any, later: Callable[..., None]
) -> None:
    subscribe(here, evening, "all")
    request = call(evening.restaurant_id)
    due_steps.escalate()
    transitions.accept(evening.restaurant_id, [request["_id"]], BOB)
    due_steps.escalate()
    transitions.resolve(evening.restaurant_id, [request["_id"]], BOB)
    due_steps.escalate()
    due_steps.escalate()
    states = [each["context"]["state"] for each in here.pushes.find({"event": "outcome"})]
    assert sorted(states) == ["accepted", "resolved"]
    assert here.requests.count_documents({"untold": True}) == 0


@pytest.mark.parametrize("way", ["returned", "released", "reopened"])
def test_whoever_read_that_somebody_goes_or_that_it_is_done_reads_that_it_waits_again(
    evening: Person, hire: Callable[..., Person], here: Any, later: Callable[..., None], way: str
) -> None:
    """Nina is told of calls that nobody answers only: she would read "Bob is on the way" until the next step."""
    nina = hire("Nina", role="waiter", at=evening)
    subscribe(here, evening, "all")
    subscribe(here, nina, "escalated")
    request = call(evening.restaurant_id)
    later(seconds=80)
    due_steps.escalate()
    transitions.accept(evening.restaurant_id, [request["_id"]], BOB)
    due_steps.escalate()
    later(seconds=480 if way == "returned" else 1)
    if way == "released":
        handover.release(evening.restaurant_id, BOB["id"], None)
    if way == "reopened":
        transitions.resolve(evening.restaurant_id, [request["_id"]], BOB)
        due_steps.escalate()
        later(seconds=1)
        transitions.reopen({"restaurant_id": evening.restaurant_id}, [request["_id"]], BOB)
    later(seconds=1)
    due_steps.escalate()
    later(seconds=1)
    due_steps.escalate()
    last = {name: list(here.pushes.find({"subscription_id": f"phone of {name}"}))[-1] for name in ("Alice", "Nina")}
    assert (last["Nina"]["event"], last["Nina"]["context"]["state"]) == ("outcome", "waiting")
    assert last["Alice"]["event"] == "called", "who is told of the call is not told twice"
    assert here.requests.count_documents({"untold": True}) == 0


def test_of_a_new_call_no_phone_has_an_older_message(evening: Person, here: Any) -> None:
    subscribe(here, evening, "all")
    assert not stored(here, call(evening.restaurant_id))["untold"]


@pytest.mark.needs_wire
def test_the_database_refuses_a_live_request_without_a_next_step(evening: Person, here: Any) -> None:
    request = call(evening.restaurant_id)
    for change in ({"due_at": None}, {"next_step": None}):
        with pytest.raises(WriteError):
            here.requests.update_one({"_id": request["_id"]}, {"$set": change})
