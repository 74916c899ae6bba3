"""Changes of opening hours and special days, and how they are listed.

Functions that change something take the restaurant and return the fields to set, for `model.settings.change`.
"""

from datetime import date, timedelta
from itertools import groupby
from typing import Any

from babel.dates import format_skeleton
from flask_babel import format_date, get_locale
from flask_babel import gettext as _

from waitercaller.db import clock
from waitercaller.db.client import Changes
from waitercaller.model import restaurants
from waitercaller.model.opening import HORIZON_DAYS
from waitercaller.model.opening_times import ExceptionalDay, Hours, Span
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.settings import Missing

DAY = timedelta(days=1)
MINUTES_A_DAY, MINUTES_A_WEEK = 24 * 60, 7 * 24 * 60
MAX_SPANS_PER_DAY = 4
MAX_DAYS_AT_ONCE = 62  # special days in one form
MAX_SPECIAL_DAYS = 200
MONDAY = date(2024, 1, 1)


class Refused(Exception):
    """The times overlap with existing ones or exceed a limit; nothing was written."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


def add(restaurant: Restaurant, days: list[int], opens: str, closes: str) -> Changes:
    """Add a span to each of these weekdays (0: Monday). Raises Refused."""
    hours = list(restaurant["hours"])
    for day in days:
        new: Hours = {"day": day, "opens": opens, "closes": closes}
        if clash := next((each for each in hours if _overlap(each, new)), None):
            times = f"{day_name(clash['day'])}, {times_of(clash)}"
            raise Refused("opens", _("This overlaps with %(times)s.", times=times))
        if sum(each["day"] == day for each in hours) >= MAX_SPANS_PER_DAY:
            raise Refused("days", _("At most %(number)d times a day, please.", number=MAX_SPANS_PER_DAY))
        hours.append(new)
    return {"hours": sorted(hours, key=lambda each: (each["day"], each["opens"]))}


def remove(restaurant: Restaurant, which: str) -> Changes:
    """Remove the span with the name "day opens closes". Raises Missing."""
    kept = [each for each in restaurant["hours"] if name_of(each) != which]
    if len(kept) == len(restaurant["hours"]):
        raise Missing
    return {"hours": kept}


def name_of(hours: Hours) -> str:
    """The name of a weekly span in forms."""
    return f"{hours['day']} {hours['opens']} {hours['closes']}"


def add_exceptions(restaurant: Restaurant, first: date, last: date, spans: list[Span]) -> Changes:
    """Add special days with these spans, closed if empty; spans are added to existing ones. Raises Refused."""
    today = clock.now().astimezone(restaurants.time_zone(restaurant)).date()
    if not today <= first <= today + HORIZON_DAYS * DAY:
        raise Refused("first_day", _("Please give a day of the coming year."))
    if last < first or (last - first).days >= MAX_DAYS_AT_ONCE:
        raise Refused(
            "last_day",
            _(
                "The last day comes after the first, and at most %(number)d days at once.",
                number=MAX_DAYS_AT_ONCE,
            ),
        )
    known = {each["date"]: each["spans"] for each in restaurant.get("exceptions") or []}
    known = {day: kept for day, kept in known.items() if day >= (today - DAY).isoformat()}
    for number in range((last - first).days + 1):
        day = (first + number * DAY).isoformat()
        known[day] = _with(day, known.get(day), spans)
    if len(known) > MAX_SPECIAL_DAYS:
        raise Refused("first_day", _("At most %(number)d special days, please.", number=MAX_SPECIAL_DAYS))
    return {"exceptions": [{"date": day, "spans": known[day]} for day in sorted(known)]}


def remove_exceptions(restaurant: Restaurant, which: str) -> Changes:
    """Remove the special days in the range "first last". Raises Missing."""
    first, _space, last = which.partition(" ")
    exceptions = restaurant.get("exceptions") or []
    kept = [each for each in exceptions if not first <= each["date"] <= last]
    if len(kept) == len(exceptions):
        raise Missing
    return {"exceptions": kept}


def week(restaurant: Restaurant) -> list[dict[str, Any]]:
    """The seven weekdays with their spans, for the page."""
    return [
        {
            "name": day_name(day),
            "times": [
                {"text": times_of(each), "name": name_of(each)} for each in restaurant["hours"] if each["day"] == day
            ],
        }
        for day in range(7)
    ]


def special_days(restaurant: Restaurant) -> list[dict[str, Any]]:
    """The special days from today; consecutive days with equal spans are one row."""
    today = clock.now().astimezone(restaurants.time_zone(restaurant)).date()
    coming = [each for each in restaurant.get("exceptions") or [] if each["date"] >= today.isoformat()]
    numbered = enumerate(coming)
    rows = []
    for (_start, texts), run in groupby(numbered, key=_run):
        days = [date.fromisoformat(each["date"]) for _number, each in run]
        words = _date(days[0]) if len(days) == 1 else f"{_date(days[0])} – {_date(days[-1])}"
        rows.append({"days": words, "times": texts, "name": f"{days[0].isoformat()} {days[-1].isoformat()}"})
    return rows


def day_name(day: int) -> str:
    """The name of a weekday, 0 for Monday."""
    return str(format_date(MONDAY + day * DAY, "EEEE"))


def short_day_name(day: int) -> str:
    """The abbreviated name of a weekday, 0 for Monday."""
    return str(format_date(MONDAY + day * DAY, "EEE"))


def times_of(span: Span) -> str:
    """A span as text, in local time."""
    return _("all day") if span["opens"] == span["closes"] == "00:00" else f"{span['opens']}–{span['closes']}"


def _with(day: str, present: list[Span] | None, spans: list[Span]) -> list[Span]:
    """The spans of a special day with `spans` added. Raises Refused."""
    if present is None:
        return spans
    if not spans or not present or any(_overlap({**each, "day": 0}, {**spans[0], "day": 0}) for each in present):
        told = _date(date.fromisoformat(day))
        raise Refused("first_day", _("%(day)s is on the list already. Remove it there first.", day=told))
    if len(present) >= MAX_SPANS_PER_DAY:
        raise Refused("first_day", _("At most %(number)d times a day, please.", number=MAX_SPANS_PER_DAY))
    return sorted([*present, *spans], key=lambda each: str(each["opens"]))


def _overlap(one: Hours, other: Hours) -> bool:
    """Whether two weekly spans overlap; a span may end on the next day, after Sunday on Monday."""
    (start, end), (from_, to) = _minutes(one), _minutes(other)
    return any(start + week < to and from_ < end + week for week in (-MINUTES_A_WEEK, 0, MINUTES_A_WEEK))


def _minutes(hours: Hours) -> tuple[int, int]:
    opens, closes = (int(time[:2]) * 60 + int(time[3:]) for time in (hours["opens"], hours["closes"]))
    start = hours["day"] * MINUTES_A_DAY + opens
    return start, start + (closes - opens if closes > opens else closes - opens + MINUTES_A_DAY)


def _run(numbered: tuple[int, ExceptionalDay]) -> tuple[date, str]:
    """The grouping key: equal for consecutive days with equal spans."""
    number, exception = numbered
    texts = ", ".join(times_of(span) for span in exception["spans"]) or _("closed")
    return date.fromisoformat(exception["date"]) - number * DAY, texts


def _date(day: date) -> str:
    this_year = clock.now().year == day.year
    return str(format_skeleton("MMMEd" if this_year else "yMMMEd", day, locale=get_locale()))
