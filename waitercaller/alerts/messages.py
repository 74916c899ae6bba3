"""Push messages about calls: which members are told of which event, whether it is still true, and what it says.

A "#" in a text stands for the time, which the phone writes as its people do.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from bson import ObjectId
from flask_babel import gettext as _
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.model import duty, opening, subscriptions, tables, unheard
from waitercaller.model.languages import in_language, table_title, text_direction
from waitercaller.model.messages import Push
from waitercaller.model.requests import queries
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.subscriptions import ActiveChoice
from waitercaller.push import outbox

Event = Literal["called", "nagged", "raised", "alerted", "unheard", "uncovered"]


@dataclass(frozen=True)
class Audience:
    """Who is told of an event, and for how long it is news."""

    choices: tuple[ActiveChoice, ...]  # of a subscription: "all" calls, or only those that "escalated"
    time_to_live: timedelta
    with_zone: bool = False  # whose zone it is, beside whose table it is
    all_zones: bool = False  # whoever's zones they are
    managers: bool = False  # managers and owners, off duty too
    waiters: bool = True


AUDIENCES: dict[Event, Audience] = {
    "called": Audience(("all",), timedelta(minutes=2)),
    "nagged": Audience(("all",), timedelta(minutes=2), with_zone=True),
    "raised": Audience(("all", "escalated"), timedelta(minutes=5), all_zones=True),
    "alerted": Audience(("all", "escalated"), timedelta(minutes=15), all_zones=True, managers=True),
    "unheard": Audience(("all", "escalated"), timedelta(minutes=30), managers=True, waiters=False),
    "uncovered": Audience(("all", "escalated"), timedelta(minutes=15), managers=True, waiters=False),
}
TRIAL_TIME_TO_LIVE = timedelta(minutes=1)
MAX_NAMES = 5  # of tables and zones in one message


def enqueue(
    restaurant: Restaurant,
    event: Event,
    request: ServiceRequest | None,
    txn: ClientSession | None = None,
    occasion: str = "",
    **context: Any,
) -> bool:
    """Enqueue a push message for the members who want to hear of this; `request` is None for what concerns none.

    Returns whether anybody is told. Idempotent per `occasion`; without one, per step of the request. Costs no query
    where nobody wants to hear of it.
    """
    audience = AUDIENCES[event]
    willing = {member["id"] for member in restaurant["members"] if member.get("push") in audience.choices}
    members = sorted(willing & _told(restaurant, audience, request, willing))
    if not members or not outbox.is_enabled():
        return False
    subscription_ids = subscriptions.ids_with_choice(audience.choices, restaurant["_id"], members, txn)
    outbox.enqueue(
        event,
        restaurant["_id"],
        subscription_ids,
        occasion=occasion or _occasion(event, request),
        time_to_live=audience.time_to_live,
        topic=str(request["_id"]) if request else None,  # a phone that was away gets the last word on each call
        txn=txn,
        request_id=request["_id"] if request else None,
        **context,
    )
    return bool(subscription_ids)


def enqueue_trial(restaurant_id: ObjectId, subscription_id: str) -> None:
    """Enqueue a message for one browser that shows how messages look there."""
    outbox.enqueue("tried", restaurant_id, [subscription_id], occasion=str(ObjectId()), time_to_live=TRIAL_TIME_TO_LIVE)


def _told(restaurant: Restaurant, audience: Audience, request: ServiceRequest | None, willing: set[str]) -> set[str]:
    """The ids of the members whom an event concerns; who among them is off duty hears of no call."""
    now = clock.now()
    managers = {member["id"] for member in restaurant["members"] if audience.managers and member["role"] != "waiter"}
    if request is None or not audience.waiters:
        return managers
    if audience.all_zones:
        return managers | duty.on_duty(restaurant, now)
    at = (request["table_id"], request["zone_id"])
    return managers | duty.first_to_hear(restaurant, *at, now, reachable=willing, widened=audience.with_zone)


def _occasion(event: Event, request: ServiceRequest | None) -> str:
    """The request, and how often it has taken this step, since its escalation can begin anew."""
    if request is None:
        return str(ObjectId())
    return f"{request['_id']}:{sum(step['what'] == event for step in request['steps'])}"


# --- what they say, when they are sent --------------------------------------------------------------------------------


@outbox.prepares("called")
def _called(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    """Where the request has a zone, that is shown instead of the text: the time is news only later."""
    request = _waiting(push)
    return request and _about_call(request, _("Called at #"), restaurant, language, place=request["zone_name"])


@outbox.prepares("nagged")
@outbox.prepares("raised")
def _still_waiting(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _waiting(push)
    return request and _about_call(request, _("Still waiting, since #."), restaurant, language)


@outbox.prepares("alerted")
def _alerted(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _waiting(push)
    text = _("Has been waiting since #, and nobody has answered. Please see to it.")
    return request and _about_call(request, text, restaurant, language)


@outbox.prepares("unheard")
def _unheard(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    if not unheard.is_unheard(push["restaurant_id"]):
        return None
    text = _("No screen with sound shows the calls. Guests may be waiting unheard.")
    return _about_restaurant(push, text, restaurant, language)


@outbox.prepares("uncovered")
def _uncovered(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    text = uncovered_text(restaurant, push["context"]["table_ids"], push["context"]["zone_ids"])
    return _about_restaurant(push, text, restaurant, language) if text else None


@outbox.prepares("tried")
def _tried(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    return _about_restaurant(push, _("This is how calls reach this phone."), restaurant, language)


def uncovered_text(restaurant: Restaurant, table_ids: list[ObjectId], zone_ids: list[str]) -> str | None:
    """Which of these tables and zones nobody on duty has, and who hears their calls now.

    None where somebody has them all again, and where the house is closing: the last one has left and no hours say
    that it is open.
    """
    now = clock.now()
    present = duty.entries(restaurant, now)
    if not present and not opening.is_expected(restaurant, now):
        return None
    left = set(duty.still_uncovered(restaurant, table_ids, now))
    found = [table for table in tables.of_restaurant(restaurant["_id"]) if table["_id"] in left]
    covered = {zone for entry in present for zone in entry["zones"]}
    zones = [zone["name"] for zone in restaurant["zones"] if zone["id"] in zone_ids and zone["id"] not in covered]
    names = [*zones, *(table_title(table["name"]) for table in found)]
    if not names:
        return None
    what = ", ".join(names[:MAX_NAMES]) + (", …" if len(names) > MAX_NAMES else "")
    if not present:
        return str(_("%(tables)s: nobody is on duty any more. The calls go to everybody now.", tables=what))
    hearing = duty.on_duty(restaurant, now) if zones else set()
    hearing |= {each for t in found for each in duty.first_to_hear(restaurant, t["_id"], t["zone_id"], now)}
    who = ", ".join(member["name"] for member in restaurant["members"] if member["id"] in hearing)
    text = _("%(tables)s: whoever had this is off duty. The calls go to %(names)s now.", tables=what, names=who)
    return str(text)


def _waiting(push: Push) -> ServiceRequest | None:
    """The request that a message is about; None once somebody goes, or it has ended."""
    found = queries.with_ids({"restaurant_id": push["restaurant_id"]}, [push["context"]["request_id"]])
    return found[0] if found and found[0]["state"] == "waiting" else None


def _about_call(
    request: ServiceRequest, text: str, restaurant: Restaurant, language: str, place: str | None = None
) -> outbox.Message:
    wish = in_language(request["kind_labels"], language)
    if labels := request.get("choice_labels"):
        wish += f" ({in_language(labels, language)})"
    title = f"{table_title(request['table_name'])}: {wish}"
    return _message(title, text, str(request["_id"]), request["first_at"], restaurant, language, place)


def _about_restaurant(push: Push, text: str, restaurant: Restaurant, language: str) -> outbox.Message:
    return _message(restaurant["name"], text, push["event"], clock.now(), restaurant, language)


def _message(
    title: str, text: str, subject: str, at: datetime, restaurant: Restaurant, language: str, place: str | None = None
) -> outbox.Message:
    home = f"/r/{restaurant['_id']}/dashboard"
    return {
        "title": title,
        "text": str(text),
        "place": place,
        "at": clock.milliseconds(at),
        "tag": f"{home}#{subject}",
        "url": home,
        "language": language,
        "direction": text_direction(language),
    }
