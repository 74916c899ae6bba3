"""What stands out in a period, as up to three plain sentences; nothing below the thresholds.

A window (a zone, a weekday, two hours, or several of these together) stands out where its median wait is at least
MIN_RATIO times that of all other calls. Of windows that overlap only the clearest is told.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from math import log, sqrt
from typing import NamedTuple

from flask_babel import format_percent, ngettext
from flask_babel import gettext as _

from waitercaller.model.rollups.figures import Figures
from waitercaller.report import summary
from waitercaller.report.summary import TimedCell
from waitercaller.report.words import hours_range, minutes_and_seconds, on_weekday

MAX_SENTENCES = 3
WINDOW_HOURS = 2
# With fewer calls, or a smaller ratio, chance makes one of some hundred windows stand out: the logarithms of waits
# scatter by about 0.6, so the median of 20 by 0.17, and log(1.75) is more than three times that.
MIN_ANSWERED = 20
MIN_RATIO = 1.75
MIN_DIFFERENCE = timedelta(seconds=20)
MIN_CHANGE = 1.25  # of the median against the period before, by at least 10 s …
MIN_CHANGE_DIFFERENCE = timedelta(seconds=10)
MIN_CHANGE_ANSWERED = 50  # … with so many answered calls in both
MIN_UNANSWERED, MIN_UNANSWERED_SHARE = 5, 0.05

Window = tuple[str | None, int | None, int | None]  # zone's id, weekday, first hour; None: any


class Finding(NamedTuple):
    """A window that waits longer than the rest."""

    zone_id: str | None
    weekday: int | None
    hour: int | None  # the first of WINDOW_HOURS
    wait: timedelta
    usual: timedelta  # of all other calls


def sentences(items: list[TimedCell], old: list[TimedCell] | None, zone_names: dict[str | None, str]) -> list[str]:
    """Up to MAX_SENTENCES; `old` is the period before, None where the restaurant is younger than that."""
    now, before = _sum(items), _sum(old) if old is not None else None
    told = [*_unanswered(now), *about_change(now, before)]
    return [*about_windows(items, zone_names)[: MAX_SENTENCES - len(told)], *told]


def about_windows(items: list[TimedCell], zone_names: dict[str | None, str]) -> list[str]:
    """A sentence for each of `slow_windows`."""
    return [_slow(finding, zone_names) for finding in slow_windows(items)]


def about_change(now: Figures, before: Figures | None) -> list[str]:
    """A sentence if guests wait clearly longer, or less, than in the period before."""
    if before is None or min(now.answered, before.answered) < MIN_CHANGE_ANSWERED:
        return []
    wait, earlier = now.wait(0.5), before.wait(0.5)
    if not wait or not earlier or abs(wait - earlier) < MIN_CHANGE_DIFFERENCE:
        return []
    values = {"wait": minutes_and_seconds(wait), "earlier": minutes_and_seconds(earlier)}
    if wait >= MIN_CHANGE * earlier:
        return [_("Guests wait longer than in the time before: %(wait)s instead of %(earlier)s.", **values)]
    if earlier >= MIN_CHANGE * wait:
        return [_("Guests wait less than in the time before: %(wait)s instead of %(earlier)s.", **values)]
    return []


def slow_windows(items: list[TimedCell]) -> list[Finding]:
    """The windows that stand out, the clearest first; of those that overlap only the clearest."""
    windows, everything = _windows(items), _sum(items)
    found = []
    for window, figures in windows.items():
        if finding := _compared(window, figures, everything - figures):
            found.append((log(finding.wait / finding.usual) * sqrt(figures.answered), finding))
    chosen: list[Finding] = []
    for _evidence, finding in sorted(found, key=lambda each: -each[0]):
        if not any(_overlap(finding, other) for other in chosen):
            chosen.append(finding)
    return chosen


def _sum(items: list[TimedCell]) -> Figures:
    figures = Figures()
    for item in items:
        figures.add(item.cell)
    return figures


def _windows(items: list[TimedCell]) -> dict[Window, Figures]:
    """The figures of every window; two hours begin at each hour, and end with the restaurant's day."""
    single = summary.by(lambda item: (item.cell["zone_id"], item.day.weekday(), item.at.hour), items)
    windows: dict[Window, Figures] = defaultdict(Figures)
    for (zone_id, weekday, hour), figures in single.items():
        for window in _windows_with(zone_id, weekday, hour):
            windows[window] += figures
    return windows


def _windows_with(zone_id: str | None, weekday: int, hour: int) -> Iterator[Window]:
    """All windows that contain this hour of this weekday in this zone, but for the one of all calls."""
    since_morning = summary.since_morning(hour)
    begins = [(hour - back) % 24 for back in range(WINDOW_HOURS) if since_morning >= back]
    for zone in {zone_id, None}:
        for day in (weekday, None):
            for begin in (*begins, None):
                if (zone, day, begin) != (None, None, None):
                    yield zone, day, begin


def _compared(window: Window, figures: Figures, rest: Figures) -> Finding | None:
    wait, usual = figures.wait(0.5), rest.wait(0.5)
    if not wait or not usual or min(figures.answered, rest.answered) < MIN_ANSWERED:
        return None
    stands_out = wait >= MIN_RATIO * usual and wait - usual >= MIN_DIFFERENCE
    return Finding(*window, wait, usual) if stands_out else None


def _overlap(one: Finding, other: Finding) -> bool:
    """Whether a call could be in both windows."""
    if None not in (one.zone_id, other.zone_id) and one.zone_id != other.zone_id:
        return False
    if None not in (one.weekday, other.weekday) and one.weekday != other.weekday:
        return False
    if one.hour is None or other.hour is None:
        return True
    return abs(summary.since_morning(one.hour) - summary.since_morning(other.hour)) < WINDOW_HOURS


def _slow(finding: Finding, zone_names: dict[str | None, str]) -> str:
    """As “Terrace, Fridays, 19–21 h: guests wait twice as long, 1:52 instead of 0:55.”"""
    parts = [
        zone_names.get(finding.zone_id, "") if finding.zone_id else "",
        on_weekday(finding.weekday) if finding.weekday is not None else "",
        hours_range(finding.hour, WINDOW_HOURS) if finding.hour is not None else "",
    ]
    values = {
        "where": ", ".join(filter(None, parts)),
        "wait": minutes_and_seconds(finding.wait),
        "usual": minutes_and_seconds(finding.usual),
    }
    ratio = finding.wait / finding.usual
    if ratio < 1.9:
        return str(_("%(where)s: guests wait much longer than usual, %(wait)s instead of %(usual)s.", **values))
    if ratio < 2.5:
        return str(_("%(where)s: guests wait twice as long as usual, %(wait)s instead of %(usual)s.", **values))
    return str(_("%(where)s: guests wait more than twice as long as usual, %(wait)s instead of %(usual)s.", **values))


def _unanswered(now: Figures) -> list[str]:
    number = now.unanswered
    if number < MIN_UNANSWERED or number < MIN_UNANSWERED_SHARE * now.calls:
        return []
    share = format_percent(number / now.calls)
    return [
        ngettext(
            "%(num)d of %(calls)d calls was not answered, %(share)s.",
            "%(num)d of %(calls)d calls were not answered, %(share)s.",
            number,
            calls=now.calls,
            share=share,
        )
    ]
