"""Push messages about calls: which members are told of which event, whether it is still true, and what it says.

A "#" in a text stands for the time, which the phone writes as its people do.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast

from bson import ObjectId
from flask_babel import gettext as _
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.model import opening, presence, restaurants, subscriptions, unheard
from waitercaller.model.languages import in_language, table_title, text_direction
from waitercaller.model.messages import Push
from waitercaller.model.requests import queries
from waitercaller.model.restaurants import Member, Restaurant
from waitercaller.model.service_request import NextStep, ServiceRequest
from waitercaller.model.subscriptions import ActiveChoice
from waitercaller.push import outbox

Event = Literal[
    "called",
    "again",
    "nagged",
    "raised",
    "alerted",
    "repeated",
    "passed",
    "returned",
    "taker_reminded",
    "colleagues_told",
    "unheard",
    "not_ready",
]
# The events of those steps that have another name (model/requests/escalation).
EVENTS: dict[NextStep, Event] = {"announced": "called", "reminder_told": "again", "receiver_told": "passed"}


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
    "repeated": Audience(("all", "escalated"), timedelta(minutes=2), all_zones=True),
    "again": Audience(("all",), timedelta(minutes=2)),
    "colleagues_told": Audience(("all",), timedelta(minutes=5)),
    # For one member, see `_person`:
    "passed": Audience(("all", "escalated"), timedelta(minutes=2)),
    "taker_reminded": Audience(("all", "escalated"), timedelta(minutes=2)),
    "returned": Audience(("all", "escalated"), timedelta(minutes=5)),
    "unheard": Audience(("all", "escalated"), timedelta(minutes=30), all_zones=True, waiters=False),
    "not_ready": Audience(("all", "escalated"), timedelta(minutes=15), all_zones=True, waiters=False),
}
TRIAL_TIME_TO_LIVE = timedelta(minutes=1)
OUTCOME_TIME_TO_LIVE = timedelta(minutes=15)


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
    members = _members(restaurant, event, request)
    if not members or not outbox.is_enabled():
        return
    audience = AUDIENCES[event]
    outbox.enqueue(
        event,
        restaurant["_id"],
        subscriptions.ids_with_choice(audience.choices, restaurant["_id"], members, txn),
        occasion=occasion or _occasion(event, request),
        time_to_live=audience.time_to_live,
        topic=str(request["_id"]) if request else None,  # a phone that was away gets the last word on each call
        txn=txn,
        request_id=request["_id"] if request else None,
        by=request["by"]["id"] if request and request["by"] else None,
    )


def enqueue_step(restaurant: Restaurant, step: NextStep, request: ServiceRequest, occasion: str) -> None:
    """Enqueue the push messages of a step that is due, of the request as it is before the step."""
    enqueue(restaurant, EVENTS.get(step, cast(Event, step)), request, occasion=occasion)


def enqueue_outcome(restaurant: Restaurant, request: ServiceRequest) -> None:
    """Replace the messages about this request on all phones that have one by what has happened; idempotent."""
    by = request["by"]["id"] if request["by"] else None
    outbox.enqueue(
        "outcome",
        restaurant["_id"],
        outbox.told_of(str(request["_id"])),
        occasion=f"{request['_id']}:{len(request['steps'])}",
        time_to_live=OUTCOME_TIME_TO_LIVE,
        topic=str(request["_id"]),
        request_id=request["_id"],
        state=request["state"],
        by=by,
    )


def enqueue_trial(restaurant_id: ObjectId, subscription_id: str) -> None:
    """Enqueue a message for one browser that shows how messages look there."""
    outbox.enqueue("tried", restaurant_id, [subscription_id], occasion=str(ObjectId()), time_to_live=TRIAL_TIME_TO_LIVE)


def _members(restaurant: Restaurant, event: Event, request: ServiceRequest | None) -> list[str]:
    """The ids of the members who are told."""
    audience, person = AUDIENCES[event], _person(event, request)
    if person:
        found = restaurants.member_with_id(restaurant, person)
        return [person] if found and found.get("push") in audience.choices else []
    zone_id = request["zone_id"] if request else None
    taker = request["by"]["id"] if request and request["by"] else None
    wanting = [member["id"] for member in restaurant["members"] if _wants(member, audience, zone_id)]
    return [member_id for member_id in wanting if member_id != taker]


def _person(event: Event, request: ServiceRequest | None) -> str | None:
    """The id of the only member who is told of this event; None where it is more than one's affair."""
    if request is None or request["by"] is None:
        return None
    if event == "returned":
        return (request["passed_by"] or request["by"])["id"]
    return request["by"]["id"] if event in ("passed", "taker_reminded", "again") else None


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
    return request and _with_button(
        _about_call(request, _("Called at #"), restaurant, language, place=request["zone_name"])
    )


