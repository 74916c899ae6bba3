"""What is due next while a request is live, so that whoever waits is never nobody's.

The request itself stores its next step (`next_step`) and when that is due (`due_at`), so any process may take it.
Taking it is one conditional update of the request as it was read: of concurrent processes one succeeds, and none after
somebody has acted. Steps that were missed while every process was down are taken at once; only the latest is told.

Waiting: announced (phones are told of the call), nagged, raised to all zones, managers alerted, then repeated until
somebody goes. Accepted: the taker is reminded, colleagues are told, and it waits again. Passed on: the receiver's phone
is told; without a sign of the receiver it waits again. A guest who calls again is told to phones once a minute at most.
A rehearsal's times are a tenth; it is over after one repetition, or when it would wait again although somebody went.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.db.client import Changes, Filter
from waitercaller.model import presence, restaurants, service_request
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import Escalation, NextStep, ServiceRequest, StepName, TimedStep, documents

# Steps of a waiting and of an accepted request, by the number of steps taken (`level`).
WAITING_STEPS: tuple[TimedStep, ...] = ("nagged", "raised", "alerted")
ACCEPTED_STEPS: tuple[TimedStep, ...] = ("taker_reminded", "colleagues_told", "returned")
RECEIVER_SECONDS = 20  # in which there must be a sign of the member to whom a request was passed on
REMINDER_INTERVAL = timedelta(minutes=1)  # between two messages to phones that guests call (again)
BATCH_SIZE = 50


@dataclass(frozen=True)
class Turn:
    """What happens when a step is due."""

    told: NextStep | None  # the step that phones are told of
    steps: list[StepName]  # the entries in the history
    changes: Changes


def due(without: Iterable[ObjectId] = ()) -> list[ServiceRequest]:
    """Up to BATCH_SIZE requests whose next step is due, most overdue first, except those with the ids `without`."""
    which: dict[str, object] = {"live": True, "due_at": {"$lte": clock.now()}}
    if excluded := list(without):
        which["_id"] = {"$nin": excluded}
    return list(documents().find(which).sort("due_at").limit(BATCH_SIZE))


def occasion_of_next_step(request: ServiceRequest) -> str:
    """The idempotency key of the next step. `due_at` distinguishes it from the same step at another time."""
    assert request["due_at"] is not None
    return f"{request['_id']}:{clock.milliseconds(request['due_at'])}"


def turn_of(request: ServiceRequest, restaurant: Restaurant | None) -> Turn:
    """What the next step does, which is due."""
    times, now = service_request.escalation_of(restaurant).at(service_request.speed_of(request)), clock.now()
    if request["state"] == "accepted":
        return _turn_of_accepted(request, restaurant, times, now)
    return _turn_of_waiting(request, restaurant, times, now)


def advance(request: ServiceRequest, turn: Turn) -> bool:
    """Take the next step if the request is unchanged since it was read; returns whether it was taken."""
    change: dict[str, object] = {"$set": turn.changes}
    if turn.steps:
        change["$push"] = {"steps": {"$each": [service_request.step(what, None) for what in turn.steps]}}
    return bool(documents().update_one(_as_read(request), change).modified_count)


def remind(request: ServiceRequest) -> Changes:
    """The changes of a live request whose guest calls again: phones are told, at once or a minute after the last time.

    None where another step is due before that, since it tells them anyway.
    """
    due_at = max(clock.now(), request["told_at"] + REMINDER_INTERVAL)
    if request["due_at"] and (due_at >= request["due_at"] or request["passed_by"]):
        return {}
    return {"next_step": "reminder_told", "due_at": due_at}


def untold() -> list[ServiceRequest]:
    """Up to BATCH_SIZE requests of which phones may have a message that is out of date: see `untold`."""
    return list(documents().find({"untold": True}).limit(BATCH_SIZE))


def note_told(request: ServiceRequest) -> None:
    """Phones have been told of its state, unless that has changed since it was read."""
    same = {"_id": request["_id"], "restaurant_id": request["restaurant_id"]}
    as_read: dict[str, object] = {"untold": True, "state": request["state"], "by": request["by"]}
    as_read |= {"since": request["since"], "ended_at": request["ended_at"]}
    documents().update_one({**same, **as_read}, {"$set": {"untold": False}})


def hook_due() -> list[ServiceRequest]:
    """Up to BATCH_SIZE requests of which the webhook of their restaurant is still to be told."""
    return list(documents().find({"hook_due": True}).limit(BATCH_SIZE))


def note_hook_told(request: ServiceRequest) -> None:
    """The messages about its steps to the webhook are enqueued, unless there are more since it was read."""
    as_read = {"hook_due": True, "steps": {"$size": len(request["steps"])}}
    same = {"_id": request["_id"], "restaurant_id": request["restaurant_id"], **as_read}
    documents().update_one(same, {"$set": {"hook_due": False}})


def is_unanswered(request: ServiceRequest) -> bool:
    """Whether the request is still waiting when managers are alerted, or have been."""
    due_at = request["due_at"]
    is_alert_due = request["next_step"] == "alerted" and due_at is not None and due_at <= clock.now()
    return request["state"] == "waiting" and (request["level"] >= len(WAITING_STEPS) or is_alert_due)


def _turn_of_waiting(request: ServiceRequest, restaurant: Restaurant | None, times: Escalation, now: datetime) -> Turn:
    offsets = (times.nag, times.all_zones, times.alert)
    if "rehearsal" in request and request["level"] > len(offsets):
        return _end_of_rehearsal(restaurant)
    steps = _steps_due(request, WAITING_STEPS, offsets, now)
    told: NextStep | None = steps[-1] if steps else request["next_step"]
    if not steps and told in WAITING_STEPS:
        told = None  # the restaurant has chosen later times since
    level = request["level"] + len(steps) + (told == "repeated")
    if level < len(offsets):
        following: Changes = {"next_step": WAITING_STEPS[level], "due_at": request["since"] + offsets[level]}
    else:
        following = {"next_step": "repeated", "due_at": now + times.repeat}
    entries: list[StepName] = [*steps, "repeated"] if "rehearsal" in request and told == "repeated" else [*steps]
    hook = service_request.hook_due(restaurant) if entries else {}
    return Turn(told, entries, {"level": level, "told_at": now, **following, **hook})


def _turn_of_accepted(request: ServiceRequest, restaurant: Restaurant | None, times: Escalation, now: datetime) -> Turn:
    step = request["next_step"]
    if step == "receiver_told":
        due_at = request["since"] + timedelta(seconds=RECEIVER_SECONDS)
        return Turn(step, [], {"next_step": "receiver_checked", "due_at": max(due_at, now)})
    if step == "receiver_checked" and not _is_received(request, restaurant):
        return _return(request, restaurant)
    offsets = (times.remind_taker, times.tell_colleagues, times.give_back)
    steps = _steps_due(request, ACCEPTED_STEPS, offsets, now)
    level = request["level"] + len(steps)
    if level == len(offsets):
        return _end_of_rehearsal(restaurant) if "rehearsal" in request else _return(request, restaurant)
    told: NextStep | None = steps[-1] if steps else "reminder_told" if step == "reminder_told" else None
    following: Changes = {"next_step": ACCEPTED_STEPS[level], "due_at": request["since"] + offsets[level]}
    told_at = {"told_at": now} if step == "reminder_told" else {}
    return Turn(told, [*steps], {"level": level, "passed_by": None, **told_at, **following})


def _steps_due(
    request: ServiceRequest, names: tuple[TimedStep, ...], offsets: tuple[timedelta, ...], now: datetime
) -> list[TimedStep]:
    """The steps after `level` whose time has come; `offsets` are ascending, from `since`."""
    following = list(zip(names, offsets, strict=True))[request["level"] :]
    return [name for name, offset in following if request["since"] + offset <= now]


def _return(request: ServiceRequest, restaurant: Restaurant | None) -> Turn:
    """It waits again with its first clock."""
    changes = service_request.waiting(restaurant, service_request.speed_of(request))
    return Turn("returned", ["returned"], changes)


def _end_of_rehearsal(restaurant: Restaurant | None) -> Turn:
    """A rehearsal has taken its last step."""
    return Turn(None, ["withdrawn"], service_request.ended(restaurant, "withdrawn"))


def _is_received(request: ServiceRequest, restaurant: Restaurant | None) -> bool:
    """Whether there is a sign of the member to whom it was passed on: a screen that shows it, or a phone's signature.

    Where they have neither open, a counter tablet in front of the staff is enough.
    """
    receiver = service_request.taker_id(request)
    if any(each["member_id"] == receiver and each["at"] >= request["since"] for each in request["signed"]):
        return True
    shown = {each["screen"] for each in request["shown"]}
    screens = presence.open_screens(request["restaurant_id"])
    showing = [screen for screen in screens if screen["visible"] and screen["id"] in shown]
    if any(screen["member_id"] == receiver for screen in showing):
        return True
    member = restaurants.member_with_id(restaurant, receiver) if restaurant and receiver else None
    has_phone = member is not None and member.get("push", "none") != "none"
    has_own = has_phone or any(screen["member_id"] == receiver for screen in screens)
    return not has_own and any(screen["member_id"] is None for screen in showing)


def _as_read(request: ServiceRequest) -> Filter:
    names = ("_id", "restaurant_id", "state", "level", "next_step", "due_at")
    return {name: request[name] for name in names}  # type: ignore[literal-required]
