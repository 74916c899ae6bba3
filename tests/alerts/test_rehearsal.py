"""A rehearsal: the steps of a call in a tenth of the times, messages marked as a test, and no figure that counts it."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale

from config import Config
from tests.support.asvs import call_waiter
from tests.support.calls import call, enqueued_pushes, found, steps, stored, subscribe
from tests.support.cast import Mail, Person
from waitercaller import metrics
from waitercaller.alerts import due_steps, message_texts, unheard_restaurants
from waitercaller.db import clock
from waitercaller.model import presence, restaurants, tables
from waitercaller.model.messages import Push
from waitercaller.model.requests import handover, queries, rehearsals, transitions
from waitercaller.model.restaurants import Actor
from waitercaller.model.rollups import store
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.tables import Table
from waitercaller.ops.figures import DatabaseFigures
from waitercaller.push import encryption, outbox

pytestmark = pytest.mark.moments

TOKEN = re.compile(r'name="csrf_token"[^>]*>')

Mails = Callable[[], list[Mail]]
Begin = Callable[[], ServiceRequest]


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, vapid_private_key=encryption.new_private_key())


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `later` moves the clock."""
    began = clock.now() - clock._offset
    monkeypatch.setattr(clock, "now", lambda: began + clock._offset)


@pytest.fixture
def begin(evening: Person) -> Begin:
    """`begin()`: Alice starts a rehearsal."""
    return lambda: rehearsals.begin(found(evening.restaurant_id), actor(evening))


def actor(person: Person) -> Actor:
    return {"id": person.member_id, "name": person.name}


def walk(later: Callable[..., None], seconds: int) -> None:
    """Let the time pass, second by second, as the background loop does."""
    for _ in range(seconds):
        later(seconds=1)
        due_steps.escalate()


def when(database: Any, request: ServiceRequest) -> list[tuple[int, str]]:
    kept = stored(database, request)
    return [(round((step["at"] - kept["created_at"]).total_seconds()), step["what"]) for step in kept["steps"]]


# --- the steps --------------------------------------------------------------------------------------------------------


def test_it_takes_all_steps_ten_times_as_fast_and_is_over(here: Any, begin: Begin, later: Callable[..., None]) -> None:
    request = begin()
    walk(later, 23)
    assert stored(here, request)["live"]
    walk(later, 1)
    assert when(here, request) == [
        (0, "called"),
        (4, "nagged"),
        (8, "raised"),
        (12, "alerted"),
        (18, "repeated"),
        (24, "withdrawn"),
    ]
    after = stored(here, request)
    assert (after["live"], after["state"], after["due_at"]) == (False, "withdrawn", None)
    assert due_steps.escalate() == 0


def test_its_times_are_those_of_the_restaurant(
    here: Any, evening: Person, begin: Begin, later: Callable[..., None]
) -> None:
    own = {"nag": 20, "all_zones": 50, "alert": 100, "repeat": 30}
    restaurants.set_setting(evening.restaurant_id, "escalation", own)
    request = begin()
    walk(later, 20)
    assert [second for second, _ in when(here, request)] == [0, 2, 5, 10, 13, 16]


def test_a_guests_call_beside_it_keeps_its_own_times(
    here: Any, evening: Person, begin: Begin, later: Callable[..., None]
) -> None:
    test, real = begin(), call(evening.restaurant_id)
    ids = [test["_id"], real["_id"]]
    assert len(transitions.accept(evening.restaurant_id, ids, actor(evening))) == 2  # as a round does
    due = [(stored(here, each)["due_at"] or clock.now()) - clock.now() for each in (test, real)]
    assert [each.total_seconds() for each in due] == [24, 240]


def test_whoever_takes_it_and_forgets_it_is_reminded_and_it_is_over(
    here: Any, evening: Person, begin: Begin, later: Callable[..., None]
) -> None:
    request = begin()
    walk(later, 2)
    transitions.accept(evening.restaurant_id, [request["_id"]], actor(evening))
    walk(later, 48)
    assert when(here, request)[1:] == [
        (2, "accepted"),
        (26, "taker_reminded"),
        (38, "colleagues_told"),
        (50, "withdrawn"),
    ]


