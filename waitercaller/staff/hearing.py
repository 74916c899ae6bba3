"""Context of the page "Who can hear": the screens that are open and the phones of those on duty, as far as is known."""

from datetime import datetime
from typing import Any

from waitercaller.db import clock
from waitercaller.model import duty, logins, presence, subscriptions
from waitercaller.model.languages import alphabetical
from waitercaller.model.logins import Login
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.subscriptions import Subscription
from waitercaller.staff import people
from waitercaller.web import browsers


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
            "screens": [people.watching(each) for each in screens if each["member_id"] == member["id"]],
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
        "counter": [people.watching(each) for each in counter],
        "closed": [_device(each) for each in devices if each["name"] not in open_names],
        "ringing_screens": sum(each["audible"] for each in screens),
        "ringing_phones": sum(
            phone["choice"] == "all" and not phone["fails"] for member_id, phone in phones if member_id in on_duty
        ),
    }


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
