"""Requests: the document, its steps and states, and the times of the escalation."""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple, NotRequired, TypedDict, cast

from bson import ObjectId
from pymongo.collection import Collection

from waitercaller.db import clock
from waitercaller.db.client import Changes, db
from waitercaller.model.restaurants import Actor, EscalationSeconds, Restaurant
from waitercaller.model.standard_kinds import Kind
from waitercaller.model.tables import Table

State = Literal["waiting", "accepted", "resolved", "dismissed", "cancelled", "withdrawn"]

UNDO_WINDOW = timedelta(minutes=5)  # within which an ended request can be reopened
POSTPONED_FOR = timedelta(minutes=5)  # "back in 5 minutes"


StepName = Literal[
    "called",
    "reminded",
    "accepted",
    "passed",
    "postponed",
    "released",
    "nagged",
    "raised",
    "alerted",
    "resolved",
    "dismissed",
    "cancelled",
    "withdrawn",
    "reopened",
    "handed_over",
]


GOING_STEPS: tuple[StepName, ...] = ("accepted", "passed", "postponed")


class Step(TypedDict):
    """An entry in a request's history."""

    at: datetime
    what: StepName
    by: Actor | None  # None: a guest, or automatic; `called` and `reminded` by an actor: entered by staff
    to: NotRequired[Actor]  # of `passed`: who accepts it instead


class Shown(TypedDict):
    """A screen that displayed the request while visible."""

    screen: str  # its id, created by the page
    at: datetime


class ServiceRequest(TypedDict):
    """A request of a guest at a table. Names are snapshots of the time of the call."""

    _id: ObjectId
    restaurant_id: ObjectId
    table_id: ObjectId
    table_name: str
    zone_id: str | None
    zone_name: str | None
    kind: str  # id of the restaurant's kind
    kind_labels: dict[str, str]
    choice: str | None
    choice_labels: dict[str, str] | None
    note: str | None  # written by the guest
    keys: list[str]  # idempotency keys of all taps that opened this request or reminded of it
    device: str | None  # the phone that opened it: HMAC of its cookie and the restaurant
    state: State
    live: bool  # waiting or accepted
    by: Actor | None  # who accepted it
    first_at: datetime  # since when the guest has waited; kept by an undo
    created_at: datetime
    ended_at: datetime | None
    level: int  # last step of the escalation: 0 none, 1 nagged, 2 raised to all zones, 3 alerted
    due_at: datetime | None  # when the next step is due; None if accepted or ended, and after the last step
    steps: list[Step]  # the history
    reminders: int  # number of further calls
    shown: list[Shown]  # the latest only


class Scope(TypedDict):
    """A filter: all requests of a restaurant, or with `table_id` those of one table."""

    restaurant_id: ObjectId
    table_id: NotRequired[ObjectId]


def documents() -> Collection[ServiceRequest]:
    """The collection `requests`."""
    return cast(Collection[ServiceRequest], db().requests)


class Escalation(NamedTuple):
    """The times of the escalation, from when a request began to wait."""

    nag: timedelta
    all_zones: timedelta
    alert: timedelta


# As usual in restaurant paging systems: a reminder every 40 s, the manager at the third.
DEFAULT_ESCALATION: EscalationSeconds = {"nag": 40, "all_zones": 80, "alert": 120}  # seconds


def escalation_of(restaurant: Restaurant | None) -> Escalation:
    """The restaurant's times of the escalation, or the default ones."""
    own = restaurant["settings"].get("escalation") if restaurant else None
    seconds = own or DEFAULT_ESCALATION
    return Escalation(
        timedelta(seconds=seconds["nag"]),
        timedelta(seconds=seconds["all_zones"]),
        timedelta(seconds=seconds["alert"]),
    )


def waiting(restaurant: Restaurant | None) -> Changes:
    """The changes that set a request to waiting (again); its escalation starts from the beginning."""
    due_at = clock.now() + escalation_of(restaurant).nag
    return {"state": "waiting", "live": True, "by": None, "ended_at": None, "level": 0, "due_at": due_at}


def new(restaurant: Restaurant, table: Table, kind: Kind, key: str) -> ServiceRequest:
    """A new waiting request, opened by the tap with the idempotency key `key`."""
    now = clock.now()
    zone_names = {zone["id"]: zone["name"] for zone in restaurant["zones"]}
    return {
        "_id": ObjectId(),
        "restaurant_id": restaurant["_id"],
        "table_id": table["_id"],
        "table_name": table["name"],
        "zone_id": table["zone_id"],
        "zone_name": zone_names.get(table["zone_id"] or ""),
        "kind": kind["id"],
        "kind_labels": kind["labels"],
        "choice": None,
        "choice_labels": None,
        "note": None,
        "keys": [key],
        "device": None,
        "state": "waiting",
        "live": True,
        "by": None,
        "first_at": now,
        "created_at": now,
        "ended_at": None,
        "level": 0,
        "due_at": now + escalation_of(restaurant).nag,
        "steps": [step("called", None)],
        "reminders": 0,
        "shown": [],
    }


def step(what: StepName, by: Actor | None) -> Step:
    """A new entry for a request's history; `by` is None for guests and automatic steps."""
    return {"at": clock.now(), "what": what, "by": by}


def is_by_staff(request: ServiceRequest) -> bool:
    """Whether staff entered this request for a guest."""
    return request["steps"][0]["what"] == "called" and request["steps"][0]["by"] is not None


def back_at(request: ServiceRequest) -> datetime | None:
    """When whoever goes said to be back at the table; None if they did not. It may be over."""
    if request["state"] != "accepted":
        return None
    last = next((step for step in reversed(request["steps"]) if step["what"] in GOING_STEPS), None)
    return last["at"] + POSTPONED_FOR if last and last["what"] == "postponed" else None
