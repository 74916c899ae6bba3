"""Push messages about calls: which members are told of which event. What they say is in `message_texts`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.model import duty, joins, restaurants, subscriptions
from waitercaller.model.messages import Push
from waitercaller.model.requests import seen
from waitercaller.model.restaurants import Member, Restaurant
from waitercaller.model.service_request import NextStep, ServiceRequest, taker_id
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
    "uncovered",
]
# The events of those steps that have another name (model/requests/escalation).
EVENTS: dict[NextStep, Event] = {"announced": "called", "reminder_told": "again", "receiver_told": "passed"}


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
    "repeated": Audience(("all", "escalated"), timedelta(minutes=2), all_zones=True, managers=True),
    "again": Audience(("all",), timedelta(minutes=2)),
    "colleagues_told": Audience(("all",), timedelta(minutes=5), with_zone=True),
    # For one member, see `_person`:
    "passed": Audience(("all", "escalated"), timedelta(minutes=2)),
    "taker_reminded": Audience(("all", "escalated"), timedelta(minutes=2)),
    "returned": Audience(("all", "escalated"), timedelta(minutes=5)),
    "unheard": Audience(("all", "escalated"), timedelta(minutes=30), managers=True, waiters=False),
    "not_ready": Audience(("all", "escalated"), timedelta(minutes=15), managers=True, waiters=False),
    "uncovered": Audience(("all", "escalated"), timedelta(minutes=15), managers=True, waiters=False),
}
TRIAL_TIME_TO_LIVE = timedelta(minutes=1)
# Also after no process has run for an hour: the phone still says that somebody waits.
OUTCOME_TIME_TO_LIVE = timedelta(hours=2)


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
    members = sorted(willing & _told(restaurant, event, request, willing))
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
        by=taker_id(request) if request else None,
        **context,
    )
    return bool(subscription_ids)


def enqueue_step(restaurant: Restaurant, step: NextStep, request: ServiceRequest, occasion: str) -> None:
    """Enqueue the push messages of a step that is due, of the request as it is before the step."""
    enqueue(restaurant, EVENTS.get(step, cast(Event, step)), request, occasion=occasion)


def enqueue_outcome(restaurant: Restaurant, request: ServiceRequest) -> None:
    """Replace the messages about this request on all phones that have one by what has happened; idempotent.

    Not on those of a member to whom it was passed on: they are asked to go (see `enqueue_step`). Nor, where it waits
    again, on those that have been told so by a step.
    """
    topic, by = str(request["_id"]), taker_id(request)
    phones = outbox.told_of(topic)
    if request["passed_by"] and by:
        phones -= {each["_id"] for each in subscriptions.of_member(restaurant["_id"], by)}
    if request["state"] == "waiting":
        phones -= outbox.told_of(topic, since=request["since"])
    outbox.enqueue(
        "outcome",
        restaurant["_id"],
        sorted(phones),
        occasion=f"{request['_id']}:{len(request['steps'])}",
        time_to_live=OUTCOME_TIME_TO_LIVE,
        topic=topic,
        request_id=request["_id"],
        state=request["state"],
        by=by,
    )


@outbox.when_taken
def note_pushed(push: Push, member_id: str, at: datetime) -> None:
    """Record in the request that a message about it went to a phone of this member.

    The outcome is left out: it calls nobody.
    """
    restaurant, request_id = restaurants.get(push["restaurant_id"]), push["context"].get("request_id")
    member = restaurants.member_with_id(restaurant, member_id) if restaurant else None
    if member and request_id and push["event"] in AUDIENCES:
        seen.note_pushed(push["restaurant_id"], request_id, member, at)


def enqueue_trial(restaurant_id: ObjectId, subscription_id: str) -> None:
    """Enqueue a message for one browser that shows how messages look there."""
    outbox.enqueue("tried", restaurant_id, [subscription_id], occasion=str(ObjectId()), time_to_live=TRIAL_TIME_TO_LIVE)


def has_phone(member: Member) -> bool:
    """Whether this member is told by push of what concerns those who run the restaurant."""
    return outbox.is_enabled() and member.get("push") in AUDIENCES["not_ready"].choices


def is_heard_by_a_phone(restaurant: Restaurant) -> bool:
    """Whether some member's phone is told of calls at once."""
    choices = AUDIENCES["called"].choices
    if not outbox.is_enabled() or not any(each.get("push") in choices for each in restaurant["members"]):
        return False
    return any(
        each["choice"] in choices and "failed_at" not in each for each in subscriptions.of_restaurant(restaurant["_id"])
    )


def _told(restaurant: Restaurant, event: Event, request: ServiceRequest | None, willing: set[str]) -> set[str]:
    """The ids of the members whom an event concerns; who among them is off duty hears of no call."""
    now, audience = clock.now(), AUDIENCES[event]
    if person := _person(event, request):
        return {person}
    managers = {member["id"] for member in restaurant["members"] if audience.managers and member["role"] != "waiter"}
    if request is None or not audience.waiters:
        return managers
    willing = willing - {taker_id(request)}
    if audience.all_zones:
        return managers | duty.on_duty(restaurant, now)
    at = (joins.tables_with(restaurant, request["table_id"], now), request["zone_id"])
    return managers | duty.first_to_hear(restaurant, *at, now, reachable=willing, widened=audience.with_zone)


def _person(event: Event, request: ServiceRequest | None) -> str | None:
    """The id of the only member who is told of this event; None where it is more than one's affair."""
    if request is None or request["by"] is None:
        return None
    if event == "returned":
        return (request["passed_by"] or request["by"])["id"]
    return taker_id(request) if event in ("passed", "taker_reminded", "again") else None


def _occasion(event: Event, request: ServiceRequest | None) -> str:
    """The request, and how often it has taken this step, since its escalation can begin anew."""
    if request is None:
        return str(ObjectId())
    return f"{request['_id']}:{sum(step['what'] == event for step in request['steps'])}"
