"""The geometry of the report's pictures; templates/report/_pictures.html draws them as SVG.

Heat maps keep their proportions. Lines and bars are stretched to the width of the page, so their texts are HTML beside
them, and their coordinates are percent.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import NamedTuple

from waitercaller.model.rollups.figures import Figures
from waitercaller.model.service_request import Escalation
from waitercaller.report import summary

CELL_WIDTH, CELL_HEIGHT, LEFT, TOP = 44, 28, 44, 28  # of a heat map, in its own units
LEVELS = 5  # of the shades for numbers of calls
MIN_SCALE = timedelta(minutes=1)  # of the time axis

Quantiles = Sequence[timedelta | None]


class Square(NamedTuple):
    """A square of a heat map: its corner, its text and its look (a class of report.css)."""

    x: int
    y: int
    text: str
    look: str


class HeatMap(NamedTuple):
    """Hours of the day from top to bottom, weekdays (0: Monday) from left to right."""

    hours: list[int]
    weekdays: list[int]
    squares: list[Square]
    found: dict[tuple[int, int], Figures]  # by hour and weekday

    @property
    def width(self) -> int:
        return LEFT + len(self.weekdays) * CELL_WIDTH

    @property
    def height(self) -> int:
        return TOP + len(self.hours) * CELL_HEIGHT


class Bar(NamedTuple):
    """The calls of a step of the time line; heights in percent of the highest."""

    x: float
    width: float
    height: float
    unanswered: float


class TimeLine(NamedTuple):
    """Waits and calls over the steps of a period; paths in percent of the width and of `longest`."""

    longest: timedelta
    median: str
    nine_of_ten: str
    median_before: str
    nine_of_ten_before: str
    bars: list[Bar]


def heat_of_calls(found: dict[tuple[int, int], Figures], first_weekday: int) -> HeatMap:
    """How many calls came: the more, the darker."""
    highest = max((figures.calls for figures in found.values()), default=0)
    return _heat_map(
        found,
        first_weekday,
        lambda figures: (str(figures.calls), f"calls-{-(-LEVELS * figures.calls // highest)}"),
    )


def heat_of_waits(found: dict[tuple[int, int], Figures], first_weekday: int, limits: Escalation) -> HeatMap:
    """The median wait, coloured by the restaurant's own times, as in the history; a dash where nobody went."""

    def drawn(figures: Figures) -> tuple[str, str]:
        wait = figures.wait(0.5)
        if wait is None:
            return "–", "late"
        return _short(wait), "late" if wait >= limits.alert else "warn" if wait >= limits.nag else "calm"

    return _heat_map(found, first_weekday, drawn)


def time_line(steps: Sequence[int], now: dict[int, Figures], before: dict[int, Figures] | None) -> TimeLine:
    """The waits of these steps as lines, beside those of the period before, and their calls as bars."""
    lines = [
        [each[step].wait(quantile) if step in each else None for step in steps]
        for each in (now, before or {})
        for quantile in (0.5, 0.9)
    ]
    longest = _scale(wait for line in lines for wait in line)
    median, nine_of_ten, median_before, nine_of_ten_before = (_path(line, longest) for line in lines)
    highest = max((now[step].calls for step in steps if step in now), default=0)
    width = 100 / max(len(steps), 1)
    bars = [
        Bar(
            round(number * width + width * 0.15, 2),
            round(width * 0.7, 2),
            round(100 * now[step].calls / highest, 1),
            round(100 * now[step].unanswered / highest, 1),
        )
        for number, step in enumerate(steps)
        if step in now
    ]
    return TimeLine(longest, median, nine_of_ten, median_before, nine_of_ten_before, bars)


def share(wait: timedelta | None, longest: timedelta) -> float:
    """A wait in percent of the longest, which is 100."""
    return round(min(100.0, 100 * wait / longest), 1) if wait else 0.0


def longest_of(figures: Iterable[Figures]) -> timedelta:
    """The end of the axis for these figures."""
    return _scale(each.wait(0.9) for each in figures)


def _heat_map(
    found: dict[tuple[int, int], Figures], first_weekday: int, drawn: Callable[[Figures], tuple[str, str]]
) -> HeatMap:
    hours = summary.hours_between({hour for hour, _weekday in found})
    weekdays = [(first_weekday + number) % 7 for number in range(7)]
    squares = [
        Square(LEFT + column * CELL_WIDTH, TOP + row * CELL_HEIGHT, *drawn(found[hour, weekday]))
        for row, hour in enumerate(hours)
        for column, weekday in enumerate(weekdays)
        if (hour, weekday) in found
    ]
    return HeatMap(hours, weekdays, squares, found)


def _short(wait: timedelta) -> str:
    """m:ss, from ten minutes on whole minutes: there is room for four signs."""
    minutes, seconds = divmod(round(wait.total_seconds()), 60)
    return f"{minutes}:{seconds:02}" if minutes < 10 else f"{minutes}′"


def _scale(waits: Iterable[timedelta | None]) -> timedelta:
    """The longest of these waits, rounded up to whole half minutes."""
    half = MIN_SCALE / 2
    longest = max((wait for wait in waits if wait), default=MIN_SCALE)
    return max(MIN_SCALE, -(-longest // half) * half)


def _path(waits: Quantiles, longest: timedelta) -> str:
    """An SVG path through the middle of each step; it is interrupted where nobody was answered."""
    parts, is_drawing = [], False
    for number, wait in enumerate(waits):
        if wait is None:
            is_drawing = False
            continue
        x, y = (number + 0.5) * 100 / len(waits), 100 - 100 * wait / longest
        parts.append(f"{'L' if is_drawing else 'M'}{x:.2f} {y:.1f}" + ("" if is_drawing else "h.01"))
        is_drawing = True
    return "".join(parts)
