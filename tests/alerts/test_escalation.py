"""The escalation of a request that nobody accepts: nagged, raised to all zones, managers alerted; each step once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from pymongo.errors import WriteError

from config import Config
from tests.support.cast import Mail, Person, wait_until
from waitercaller import metrics
from waitercaller.alerts import due_steps
from waitercaller.alerts import mails as alert_mails
from waitercaller.db import clock
from waitercaller.live.hub import Hub
from waitercaller.model import presence, restaurants, tables
from waitercaller.model.requests import escalation, handover, seen, transitions
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.tables import Table
from waitercaller.push import encryption

pytestmark = pytest.mark.moments

Mails = Callable[[], list[Mail]]
Tap = Callable[..., ServiceRequest]
BOB = Actor(id="bob", name="Bob")


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, vapid_private_key=encryption.new_private_key())


@pytest.fixture
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `later` moves the clock, however long a busy machine takes."""
    began = clock.now() - clock._offset
    monkeypatch.setattr(clock, "now", lambda: began + clock._offset)


@pytest.fixture
def here(app: Flask) -> Iterator[Any]:
    """The database, in an application context."""
    with app.app_context():
        yield app.extensions["mongo"].database


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


def found(restaurant_id: ObjectId) -> Restaurant:
    restaurants.forget(restaurant_id)
    restaurant = restaurants.get(restaurant_id)
    assert restaurant is not None
    return restaurant


def call(restaurant_id: ObjectId, key: str = "a tap", table: int = 0) -> ServiceRequest:
    restaurant = found(restaurant_id)
    return transitions.open_request(restaurant, tables.of_restaurant(restaurant_id)[table], restaurant["kinds"][0], key)


def stored(database: Any, request: ServiceRequest) -> ServiceRequest:
    kept: ServiceRequest = database.requests.find_one({"_id": request["_id"]})
    return kept


def steps(database: Any, request: ServiceRequest) -> list[str]:
    return [step["what"] for step in stored(database, request)["steps"]]


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


def test_screens_and_the_guests_page_are_woken_by_a_step(
    app: Flask, watcher: Hub, table: Table, later: Callable[..., None]
) -> None:
    topics = {f"restaurant:{table['restaurant_id']}", f"table:{table['_id']}"}
    with app.app_context():
        call(table["restaurant_id"])
        later(seconds=41)
        subscription = watcher.subscribe(*topics)
        wait_until(lambda: subscription.wait(0.3) == set())  # the wake-up of the call itself has arrived
        due_steps.escalate()
        woken: set[str] = set()

        def both() -> bool:
            woken.update(subscription.wait(0.1))
            return woken == topics

        wait_until(both)
        subscription.close()


# --- who is told -----------------------------------------------------------------------------------------------------


@pytest.fixture
def evening(here: Any, alice: Person, hire: Callable[..., Person], table: Table) -> Person:
    """Alice's restaurant with a manager and a waiter, and with mails about waiting guests switched on."""
    hire("Maria", role="manager", at=alice)
    hire("Bob", role="waiter", at=alice)
    restaurants.set_setting(alice.restaurant_id, "alert_mail", True)
    tables.add_many(alice.restaurant_id, ["Terrace 3"], None)
    return alice


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


def subscribe(database: Any, person: Person, choice: str) -> None:
    """Subscribe a phone of this member."""
    database.subscriptions.insert_one(
        {
            "_id": f"phone of {person.name}",
            "restaurant_id": person.restaurant_id,
            "member_id": person.member_id,
            "login_id": "a login",
            "endpoint": f"https://push.example.org/{person.name}",
            "choice": choice,
            "created_at": clock.now(),
        }
    )
    whose = {"_id": person.restaurant_id, "members.id": person.member_id}
    database.restaurants.update_one(whose, {"$set": {"members.$.push": choice}})


def enqueued_pushes(database: Any) -> list[tuple[str, str]]:
    """(member, event) of the push messages that are due."""
    return sorted((each["subscription_id"].rpartition(" ")[2], each["event"]) for each in database.pushes.find())


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


# --- the next step of every live request ------------------------------------------------------------------------------


def test_fifty_requests_whose_steps_fail_do_not_keep_another_from_its_step(
    restaurant: Restaurant, database: Any, later: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the fifty that are most overdue were tried again and again, and nobody else was."""
    tables.add_many(restaurant["_id"], [str(number) for number in range(100, 100 + escalation.BATCH_SIZE)], None)
    faulty = {call(restaurant["_id"], f"tap {each}", each + 2)["_id"] for each in range(escalation.BATCH_SIZE)}
    later(seconds=1)
    last = call(restaurant["_id"], "the last", 0)
    later(seconds=41)
    advance = escalation.advance
    monkeypatch.setattr(
        escalation, "advance", lambda request, turn: 1 / 0 if request["_id"] in faulty else advance(request, turn)
    )
    assert due_steps.escalate() == 1
    assert steps(database, last) == ["called", "nagged"]


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


def test_the_database_refuses_a_live_request_without_a_next_step(tap: Tap, database: Any) -> None:
    request = tap()
    for change in ({"due_at": None}, {"next_step": None}):
        with pytest.raises(WriteError):
            database.requests.update_one({"_id": request["_id"]}, {"$set": change})
