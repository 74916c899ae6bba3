"""The report's figures against a count of each request by itself, over both changes of the clocks.

`REPORT_CALLS=100000` makes more of them: a minute.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.past_calls import past_call
from waitercaller.model.rollups import store
from waitercaller.model.rollups.figures import Figures, total
from waitercaller.model.standard_kinds import STANDARD_KINDS
from waitercaller.report import summary

CALLS = int(os.environ.get("REPORT_CALLS", "1500"))
ZONES = ("Europe/Berlin", "Australia/Lord_Howe", "America/New_York")  # Lord Howe's clocks change by half an hour
LIMIT = timedelta(seconds=120)
# Around the nights in which the clocks of these places change, in spring and in autumn.
NIGHTS = [
    datetime(2026, month, day, tzinfo=UTC) for month, day in ((3, 8), (3, 29), (4, 4), (10, 3), (10, 25), (11, 1))
]


def generated(count: int) -> list[Any]:
    """Ended and live requests at these nights: answered, given up, nobody there, undone, withdrawn, waiting."""
    random = Random(2026)
    house: Any = {
        "_id": "r",
        "kinds": STANDARD_KINDS,
        "zones": [{"id": "z", "name": "Bar"}],
        "members": [],
        "settings": {},
    }
    laid: list[Any] = [{"_id": str(each), "name": str(each), "zone_id": "z" if each % 2 else None} for each in range(9)]
    requests = []
    for _number in range(count):
        at = random.choice(NIGHTS) + timedelta(seconds=random.uniform(-36, 36) * 3600)
        wait = round(random.lognormvariate(4, 0.8), 3)
        state, steps = random.choice(
            [
                ("resolved", {"accepted": wait, "resolved": wait + 60}),
                ("resolved", {"nagged": 40.0, "accepted": wait + 40, "resolved": wait + 90}),
                ("resolved", {"accepted": 5.0, "resolved": 9.0, "reopened": 20.0, "passed": 20 + wait}),
                ("cancelled", {"cancelled": wait}),
                ("cancelled", {"accepted": wait, "cancelled": wait + 5}),
                ("dismissed", {"dismissed": wait}),
                ("withdrawn", {"withdrawn": wait}),
                ("waiting", {"reminded": 5.0}),
            ]
        )
        requests.append(past_call(house, random.choice(laid), at, kind=random.randrange(3), state=state, **steps))
    return requests


def waited(request: Any) -> float | None:
    """The seconds until somebody went, read off the steps backwards: those after the last undo count."""
    taken = None
    for step in reversed(request["steps"]):
        if step["what"] == "reopened":
            break
        if step["what"] in ("accepted", "passed", "resolved"):
            taken = (step["at"] - request["first_at"]).total_seconds()
    return taken


def local(request: Any, zone: str) -> datetime:
    """The time on the wall, from UTC by the offset that holds then."""
    at: datetime = request["created_at"]
    offset = at.astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return at.replace(tzinfo=None) + offset


def weekday(at: datetime) -> int:
    return (at - timedelta(hours=5)).weekday()


def compare(figures: dict[Any, Figures], requests: Iterable[Any], key: Callable[[Any], Any]) -> int:
    """Hold each group's figures against its requests; returns how many figures were compared."""
    groups: dict[Any, list[Any]] = {}
    for request in requests:
        groups.setdefault(key(request), []).append(request)
    assert figures.keys() == groups.keys()
    for each, found in groups.items():
        counted, waits = figures[each], sorted(wait for wait in map(waited, found) if wait is not None)
        states = Counter(request["state"] for request in found if waited(request) is None)
        assert (counted.calls, counted.answered) == (len(found), len(waits))
        assert counted.unanswered == len(found) - len(waits) == sum(states.values())
        assert counted.given_up == states["cancelled"]
        assert abs(counted.within(LIMIT) - sum(wait < 120 for wait in waits)) <= 1
        for share in (0.5, 0.9):
            wait = counted.wait(share)
            assert (wait is None) == (not waits)
            if wait is not None:
                at = max(0, min(len(waits) - 1, round(share * len(waits)) - 1))
                around = waits[max(0, at - 1)], waits[min(len(waits) - 1, at + 1)]
                width = 5 if around[1] < 120 else 30 if around[1] < 900 else 300
                assert around[0] - width <= wait.total_seconds() <= around[1] + width
    return len(groups) * 7


@pytest.fixture(scope="module")
def requests() -> list[Any]:
    return generated(CALLS)


@pytest.mark.parametrize("zone", ZONES)
def test_figures_are_those_of_the_calls(requests: list[Any], zone: str) -> None:
    items = summary.timed_cells(store.counts_of(requests), ZoneInfo(zone))
    compared = compare({0: total(item.cell for item in items)}, requests, lambda request: 0)
    compared += compare(
        summary.hours_and_weekdays(items),
        requests,
        lambda request: (local(request, zone).hour, weekday(local(request, zone))),
    )
    compared += compare(
        summary.by(lambda item: item.day, items),
        requests,
        lambda request: (local(request, zone) - timedelta(hours=5)).date(),
    )
    for name in ("zone_id", "kind", "table_id"):
        compared += compare(
            summary.by(lambda item, name=name: item.cell[name], items),  # type: ignore[misc]
            requests,
            lambda request, name=name: request[name],  # type: ignore[misc]
        )
    print(f"{zone}: {len(requests)} requests, {len(items)} cells, {compared} figures")
    assert compared > 500


@pytest.mark.parametrize("zone", ZONES)
def test_a_period_has_all_calls_of_its_days_and_no_other(requests: list[Any], zone: str) -> None:
    """Also the days of 23 and of 25 hours: each call is in the day that the wall says."""
    place = ZoneInfo(zone)
    for night in NIGHTS:
        period = summary.period(7, night + timedelta(days=1, hours=10), place)
        days = list(summary.whole_days(period, place))
        assert all(end == begin for (_, end), (begin, _) in pairwise(days))
        in_days = sum(begin <= request["created_at"] < end for begin, end in days for request in requests)
        by_wall = sum(
            period.first <= (local(request, zone) - timedelta(hours=5)).date() <= period.last
            and request["created_at"] < period.end
            for request in requests
        )
        assert in_days == by_wall > 0
