"""The escalation of a request that nobody accepts: nagged, raised to all zones, managers alerted; each step once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from pymongo.errors import WriteError

from config import Config
from tests.live.test_watcher import settle
from tests.support.calls import BOB, call, enqueued_pushes, found, steps, stored, subscribe
from tests.support.cast import Mail, Person
from waitercaller import metrics
from waitercaller.alerts import due_steps
from waitercaller.alerts import mails as alert_mails
from waitercaller.db import clock
from waitercaller.live.hub import Hub
from waitercaller.model import restaurants, tables
from waitercaller.model.requests import escalation, handover, transitions
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.tables import Table
from waitercaller.push import encryption

pytestmark = pytest.mark.moments

Mails = Callable[[], list[Mail]]
Tap = Callable[..., ServiceRequest]


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, vapid_private_key=encryption.new_private_key())


@pytest.fixture
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `later` moves the clock, however long a busy machine takes."""
    began = clock.now() - clock._offset
    monkeypatch.setattr(clock, "now", lambda: began + clock._offset)


@pytest.fixture
def restaurant(database: Any) -> Restaurant:
    """The Trattoria Lucia with table 7, on whichever database the test runs."""
    restaurant_id = restaurants.create("Trattoria Lucia", ObjectId(), "Alice", "en", None)
    tables.add_many(restaurant_id, ["7", "Terrace 3"], None)
    return found(restaurant_id)


@pytest.fixture
def tap(restaurant: Restaurant) -> Tap:
    """`tap()`: a guest calls from table 7."""
    return lambda key="a tap", table=0: call(restaurant["_id"], key, table)


# --- when -------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("standing_clock")
def test_each_step_is_taken_when_it_is_due_and_no_earlier(tap: Tap, database: Any, later: Callable[..., None]) -> None:
    request = tap()
    for seconds, step in ((39, None), (1, "nagged"), (39, None), (1, "raised"), (39, None), (1, "alerted")):
        later(seconds=seconds)
        before = steps(database, request)
        due_steps.escalate()
        assert steps(database, request) == before + ([step] if step else [])
    for repetition in range(1, 4):
        later(seconds=60)
        assert due_steps.escalate() == 1
        after = stored(database, request)
        assert (after["level"], after["next_step"]) == (3 + repetition, "repeated")
    assert steps(database, request) == ["called", "nagged", "raised", "alerted"]


@pytest.mark.usefixtures("standing_clock")
def test_the_restaurants_own_times_hold(restaurant: Restaurant, database: Any, later: Callable[..., None]) -> None:
    restaurants.set_setting(restaurant["_id"], "escalation", {"nag": 20, "all_zones": 200, "alert": 260})
    request = call(restaurant["_id"])
    for seconds, level in ((20, 1), (179, 1), (1, 2), (59, 2), (1, 3)):
        later(seconds=seconds)
        due_steps.escalate()
        assert stored(database, request)["level"] == level


def test_steps_missed_while_all_processes_were_down_are_taken_at_once(
    tap: Tap, database: Any, later: Callable[..., None]
) -> None:
    request = tap()
    later(minutes=10)
    assert due_steps.escalate() == 1
    assert steps(database, request) == ["called", "nagged", "raised", "alerted"]


def test_nothing_happens_to_a_request_to_which_somebody_goes_or_which_is_over(
    tap: Tap, restaurant: Restaurant, database: Any, later: Callable[..., None]
) -> None:
    accepted, ended = tap("one"), tap("two", table=1)
    transitions.accept(restaurant["_id"], [accepted["_id"]], BOB)
    transitions.resolve(restaurant["_id"], [ended["_id"]], BOB)
    later(minutes=3)
    assert due_steps.escalate() == 0


@pytest.mark.parametrize("act", ["accept", "resolve", "withdraw", "accept and release"])
def test_what_happened_since_it_was_read_wins_over_the_step(
    tap: Tap, restaurant: Restaurant, database: Any, later: Callable[..., None], act: str
) -> None:
    request, where = tap(), restaurant["_id"]
    later(seconds=41)
    (read,) = escalation.due()
    if act == "withdraw":
        transitions.withdraw({"restaurant_id": where})
    elif act == "resolve":
        transitions.resolve(where, [request["_id"]], BOB)
    else:
        transitions.accept(where, [request["_id"]], BOB)
    if act == "accept and release":
        handover.release(where, "bob", None)
    assert not escalation.advance(read, escalation.turn_of(read, restaurant))
    assert stored(database, request)["level"] == 0


