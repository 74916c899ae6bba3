"""What the report shows of a period: sums by hour, day, zone and kind."""

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
    """Some days of the restaurant, the last of them perhaps not over."""

    days: int
    first: date
    last: date
    begin: datetime
    end: datetime


class Counted(NamedTuple):
    """A cell, and when its calls were."""

    at: datetime  # on the restaurant's wall
    day: date
    cell: Cell


class Bar(NamedTuple):
    """An hour of the day in the chart: its calls, those answered in time, and both in percent of the highest bar."""

    hour: int
    calls: int
    in_time: int
    height: float
    filled: float


def period(days: int, now: datetime, zone: ZoneInfo) -> Period:
    """The last `days` days of the restaurant, today included."""
    last = times.day_of(now, zone)
    first = last - (days - 1) * times.DAY
    return Period(days, first, last, times.beginning_of(first, zone), now)


def before(this: Period, zone: ZoneInfo) -> Period:
    """As many days just before, up to the same time of the day: so today is compared with yesterday at this time."""
    return period(this.days, this.end.astimezone(zone) - this.days * times.DAY, zone)


def counted(rollups: Iterable[Rollup], zone: ZoneInfo) -> list[Counted]:
    """The cells of these quarters, by the restaurant's clock."""
    return [
        Counted(rollup["quarter"].astimezone(zone), times.day_of(rollup["quarter"], zone), cell)
        for rollup in rollups
        for cell in rollup["cells"]
    ]


def by(key: Callable[[Counted], Key], items: Iterable[Counted]) -> dict[Key, Figures]:
    """The figures of these cells for each value of `key`."""
    groups: dict[Key, Figures] = defaultdict(Figures)
    for item in items:
        groups[key(item)].add(item.cell)
    return dict(groups)


def hours(items: Iterable[Counted]) -> dict[int, Figures]:
    """The figures by hour, in the order of the restaurant's day, which begins in the morning."""
    groups = by(lambda item: item.at.hour, items)
    return dict(sorted(groups.items(), key=lambda group: _place(group[0])))


def bars(by_hour: dict[int, Figures], limit: timedelta) -> list[Bar]:
    """The chart: a bar for each hour from the first with calls to the last; `limit` is what counts as in time."""
    if not by_hour:
        return []
    most = max(figures.calls for figures in by_hour.values())
    first, last = _place(next(iter(by_hour))), _place(list(by_hour)[-1])
    chart = []
    for place in range(first, last + 1):
        hour = (place + times.MORNING.hour) % 24
        figures = by_hour.get(hour, Figures())
        calls, in_time = figures.calls, figures.within(limit)
        chart.append(Bar(hour, calls, in_time, round(100 * calls / most, 1), round(100 * in_time / most, 1)))
    return chart


def _place(hour: int) -> int:
    """How many hours after the beginning of the restaurant's day."""
    return (hour - times.MORNING.hour) % 24
