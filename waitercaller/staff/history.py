"""The audit of a restaurant as texts, grouped by day."""

from itertools import groupby
from typing import Any

from flask_babel import format_date, format_time
from flask_babel import gettext as _

from waitercaller.model import audit_trail, restaurants
from waitercaller.model.audit_trail import AuditEntry
from waitercaller.model.restaurants import Restaurant
from waitercaller.staff.forms import ROLES


def of(restaurant: Restaurant) -> list[dict[str, Any]]:
    """The latest entries, newest first: [{day, events: [{at, who, what, about, address}]}]."""
    zone = restaurants.time_zone(restaurant)
    rows = [
        _row({**entry, "at": entry["at"].astimezone(zone)}) for entry in audit_trail.of_restaurant(restaurant["_id"])
    ]
    return [{"day": day, "events": list(events)} for day, events in groupby(rows, key=lambda row: row["day"])]


def _row(entry: AuditEntry) -> dict[str, Any]:
    details = entry["details"]
    return {
        "day": format_date(entry["at"], "full", rebase=False),
        "at": format_time(entry["at"], "short", rebase=False),
        "who": entry["actor"]["name"] if entry["actor"] else "",
        "what": _event_texts().get(entry["event"], entry["event"].replace("_", " ")),
        "about": _about(details),
        "address": entry["address"] or "",
    }


def _about(details: dict[str, Any]) -> str:
    """Section, name and role in the details, as text."""
    role = ROLES.get(details.get("role", ""))
    section = _section_texts().get(details.get("section") or details.get("state", ""))
    return ", ".join(str(part) for part in (section, details.get("name"), role) if part)


def _section_texts() -> dict[str, str]:
    """Texts for sections of the settings and for manual opening states."""
    return {
        "house": _("Name, place and languages"),
        "face": _("Logo, colour and links"),
        "kinds": _("What guests can ask for"),
        "notes": _("Notes"),
        "opinions": _("“Was it all right?”"),
        "zones": _("Zones"),
        "attention": _("When nobody comes"),
        "keeping": _("How long calls are kept"),
        "hours": _("Opening hours"),
        "exceptions": _("Days that differ"),
        "duty": _("Duty"),
        "webhook": _("Webhook"),
        "open": _("open"),
        "closed": _("closed"),
    }


def _event_texts() -> dict[str, str]:
    return {
        "invited": _("Invitation sent"),
        "withdrawn": _("Invitation withdrawn"),
        "joined": _("New in the team"),
        "role_changed": _("Role changed"),
        "removed": _("No longer in the team"),
        "device_added": _("Screen or phone logged in"),
        "device_ended": _("Screen or phone logged out"),
        "two_factor_required": _("Rule about the second step changed"),
        "denied": _("Refused"),
        "opening_changed": _("Opened or closed by hand"),
        "settings_changed": _("Settings changed"),
        "table_paused": _("Table paused"),
        "phone_paused": _("A guest's phone paused"),
        "pause_lifted": _("Pause lifted"),
        "tables_joined": _("Tables joined for tonight"),
        "tables_separated": _("Tables separated"),
        "suspended": _("Suspended by whoever runs this site"),
        "restored": _("Restored by whoever runs this site"),
    }
