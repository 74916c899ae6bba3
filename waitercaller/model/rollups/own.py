"""One member's own figures, computed from the requests when they are asked for and stored nowhere."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from bson import ObjectId

from waitercaller.model.rollups import store
from waitercaller.model.service_request import ServiceRequest


@dataclass
class OwnFigures:
    """What a member did in a period."""

    went: int = 0  # calls to which the member went, or that they ended at once
    done: int = 0  # calls that they ended as done
    nobody: int = 0  # … with nobody at the table
    passed: int = 0  # calls that they passed on
    waits: list[timedelta] = field(default_factory=list)  # of the calls to which they went, until they did

    @property
    def median(self) -> timedelta | None:
        return timedelta(seconds=median(wait.total_seconds() for wait in self.waits)) if self.waits else None


def of_member(restaurant_id: ObjectId, member_id: str, begin: datetime, end: datetime) -> OwnFigures:
    """What this member did with the calls of a period, as far as they are kept."""
    return counted(store.with_steps_of(restaurant_id, member_id, begin, end), member_id)


def counted(requests: Iterable[ServiceRequest], member_id: str) -> OwnFigures:
    """What this member did with these requests; a wait counts once for each request, until their first going."""
    figures = OwnFigures()
    for request in requests:
        own = [step for step in request["steps"] if step["by"] and step["by"]["id"] == member_id]
        taken = [step for step in own if step["what"] in ("accepted", "resolved")]
        figures.went += bool(taken)
        figures.done += any(step["what"] == "resolved" for step in own)
        figures.nobody += any(step["what"] == "dismissed" for step in own)
        figures.passed += any(step["what"] == "passed" for step in own)
        if taken:
            figures.waits.append(max(timedelta(), taken[0]["at"] - request["first_at"]))
    return figures
