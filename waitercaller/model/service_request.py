"""What a request is: the document of one thing that a guest asks for, and the times that rule its life."""

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

UNDO_WINDOW = timedelta(minutes=5)  # how long an ended request can come back with its first clock


StepName = Literal[
    "called",
    "reminded",
    "accepted",
    "passed",
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


class Step(TypedDict):
    """Something that happened to a request."""

    at: datetime
    what: StepName
    by: Actor | None  # None: a guest, or by itself
    to: NotRequired[Actor]  # of `passed`: who goes now


class Shown(TypedDict):
    """A screen that drew a request while somebody could see it."""

    screen: str  # the id that the page made
    at: datetime


class ServiceRequest(TypedDict):
    """What a guest wants at a table. Names are snapshots: what a screen shows is what it was when the guest called."""

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
    note: str | None  # what the guest wrote
    keys: list[str]  # the one-time keys of all taps that this request answers
    device: str | None  # the phone that made it: HMAC of its cookie and the restaurant
    state: State
    live: bool  # waiting or accepted
    by: Actor | None  # who goes, or went
    first_at: datetime  # since when the guest has waited; survives an undo
    created_at: datetime
    ended_at: datetime | None
    level: int  # the step of the escalation that has been taken: 0 none, 1 nagged, 2 raised to all zones, 3 alerted
    due_at: datetime | None  # when the next one is due; None while somebody is on the way, and after the last
    steps: list[Step]  # its history
    reminders: int  # further calls for it
    shown: list[Shown]  # the latest ones


class Scope(TypedDict):
    """Whose requests: all of a restaurant, or with `table_id` those of one table."""

    restaurant_id: ObjectId
    table_id: NotRequired[ObjectId]


def documents() -> Collection[ServiceRequest]:
    """The collection `requests`."""
    return cast(Collection[ServiceRequest], db().requests)


class Escalation(NamedTuple):
    """After what time without anybody coming the screens nag, all zones see a call, and its managers are alerted."""

    nag: timedelta
    all_zones: timedelta
    alert: timedelta


# As the pagers of the trade have it: every 40 s, the manager on the third.
DEFAULT_ESCALATION: EscalationSeconds = {"nag": 40, "all_zones": 80, "alert": 120}  # seconds


def escalation_of(restaurant: Restaurant | None) -> Escalation:
    """The restaurant's times, counted from when a request began to wait; the usual ones where it has set none."""
    own = restaurant["settings"].get("escalation") if restaurant else None
    seconds = own or DEFAULT_ESCALATION
    return Escalation(
        timedelta(seconds=seconds["nag"]),
        timedelta(seconds=seconds["all_zones"]),
        timedelta(seconds=seconds["alert"]),
    )


def waiting(restaurant: Restaurant | None) -> Changes:
    """What a request's document says from now on when nobody is on the way (again): its escalation begins anew."""
    due_at = clock.now() + escalation_of(restaurant).nag
    return {"state": "waiting", "live": True, "by": None, "ended_at": None, "level": 0, "due_at": due_at}


def new(restaurant: Restaurant, table: Table, kind: Kind, key: str) -> ServiceRequest:
    """A request that has just been made, by the tap `key`, which may add a choice and a note."""
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
    """An entry of a request's history; `by` is None for guests and for what happens by itself."""
    return {"at": clock.now(), "what": what, "by": by}