def test_it_is_passed_on_and_done_as_any_call(
    here: Any, evening: Person, begin: Begin, later: Callable[..., None]
) -> None:
    request, where = begin(), evening.restaurant_id
    bob = found(where)["members"][-1]
    transitions.accept(where, [request["_id"]], actor(evening))
    transitions.pass_on(where, [request["_id"]], {"id": bob["id"], "name": "Bob"}, actor(evening))
    transitions.resolve(where, [request["_id"]], {"id": bob["id"], "name": "Bob"})
    assert steps(here, request) == ["called", "accepted", "passed", "resolved"]
    assert transitions.reopen({"restaurant_id": where}, [request["_id"]], actor(evening)) == 0, "it stays ended"
    assert queries.recently_ended(where) == []


def test_the_history_has_no_story_of_it(here: Any, evening: Person, begin: Begin) -> None:
    request = begin()
    assert evening.client.get(f"{evening.home}/staff/hearing/rehearsal/{request['_id']}").status_code == 200
    assert evening.client.get(f"{evening.home}/history/{request['_id']}").status_code == 404


def test_one_at_a_time_in_a_restaurant(here: Any, evening: Person, begin: Begin, charlie: Person) -> None:
    first = begin()
    with pytest.raises(rehearsals.UnderWay) as refused:
        begin()
    assert refused.value.request_id == first["_id"]
    rehearsals.begin(found(charlie.restaurant_id), actor(charlie))
    transitions.resolve(evening.restaurant_id, [first["_id"]], actor(evening))
    assert begin()["_id"] != first["_id"]


def test_whoever_leaves_while_going_to_it_keeps_it_for_less_than_a_minute(
    here: Any, evening: Person, begin: Begin, later: Callable[..., None]
) -> None:
    request = begin()
    transitions.accept(evening.restaurant_id, [request["_id"]], actor(evening))
    assert handover.release(evening.restaurant_id, evening.member_id, None) == 0
    walk(later, 48)
    assert not stored(here, request)["live"]


def test_what_was_missed_while_all_processes_were_down_is_taken_at_once(
    here: Any, begin: Begin, later: Callable[..., None]
) -> None:
    request = begin()
    later(minutes=10)
    due_steps.escalate()
    assert steps(here, request) == ["called", "nagged", "raised", "alerted"]
    walk(later, 12)
    assert steps(here, request)[-2:] == ["repeated", "withdrawn"]


# --- the messages -----------------------------------------------------------------------------------------------------


def test_phones_are_told_of_each_step_with_words_that_say_test(
    app: Flask, here: Any, evening: Person, begin: Begin, later: Callable[..., None]
) -> None:
    subscribe(here, evening, "all")
    request = begin()
    due_steps.escalate()
    (push,) = here.pushes.find()
    assert enqueued_pushes(here) == [("Alice", "called")]
    said = shown(push)
    assert said is not None
    assert (said["title"], said["text"], said["place"]) == ("Test call", "Called at #", None)
    assert "action" in said, "it can be taken"
    assert (shown(push, "de") or said)["title"] == "Testruf"
    walk(later, 25)
    told = ["alerted", "called", "nagged", "outcome", "raised", "repeated"]
    assert [event for _, event in enqueued_pushes(here)] == told
    outcome = shown(here.pushes.find_one({"event": "outcome"}))
    assert outcome is not None
    assert (outcome["text"], outcome["silent"]) == ("The test is over.", True)
    assert stored(here, request)["state"] == "withdrawn"


def shown(push: Push, language: str = "en") -> outbox.Message | None:
    assert message_texts  # which registers what messages say
    with force_locale(language):
        return outbox.REGISTRY[push["event"]](push, found(push["restaurant_id"]), language)


def test_the_mail_says_test_and_holds_back_no_mail_about_a_guest(
    evening: Person, begin: Begin, mails: Mails, later: Callable[..., None]
) -> None:
    begin()
    walk(later, 25)
    sent = mails()
    assert {each.to for each in sent} == {"alice@example.org", "maria@example.org"}
    assert sent[0].subject == "Test call: nobody went · Trattoria Lucia"
    assert "Alice asked for a test call" in sent[0].text
    call(evening.restaurant_id)
    later(minutes=2)
    due_steps.escalate()
    assert [each.subject for each in mails()] == ["1 table is left waiting · Trattoria Lucia"] * 2


