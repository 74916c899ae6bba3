"""When a restaurant is open: its weekly hours, days that differ, and "open now" or "closed now" above both.

Hours are told by the clock on the restaurant's wall: {"day": 0 (Monday) … 6, "opens": "18:00", "closes": "02:00"}.
What closes no later than it opens goes on past midnight, so 00:00–00:00 is a whole day. An exception
{"date": "2026-12-24", "spans": […]} replaces the hours of that day; without spans the house stays closed.
Where the clocks change, an hour that comes twice, or not at all, counts as open.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from waitercaller.model import restaurants
from waitercaller.model.restaurants import OpeningTimes, Span

DAY = timedelta(days=1)
HORIZON = 400  # days that are searched for the next opening
MORNING = time(5)  # when "open now" and "closed now" end where no hours are set: even the last guest has left
WHOLE_DAY: list[Span] = [{"opens": "00:00", "closes": "00:00"}]


class OpenTime(NamedTuple):
    """One time between opening and closing, in UTC."""

    opens: datetime
    closes: datetime


def is_open(restaurant: OpeningTimes, at: datetime, watched: bool) -> bool:
    """Whether guests can call at this moment; `watched`: a staff screen is live, and then somebody is there."""
    state = by_hand(restaurant, at)
    if state is not None:
        return state == "open"
    return watched or is_in_hours(restaurant, at)


def is_expected(restaurant: OpeningTimes, at: datetime) -> bool:
    """Whether the restaurant has said that it is open now, so that somebody should be watching the calls."""
    state = by_hand(restaurant, at)
    if state is not None:
        return state == "open"
    return bool(restaurant["hours"]) and is_in_hours(restaurant, at)


def is_in_hours(restaurant: OpeningTimes, at: datetime) -> bool:
    """Whether the hours alone say open. A restaurant without hours is open on every day that is no exception."""
    today = at.astimezone(restaurants.time_zone(restaurant)).date()
    around = chain.from_iterable(_spans(restaurant, today + days * DAY) for days in (-1, 0, 1))
    return any(span.opens <= at < span.closes for span in around)


def by_hand(restaurant: OpeningTimes, at: datetime) -> Literal["open", "closed"] | None:
    """What "open now" or "closed now" says at this moment, if it says anything (any more)."""
    opening = restaurant.get("opening")
    if opening is None or (opening["until"] is not None and opening["until"] <= at):
        return None
    return opening["state"]


def opens_at(restaurant: OpeningTimes, at: datetime) -> datetime | None:
    """When a restaurant that is closed opens by itself, in UTC; None where it does not within the HORIZON."""
    opening = restaurant.get("opening")
    if opening and by_hand(restaurant, at) == "closed":
        until = opening["until"]
        if until is None or is_in_hours(restaurant, until):
            return until
        at = until
    return _next_opening(restaurant, at)


def until_next_opening(restaurant: OpeningTimes, at: datetime) -> datetime:
    """Until when "open now" or "closed now", said at this moment, holds: the hours then speak again."""
    following = _next_opening(restaurant, at) if restaurant["hours"] else None
    return following or _next_morning(restaurants.time_zone(restaurant), at)


def _next_opening(restaurant: OpeningTimes, at: datetime) -> datetime | None:
    today = at.astimezone(restaurants.time_zone(restaurant)).date()
    for days in range(-1, HORIZON):
        later = [span.opens for span in _spans(restaurant, today + days * DAY) if span.opens > at]
        if later:
            return min(later)
    return None


def _next_morning(zone: ZoneInfo, at: datetime) -> datetime:
    today = at.astimezone(zone).date()
    mornings = (_moments(today + days * DAY, MORNING, zone)[0] for days in range(3))
    return next(morning for morning in mornings if morning > at)


def _spans(restaurant: OpeningTimes, day: date) -> Iterator[OpenTime]:
    """The times that begin on this day of the restaurant's calendar."""
    zone = restaurants.time_zone(restaurant)
    for span in _written(restaurant, day):
        opens, closes = time.fromisoformat(span["opens"]), time.fromisoformat(span["closes"])
        last_day = day if closes > opens else day + DAY
        yield OpenTime(_moments(day, opens, zone)[0], _moments(last_day, closes, zone)[1])


def _written(restaurant: OpeningTimes, day: date) -> Sequence[Span]:
    for exception in restaurant.get("exceptions") or []:
        if exception["date"] == day.isoformat():
            return exception["spans"]
    if not restaurant["hours"]:
        return WHOLE_DAY
    return [hours for hours in restaurant["hours"] if hours["day"] == day.weekday()]


def _moments(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first and the last moment at which the wall's clock can be said to show this time."""
    readings = [datetime.combine(day, at.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)]
    return min(readings), max(readings)
