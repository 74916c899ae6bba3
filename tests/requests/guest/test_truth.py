"""The guest's page reports what the database holds: screens that show the call, the usual wait, opening hours."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from bson import ObjectId
from flask import Flask
from flask_babel import force_locale

from tests.live.test_streams import Stream
from tests.requests.guest.test_page import Phone
from tests.support.cast import Browser, Person, wait_until
from waitercaller.alerts import due_steps
from waitercaller.db import cache, clock
from waitercaller.db.client import Document
from waitercaller.live import streams
from waitercaller.model import tables
from waitercaller.model.requests import queries, seen, transitions
from waitercaller.model.rollups import usual
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.tables import Table
from waitercaller.requests.guest import surroundings, table_view
from waitercaller.requests.guest import words as guest_words
from waitercaller.requests.guest.table_view import TableView

pytestmark = pytest.mark.moments

NOW = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)  # a Sunday
RESTAURANT: Any = {}
OVERLOOKED = "Nobody has seen it yet — please wave"


@pytest.fixture
def phone(table: Table, dana: Browser) -> Phone:
    phone = Phone(dana, table["code"])
    phone.scan()
    return phone


@pytest.fixture
def screens(app: Flask, alice: Person) -> Callable[..., None]:
    """`screens(a=True, b=False)`: these screens are open; the value is whether each is visible."""

    def show(**visible: bool) -> None:
        now = clock.now()
        flags = {"member_id": None, "name": "Bar", "audible": False, "since": now}
        document = {
            "process": "p",
            "restaurant_id": alice.restaurant_id,
            "screens": [{"id": name, "visible": seen, **flags} for name, seen in visible.items()],
            "seen_at": now,
            "purge_at": now + timedelta(days=1),
        }
        app.extensions["mongo"].database.screens.replace_one({"_id": "p"}, document, upsert=True)

    return show


@pytest.fixture
def drawn(app: Flask, alice: Person, table: Table) -> Callable[[str], None]:
    """`drawn("a")`: this screen reports all calls of the table as seen."""

    def sign(screen: str) -> None:
        with app.app_context():
            ids = [each["_id"] for each in queries.live_of_table(alice.restaurant_id, table["_id"])]
            seen.record(alice.restaurant_id, ids, screen)

    return sign


@pytest.fixture
def settle(app: Flask, alice: Person) -> Callable[[Document], None]:
    def change(values: Document) -> None:
        app.extensions["mongo"].database.restaurants.update_one({"_id": alice.restaurant_id}, {"$set": values})
        cache.restaurants.clear()

    return change


# --- screens --------------------------------------------------------------------------------------------------


def test_only_screens_count_that_have_drawn_the_call_and_are_before_somebodys_eyes(
    phone: Phone, screens: Any, drawn: Any, later: Any
) -> None:
    screens(a=True, b=True, c=True)
    phone.tap()
    assert "Your call is sent" in phone.look().text
    drawn("a")
    drawn("gone")
    assert "Your call is on 1 staff screen" in phone.look().text
    drawn("b")
    assert "Your call is on 2 staff screens" in phone.look().text
    screens(a=False, b=True)
    assert "Your call is on 1 staff screen" in phone.look().text
    later(seconds=46)  # without a heartbeat of the process that holds it
    page = phone.look().text
    assert OVERLOOKED in page
    assert "staff screen" not in page


def test_after_five_seconds_without_a_receipt_the_guest_is_told_to_wave(phone: Phone, screens: Any, later: Any) -> None:
    screens(a=True)
    phone.tap()
    later(seconds=4.5)
    assert "Your call is sent" in phone.look().text
    later(seconds=0.6)
    assert OVERLOOKED in phone.look().text


def test_the_weakest_of_several_calls_is_told(phone: Phone, screens: Any, drawn: Any, later: Any) -> None:
    screens(a=True)
    phone.tap("waiter")
    drawn("a")
    later(seconds=6)
    screens(a=True)
    phone.tap("bill")
    assert "Your call is sent" in phone.look().text
    later(seconds=6)
    screens(a=True)
    assert OVERLOOKED in phone.look().text
    drawn("a")
    assert "Your call is on 1 staff screen" in phone.look().text


def test_a_guest_whose_call_waits_again_reads_so_also_when_the_staff_is_told_once_more(
    app: Flask, phone: Phone, alice: Person, screens: Any, drawn: Any, later: Any
) -> None:
    screens(a=True)
    phone.tap()
    with app.app_context():
        [request] = queries.live_of_restaurant(alice.restaurant_id)
        transitions.accept(alice.restaurant_id, [request["_id"]], {"id": alice.member_id, "name": "Alice"})
    for seconds in (481, 41):  # nobody came; then nobody goes, and all are nagged
        later(seconds=seconds)
        with app.app_context():
            due_steps.escalate()
        screens(a=True)
        drawn("a")
        assert "It takes longer than we thought. Everybody has been told again." in phone.look().text


def test_another_call_beside_the_one_that_is_coming_has_its_own_words(
    app: Flask, phone: Phone, alice: Person, table: Table, screens: Any, drawn: Any, later: Any
) -> None:
    screens(a=True)
    phone.tap("waiter")
    with app.app_context():
        ids = [each["_id"] for each in queries.live_of_table(alice.restaurant_id, table["_id"])]
        transitions.accept(alice.restaurant_id, ids, {"id": alice.member_id, "name": "Alice"})
    phone.tap("water")
    page = phone.look().text
    assert "Alice is on the way" in page
    assert "Your other call is sent." in page
    later(seconds=6)
    screens(a=True)
    assert "Nobody has seen your other call yet — please wave." in phone.look().text
    drawn("a")
    assert "Your other call is on 1 staff screen." in phone.look().text


def test_a_call_that_comes_back_is_new_to_the_screens(
    app: Flask, phone: Phone, alice: Person, table: Table, later: Any
) -> None:
    phone.tap()
    later(minutes=2)
    with app.app_context():
        ids = [each["_id"] for each in queries.live_of_table(alice.restaurant_id, table["_id"])]
        transitions.resolve(alice.restaurant_id, ids, {"id": alice.member_id, "name": "Alice"})
    phone.send("reopen")
    assert "Your call is sent" in phone.look().text


def test_a_stream_says_by_itself_that_nobody_has_seen_the_call(
    phone: Phone, watcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 120.0)  # the first one after half of it at least
    monkeypatch.setattr(table_view, "OVERLOOKED_AFTER", timedelta(seconds=2))
    phone.tap()
    stream = Stream(phone.client, phone.address.replace("?", "/live?"))
    opened_at, said = time.monotonic(), stream.next()[1]["html"]
    if OVERLOOKED not in said:  # on a busy machine it may be late already
        said = stream.next()[1]["html"]
    assert OVERLOOKED in said
    assert time.monotonic() < opened_at + streams.HEARTBEAT_SECONDS / 2
    stream.close()


def test_the_stream_of_a_replaced_code_ends_with_it(
    app: Flask, phone: Phone, alice: Person, table: Table, watcher: Any, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 2.0)
    phone.tap()
    stream = Stream(phone.client, phone.address.replace("?", "/live?"))
    assert "scan the new code" not in stream.next()[1]["html"]
    with app.app_context():
        tables.rotate(alice.restaurant_id, table["_id"])
    while (event := stream.next())[0] != "state" or "scan the new code" not in event[1]["html"]:
        assert event[0] != "bye"
    later(hours=25)  # the code ends without a change of the table
    while (event := stream.next())[0] != "bye":
        pass
    assert event[1]["reason"] == "gone"
    stream.close()


def test_looking_again_and_again_sends_no_more_heartbeats(
    phone: Phone, watcher: Any, drawn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    seconds_until_reread = TableView.seconds_until_reread

    def counted(view: TableView, otherwise: float) -> float:
        looks.append(otherwise)
        return seconds_until_reread(view, otherwise)

    monkeypatch.setattr(TableView, "seconds_until_reread", counted)
    monkeypatch.setattr(surroundings, "TICK_SECONDS", 0.02)
    phone.tap()
    drawn("a")
    stream = Stream(phone.client, phone.address.replace("?", "/live?"))
    stream.next()

    def call_later() -> None:
        wait_until(lambda: len(looks) > 5)
        phone.tap("bill")

    caller = threading.Thread(target=call_later)
    caller.start()
    assert stream.next()[0] == "state"
    assert len(looks) > 5
    caller.join()
    stream.close()


@pytest.mark.parametrize(("age", "seconds"), [(0.0, 5.0), (4.0, 1.0), (30.0, 15.0)])
def test_a_stream_looks_again_when_nobody_will_have_seen_the_call(age: float, seconds: float) -> None:
    view = TableView(RESTAURANT, NOW, [_waiting(age)])
    assert view.seconds_until_reread(otherwise=15.0) == pytest.approx(seconds)
    assert TableView(RESTAURANT, NOW, []).seconds_until_reread(otherwise=15.0) == 15.0


@pytest.mark.parametrize(
    ("shown", "usual_wait"), [([{"screen": "a", "at": NOW}], None), ([], timedelta(minutes=5))], ids=["shown", "usual"]
)
def test_a_stream_looks_every_three_seconds_where_screens_and_other_tables_matter(
    shown: list[Any], usual_wait: timedelta | None
) -> None:
    request = cast(ServiceRequest, {**_waiting(30), "shown": shown})
    assert TableView(RESTAURANT, NOW, [request], usual_wait=usual_wait).seconds_until_reread(otherwise=15.0) == 3.0
    assert TableView(RESTAURANT, NOW, [], usual_wait=usual_wait).seconds_until_reread(otherwise=15.0) == 15.0


def test_a_page_without_scripts_loads_itself_anew_when_five_seconds_are_over(phone: Phone, later: Any) -> None:
    assert "refresh" not in phone.look().text
    phone.tap()
    assert 'http-equiv="refresh" content="3"' in phone.look().text
    later(seconds=6)
    assert 'http-equiv="refresh" content="15"' in phone.look().text


def _waiting(age: float) -> ServiceRequest:
    steps = [{"what": "called", "at": NOW - timedelta(seconds=age), "by": None}]
    request = {
        "_id": ObjectId(),
        "state": "waiting",
        "by": None,
        "reminders": 0,
        "shown": [],
        "signed": [],
        "steps": steps,
    }
    return cast(ServiceRequest, {**request, "first_at": NOW, "ended_at": None, "live": True})


# --- usual wait -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (timedelta(seconds=20), "Usually 1 minute at this hour."),
        (timedelta(seconds=61), "Usually 2 minutes at this hour."),
        (timedelta(minutes=75), "Usually 75 minutes at this hour."),
        (None, ""),
    ],
)
def test_what_is_usual_is_told_in_minutes_and_never_too_few(app: Flask, wait: timedelta | None, words: str) -> None:
    with app.test_request_context():
        view = TableView(RESTAURANT, NOW, [_waiting(0)], usual_wait=wait, tables_ahead=2)
        told = f"{words} 2 tables are before you." if words else ""
        assert guest_words.state_of(view).detail == told
        assert guest_words.state_of(TableView(RESTAURANT, NOW, [], usual_wait=wait)).detail == (
            f"Tap once, and somebody comes to your table. {words}".strip()
        )


@pytest.mark.parametrize("language", ["en", "ja", "zh"])
def test_sentences_are_parted_as_the_language_does_it(app: Flask, language: str) -> None:
    with app.test_request_context(), force_locale(language):
        detail = guest_words.state_of(TableView(RESTAURANT, NOW, [], usual_wait=timedelta(minutes=2))).detail
    assert ("。" in detail) == (language != "en")
    assert "。 " not in detail
    assert ". " in detail or language != "en"


def test_the_page_asks_what_is_usual_in_this_restaurant(
    phone: Phone, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usual, "usual_wait", lambda restaurant, at: timedelta(minutes=len(restaurant["name"])))
    monkeypatch.setattr(queries, "tables_ahead", lambda live, table_ids, first_at: 1)
    assert "Usually 15 minutes at this hour." in phone.look().text
    phone.tap()
    assert "Usually 15 minutes at this hour. 1 table is before you." in phone.look().text


# --- hours ----------------------------------------------------------------------------------------------------


def test_a_closed_restaurant_takes_no_calls_from_any_open_page(
    phone: Phone, settle: Any, database: Any, screens: Any
) -> None:
    form = {**phone.form(), "kind": "waiter"}
    now = clock.now()
    yesterday = (now - timedelta(days=1)).weekday()
    settle({"hours": [{"day": yesterday, "opens": "00:00", "closes": "00:01"}], "time_zone": "UTC"})
    assert phone.send("call", form).status_code == 303
    page = phone.look().text
    assert "We are closed now" in page
    assert "We open on" in page
    assert 'name="kind"' not in page
    assert database.requests.count_documents({}) == 0
    screens(a=True)  # a tablet that was forgotten on the wall
    assert "We are closed now" in phone.look().text
    phone.send("call", form)
    assert database.requests.count_documents({}) == 0
    settle({"opening": {"state": "open", "until": None}})
    assert "Call a waiter" in phone.look().text
    phone.send("call", form)
    assert database.requests.count_documents({}) == 1
    settle({"opening": {"state": "closed", "until": None}})
    page = phone.look().text
    assert "Your call is sent" in page
    assert "We are closed now" in page
    assert "Never mind" in page
    phone.send("cancel", phone.form())
    page = phone.look().text
    assert "Your call is cancelled" in page
    assert "Tap again" not in page  # there are no buttons


def test_nothing_is_reopened_in_a_closed_restaurant(phone: Phone, alice: Person, settle: Any, database: Any) -> None:
    phone.tap()
    ids = [each["_id"] for each in database.requests.find()]
    transitions.resolve(alice.restaurant_id, ids, {"id": alice.member_id, "name": "Alice"})
    form = phone.form()
    settle({"opening": {"state": "closed", "until": None}})
    assert "Not yet?" not in phone.look().text
    phone.send("reopen", form)
    assert database.requests.find_one()["state"] == "resolved"


@pytest.mark.parametrize(
    ("opens", "words"),
    [
        (NOW + timedelta(hours=1), "We open at 9:00"),  # 20:00 in Vienna
        (NOW + timedelta(hours=5), "We open on Monday at 1:00"),
        (NOW + timedelta(days=20), "We open on Saturday, December 12, 2026 at 8:00"),
        (None, ""),
    ],
)
def test_when_it_opens_is_told_by_the_clock_on_the_wall(app: Flask, opens: datetime | None, words: str) -> None:
    restaurant: Any = {"time_zone": "Europe/Vienna"}
    with app.test_request_context():
        view = TableView(restaurant, NOW, [], is_open=False, opens_at=opens)
        assert guest_words.state_of(view).detail.startswith(words)
        assert bool(guest_words.state_of(view).detail) == bool(words)


# --- choices and notes ----------------------------------------------------------------------------------------


def test_a_choice_comes_with_the_tap_and_a_later_one_takes_its_place(phone: Phone, database: Any) -> None:
    phone.tap("bill/card")
    phone.tap("bill")
    (request,) = database.requests.find()
    assert (request["kind"], request["choice"], request["choice_labels"]["de"]) == ("bill", "card", "Karte")
    phone.tap("bill/cash")
    assert database.requests.find_one()["choice"] == "cash"
    assert '<button form="call" name="kind" value="bill/cash" aria-current="true">' in phone.look().text


@pytest.mark.parametrize("kind", ["bill/cheque", "waiter/card", "/card", "bill/"])
def test_only_choices_that_are_offered_are_taken(phone: Phone, database: Any, kind: str) -> None:
    answer = phone.tap(kind)
    assert answer.status_code == (303 if kind == "bill/" else 400)
    assert [each["choice"] for each in database.requests.find()] == ([None] if kind == "bill/" else [])


@pytest.mark.parametrize(
    ("note", "kept"),
    [
        ("  A high\n chair ", "A high chair"),
        ("", None),
        (" \n ", None),
        ("ä" * 140, "ä" * 140),
        ("<b>now</b>", "<b>now</b>"),
    ],
)
def test_a_note_is_kept_tidily(phone: Phone, settle: Any, database: Any, note: str, kept: str | None) -> None:
    settle({"settings.notes": True})
    assert phone.tap(note=note).status_code == 303
    assert database.requests.find_one()["note"] == kept
    assert "<b>now" not in phone.look().text


@pytest.mark.parametrize("note", ["ä" * 141, "a\0b", "\x1b[31m"])
def test_a_note_that_cannot_be_taken_is_refused(phone: Phone, settle: Any, database: Any, note: str) -> None:
    settle({"settings.notes": True})
    assert phone.tap(note=note).status_code == 400
    assert database.requests.count_documents({}) == 0


def test_where_notes_are_off_the_call_goes_through_without(phone: Phone, database: Any) -> None:
    assert 'name="note"' not in phone.look().text
    phone.tap(note="x" * 500)
    assert database.requests.find_one()["note"] is None


def test_a_note_is_read_by_those_who_asked_and_not_by_the_next_phone(
    app: Flask, phone: Phone, settle: Any, table: Table
) -> None:
    settle({"settings.notes": True})
    phone.tap(note="Happy birthday, Bob")
    assert "Happy birthday" in phone.look().text
    other = Phone(app.test_client(), table["code"])
    assert "Happy birthday" not in other.scan().text
    other.tap()  # a reminder, whose receipt holds the same request
    assert "Happy birthday" not in other.look().text
    assert "Happy birthday" in phone.look().text


def test_a_refusal_is_told_to_scripts_in_their_way(phone: Phone) -> None:
    answer = phone.send("call", {"form": "forged", "kind": "waiter"}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.is_json) == (400, True)
    assert "scan the code" in answer.json["message"]  # type: ignore[index]
