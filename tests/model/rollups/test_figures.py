"""Counts of requests, and days and quarters in time zones, without a database."""

import re
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.past_calls import past_call, utc
from waitercaller.model.rollups import times
from waitercaller.model.rollups.figures import Figures, answered_after, cells_of, total
from waitercaller.model.service_request import escalation_of
from waitercaller.model.standard_kinds import STANDARD_KINDS
from waitercaller.report import pictures, summary, words

BERLIN, KATHMANDU, ADELAIDE = (ZoneInfo(name) for name in ("Europe/Berlin", "Asia/Kathmandu", "Australia/Adelaide"))
NOON = utc(2026, 11, 10, 12, 0)


@pytest.fixture
def restaurant() -> dict[str, Any]:
    zones = [{"id": "z1", "name": "Terrace"}]
    place = {"members": [], "settings": {}, "time_zone": "Europe/Berlin"}
    return {"_id": None, "kinds": STANDARD_KINDS, "zones": zones, **place}


@pytest.fixture
def table() -> dict[str, Any]:
    return {"_id": None, "name": "7", "zone_id": "z1"}


@pytest.mark.parametrize(
    ("taken", "wait"),
    [
        ({"accepted": 30, "resolved": 90}, 30),
        ({"resolved": 90}, 90),
        ({"passed": 40, "accepted": 50, "resolved": 90}, 40),
        ({"reminded": 20, "nagged": 40, "accepted": 70}, 70),
        ({"cancelled": 20}, None),
        ({"dismissed": 20}, None),
        ({"accepted": 10, "released": 20}, None),  # the member has left
        ({"accepted": 10, "returned": 490, "passed": 500}, 500),
    ],
)
def test_the_wait_ends_when_somebody_is_on_the_way(restaurant, table, taken, wait):
    answered = answered_after(past_call(restaurant, table, NOON, **taken))
    assert answered == (None if wait is None else timedelta(seconds=wait))


def test_an_undone_answer_does_not_count(restaurant, table):
    call = past_call(restaurant, table, NOON, accepted=10, resolved=20, reopened=200)
    assert answered_after(call) is None
    call["steps"].append({"at": NOON + timedelta(seconds=260), "what": "accepted", "by": None})
    assert answered_after(call) == timedelta(seconds=260)


def test_cells_count_by_zone_kind_and_table(restaurant, table):
    elsewhere: Any = {**table, "zone_id": None}
    beside: Any = {**table, "_id": "8", "name": "8"}
    calls = [
        past_call(restaurant, table, NOON, accepted=30, resolved=60),
        past_call(restaurant, table, NOON, alerted=120, resolved=130),
        past_call(restaurant, table, NOON, state="dismissed", accepted=20, dismissed=60),
        past_call(restaurant, table, NOON, state="cancelled", cancelled=20),
        past_call(restaurant, table, NOON, state="cancelled", accepted=10, cancelled=20),
        past_call(restaurant, table, NOON, kind=1),
        past_call(restaurant, elsewhere, NOON),
        past_call(restaurant, beside, NOON),
    ]
    cells = {(cell["zone_id"], cell["kind"], cell["table_name"]): cell for cell in cells_of(calls)}
    assert set(cells) == {("z1", "waiter", "7"), ("z1", "bill", "7"), (None, "waiter", "7"), ("z1", "waiter", "8")}
    counted = cells["z1", "waiter", "7"]
    figures = [counted[name] for name in ("calls", "answered", "given_up", "nobody", "alerted")]
    assert figures == [5, 4, 1, 1, 1]
    assert sum(counted["waits"].values()) == 4


def test_sums_of_cells_are_as_exact_as_the_calls_themselves(restaurant, table):
    waits = [7, 12, 31, 33, 48, 52, 61, 77, 90, 118, 171, 240, 601, 4000]
    calls = [past_call(restaurant, table, NOON, accepted=wait) for wait in waits]
    together = total(cells_of(calls))
    apart = total(cell for call in calls for cell in cells_of([call]))
    assert together == apart
    assert together.within(timedelta(seconds=120)) == sum(wait < 120 for wait in waits)
    median = together.wait(0.5)
    assert median is not None
    assert 60 <= median.total_seconds() <= 80  # between the seventh and the eighth
    assert total([]).wait(0.5) is None


def test_a_quarter_lies_in_one_hour_and_one_day_of_every_zone():
    for zone in (BERLIN, KATHMANDU, ADELAIDE):
        for quarter in times.quarters(utc(2026, 10, 24), utc(2026, 10, 26)):
            first, last = (moment.astimezone(zone) for moment in (quarter, quarter + timedelta(minutes=14, seconds=59)))
            assert first.hour == last.hour
            assert times.day_of(first, zone) == times.day_of(last, zone)


def test_calls_after_midnight_belong_to_the_day_before():
    assert times.day_of(utc(2026, 11, 11, 3, 59), BERLIN) == date(2026, 11, 10)  # 4:59 local time
    assert times.day_of(utc(2026, 11, 11, 4, 0), BERLIN) == date(2026, 11, 11)
    assert times.beginning_of(date(2026, 11, 11), BERLIN) == utc(2026, 11, 11, 4, 0)