def test_a_request_that_waits_again_starts_its_escalation_anew(
    tap: Tap, restaurant: Restaurant, database: Any, later: Callable[..., None]
) -> None:
    """The guest's clock continues; the escalation's times start again."""
    request = tap()
    later(minutes=3)
    due_steps.escalate()
    transitions.resolve(restaurant["_id"], [request["_id"]], BOB)
    transitions.reopen({"restaurant_id": restaurant["_id"]}, [request["_id"]], BOB)
    assert due_steps.escalate() == 0
    for _ in range(3):
        later(seconds=40)
        assert due_steps.escalate() == 1
    back = stored(database, request)
    assert (back["level"], back["first_at"]) == (3, request["first_at"])


@pytest.mark.parametrize("fault", [KeyError("a name"), WriteError("misshapen")], ids=["ours", "of the database"])
def test_a_fault_with_one_request_does_not_stop_the_others(
    tap: Tap, database: Any, later: Callable[..., None], monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    faulty, other = tap("one"), tap("two", table=1)
    later(seconds=41)
    advance = escalation.advance

    def fail(request: ServiceRequest, *rest: Any) -> bool:
        if request["_id"] == faulty["_id"]:
            raise fault
        return advance(request, *rest)

    monkeypatch.setattr(escalation, "advance", fail)
    assert due_steps.escalate() == 1
    assert steps(database, other) == ["called", "nagged"]
    monkeypatch.undo()


def test_more_requests_than_one_look_finds_are_all_served(
    tap: Tap, restaurant: Restaurant, database: Any, later: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(escalation, "BATCH_SIZE", 2)
    tables.add_many(restaurant["_id"], ["20", "21", "22", "23"], None)
    for table in range(5):
        tap(f"tap {table}", table)
    later(minutes=3)
    assert due_steps.escalate() == 5


def test_steps_are_counted(tap: Tap, later: Callable[..., None]) -> None:
    def counted() -> list[float]:
        return [metrics.ESCALATIONS.labels(step)._value.get() for step in escalation.WAITING_STEPS]

    before = counted()
    tap()
    later(seconds=85)
    due_steps.escalate()
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 1, 0]


def test_a_step_wakes_the_screens_and_the_guests_page_only_where_it_reads_differently(
    app: Flask, watcher: Hub, table: Table, later: Callable[..., None]
) -> None:
    screens, page = f"restaurant:{table['restaurant_id']}", f"table:{table['_id']}"
    subscription = watcher.subscribe(screens, page)

    def woken() -> set[str]:
        """By all changes so far."""
        settle(app, watcher)
        return subscription.wait(0)

    with app.app_context():
        request = call(table["restaurant_id"])
        assert woken() == {screens, page}
        for seconds in (41, 40, 40):  # nagged, raised, alerted
            later(seconds=seconds)
            due_steps.escalate()
            assert woken() == {screens}
        transitions.accept(table["restaurant_id"], [request["_id"]], BOB)
        assert woken() == {screens, page}
        later(seconds=481)  # it waits again
        due_steps.escalate()
        assert woken() == {screens, page}
        subscription.close()


# --- who is told -----------------------------------------------------------------------------------------------------


def test_owners_and_managers_get_a_mail_that_says_who_waits(
    evening: Person, mails: Mails, later: Callable[..., None]
) -> None:
    call(evening.restaurant_id, "one")
    later(seconds=60)
    call(evening.restaurant_id, "two", table=1)
    later(minutes=2)
    due_steps.escalate()
    sent = mails()
    assert [each.to for each in sent] == ["alice@example.org", "maria@example.org"]
    assert sent[0].subject == "2 tables are left waiting · Trattoria Lucia"
    assert "- Table 7 (3 minutes)\n- Terrace 3 (2 minutes)\n" in sent[0].text.replace("\r", "")
    assert sent[0].path == f"{evening.home}/dashboard"
    assert "<b>Terrace 3 (2 minutes)</b>" in sent[0].html


def test_the_turn_of_a_quarter_of_an_hour_makes_no_second_mail(
    evening: Person, mails: Mails, later: Callable[..., None]
) -> None:
    rest = alert_mails.MAIL_INTERVAL.total_seconds()
    later(seconds=(-150 - clock.now().timestamp()) % rest)
    before = call(evening.restaurant_id, "half a minute before the turn it has waited for two")
    later(seconds=60)
    after = call(evening.restaurant_id, "and this one half a minute after it", table=1)
    later(minutes=2)
    due_steps.escalate()
    assert len(mails()) == 2  # Alice's and Maria's
    transitions.resolve(evening.restaurant_id, [before["_id"], after["_id"]], BOB)
    later(seconds=rest)
    call(evening.restaurant_id, "later")
    later(minutes=3)
    due_steps.escalate()
    assert len(mails()) == 2


def test_no_mail_where_nobody_has_asked_for_them(
    alice: Person, here: Any, table: Table, mails: Mails, later: Callable[..., None]
) -> None:
    call(alice.restaurant_id)
    later(minutes=3)
    assert due_steps.escalate() == 1
    assert mails() == []


def test_no_mail_when_somebody_went_before_it_was_sent(
    evening: Person, mails: Mails, later: Callable[..., None]
) -> None:
    request = call(evening.restaurant_id)
    later(minutes=3)
    due_steps.escalate()
    transitions.accept(evening.restaurant_id, [request["_id"]], BOB)
    assert mails() == []


def test_one_evening_fills_no_mailbox(evening: Person, mails: Mails, later: Callable[..., None]) -> None:
    """A call every four minutes that nobody accepts for three: at most one mail in 15 minutes."""
    sent = []
    for number in range(30):
        request = call(evening.restaurant_id, f"tap {number}")
        later(minutes=3)
        due_steps.escalate()
        sent.append(len(mails()))
        transitions.resolve(evening.restaurant_id, [request["_id"]], BOB)
        later(minutes=1)
    assert set(sent) == {0, 2}
    assert 8 <= sent.count(2) <= 9, "of two hours"


def test_mails_are_in_the_language_of_the_restaurant_and_hold_no_markup(
    evening: Person, here: Any, mails: Mails, later: Callable[..., None]
) -> None:
    names = {"name": "<b>Lucia</b>", "languages": ["ja", "de"]}
    here.restaurants.update_one({"_id": evening.restaurant_id}, {"$set": names})
    call(evening.restaurant_id)
    later(minutes=3)
    due_steps.escalate()
    html = mails()[0].html
    assert "<b>Lucia" not in html
    assert '<html lang="en"' in html, "staff's pages are not in Japanese"


# --- push messages, and what belongs together -------------------------------------------------------------------------


def test_phones_are_told_of_the_steps_that_they_want_once(
    evening: Person, here: Any, later: Callable[..., None]
) -> None:
    subscribe(here, evening, "escalated")
    call(evening.restaurant_id)
    for _ in range(4):
        due_steps.escalate()
        later(seconds=41)
    assert enqueued_pushes(here) == [("Alice", "alerted"), ("Alice", "raised")]


def test_a_step_that_was_interrupted_enqueues_its_messages_once(
    evening: Person, here: Any, mails: Mails, later: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(here, evening, "all")
    request = call(evening.restaurant_id)
    later(minutes=3)
    with monkeypatch.context() as patch:
        patch.setattr(escalation, "advance", lambda *_: 1 / 0)
        assert due_steps.escalate() == 0
    assert steps(here, request) == ["called"]
    assert due_steps.escalate() == 1
    assert enqueued_pushes(here) == [("Alice", "alerted")]
    assert len(mails()) == 2


def test_a_mail_enqueued_by_a_process_that_lost_the_step_is_sent_all_the_same(
    evening: Person, mails: Mails, later: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    call(evening.restaurant_id)
    later(seconds=81)
    due_steps.escalate()
    later(seconds=40)
    monkeypatch.setattr(escalation, "advance", lambda *_: False)
    due_steps.escalate()
    assert len(mails()) == 2
