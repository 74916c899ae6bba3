"""Context of the page "Your first call": which of its steps are done, and what became of the test call."""

from typing import Any, NamedTuple

import segno
from bson import ObjectId

from waitercaller.model import first_call, logins, presence, subscriptions, tables
from waitercaller.model.first_call_entry import FirstCall
from waitercaller.model.opening_times import Hours
from waitercaller.model.requests import queries
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import ServiceRequest
from waitercaller.web import rehearsal_words
from waitercaller.web.qr import qr_svg
from waitercaller.web.routing import address_of


class Steps(NamedTuple):
    """Which steps are done, in their order."""

    tables: bool
    hours: bool
    call: bool
    sound: bool
    screens: bool
    print: bool


def page_context(restaurant: Restaurant, guide: FirstCall, owner_id: str) -> dict[str, Any]:
    """For this owner. `current`: the first step that is not done, None at the end; `call`: what became of the test."""
    laid = tables.of_restaurant(restaurant["_id"])
    test = _latest_test(restaurant["_id"], guide)
    steps = Steps(
        tables=bool(laid),
        hours=bool(restaurant["hours"]),
        call=test is not None and first_call.is_taken(test),
        sound=guide["heard"],
        screens=_has_second(restaurant, owner_id),
        print=guide["printed"],
    )
    address = _address(laid[0]) if laid else ""
    return {
        "steps": steps._asdict(),
        "current": next((name for name, is_done in steps._asdict().items() if not is_done), None),
        "number_done": sum(steps),
        "number_of_tables": len(laid),
        "daily": _daily(restaurant["hours"]),
        "table": laid[0] if laid else None,
        "address": address,
        "qr": qr_svg(segno.make_qr(address, error="l")) if laid else "",
        "call": _call(restaurant, test) if test else None,
    }


def _daily(hours: list[Hours]) -> Hours | None:
    """The hours of each day, where they are the same on all; else None."""
    is_daily = len(hours) == 7 and len({(each["opens"], each["closes"]) for each in hours}) == 1
    return hours[0] if is_daily else None


def _latest_test(restaurant_id: ObjectId, guide: FirstCall) -> ServiceRequest | None:
    """The latest test call; None also where a guest has made a call of it."""
    request_id = guide["request_id"]
    found = queries.with_ids({"restaurant_id": restaurant_id}, [request_id]) if request_id else []
    return next((each for each in found if "rehearsal" in each), None)


def _call(restaurant: Restaurant, request: ServiceRequest) -> dict[str, Any]:
    """What became of the test call, without a page of the same person that was left just before."""
    context = rehearsal_words.page_context(restaurant, request)
    heard = {row.name for row in context["rows"] if row.state == "heard"}
    rows = [row for row in context["rows"] if row.state != "untold" or row.name not in heard]
    return {**context, "rows": rows}


def _address(table: tables.Table) -> str:
    return address_of("requests.guest.page", code=table["code"], test=first_call.token_of(table))


def _has_second(restaurant: Restaurant, owner_id: str) -> bool:
    """Whether calls reach anything but the owner's screen: a phone, a counter's tablet, a colleague's screen."""
    if subscriptions.has_phones(restaurant) or logins.devices_of(restaurant["_id"]):
        return True
    return any(screen["member_id"] != owner_id for screen in presence.open_screens(restaurant["_id"]))
