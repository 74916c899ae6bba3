"""Aggregation of rollups for the report: by hour, weekday, day, zone, kind and table."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import date, datetime
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from waitercaller.model.rollups import times
from waitercaller.model.rollups.figures import Cell, Figures
from waitercaller.model.rollups.store import Counts

PERIODS = (1, 7, 28, 90)  # days, today included
LONGEST_BY_DAY = 31  # days; a longer period is drawn by weeks
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


def period(days: int, now: datetime, zone: ZoneInfo) -> Period:
    """The last `days` days, today included."""
    last = times.day_of(now, zone)
    first = last - (days - 1) * times.DAY
    return Period(days, first, last, times.beginning_of(first, zone), now)


def before(this: Period, zone: ZoneInfo) -> Period:
    """The preceding period of equal length, up to the same time of day, for comparison."""
    return period(this.days, this.end.astimezone(zone) - this.days * times.DAY, zone)


def whole_days(this: Period, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """The begin and end of each of its days, oldest first; the last ends with the period."""
    for number in range(this.days):
        begin, end = (times.beginning_of(this.first + (number + ahead) * times.DAY, zone) for ahead in (0, 1))
        yield begin, min(end, this.end)


def timed_cells(counts: Iterable[Counts], zone: ZoneInfo) -> list[TimedCell]:
    """The cells of these counts with their local times."""
    return [
        TimedCell(each["quarter"].astimezone(zone), times.day_of(each["quarter"], zone), cell)
        for each in counts
        for cell in each["cells"]
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
    return dict(sorted(groups.items(), key=lambda group: since_morning(group[0])))


def hours_and_weekdays(items: Iterable[TimedCell]) -> dict[tuple[int, int], Figures]:
    """The figures by hour of the clock and weekday of the restaurant's day (0: Monday).

    So one in the morning of Saturday is an hour of Friday.
    """
    return by(lambda item: (item.at.hour, item.day.weekday()), items)


def hours_between(found: Iterable[int]) -> list[int]:
    """The hours from the first of these to the last, without a gap, in the order of the restaurant's day."""
    offsets = [since_morning(hour) for hour in found]
    return [(offset + times.MORNING.hour) % 24 for offset in range(min(offsets), max(offsets) + 1)] if offsets else []


def steps(this: Period, items: Iterable[TimedCell]) -> list[int]:
    """The steps of the time line of this period by their keys, oldest first; see `step_of`."""
    if this.days == 1:
        return hours_between({item.at.hour for item in items})
    return list(reversed(range(this.days if this.days <= LONGEST_BY_DAY else -(-this.days // 7))))


def step_of(this: Period) -> Callable[[TimedCell], int]:
    """The key of a cell's step: its hour in a period of one day; otherwise how many days, or weeks, before the last."""
    if this.days == 1:
        return lambda item: item.at.hour
    length = 1 if this.days <= LONGEST_BY_DAY else 7
    return lambda item: (this.last - item.day).days // length


def since_morning(hour: int) -> int:
    """Hours since the beginning of the restaurant's day."""
    return (hour - times.MORNING.hour) % 24
