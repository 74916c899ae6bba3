"""The store of what happens to a request to which nobody goes: it nags, all zones see it, the managers are alerted.

When the next step is due stands in the request itself, so any process may take it, also one that was started a moment
ago. Each step is one conditional update from what was read to the next level: of several processes that find the same
request one takes the step, and none does once somebody is on the way.
"""

from datetime import timedelta
from typing import Literal

from waitercaller.db import clock
from waitercaller.model import service_request
from waitercaller.model.service_request import Escalation, ServiceRequest, documents

EscalationStep = Literal["nagged", "raised", "alerted"]

STEPS: tuple[EscalationStep, ...] = ("nagged", "raised", "alerted")  # by the level that a request has before
BATCH_SIZE = 50


def due() -> list[ServiceRequest]:
    """Requests whose next step is due, those that are most overdue first; at most BATCH_SIZE."""
    waiting = {"live": True, "due_at": {"$lte": clock.now()}, "state": "waiting"}
    return list(documents().find(waiting).sort("due_at").limit(BATCH_SIZE))


def next_step(request: ServiceRequest) -> EscalationStep:
    """What the next step is called."""
    return STEPS[_level(request)]


def occasion_of_next_step(request: ServiceRequest) -> str:
    """A name that only this step has: when it was due tells it from one of a time before somebody went in between."""
    assert request["due_at"] is not None
    return f"{request['_id']}:{clock.milliseconds(request['due_at'])}"


def advance(request: ServiceRequest, times: Escalation) -> bool:
    """Take the next step, as `request` was read; False when it has been taken, or is not needed any more.

    The step after that is due as much later as the restaurant's times are apart.
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
    """Whether the last step has been taken, or is due, and still nobody goes."""
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