def test_a_mail_about_guests_does_not_name_it(
    evening: Person, begin: Begin, mails: Mails, later: Callable[..., None]
) -> None:
    call(evening.restaurant_id)
    later(minutes=2)
    begin()
    walk(later, 14)
    (about_guests,) = [each for each in mails() if each.to == evening.email and "left waiting" in each.subject]
    assert "1 table" in about_guests.subject


# --- the figures ------------------------------------------------------------------------------------------------------


def figures(app: Flask, person: Person, guest: FlaskClient, table: Table) -> dict[str, Any]:
    """Everything that counts calls, or tells a guest of them."""
    store.run_now()
    database = app.extensions["mongo"].database
    pages = ("report", "report?days=1", "report.csv", "history")
    gauges = ("waitercaller_calls_live", "waitercaller_escalation_overdue_seconds")
    return {
        **{path: TOKEN.sub("", person.client.get(f"{person.home}/{path}").text) for path in pages},
        "rollups": [(each["quarter"], each["cells"]) for each in database.rollups.find()],
        "live": [each.samples for each in DatabaseFigures(database).collect() if each.name in gauges],
        "counters": {
            (sample.name, *sample.labels.values()): sample.value
            for counter in (metrics.CALLS, metrics.ESCALATIONS, metrics.TIME_TO_ACCEPT)
            for metric in counter.collect()
            for sample in metric.samples
            if not sample.name.endswith("_created")
        },
        "called": queries.restaurants_called_since(clock.now() - unheard_restaurants.RECENTLY),
        "ahead": queries.tables_ahead(queries.live_of_restaurant(table["restaurant_id"]), [table["_id"]], clock.now()),
        "undo": queries.recently_ended(table["restaurant_id"]),
    }


@pytest.mark.parametrize("ends", ["by itself", "taken and done", "nobody there"])
def test_all_figures_are_equal_before_and_after(
    app: Flask, evening: Person, table: Table, dana: FlaskClient, begin: Begin, later: Callable[..., None], ends: str
) -> None:
    older = call(evening.restaurant_id, "an older call")
    transitions.accept(evening.restaurant_id, [older["_id"]], actor(evening))
    transitions.resolve(evening.restaurant_id, [older["_id"]], actor(evening))
    later(seconds=1)
    before = figures(app, evening, dana, table)
    request = begin()
    assert figures(app, evening, dana, table) == before, "while it is live"
    if ends == "by itself":
        walk(later, 30)
    else:
        transitions.accept(evening.restaurant_id, [request["_id"]], actor(evening))
        act = transitions.resolve if ends == "taken and done" else transitions.dismiss
        act(evening.restaurant_id, [request["_id"]], actor(evening))
    after = figures(app, evening, dana, table)
    assert not queries.with_ids({"restaurant_id": evening.restaurant_id}, [request["_id"]])[0]["live"]
    assert {name for name in before if before[name] != after[name]} == set()


def test_no_guest_sees_it(evening: Person, table: Table, dana: FlaskClient, begin: Begin) -> None:
    begin()
    assert queries.live_of_table(table["restaurant_id"], table["_id"]) == []
    call_waiter(dana, table)
    assert "before you" not in dana.get(f"/t/{table['code']}").text
    assert [each["name"] for each in tables.of_restaurant(evening.restaurant_id)] == ["7", "Terrace 3"]


def test_what_should_hear_it_is_noted_when_it_begins(here: Any, evening: Person, begin: Begin) -> None:
    screen = {"id": "5" * 32, "member_id": None, "name": "Bar", "visible": True, "audible": False}
    presence.hold(evening.restaurant_id, presence.Screen(**screen, since=clock.now()))  # type: ignore[typeddict-item]
    presence.beat()
    subscribe(here, evening, "all")
    noted = begin()["rehearsal"]
    assert [(each["device"], each["visible"], each["audible"]) for each in noted["screens"]] == [("Bar", True, False)]
    assert [each["member_id"] for each in noted["phones"]] == [evening.member_id]
