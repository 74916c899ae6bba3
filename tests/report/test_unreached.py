"""Calls that reached nobody: what counts as one, how many there were, and that the report leads with it."""

import csv
import io
import re
from datetime import datetime, timedelta
from itertools import product
from random import Random
from typing import Any

import pytest

from tests.support.past_calls import BOB, keep, past_call
from waitercaller.db import clock
from waitercaller.model.requests import escalation, seen, transitions
from waitercaller.model.rollups import store, times
from waitercaller.model.rollups.figures import reached_nobody, total
from waitercaller.report import views

pytestmark = pytest.mark.moments

SCREEN: Any = {"screen": "5" * 32, "member_id": None, "name": "Bar", "rang": True}
PHONE: Any = {"member_id": "b", "name": "Bob"}


@pytest.fixture(autouse=True)
def at(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Freeze the clock at noon."""
    noon = (clock.now() + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: noon)
    return noon


@pytest.fixture
def called(app: Any, alice: Any, restaurant: Any, table: Any, at: datetime) -> Any:
    """`called(2, 3)`: store and count 2 calls of this morning that reached nobody, and 3 that were taken."""

    def kept(unreached: int, taken: int) -> None:
        hour = at - timedelta(hours=1)
        calls = [
            past_call(restaurant, table, hour, state="cancelled", nagged=40, cancelled=50) for _ in range(unreached)
        ]
        with app.app_context():
            keep(app.extensions["mongo"].database, *calls, *(past_call(restaurant, table, hour) for _ in range(taken)))
            store.run_now()

    return kept


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page[page.index("<main") :]).split())


def unreached_in_csv(alice: Any) -> list[str]:
    text = alice.client.get(f"{alice.home}/report.csv").get_data(as_text=True).removeprefix("\ufeff")
    titles, *rows = csv.reader(io.StringIO(text))
    return [row[titles.index("Reached nobody")] for row in rows]


def test_counts_are_those_of_all_calls_one_by_one(database: Any, restaurant: Any, table: Any, at: datetime) -> None:
    """Every combination of screen, phone, push, step and end, in random quarters of two days."""
    random = Random(7)
    ends = [
        ("cancelled", {"cancelled": 90}),
        ("withdrawn", {"nagged": 40, "withdrawn": 90}),
        ("resolved", {"resolved": 90}),
        ("dismissed", {"dismissed": 90}),
        ("resolved", {"accepted": 30, "resolved": 90}),
        ("cancelled", {"accepted": 30, "returned": 80, "cancelled": 90}),
        ("cancelled", {"passed": 30, "cancelled": 90}),
    ]
    calls, expected = [], 0
    for shown, signed, pushed, (state, steps), _again in product((0, 1), (0, 2), (0, 1), ends, range(2)):
        when = at - timedelta(seconds=random.randrange(600, 2 * 24 * 3600))
        call = past_call(restaurant, table, when, state=state, kind=random.randrange(3), **steps)
        call.update(shown=[{**SCREEN, "at": when}] * shown)
        call.update(signed=[{**PHONE, "at": when}] * signed, pushed=[{**PHONE, "at": when}] * pushed)
        calls.append(call)
        expected += not shown and not signed and set(steps) <= {"nagged", "cancelled", "withdrawn"}
    keep(database, *calls)
    store.run_now()
    begin, end = at - timedelta(days=3), at
    figures = total(cell for rollup in store.of_period(restaurant["_id"], begin, end) for cell in rollup["cells"])
    assert (figures.calls, figures.unreached, figures.unknown) == (len(calls), expected, 0)
    assert expected == 8
    found = store.unreached_between(restaurant["_id"], begin, end, 100)
    assert len(found) == expected
    assert found == sorted(found, key=lambda call: call["created_at"], reverse=True)
    assert store.unreached_between(restaurant["_id"], begin, end, 3) == found[:3]


def test_a_live_call_counts_from_its_first_overdue_step_until_a_screen_shows_it(
    app: Any, database: Any, restaurant: Any, table: Any, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    def unreached() -> int:
        store.run_now()
        return sum(cell["unreached"] for cell in database.rollups.find_one()["cells"])

    call = transitions.open_request(restaurant, table, restaurant["kinds"][0], "k")
    assert unreached() == 0
    monkeypatch.setattr(clock, "now", lambda: at + timedelta(seconds=61))
    [due] = escalation.due()
    escalation.advance(due, escalation.turn_of(due, restaurant))
    assert unreached() == 1
    seen.record(restaurant["_id"], [call["_id"]], SCREEN["screen"])
    monkeypatch.setattr(clock, "now", lambda: at + timedelta(seconds=200))
    assert unreached() == 0


def test_what_somebody_entered_or_undid_has_reached_somebody(restaurant: Any, table: Any, at: datetime) -> None:
    call = past_call(restaurant, table, at, state="cancelled", cancelled=30)
    assert reached_nobody(call)
    call["steps"][0]["by"] = BOB
    assert not reached_nobody(call)
    call["steps"][0]["by"] = {"id": "", "name": ""}  # erased
    assert not reached_nobody(call)


@pytest.mark.parametrize(("number", "sentence"), [(1, "1 call reached nobody"), (3, "3 calls reached nobody")])
def test_the_report_leads_with_the_calls_that_reached_nobody(
    alice: Any, called: Any, number: int, sentence: str
) -> None:
    called(number, 2)
    page = alice.client.get(f"{alice.home}/report").text
    words = text_of(page)
    assert words.index(sentence) < words.index("Usual wait")
    [link] = re.findall(r'href="([^"]+/report/unreached\?days=7)"', page)
    stories = re.findall(r'<li><a href="([^"]+)"', alice.client.get(link).text)
    assert len(stories) == number
    assert "This call reached nobody" in alice.client.get(stories[0]).text
    assert unreached_in_csv(alice) == [str(number)]


def test_when_every_call_reached_somebody_it_says_so(alice: Any, called: Any) -> None:
    called(0, 2)
    assert "Every call reached somebody." in text_of(alice.client.get(f"{alice.home}/report").text)
    assert "None in this time" in alice.client.get(f"{alice.home}/report/unreached").text
    assert unreached_in_csv(alice) == ["0"]


def test_the_history_marks_them(bob: Any, called: Any) -> None:
    called(1, 1)
    assert bob.client.get(f"{bob.home}/history").text.count("reached nobody") == 1


def _counted_before(database: Any, at: datetime, restaurant: Any, calls: int) -> None:
    """A quarter that was counted for good by a release that did not count them."""
    cell: Any = {"zone_id": None, "zone_name": None, "kind": "bill", "calls": calls, "answered": 0, "given_up": calls}
    quarter = times.quarter_of(at - timedelta(hours=3))
    cell.update(nobody=0, alerted=0, by_staff=0, waits={})
    rollup = {"restaurant_id": restaurant["_id"], "quarter": quarter, "cells": [cell]}
    database.rollups.insert_one({**rollup, "state": "counted", "attempts": 1, "next_at": at})


def test_what_was_counted_before_is_unknown_and_never_none(
    database: Any, alice: Any, restaurant: Any, at: datetime, called: Any
) -> None:
    _counted_before(database, at, restaurant, 4)
    words = text_of(alice.client.get(f"{alice.home}/report").text)
    assert "Calls that reached nobody: unknown" in words
    assert "Every call" not in words
    assert unreached_in_csv(alice) == ["unknown"]
    called(0, 2)
    words = text_of(alice.client.get(f"{alice.home}/report").text)
    assert "Every call for which this is known reached somebody. For 4 more calls this is unknown" in words
    called(1, 0)
    words = text_of(alice.client.get(f"{alice.home}/report").text)
    assert "1 call reached nobody For 4 more calls this is unknown" in words
    assert sorted(unreached_in_csv(alice)) == ["1", "unknown"]


def test_many_have_further_pages(alice: Any, called: Any, monkeypatch: pytest.MonkeyPatch, database: Any) -> None:
    monkeypatch.setattr(views, "CALLS_PER_PAGE", 2)
    called(3, 0)
    for number, call in enumerate(database.requests.find()):
        moved = {"created_at": call["created_at"] - timedelta(minutes=number)}
        database.requests.update_one({"_id": call["_id"]}, {"$set": moved})
    first = alice.client.get(f"{alice.home}/report/unreached?days=28").text
    [further] = re.findall(r'href="([^"]+before=\d+)"', first)
    second = alice.client.get(further.replace("&amp;", "&")).text
    assert [page.count('class="wait ') for page in (first, second)] == [2, 1]
    assert alice.client.get(f"{alice.home}/report/unreached?days=2").status_code == 404


def test_nobody_sees_those_of_another_restaurant(charlie: Any, called: Any) -> None:
    called(2, 0)
    assert "None in this time" in charlie.client.get(f"{charlie.home}/report/unreached").text
