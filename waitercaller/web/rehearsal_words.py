"""What became of a rehearsal, or of an owner's first call: what worked, each screen and phone, and each step."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from waitercaller.db import clock
from waitercaller.model import messages, restaurants, subscriptions
from waitercaller.model.messages import Push
from waitercaller.model.rehearsal_entry import RehearsalPhone, RehearsalScreen
from waitercaller.model.requests.seen import MAX_SCREENS_PER_REQUEST
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import ServiceRequest, Step
from waitercaller.push import outbox
from waitercaller.web import browsers

ANSWERED_WITHIN = timedelta(seconds=5)  # a screen or phone that has said nothing by then is said to be silent
REFRESH_SECONDS = 2

State = Literal["heard", "silent", "open", "untold"]  # "open": it may still answer; "untold": it was not asked


@dataclass(frozen=True)
class Row:
    """A screen or phone, and what it did; `problem` is a sentence about what did not work, or empty."""

    picture: Literal["screen", "phone"]
    name: str
    detail: str
    what: str
    state: State
    problem: str = ""


def page_context(restaurant: Restaurant, request: ServiceRequest) -> dict[str, Any]:
    """The rows, the steps, and the sentences at the top; `refresh` is 0 once nothing can change any more."""
    now, ended_at = clock.now(), request["ended_at"]
    is_settled = ended_at is not None and now > ended_at + ANSWERED_WITHIN
    screens = [_screen(restaurant, request, each, now) for each in request["rehearsal"]["screens"]]
    phones = _phones(restaurant, request, now)
    return {
        "headline": _headline(request),
        "showed": [
            ngettext("%(num)d screen showed it", "%(num)d screens showed it", _heard(screens)),
            ngettext("%(num)d phone showed it", "%(num)d phones showed it", _heard(phones)),
        ],
        "problems": _problems(request, screens, phones) if is_settled else [],
        "is_settled": is_settled,
        "refresh": 0 if is_settled else REFRESH_SECONDS,
        "rows": screens + phones,
        "steps": [(_seconds(request, step["at"]), _step(restaurant, step)) for step in request["steps"]],
    }


def _screen(restaurant: Restaurant, request: ServiceRequest, screen: RehearsalScreen, now: datetime) -> Row:
    name = screen["device"] or _member_name(restaurant, screen["member_id"])
    detail = str(_("Screen")) if screen["member_id"] else str(_("Screen on the counter"))
    if screen["id"] is None:
        return Row("screen", name, detail, str(_("Its page was not open.")), "untold")
    shown = next((each for each in request["shown"] if each["screen"] == screen["id"]), None)
    if shown:
        what = str(_("Showed it after %(seconds)s s", seconds=_seconds(request, shown["at"])))
        if "rang" in shown:
            what += ", " + str(_("and rang") if shown["rang"] else _("and did not ring"))
        return Row("screen", name, detail, what, "heard")
    if not screen["visible"]:
        return Row("screen", name, detail, str(_("In the background: not known whether it rang.")), "untold")
    if len(request["shown"]) >= MAX_SCREENS_PER_REQUEST:
        return Row("screen", name, detail, str(_("Not known: only the latest screens are kept.")), "untold")
    if request["live"] and now <= request["created_at"] + ANSWERED_WITHIN:
        return Row("screen", name, detail, "…", "open")
    problem = str(_("%(name)s: the screen did not show it.", name=name))
    return Row("screen", name, detail, str(_("Nothing heard from it")), "silent", problem)


def _phones(restaurant: Restaurant, request: ServiceRequest, now: datetime) -> list[Row]:
    told = [each for each in messages.of_topic(str(request["_id"])) if each["event"] != "outcome"]
    browser_of = {each["_id"]: each["browser"] for each in subscriptions.of_restaurant(restaurant["_id"])}
    return [
        _phone(
            request,
            _member_name(restaurant, phone["member_id"]),
            browsers.in_words(browser_of.get(phone["id"], "")),
            _of_phone(told, phone),
            now,
        )
        for phone in request["rehearsal"]["phones"]
    ]


def _of_phone(told: list[Push], phone: RehearsalPhone) -> list[Push]:
    """Its messages; without those that were not sent, since somebody had acted before."""
    return [each for each in told if each["subscription_id"] == phone["id"] and each["state"] != "dropped"]


def _phone(request: ServiceRequest, name: str, browser: str, told: list[Push], now: datetime) -> Row:
    if not told:
        return Row("phone", name, browser, str(_("Was not told: its step did not come.")), "untold")
    shown_at = min((each["shown_at"] for each in told if "shown_at" in each), default=None)
    if shown_at:
        what = _("Showed it after %(seconds)s s", seconds=_seconds(request, shown_at))
        return Row("phone", name, browser, str(what), "heard")
    first = told[0]["created_at"]
    if now <= first + ANSWERED_WITHIN:
        return Row("phone", name, browser, "…", "open")
    problem = str(_("%(name)s’s phone did not answer (%(phone)s).", name=name, phone=browser))
    what = _("Was told after %(seconds)s s and did not answer", seconds=_seconds(request, first))
    return Row("phone", name, browser, str(what), "silent", problem)


def _headline(request: ServiceRequest) -> str:
    """Who took it, or how it ended without that."""
    taken = next((step for step in request["steps"] if step["what"] in ("accepted", "resolved", "dismissed")), None)
    if taken:
        name, seconds = _name(taken), _seconds(request, taken["at"])
        return str(_("%(name)s took it after %(seconds)s s.", name=name, seconds=seconds))
    if request["live"]:
        return str(_("The test call is under way. This page follows it."))
    return str(_("Nobody took it, so it has gone through all steps."))


def _problems(request: ServiceRequest, screens: list[Row], phones: list[Row]) -> list[str]:
    found, opened = [], [each for each in request["rehearsal"]["screens"] if each["id"]]
    if not opened:
        found.append(str(_("No screen was open.")))
    elif not _heard(screens):
        found.append(str(_("No screen showed it.")))
    else:
        found += [row.problem for row in screens if row.problem]
    quiet = {each["screen"] for each in request["shown"] if each.get("rang") is False}
    if opened and not any(each["audible"] and each["id"] not in quiet for each in opened):
        found.append(str(_("No screen rang.")))
    if not outbox.is_enabled():
        found.append(str(_("Messages to phones are not set up in this installation.")))
    elif not phones:
        found.append(str(_("No phone is told of calls.")))
    return found + [row.problem for row in phones if row.problem]


def _step(restaurant: Restaurant, step: Step) -> str:
    by_mail = bool(restaurant["settings"].get("alert_mail"))
    words = {
        "called": _("Asked for by %(name)s", name=_name(step)),
        "nagged": _("Called again, louder"),
        "raised": _("Called in all zones"),
        "alerted": _("Managers and owners alerted, by mail too") if by_mail else _("Managers and owners alerted"),
        "repeated": _("Called again, to everybody"),
        "accepted": _("%(name)s is on the way", name=_name(step)),
        "passed": _("%(name)s passed it on to %(to)s", name=_name(step), to=step["to"]["name"] if "to" in step else ""),
        "postponed": _("%(name)s said: back in 5 minutes", name=_name(step)),
        "taker_reminded": _("Whoever is on the way was reminded"),
        "colleagues_told": _("Colleagues were told that nobody has come"),
        "returned": _("Waits again: nobody came"),
        "resolved": _("%(name)s said: done", name=_name(step)),
        "dismissed": _("%(name)s said: nobody there", name=_name(step)),
        "withdrawn": _("The test is over."),
    }
    return str(words.get(step["what"], step["what"]))


def _heard(rows: list[Row]) -> int:
    return sum(row.state == "heard" for row in rows)


def _seconds(request: ServiceRequest, at: datetime) -> str:
    """The seconds since it began, to a tenth."""
    return str(format_decimal(round((at - request["created_at"]).total_seconds(), 1)))


def _name(step: Step) -> str:
    return (step["by"] or {"name": ""})["name"] or str(_("Somebody"))


def _member_name(restaurant: Restaurant, member_id: str | None) -> str:
    member = restaurants.member_with_id(restaurant, member_id) if member_id else None
    return member["name"] if member else str(_("Somebody"))
