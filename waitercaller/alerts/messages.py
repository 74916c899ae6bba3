"""Push messages about calls: which members are told of which event, whether it is still true, and what it says.

A "#" in a text stands for the time, which the phone writes as its people do.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bson import ObjectId
from flask_babel import gettext as _
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.model import opening, presence, subscriptions, unheard
from waitercaller.model.languages import in_language, table_title, text_direction
from waitercaller.model.messages import Push
from waitercaller.model.requests import queries
from waitercaller.model.restaurants import Member, Restaurant
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.subscriptions import ActiveChoice
from waitercaller.push import outbox

Event = Literal["called", "nagged", "raised", "alerted", "unheard", "not_ready"]


@dataclass(frozen=True)
class Audience:
    """Who is told of an event, and for how long it is news."""

    choices: tuple[ActiveChoice, ...]  # of a subscription: "all" calls, or only those that "escalated"
    time_to_live: timedelta
    all_zones: bool = False  # whoever's zones they are
    waiters: bool = True


AUDIENCES: dict[Event, Audience] = {
    "called": Audience(("all",), timedelta(minutes=2)),
    "nagged": Audience(("all",), timedelta(minutes=2)),
    "raised": Audience(("all", "escalated"), timedelta(minutes=5), all_zones=True),
    "alerted": Audience(("all", "escalated"), timedelta(minutes=15), all_zones=True),
    "unheard": Audience(("all", "escalated"), timedelta(minutes=30), all_zones=True, waiters=False),
    "not_ready": Audience(("all", "escalated"), timedelta(minutes=15), all_zones=True, waiters=False),
}
TRIAL_TIME_TO_LIVE = timedelta(minutes=1)


def enqueue(
    restaurant: Restaurant,
    event: Event,
    request: ServiceRequest | None,
    txn: ClientSession | None = None,
    occasion: str = "",
) -> None:
    """Enqueue a push message for the members who want to hear of this; `request` is None for what concerns none.

    Idempotent per `occasion`; without one, per step of the request. Costs no query where nobody wants to hear of it.
    """
    audience, zone_id = AUDIENCES[event], request["zone_id"] if request else None
    members = [member["id"] for member in restaurant["members"] if _wants(member, audience, zone_id)]
    if not members or not outbox.is_enabled():
        return
    outbox.enqueue(
        event,
        restaurant["_id"],
        subscriptions.ids_with_choice(audience.choices, restaurant["_id"], members, txn),
        occasion=occasion or _occasion(event, request),
        time_to_live=audience.time_to_live,
        topic=str(request["_id"]) if request else None,  # a phone that was away gets the last word on each call
        txn=txn,
        request_id=request["_id"] if request else None,
    )


def enqueue_trial(restaurant_id: ObjectId, subscription_id: str) -> None:
    """Enqueue a message for one browser that shows how messages look there."""
    outbox.enqueue("tried", restaurant_id, [subscription_id], occasion=str(ObjectId()), time_to_live=TRIAL_TIME_TO_LIVE)


def has_phone(member: Member) -> bool:
    """Whether this member is told by push of what concerns those who run the restaurant."""
    return outbox.is_enabled() and member.get("push") in AUDIENCES["not_ready"].choices


def is_heard_by_a_phone(restaurant: Restaurant) -> bool:
    """Whether some member's phone is told of calls at once."""
    return outbox.is_enabled() and any(
        each.get("push") in AUDIENCES["called"].choices for each in restaurant["members"]
    )


def _wants(member: Member, audience: Audience, zone_id: str | None) -> bool:
    if member.get("push") not in audience.choices or (member["role"] == "waiter" and not audience.waiters):
        return False
    # A member without zones has all of them, and a table without a zone is everybody's.
    return audience.all_zones or not member["zones"] or zone_id is None or zone_id in member["zones"]


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


@outbox.prepares("not_ready")
def _not_ready(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    """Before an opening; nothing once somebody would hear a call, or it is open already."""
    opens = opening.opens_within(restaurant, clock.now(), AUDIENCES["not_ready"].time_to_live)
    if opens is None or is_heard_by_a_phone(restaurant) or restaurant["_id"] in presence.heard():
        return None
    text = _("Opens at #. No screen with sound is open, and no phone is told of calls.")
    return _message(restaurant["name"], text, push["event"], opens, restaurant, language)


@outbox.prepares("tried")
def _tried(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    return _about_restaurant(push, _("This is how calls reach this phone."), restaurant, language)


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
