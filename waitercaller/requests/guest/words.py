"""The texts of the guest's page: one headline and at most a few sentences for each state."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from babel.dates import format_date, format_time
from flask_babel import format_timedelta, get_locale, ngettext
from flask_babel import gettext as _

from waitercaller.db import clock
from waitercaller.model import pauses, restaurants
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import TOLD_STEPS, ServiceRequest, StepName, back_at
from waitercaller.requests.guest.table_view import TableView

Tone = Literal["idle", "calm", "info", "done", "warn", "closed"]
MINUTE = timedelta(minutes=1)
LANGUAGES_WITHOUT_SPACES = ("ja", "zh")  # no space between sentences
WEEKDAY_ONLY_WITHIN = timedelta(days=6)  # later, a weekday alone would be ambiguous: the full date


@dataclass(frozen=True)
class GuestState:
    """The texts, and how many of the four steps (sent, seen, coming, done) are completed."""

    headline: str
    detail: str = ""
    step: int = 0
    tone: Tone = "idle"
    first_ms: int | None = None


def state_of(view: TableView) -> GuestState:
    """The state in words. Priority: live requests, pause, ended requests, closed, idle."""
    if view.live:
        return _live(view)
    if view.paused:
        detail = _("Your taps are kept on a quiet list, and nobody comes because of them.")
        return GuestState(_paused(view.paused), detail, tone="warn")
    if view.ended:
        return _ended(view.ended[-1], view)
    if not view.is_open:
        detail = _opening(view.restaurant, view.opens_at, view.now)
        return GuestState(_("We are closed now"), detail, tone="closed")
    return GuestState(
        _("How can we help?"), _joined(_("Tap once, and somebody comes to your table."), _usual_wait(view))
    )


def notice_beside(view: TableView) -> str:
    """What the state itself, about a live or an earlier call, does not say: for whom, or that no more are taken."""
    if view.live and view.paused:
        return _paused(view.paused)
    if view.test:
        return str(_("This is a test: the staff sees that it is one, and no figure counts it."))
    if view.is_left_to_others:
        return str(_("You have cancelled. Somebody else at your table is still waiting."))
    return str(_("We are closed now")) if (view.live or view.ended) and not view.is_open else ""


def _live(view: TableView) -> GuestState:
    first_ms = clock.milliseconds(view.live[0]["first_at"])
    coming = next((request["by"] for request in view.live if request["by"]), None)
    if coming is not None:
        headline = _back_in(coming["name"], view) or _("%(name)s is on the way", name=coming["name"])
        return GuestState(headline, _other(view) if view.waiting else "", 3, "info", first_ms)
    if view.is_overlooked and view.test:
        detail = _("The page with the calls is closed, or hidden behind another one. Bring it to the front.")
        return GuestState(_("No screen shows your test call"), detail, 1, "warn", first_ms)
    if view.is_overlooked:
        detail = _("Your call is sent, but no screen of the staff shows it right now.")
        return GuestState(_("Nobody has seen it yet — please wave"), detail, 1, "warn", first_ms)
    reminded = _reminded(view)
    if view.phone_names:
        headline = _("Your call is on %(name)s’s phone", name=view.phone_names[0])
        detail = _joined(reminded or _("Nobody has taken it yet."), _usual_wait(view), _tables_ahead(view))
        return GuestState(headline, detail, 2, "calm", first_ms)
    if not view.screens:
        return GuestState(
            _("Your call is sent"), _joined(reminded, _usual_wait(view), _tables_ahead(view)), 1, "calm", first_ms
        )
    headline = ngettext("Your call is on %(num)d staff screen", "Your call is on %(num)d staff screens", view.screens)
    detail = _joined(reminded or _("Nobody has taken it yet."), _usual_wait(view), _tables_ahead(view))
    return GuestState(headline, detail, 2, "calm", first_ms)


def _reminded(view: TableView) -> str:
    """That it takes longer than was said, or that the guest has called again; else empty."""
    if any(_last_step(request) == "returned" for request in view.waiting):
        return str(_("It takes longer than we thought. Everybody has been told again."))
    return str(_("The staff has been reminded.")) if any(request["reminders"] for request in view.waiting) else ""


def _last_step(request: ServiceRequest) -> StepName:
    """Without those by which only staff was told."""
    return next(step["what"] for step in reversed(request["steps"]) if step["what"] not in TOLD_STEPS)


def _back_in(name: str, view: TableView) -> str:
    """That whoever goes is back in so many minutes; empty if they did not say so, or the time is over."""
    said = max(filter(None, map(back_at, view.live)), default=view.now)
    minutes = math.ceil((said - view.now) / MINUTE)
    if minutes <= 0:
        return ""
    when = format_timedelta(minutes * MINUTE, "minute", threshold=2, add_direction=True)
    return str(_("%(name)s will be back %(when)s", name=name, when=when))


def _other(view: TableView) -> str:
    """The sentence about a waiting call, when somebody is on the way for another call of the same table."""
    if view.is_overlooked:
        return str(_("Nobody has seen your other call yet — please wave."))
    if not view.screens:
        return str(_("Your other call is sent."))
    sentence = ngettext(
        "Your other call is on %(num)d staff screen.", "Your other call is on %(num)d staff screens.", view.screens
    )
    return str(sentence)


def _ended(ended: ServiceRequest, view: TableView) -> GuestState:
    match ended["state"]:
        case "resolved":
            return GuestState(_("Done"), _("The staff says your call is done."), 4, "done")
        case "dismissed":
            return GuestState(_("They did not find you"), _("Somebody came and saw nobody at this table."), 0, "warn")
        case "cancelled":
            detail = _("Nobody will come. Tap again when you need us.") if view.can_call else ""
            return GuestState(_("Your call is cancelled"), detail)
        case _:
            is_test = "rehearsal" in ended
            detail = (
                _("It was a test, which ends by itself.") if is_test else _("The restaurant has changed this table.")
            )
            return GuestState(_("Your call has ended"), detail, 0, "warn")


def _paused(what: pauses.What) -> str:
    if what == "phone":
        return str(_("Calls from this phone are paused — please wave"))
    return str(_("Calls from this table are paused — please wave"))


def _usual_wait(view: TableView) -> str:
    """The usual wait at this hour, rounded up to whole minutes; empty when unknown."""
    if view.usual_wait is None:
        return ""
    minutes = max(1, math.ceil(view.usual_wait / MINUTE))
    return str(_("Usually %(time)s at this hour.", time=format_timedelta(minutes * MINUTE, "minute", threshold=2)))


def _tables_ahead(view: TableView) -> str:
    if view.usual_wait is None or not view.tables_ahead:
        return ""
    sentence = ngettext("%(num)d table is before you.", "%(num)d tables are before you.", view.tables_ahead)
    return str(sentence)


def _opening(restaurant: Restaurant, opens: datetime | None, now: datetime) -> str:
    """When the restaurant opens, in its time zone."""
    if opens is None:
        return ""
    zone, locale = restaurants.time_zone(restaurant), get_locale()
    there = opens.astimezone(zone)
    time = format_time(there, "short", tzinfo=zone, locale=locale)
    if there.date() == now.astimezone(zone).date():
        return str(_("We open at %(time)s.", time=time))
    how = "EEEE" if opens - now < WEEKDAY_ONLY_WITHIN else "full"
    return str(_("We open on %(day)s at %(time)s.", day=format_date(there.date(), how, locale=locale), time=time))


def _joined(*sentences: str) -> str:
    between = "" if str(get_locale()) in LANGUAGES_WITHOUT_SPACES else " "
    return between.join(sentence for sentence in sentences if sentence)