@outbox.prepares("again")
def _again(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _live(push)
    if request is None or (request["by"]["id"] if request["by"] else None) != push["context"]["by"]:
        return None
    text = _("The guest has called again. Waiting since #.")
    return _about_call(request, text, restaurant, language)


@outbox.prepares("nagged")
@outbox.prepares("raised")
@outbox.prepares("repeated")
def _still_waiting(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _waiting(push)
    return request and _with_button(_about_call(request, _("Still waiting, since #."), restaurant, language))


@outbox.prepares("alerted")
def _alerted(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _waiting(push)
    text = _("Has been waiting since #, and nobody has answered. Please see to it.")
    return request and _with_button(_about_call(request, text, restaurant, language))


@outbox.prepares("passed")
def _passed(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _accepted(push)
    if request is None or request["passed_by"] is None:
        return None
    text = _("%(name)s asks you to go.", name=request["passed_by"]["name"])
    return _about_call(request, text, restaurant, language)


@outbox.prepares("taker_reminded")
def _taker_reminded(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _accepted(push)
    text = _("You are on the way, and this guest has been waiting since #.")
    return request and _about_call(request, text, restaurant, language)


@outbox.prepares("colleagues_told")
def _colleagues_told(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _accepted(push)
    if request is None or request["by"] is None:
        return None
    text = _("%(name)s is on the way, but the guest still waits, since #.", name=request["by"]["name"])
    return _about_call(request, text, restaurant, language)


@outbox.prepares("returned")
def _returned(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    request = _waiting(push)
    return request and _about_call(request, _("Nobody has gone yet. Waiting again, since #."), restaurant, language)


@outbox.prepares("outcome")
def _outcome(push: Push, restaurant: Restaurant, language: str) -> outbox.Message | None:
    """In place of an earlier message, without a sound."""
    request = _request(push)
    if request is None or request["state"] != push["context"]["state"]:
        return None
    if (request["by"]["id"] if request["by"] else None) != push["context"]["by"]:
        return None
    name = request["by"]["name"] if request["by"] else ""
    text = {
        "accepted": _("%(name)s is on the way.", name=name),
        "resolved": _("Done."),
        "dismissed": _("Nobody was there."),
        "cancelled": _("The guest needs nothing any more."),
        "withdrawn": _("The table was removed."),
    }[request["state"]]
    return {**_about_call(request, text, restaurant, language), "silent": True}


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


def _with_button(message: outbox.Message) -> outbox.Message:
    return {**message, "action": str(_("I’m going"))}


def _request(push: Push) -> ServiceRequest | None:
    """The request that a message is about."""
    found = queries.with_ids({"restaurant_id": push["restaurant_id"]}, [push["context"]["request_id"]])
    return found[0] if found else None


def _live(push: Push) -> ServiceRequest | None:
    """The same; None once it has ended."""
    request = _request(push)
    return request if request and request["live"] else None


def _waiting(push: Push) -> ServiceRequest | None:
    """The same; None once somebody goes, or it has ended."""
    request = _request(push)
    return request if request and request["state"] == "waiting" else None


def _accepted(push: Push) -> ServiceRequest | None:
    """The same; None unless the member of the time of the message still goes."""
    request = _live(push)
    return request if request and request["by"] and request["by"]["id"] == push["context"]["by"] else None


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
        "silent": False,
    }
