"""Texts about a restaurant's opening state: whether guests can call now, the reason, and the next change."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from babel.dates import format_skeleton
from flask_babel import format_date, get_locale
from flask_babel import gettext as _

from waitercaller.db import clock
from waitercaller.model import opening, restaurants
from waitercaller.model.restaurants import Restaurant

WEEKDAY_ONLY = timedelta(days=6)  # up to which the name of a weekday is unambiguous


@dataclass(frozen=True)
class Opening:
    """The opening state of a restaurant as texts, and which manual states can be chosen."""

    is_open: bool
    headline: str
    detail: str
    manual_state: Literal["open", "closed"] | None
    can_open: bool
    until: str  # when a manual state set now would end


def describe(restaurant: Restaurant) -> Opening:
    """The present opening state."""
    now = clock.now()
    is_open, manual_state = opening.can_call(restaurant, now), opening.manual_state(restaurant, now)
    return Opening(
        is_open=is_open,
        headline=_("Guests can call") if is_open else _("Guests cannot call"),
        detail=_reason(restaurant, now, is_open),
        manual_state=manual_state,
        can_open=manual_state != "open" and not opening.is_in_hours(restaurant, now),
        until=local_time_text(restaurant, opening.until_next_opening(restaurant, now)),
    )


def describe_if_out_of_hours(restaurant: Restaurant) -> Opening | None:
    """The present opening state if guests cannot call, or only because a screen is open: then it is a question."""
    if opening.is_open(restaurant, clock.now()):
        return None
    found = describe(restaurant)
    return replace(found, headline=_("Still open?")) if found.is_open else found


def local_time_text(restaurant: Restaurant, at: datetime) -> str:
    """A future time in the restaurant's time zone: time of day, with weekday or date if it is not today."""
    zone = restaurants.time_zone(restaurant)
    there, today = at.astimezone(zone), clock.now().astimezone(zone)
    time = f"{there:%H:%M}"
    if there.date() == today.date():
        return time
    day = str(format_date(there.date(), "EEEE"))
    if there - today >= WEEKDAY_ONLY:
        day += ", " + format_skeleton("MMMMd", there, locale=get_locale())
    return f"{day}, {time}"


def _reason(restaurant: Restaurant, now: datetime, is_open: bool) -> str:
    match opening.manual_state(restaurant, now):
        case "open":
            return _join(_("Opened by hand."), _hours_again(restaurant))
        case "closed":
            return _join(_("Closed by hand."), _next(restaurant, now))
    if not is_open:
        return _join(_("Closed at this hour."), _next(restaurant, now))
    if ends := opening.grace_ends_at(restaurant, now):
        until = local_time_text(restaurant, ends)
        return str(_("By the hours it is closed. While a screen is open, guests can call until %(when)s.", when=until))
    return str(_("By the hours.") if restaurant["hours"] else _("No hours are set, so they always can."))


def _hours_again(restaurant: Restaurant) -> str:
    set_by_hand = restaurant.get("opening")
    until = set_by_hand["until"] if set_by_hand else None
    return str(_("The hours apply again from %(when)s.", when=local_time_text(restaurant, until))) if until else ""


def _next(restaurant: Restaurant, now: datetime) -> str:
    opens = opening.opens_at(restaurant, now)
    return str(_("Guests can call again from %(when)s.", when=local_time_text(restaurant, opens))) if opens else ""


def _join(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