def test_days_are_as_long_as_the_clocks_make_them():
    for day, hours in ((date(2026, 10, 24), 25), (date(2026, 3, 28), 23), (date(2026, 7, 1), 24)):
        begin, end = times.beginning_of(day, BERLIN), times.beginning_of(day + times.DAY, BERLIN)
        assert (end - begin) == timedelta(hours=hours)


def rollup(quarter: Any, calls: int = 1, zone: str | None = "z1") -> Any:
    counts = {"calls": calls, "answered": calls, "given_up": 0, "nobody": 0, "alerted": 0, "waits": {"6": calls}}
    return {"quarter": quarter, "cells": [{"zone_id": zone, "zone_name": "Old bar", "kind": "waiter", **counts}]}


def test_a_repeated_hour_is_one_row_and_a_skipped_one_none():
    twice = [rollup(utc(2026, 10, 25, 0, 15), 2), rollup(utc(2026, 10, 25, 1, 15), 3)]  # both 2:15 in Berlin
    assert {hour: each.calls for hour, each in summary.hours(summary.timed_cells(twice, BERLIN)).items()} == {2: 5}
    around = [rollup(utc(2026, 3, 29, 0, 45)), rollup(utc(2026, 3, 29, 1, 0))]  # 1:45, then 3:00
    assert list(summary.hours(summary.timed_cells(around, BERLIN))) == [1, 3]


def test_a_corrected_time_zone_moves_what_was_counted_before():
    counted = [rollup(utc(2026, 11, 10, 12, 15))]
    hours = [next(iter(summary.hours(summary.timed_cells(counted, zone)))) for zone in (BERLIN, KATHMANDU, ADELAIDE)]
    assert hours == [13, 18, 22]


def test_the_heat_map_begins_in_the_morning_and_leaves_no_gap():
    evening = [rollup(utc(2026, 11, 10, 20)), rollup(utc(2026, 11, 10, 23), 4), rollup(utc(2026, 11, 11, 1))]
    found = summary.hours_and_weekdays(summary.timed_cells(evening, BERLIN))
    drawn = pictures.heat_of_calls(found, first_weekday=6)
    assert drawn.hours == [21, 22, 23, 0, 1, 2]
    assert drawn.weekdays == [6, 0, 1, 2, 3, 4, 5]
    tuesday = pictures.LEFT + 2 * pictures.CELL_WIDTH  # also after midnight
    assert [(square.x, square.text, square.look) for square in drawn.squares] == [
        (tuesday, "1", "calls-2"),
        (tuesday, "4", "calls-5"),
        (tuesday, "1", "calls-2"),
    ]
    assert pictures.heat_of_calls({}, 0).squares == []


def test_waits_are_coloured_by_the_restaurants_own_times(restaurant, table):
    limits = escalation_of(restaurant)
    waits = {(12, 0): 39, (13, 0): 41, (14, 0): 121, (15, 0): 700}
    found: dict[Any, Any] = {
        at: total(cells_of([past_call(restaurant, table, NOON, accepted=wait)])) for at, wait in waits.items()
    }
    found[16, 0] = total(cells_of([past_call(restaurant, table, NOON, state="cancelled", cancelled=9)]))
    looks = [square.look for square in pictures.heat_of_waits(found, 0, limits).squares]
    assert looks == ["calm", "warn", "late", "late", "late"]
    assert [square.text for square in pictures.heat_of_waits(found, 0, limits).squares][3:] == ["11′", "–"]


def test_lines_are_interrupted_where_nobody_was_answered(restaurant, table):
    figures = {
        step: total(cells_of([past_call(restaurant, table, NOON, accepted=wait)]))
        for step, wait in {3: 62, 2: 62, 0: 92}.items()
    }
    figures[0] += total(cells_of([past_call(restaurant, table, NOON, state="cancelled", cancelled=9)]))
    line = pictures.time_line([3, 2, 1, 0], figures, None)
    assert line.longest == timedelta(minutes=2)
    assert re.sub(r"(\d\d)\.\d+", r"\1", line.median) == "M12 48h.01L37 48M87 23h.01"  # 62, 62 and 92 of 120 s
    assert [(bar.height, bar.unanswered) for bar in line.bars] == [(50.0, 0.0), (50.0, 0.0), (100.0, 50.0)]
    assert line.median_before == ""


def test_a_period_is_compared_with_as_many_days_up_to_the_same_time():
    monday = summary.period(7, utc(2026, 10, 26, 11, 0), BERLIN)  # the clocks changed the night before
    assert (monday.first, monday.last) == (date(2026, 10, 20), date(2026, 10, 26))
    earlier = summary.before(monday, BERLIN)
    assert (earlier.first, earlier.last) == (date(2026, 10, 13), date(2026, 10, 19))
    assert earlier.end == utc(2026, 10, 19, 10, 0)  # noon local time, as now


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (65, "1:05"), (3599.6, "1:00:00"), (3725, "1:02:05"), (None, "–")]
)
def test_waits_are_formatted_as_minutes_and_seconds(seconds, shown):
    assert words.minutes_and_seconds(None if seconds is None else timedelta(seconds=seconds)) == shown


def test_figures_without_calls_are_zero_or_none():
    empty = Figures()
    assert (empty.within(timedelta(seconds=120)), empty.wait(0.9)) == (0, None)
