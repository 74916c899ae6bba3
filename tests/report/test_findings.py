"""What stands out in a period, as sentences."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from waitercaller.model.rollups.figures import BUCKET_BOUNDS_SECONDS
from waitercaller.report import findings, summary

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 2, tzinfo=BERLIN)
NAMES: Any = {"t": "Terrace", "b": "Bar"}


@pytest.fixture(autouse=True)
def _english(app: Flask) -> Iterator[None]:
    with app.test_request_context(headers={"Accept-Language": "en"}):
        yield


def quarter(zone: str, at: datetime, calls: int, wait: int, unanswered: int = 0) -> Any:
    """`calls` that were answered after `wait` seconds, and some that were not, in the quarter that begins then."""
    bucket = sum(bound <= wait for bound in BUCKET_BOUNDS_SECONDS)
    counts = {"answered": calls, "given_up": unanswered, "nobody": 0, "alerted": 0, "waits": {str(bucket): calls}}
    cell = {"zone_id": zone, "zone_name": NAMES[zone], "kind": "waiter", "calls": calls + unanswered, **counts}
    return summary.TimedCell(at, at.date(), cell)  # type: ignore[arg-type]


def weeks(slow: int = 50, calls: int = 3) -> list[Any]:
    """Four weeks of evenings in which a call waits 50 s, and on the terrace on Fridays from 19 to 21 h `slow`."""
    return [
        quarter(zone, at, calls, slow if zone == "t" and at.weekday() == 4 and at.hour in (19, 20) else 50)
        for zone in NAMES
        for day in range(28)
        for hour in range(17, 23)
        for at in [MONDAY + timedelta(days=day, hours=hour)]
    ]


def test_a_zone_that_waits_twice_as_long_at_some_hours_is_told() -> None:
    assert findings.sentences(weeks(slow=101), None, NAMES) == [
        "Terrace, Fridays, 19–21 h: guests wait twice as long as usual, 1:42 instead of 0:52."
    ]
    assert "more than twice" in findings.sentences(weeks(slow=200), None, NAMES)[0]


@pytest.mark.parametrize(("slow", "calls"), [(50, 3), (80, 3), (101, 2)], ids=["as usual", "hardly", "few calls"])
def test_below_the_thresholds_nothing_is_told(slow: int, calls: int) -> None:
    assert findings.sentences(weeks(slow, calls), weeks(), NAMES) == []


def test_chance_alone_is_not_told() -> None:
    """Waits that scatter as real ones do, at the same rate everywhere."""
    random, told = Random(7), 0
    for _trial in range(5):
        items = [
            quarter(zone, MONDAY + timedelta(days=day, hours=hour), 1, round(random.lognormvariate(4, 0.6)))
            for zone in NAMES
            for day in range(28)
            for hour in range(17, 23)
            for _call in range(3)
        ]
        told += len(findings.slow_windows(items))
    assert told == 0


def test_calls_without_an_answer_and_a_change_are_told() -> None:
    late = [quarter("b", MONDAY + timedelta(days=day, hours=18), 10, 90, unanswered=2) for day in range(7)]
    before = [quarter("b", MONDAY - timedelta(days=day, hours=6), 10, 50) for day in range(7)]
    assert findings.sentences(late, before, NAMES) == [
        "14 of 84 calls were not answered, 17%.",
        "Guests wait longer than in the time before: 1:32 instead of 0:52.",
    ]
    assert findings.sentences(before, late, NAMES) == [
        "Guests wait less than in the time before: 0:52 instead of 1:32."
    ]


def test_at_most_three_are_told_and_none_of_the_same_calls_twice() -> None:
    items = [
        quarter("b", MONDAY + timedelta(days=day, hours=hour), 30, 50, 3) for day in range(7) for hour in range(24)
    ]
    items += [
        quarter("t", MONDAY + timedelta(days=day, hours=hour), 30, 200)
        for day, hour in ((0, 12), (1, 15), (2, 18), (3, 21))
    ]
    items += [quarter("t", MONDAY + timedelta(days=5, hours=hour), 30, 50) for hour in range(24)] * 5
    found = findings.slow_windows(items)
    assert len(found) == 4
    assert len({(each.weekday, each.hour) for each in found}) == 4
    assert len(findings.sentences(items, None, NAMES)) == 3
