"""Opening times: weekly hours, exceptions for single days, and a manual state that overrides both.

Hours are in the restaurant's local time: {"day": 0 (Monday) … 6, "opens": "18:00", "closes": "02:00"}. If `closes` is
not later than `opens` it is on the next day, so 00:00–00:00 is a whole day. An exception
{"date": "2026-12-24", "spans": […]} replaces the hours of that day; without spans the restaurant is closed. At changes
of the clocks, ambiguous and skipped local times count as open.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from bson import ObjectId

from waitercaller.model import presence, restaurants
from waitercaller.model.opening_times import OpeningTimes, Span

DAY = timedelta(days=1)
HORIZON_DAYS = 400  # how far the next opening is searched
MORNING = time(5)  # local time at which a manual state ends if no hours are set
GRACE = timedelta(minutes=60)  # after its hours in which an open screen keeps a restaurant open
WHOLE_DAY: list[Span] = [{"opens": "00:00", "closes": "00:00"}]


TIMES = ["time_zone", "hours", "exceptions", "opening"]
PRESENT = {"removed_at": None, "suspended_at": None}


class OpenTime(NamedTuple):
    """A span between opening and closing, in UTC."""

    opens: datetime
    closes: datetime


def is_open(restaurant: OpeningTimes, at: datetime) -> bool:
    """Whether it is open by the manual state, else by hours and exceptions."""
    state = manual_state(restaurant, at)
    return is_in_hours(restaurant, at) if state is None else state == "open"


def can_call(restaurant: OpeningTimes, at: datetime) -> bool:
    """Whether guests can call: it is open, or within its grace period while somebody sees or hears a screen."""
    if is_open(restaurant, at):
        return True
    return grace_ends_at(restaurant, at) is not None and presence.is_watched(restaurant["_id"])


def grace_ends_at(restaurant: OpeningTimes, at: datetime) -> datetime | None:
    """When the grace period of a restaurant ends that has just closed by its hours; None where there is none.

    There is none on a special day on which it is closed, nor after somebody has closed it by hand.
    """
    if manual_state(restaurant, at) is not None or is_in_hours(restaurant, at):
        return None
    today = at.astimezone(restaurants.time_zone(restaurant)).date()
    if not _configured_spans(restaurant, today) and _is_exceptional(restaurant, today):
        return None
    around = chain.from_iterable(_spans(restaurant, today + days * DAY) for days in (-1, 0))
    ends = [span.closes + GRACE for span in around if span.closes <= at < span.closes + GRACE]
    return max(ends, default=None)


def is_expected(restaurant: OpeningTimes, at: datetime, is_active: bool) -> bool:
    """Whether somebody is expected to hear a call: it is open, and without hours it `is_active` as well.

    A restaurant without hours is open at every hour; whether anybody works there shows in what happens (model/unheard).
    """
    is_known = bool(restaurant["hours"]) or manual_state(restaurant, at) == "open"
    return (is_known or is_active) and is_open(restaurant, at)


def with_hours() -> list[OpeningTimes]:
    """The opening times of all restaurants that have set hours or are open by hand."""
    has_times = [{"hours.day": {"$gte": 0}}, {"opening.state": "open"}]
    return list(restaurants.documents().find({**PRESENT, "$or": has_times}, TIMES))


def times_of(restaurant_ids: Collection[ObjectId]) -> list[OpeningTimes]:
    """The opening times of these restaurants."""
    if not restaurant_ids:
        return []
    return list(restaurants.documents().find({"_id": {"$in": sorted(restaurant_ids)}, **PRESENT}, TIMES))


def is_in_hours(restaurant: OpeningTimes, at: datetime) -> bool:
    """Whether it is open by hours and exceptions. Without hours it is open on every day that is no exception."""
    if not restaurant["hours"] and not restaurant.get("exceptions"):
        return True
    today = at.astimezone(restaurants.time_zone(restaurant)).date()
    around = chain.from_iterable(_spans(restaurant, today + days * DAY) for days in (-1, 0, 1))
    return any(span.opens <= at < span.closes for span in around)


def manual_state(restaurant: OpeningTimes, at: datetime) -> Literal["open", "closed"] | None:
    """The manual state at this time; None if it is not set or has ended."""
    opening = restaurant.get("opening")
    if opening is None or (opening["until"] is not None and opening["until"] <= at):
        return None
    return opening["state"]


def opens_at(restaurant: OpeningTimes, at: datetime) -> datetime | None:
    """When a closed restaurant opens next, in UTC; None if not within HORIZON_DAYS or without a known end."""
    opening = restaurant.get("opening")
    if opening and manual_state(restaurant, at) == "closed":
        until = opening["until"]
        if until is None or is_in_hours(restaurant, until):
            return until
        at = until
    return _next_opening(restaurant, at)


def opens_within(restaurant: OpeningTimes, at: datetime, time: timedelta) -> datetime | None:
    """When a closed restaurant opens next, if that is within this time; else None."""
    opens = None if is_open(restaurant, at) else opens_at(restaurant, at)
    return opens if opens is not None and opens <= at + time else None


def until_next_opening(restaurant: OpeningTimes, at: datetime) -> datetime:
    """When a manual state that is set at this time ends: at the next opening, without hours in the morning."""
    following = _next_opening(restaurant, at) if restaurant["hours"] else None
    return following or _next_morning(restaurants.time_zone(restaurant), at)


def _next_opening(restaurant: OpeningTimes, at: datetime) -> datetime | None:
    today = at.astimezone(restaurants.time_zone(restaurant)).date()
    for days in range(-1, HORIZON_DAYS):
        later = [span.opens for span in _spans(restaurant, today + days * DAY) if span.opens > at]
        if later:
            return min(later)
    return None


def _next_morning(zone: ZoneInfo, at: datetime) -> datetime:
    today = at.astimezone(zone).date()
    mornings = (_utc_range(today + days * DAY, MORNING, zone)[0] for days in range(3))
    return next(morning for morning in mornings if morning > at)


def _spans(restaurant: OpeningTimes, day: date) -> Iterator[OpenTime]:
    """The spans that begin on this day of the restaurant's calendar."""
    zone = restaurants.time_zone(restaurant)
    for span in _configured_spans(restaurant, day):
        opens, closes = time.fromisoformat(span["opens"]), time.fromisoformat(span["closes"])
        last_day = day if closes > opens else day + DAY
        yield OpenTime(_utc_range(day, opens, zone)[0], _utc_range(last_day, closes, zone)[1])


def _is_exceptional(restaurant: OpeningTimes, day: date) -> bool:
    return any(exception["date"] == day.isoformat() for exception in restaurant.get("exceptions") or [])


def _configured_spans(restaurant: OpeningTimes, day: date) -> Sequence[Span]:
    for exception in restaurant.get("exceptions") or []:
        if exception["date"] == day.isoformat():
            return exception["spans"]
    if not restaurant["hours"]:
        return WHOLE_DAY
    return [hours for hours in restaurant["hours"] if hours["day"] == day.weekday()]


def _utc_range(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first and the last UTC time for this local time, which may be ambiguous or skipped."""
    candidates = [datetime.combine(day, at.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)]
    return min(candidates), max(candidates)
