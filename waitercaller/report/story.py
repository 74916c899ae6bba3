"""The story of one call: what happened to it and who is known to have got it, line by line, each with its second."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal
from zoneinfo import ZoneInfo

from flask_babel import format_time
from flask_babel import gettext as _

from waitercaller.model.requests import seen
from waitercaller.model.restaurants import Actor
from waitercaller.model.service_request import OnPhone, ServiceRequest, Shown, Step
from waitercaller.report.words import minutes_and_seconds

Look = Literal["plain", "late"]
LATE_STEPS = ("nagged", "raised", "alerted", "colleagues_told", "returned")


@dataclass(frozen=True)
class Line:
    """A line of the story. `look` is late for what only happens when nobody comes."""

    at: str  # by the clock on the restaurant's wall
    after: str  # since the call
    what: str
    look: Look = "plain"


@dataclass(frozen=True)
class _Event:
    at: datetime
    what: str
    look: Look = "plain"


def lines(request: ServiceRequest, zone: ZoneInfo) -> list[Line]:
    """All that is known of this request, in order."""
    called_at = request["created_at"]
    return [
        Line(
            at=format_time(event.at.astimezone(zone), "HH:mm:ss", rebase=False),
            after=minutes_and_seconds(max(timedelta(), event.at - called_at)),
            what=event.what,
            look=event.look,
        )
        for event in sorted(_events(request), key=lambda event: event.at)
    ]


def is_complete(request: ServiceRequest) -> bool:
    """Whether none of its screens and phones was left out because there were too many."""
    return (
        len(request["shown"]) < seen.MAX_SCREENS_PER_REQUEST
        and len(request["signed"]) < seen.MAX_PHONES_PER_REQUEST
        and len(request.get("pushed", [])) < seen.MAX_PUSHES_PER_REQUEST
    )


def _events(request: ServiceRequest) -> Iterator[_Event]:
    for step in request["steps"]:
        yield _Event(step["at"], _step(step), "late" if step["what"] in LATE_STEPS else "plain")
    pushed = sorted(request.get("pushed", []), key=lambda phone: phone["at"])
    for _second, phones in groupby(pushed, key=lambda phone: phone["at"].replace(microsecond=0)):
        sent = list(phones)
        yield _Event(sent[0]["at"], _("Sent to phones: %(names)s", names=_names(sent)))
    for phone in request["signed"]:
        yield _Event(phone["at"], _("Shown on %(name)s’s phone", name=_name(phone)))
    for screen in request["shown"]:
        yield _Event(screen["at"], _screen(screen))


def _names(phones: list[OnPhone]) -> str:
    """Each member once."""
    return ", ".join(dict.fromkeys(map(_name, phones)))


def _screen(screen: Shown) -> str:
    name, rang = screen.get("name"), screen.get("rang")
    if not name:
        return str(_("Rang and was shown on a screen") if rang else _("Shown on a screen"))
    if rang is None:
        return str(_("Shown on a screen: %(name)s", name=name))
    if rang:
        return str(_("Rang and was shown on: %(name)s", name=name))
    return str(_("Shown without a ring on: %(name)s", name=name))


def _name(whose: Actor | OnPhone | None) -> str:
    """Erased names are "Somebody"."""
    return (whose["name"] if whose else "") or str(_("Somebody"))


def _step(step: Step) -> str:
    name, by_staff = _name(step["by"]), step["by"] is not None
    words = {
        "called": _("Entered by %(name)s for the guest", name=name) if by_staff else _("The guest called"),
        "reminded": _("Entered again by %(name)s", name=name) if by_staff else _("The guest called again"),
        "accepted": _("%(name)s was on the way", name=name),
        "passed": _("%(name)s passed it on to %(other)s", name=name, other=_name(step.get("to"))),
        "postponed": _("%(name)s: back in 5 minutes", name=name),
        "released": _("Waited again: whoever was on the way has left the team"),
        "nagged": _("Nobody on the way yet: the staff was reminded"),
        "raised": _("Nobody on the way yet: shown in all zones"),
        "alerted": _("Nobody on the way yet: managers alerted"),
        "repeated": _("Nobody on the way yet: everybody was told again"),
        "taker_reminded": _("Not done yet: whoever was on the way was reminded"),
        "colleagues_told": _("Not done yet: colleagues were told"),
        "returned": _("Nobody had gone: waited again, for everybody"),
        "resolved": _("Done, said %(name)s", name=name),
        "dismissed": _("%(name)s found nobody there", name=name),
        "cancelled": _("Called off by the guest"),
        "withdrawn": _("The table was removed"),
        "reopened": _("%(name)s took that back: waited again", name=name)
        if by_staff
        else _("The guest said “not yet”: waited again"),
        "handed_over": _("Taken back, but the table had called again: that call got the longer wait"),
    }
    return str(words[step["what"]])
