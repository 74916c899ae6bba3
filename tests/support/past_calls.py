"""Ended requests, for tests of the rollups."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from pymongo.database import Database

from waitercaller.db.client import Document
from waitercaller.model import service_request
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.model.tables import Table

BOB: Actor = {"id": "bob", "name": "Bob"}
STEPS_OF_STAFF = ("accepted", "passed", "postponed", "resolved", "dismissed", "reopened")
_numbers = count()


def steps(at: datetime, **seconds: float) -> list[Document]:
    """`steps(at, accepted=30, resolved=90)`: the steps of a request, in seconds after the call."""
    taken: list[Document] = [{"at": at, "what": "called", "by": None}]
    for what, after in seconds.items():
        taken.append({"at": at + timedelta(seconds=after), "what": what, "by": BOB if what in STEPS_OF_STAFF else None})
    return taken


def past_call(
    restaurant: Restaurant, table: Table, at: datetime, *, kind: int = 0, state: str = "resolved", **seconds: float
) -> Any:
    """A request with these steps; by default accepted after 30 s and resolved after 90 s."""
    request: Any = service_request.new(restaurant, table, restaurant["kinds"][kind], f"past-{next(_numbers)}")
    taken = steps(at, **(seconds or {"accepted": 30, "resolved": 90}))
    by = next((step["by"] for step in taken if step["what"] == "accepted"), None)
    ended = {"state": state, "live": False, "ended_at": taken[-1]["at"], "due_at": None, "next_step": None, "by": by}
    request.update(first_at=at, created_at=at, steps=taken, **ended)
    return request


def keep(database: Database[Document], *requests: Any) -> None:
    """Store these requests, and reset the rollups' position, which may be later than they are."""
    database.requests.insert_many(requests)
    database.jobs.delete_many({})


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]
