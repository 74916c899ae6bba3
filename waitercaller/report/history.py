"""Rows of the history of calls."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bson import ObjectId
from flask_babel import format_date, format_time
from flask_babel import gettext as _

from waitercaller.model.askers import choices
from waitercaller.model.languages import in_language
from waitercaller.model.rollups import times
from waitercaller.model.rollups.figures import answered_after, reached_nobody
from waitercaller.model.service_request import Escalation, ServiceRequest, is_by_staff
from waitercaller.report.words import minutes_and_seconds
from waitercaller.web.languages import current_language


@dataclass(frozen=True)
class Entry:
    """A row of the history. `look` is calm, warn or late, by the restaurant's escalation times; none if unanswered."""

    request_id: ObjectId
    day: str
    at: str
    table_name: str
    zone_name: str
    kind_name: str
    choices: str  # joined; empty: none
    what: str
    wait: str
    look: str
    alerted: bool
    reminders: int
    by_staff: str  # who of the staff entered it; empty: the guest
    reached_nobody: bool


def entry(request: ServiceRequest, now: datetime, zone: ZoneInfo, limits: Escalation) -> Entry:
    """The row of this request. The wait of an unanswered request lasts until its end, or `now`."""
    language = current_language()
    wait = answered_after(request)
    waited = wait if wait is not None else (request["ended_at"] or now) - request["first_at"]
    look = "late" if waited >= limits.alert else "warn" if waited >= limits.nag else "calm"
    at = request["created_at"].astimezone(zone)
    return Entry(
        request_id=request["_id"],
        day=format_date(times.day_of(at, zone), "full"),
        at=format_time(at, "HH:mm", rebase=False),
        table_name=request["table_name"],
        zone_name=request["zone_name"] or "",
        kind_name=in_language(request["kind_labels"], language),
        choices=", ".join(in_language(names, language) for names in choices(request)),
        what=_outcome(request),
        wait=minutes_and_seconds(waited),
        look=look if wait is not None or request["live"] else "none",
        alerted=any(step["what"] == "alerted" for step in request["steps"]),
        reminders=request["reminders"],
        by_staff=_entered_by(request),
        reached_nobody=reached_nobody(request),
    )


def _outcome(request: ServiceRequest) -> str:
    """The outcome, as a sentence."""
    name = _name_of_member(request)
    if request["state"] == "resolved":
        done = minutes_and_seconds((request["ended_at"] or request["first_at"]) - request["first_at"])
        return str(_("%(name)s came, done after %(time)s", name=name, time=done))
    if request["state"] == "accepted":
        return str(_("%(name)s is on the way", name=name))
    if request["state"] == "dismissed":
        return str(_("%(name)s found nobody there", name=name))
    return {
        "waiting": str(_("Still waiting")),
        "cancelled": str(_("Called off by the guest")),
        "withdrawn": str(_("The table was removed")),
    }[request["state"]]


def _entered_by(request: ServiceRequest) -> str:
    if not is_by_staff(request):
        return ""
    actor = request["steps"][0]["by"] or {"name": ""}
    return actor["name"] or str(_("Somebody"))


def _name_of_member(request: ServiceRequest) -> str:
    """The name of the last member on the way, else of the one who ended it; erased names are "Somebody"."""
    actor = request["by"] or request["steps"][-1]["by"] or {"name": ""}
    return actor["name"] or str(_("Somebody"))
