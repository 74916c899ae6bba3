"""What a request is: the document of one thing that a guest asks for, and the times that rule its life."""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypedDict

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.db.client import Document
from waitercaller.model.restaurants import Actor
from waitercaller.model.standard_kinds import Kind

State = Literal["waiting", "accepted", "resolved", "dismissed", "cancelled", "withdrawn"]

UNDO = timedelta(minutes=5)  # how long an ended request can come back with its first clock


class ServiceRequest(TypedDict):
    """What a guest wants at a table. Names are snapshots: what a screen shows is what it was when the guest called."""

    _id: ObjectId
    restaurant_id: ObjectId
    table_id: ObjectId
    table_name: str
    zone_id: str | None
    zone_name: str | None
    kind: str
    kind_labels: dict[str, str]
    choice: str | None
    choice_labels: dict[str, str] | None
    note: str | None
    keys: list[str]  # the one-time keys of all taps that this request answers
    device: str | None
    state: State
    live: bool
    by: Actor | None
    first_at: datetime
    created_at: datetime
    ended_at: datetime | None
    level: int  # the step of the escalation that has been taken: 0 none, 1 nagged, 2 raised to all zones, 3 alerted
    due_at: datetime | None  # when the next one is due; None while somebody is on the way, and after the last
    steps: list[Document]
    reminders: int
    shown: list[Document]  # the screens that drew it while somebody could see them: [{screen, at}]


class Escalation(NamedTuple):
    """After what time without anybody coming the screens nag, all zones see a call, and its managers are alerted."""

    nag: timedelta
    all_zones: timedelta
    alert: timedelta


# As the pagers of the trade have it: every 40 s, the manager on the third.
STANDARD_ESCALATION = {"nag": 40, "all_zones": 80, "alert": 120}  # seconds


def escalation_of(restaurant: Document | None) -> Escalation:
    """The restaurant's times, counted from when a request began to wait; the usual ones where it has set none."""
    settings = restaurant["settings"] if restaurant else {}
    seconds = {**STANDARD_ESCALATION, **settings.get("escalation", {})}
    return Escalation(**{name: timedelta(seconds=seconds[name]) for name in Escalation._fields})


def waiting(restaurant: Document | None) -> Document:
    """What a request's document says from now on when nobody is on the way (again): its escalation begins anew."""
    due_at = clock.now() + escalation_of(restaurant).nag
    return {"state": "waiting", "live": True, "by": None, "ended_at": None, "level": 0, "due_at": due_at}


def new(restaurant: Document, table: Document, kind: Kind, key: str) -> ServiceRequest:
    """A request that has just been made, by the tap `key`, which may add a choice and a note."""
    now = clock.now()
    zone_names = {zone["id"]: zone["name"] for zone in restaurant["zones"]}
    return {
        "_id": ObjectId(),
        "restaurant_id": restaurant["_id"],
        "table_id": table["_id"],
        "table_name": table["name"],
        "zone_id": table["zone_id"],
        "zone_name": zone_names.get(table["zone_id"]),
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


def step(what: str, by: Actor | None) -> Document:
    """An entry of a request's history; `by` is None for guests and for what happens by itself."""
    return {"at": clock.now(), "what": what, "by": by}
