"""Context of the page "Who can hear": the screens that are open and the phones of those on duty, as far as is known."""

from datetime import datetime
from typing import Any

from flask_babel import format_time
from flask_babel import gettext as _

from waitercaller.db import clock
from waitercaller.model import duty, logins, presence, restaurants, screen_rings, subscriptions
from waitercaller.model.languages import alphabetical
from waitercaller.model.logins import Login
from waitercaller.model.presence import Screen
from waitercaller.model.requests import rehearsals
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.subscriptions import Subscription
from waitercaller.staff import people
from waitercaller.web import browsers

REFRESH_SECONDS = 2  # while a screen may still answer


def page_context(restaurant: Restaurant) -> dict[str, Any]:
    """Those who hear calls, each with phones and screens; the counter's screens; devices whose page is closed."""
    on_duty = duty.on_duty(restaurant, clock.now())
    screens = presence.open_screens(restaurant["_id"])
    found = subscriptions.of_restaurant(restaurant["_id"])
    used = logins.seen_at([each["login_id"] for each in found])
    phones = [(each["member_id"], _phone(each, used.get(each["login_id"]))) for each in found]
    members = [
        {
            "name": member["name"],
            "phones": [phone for member_id, phone in phones if member_id == member["id"]],
            "screens": [_screen(restaurant, each) for each in screens if each["member_id"] == member["id"]],
        }
        for member in sorted(restaurant["members"], key=lambda each: alphabetical(each["name"]))
        if member["id"] in on_duty
    ]
    counter = [each for each in screens if each["member_id"] is None]
    open_names = {each["name"] for each in counter}
    devices = [each for each in logins.devices_of(restaurant["_id"]) if each["member_id"] is None]
    return {
        "uses_duty": bool(duty.entries(restaurant, clock.now())),
        "members": members,
        "counter": [_screen(restaurant, each) for each in counter],
        "closed": [_device(each) for each in devices if each["name"] not in open_names],
        "ringing_screens": sum(each["audible"] for each in screens),
        "ringing_phones": sum(
            phone["choice"] == "all" and not phone["fails"] for member_id, phone in phones if member_id in on_duty
        ),
        "refresh": REFRESH_SECONDS if any(screen_rings.pending(each) for each in screens) else 0,
        "tried": _tried(rehearsals.latest(restaurant["_id"])),
    }


def _screen(restaurant: Restaurant, screen: Screen) -> dict[str, Any]:
    """`key`: by which it is asked to ring; `rung`: what became of that, as text."""
    return {**people.watching(screen), "key": screen_rings.key_of(screen), "rung": _rung(restaurant, screen)}


def _rung(restaurant: Restaurant, screen: Screen) -> str:
    ring = screen.get("ring")
    if ring is None:
        return ""
    at = ring.get("rang_at", ring["at"]).astimezone(restaurants.time_zone(restaurant))
    time = format_time(at, "HH:mm:ss", rebase=False)
    if "rang_at" not in ring:
        return str(_("Asked at %(time)s, and has not answered", time=time))
    return str(_("Rang at %(time)s", time=time) if ring.get("aloud") else _("Showed it at %(time)s, silent", time=time))


def _tried(rehearsal: ServiceRequest | None) -> dict[str, Any] | None:
    """The latest rehearsal."""
    return rehearsal and {"id": rehearsal["_id"], "live": rehearsal["live"], "ago": people.ago(rehearsal["created_at"])}


def _phone(subscription: Subscription, seen_at: datetime | None) -> dict[str, Any]:
    """`used` is when the page was last open there, `signed` when it last signed a message, as text; None: not known."""
    signed_at = subscription.get("signed_at")
    return {
        "name": subscription["_id"].rpartition(":")[2],
        "words": browsers.in_words(subscription["browser"]),
        "choice": subscription["choice"],
        "fails": "failed_at" in subscription,
        "used": None if seen_at is None else people.ago(seen_at),
        "signed": None if signed_at is None else people.ago(signed_at),
    }


def _device(login: Login) -> dict[str, Any]:
    return {"name": login["name"], "used": people.ago(login["seen_at"])}
