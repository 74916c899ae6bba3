"""Escalation of requests that are not accepted: nagged, raised to all zones, managers alerted.

The request itself stores when its next step is due (`due_at`), so any process may take it. Each step is one conditional
update from the level that was read to the next: of concurrent processes one takes it, and none after an acceptance.
"""

from datetime import timedelta
from typing import Literal

from waitercaller.db import clock
from waitercaller.model import service_request
from waitercaller.model.service_request import Escalation, ServiceRequest, documents

EscalationStep = Literal["nagged", "raised", "alerted"]

STEPS: tuple[EscalationStep, ...] = ("nagged", "raised", "alerted")  # by the level before the step
BATCH_SIZE = 50


def due() -> list[ServiceRequest]:
    """Up to BATCH_SIZE requests whose next step is due, most overdue first."""
    waiting = {"live": True, "due_at": {"$lte": clock.now()}, "state": "waiting"}
    return list(documents().find(waiting).sort("due_at").limit(BATCH_SIZE))


def next_step(request: ServiceRequest) -> EscalationStep:
    """The name of the next step."""
    return STEPS[_level(request)]


def occasion_of_next_step(request: ServiceRequest) -> str:
    """The idempotency key of the next step. `due_at` distinguishes it from the same step before a release or undo."""
    assert request["due_at"] is not None
    return f"{request['_id']}:{clock.milliseconds(request['due_at'])}"


def advance(request: ServiceRequest, times: Escalation) -> bool:
    """Take the next step if the request is unchanged since it was read; returns whether it was taken.

    The following step is due after the difference of the restaurant's configured times.
    """
    level = _level(request)
    interval = _interval(times, level)
    unchanged = {
        "_id": request["_id"],
        "restaurant_id": request["restaurant_id"],
        "state": "waiting",
        "level": request.get("level"),
        "due_at": request["due_at"],
    }
    values = {"level": level + 1, "due_at": request["due_at"] + interval if interval and request["due_at"] else None}
    change = {"$set": values, "$push": {"steps": service_request.step(STEPS[level], None)}}
    return bool(documents().update_one(unchanged, change).modified_count)


def is_unanswered(request: ServiceRequest) -> bool:
    """Whether the request is still waiting when its last step is due or has been taken."""
    level, due_at = _level(request), request["due_at"]
    is_last = level == len(STEPS) - 1 and due_at is not None and due_at <= clock.now()
    return request["state"] == "waiting" and (level == len(STEPS) or is_last)


def _level(request: ServiceRequest) -> int:
    return request.get("level") or 0  # a request of an earlier version has none


def _interval(times: Escalation, level: int) -> timedelta | None:
    """The time from the step after `level` to the one that follows; None after the last."""
    if level + 1 == len(STEPS):
        return None
    return times[level + 1] - times[level]
