"""Aggregation of rollups for the report: by hour, day, zone and kind."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from waitercaller.model.rollups import times
from waitercaller.model.rollups.figures import Cell, Figures
from waitercaller.model.rollups.store import Rollup

PERIODS = (1, 7, 28, 90)  # days, today included
Key = TypeVar("Key", bound=Hashable)


class Period(NamedTuple):
    """Consecutive days of the restaurant (from 5:00 local time); `end` is now, so the last may be incomplete."""

    days: int
    first: date
    last: date
    begin: datetime
    end: datetime


class TimedCell(NamedTuple):
    """A cell with its local time and day."""

    at: datetime  # in the restaurant's time zone
    day: date
    cell: Cell


class Bar(NamedTuple):
    """A bar of the chart: calls in an hour of the day, and those answered in time; heights in percent."""

    hour: int
    calls: int
    in_time: int
    height: float
    filled: float


def period(days: int, now: datetime, zone: ZoneInfo) -> Period:
    """The last `days` days, today included."""
    last = times.day_of(now, zone)
    first = last - (days - 1) * times.DAY
    return Period(days, first, last, times.beginning_of(first, zone), now)


def before(this: Period, zone: ZoneInfo) -> Period:
    """The preceding period of equal length, up to the same time of day, for comparison."""
    return period(this.days, this.end.astimezone(zone) - this.days * times.DAY, zone)


def timed_cells(rollups: Iterable[Rollup], zone: ZoneInfo) -> list[TimedCell]:
    """The cells of these rollups with their local times."""
    return [
        TimedCell(rollup["quarter"].astimezone(zone), times.day_of(rollup["quarter"], zone), cell)
        for rollup in rollups
        for cell in rollup["cells"]
    ]


def by(key: Callable[[TimedCell], Key], items: Iterable[TimedCell]) -> dict[Key, Figures]:
    """The figures of these cells for each value of `key`."""
    groups: dict[Key, Figures] = defaultdict(Figures)
    for item in items:
        groups[key(item)].add(item.cell)
    return dict(groups)


def hours(items: Iterable[TimedCell]) -> dict[int, Figures]:
    """The figures by hour, ordered from times.MORNING, at which the restaurant's day begins."""
    groups = by(lambda item: item.at.hour, items)
    return dict(sorted(groups.items(), key=lambda group: _hours_since_morning(group[0])))


def bars(by_hour: dict[int, Figures], limit: timedelta) -> list[Bar]:
    """A bar per hour from the first with calls to the last; answered in time means within `limit`."""
    if not by_hour:
        return []
    highest = max(figures.calls for figures in by_hour.values())
    first, last = _hours_since_morning(next(iter(by_hour))), _hours_since_morning(list(by_hour)[-1])
    chart = []
    for offset in range(first, last + 1):
        hour = (offset + times.MORNING.hour) % 24
        figures = by_hour.get(hour, Figures())
        calls, in_time = figures.calls, figures.within(limit)
        chart.append(Bar(hour, calls, in_time, round(100 * calls / highest, 1), round(100 * in_time / highest, 1)))
    return chart


def _hours_since_morning(hour: int) -> int:
    """Hours since the beginning of the restaurant's day."""
    return (hour - times.MORNING.hour) % 24
