"""Requests: the document, its steps and states, and what is due next while a request is live."""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple, NotRequired, TypedDict, cast

from bson import ObjectId
from pymongo.collection import Collection

from waitercaller.db import clock
from waitercaller.db.client import Changes, Filter, db
from waitercaller.model import subscriptions
from waitercaller.model.askers import Asked
from waitercaller.model.rehearsal_entry import Rehearsal
from waitercaller.model.restaurants import Actor, EscalationSeconds, Restaurant
from waitercaller.model.standard_kinds import Kind
from waitercaller.model.tables import Table

State = Literal["waiting", "accepted", "resolved", "dismissed", "cancelled", "withdrawn"]

Opinion = Literal["good", "bad"]

UNDO_WINDOW = timedelta(minutes=5)  # within which an ended request can be reopened
POSTPONED_FOR = timedelta(minutes=5)  # "back in 5 minutes"

REHEARSAL_SPEED = 10  # a rehearsal's next steps are due so many times as fast, see `speed_of`
NOT_REHEARSED: Filter = {"rehearsal": None}  # the condition of whatever counts requests, and of what guests read
REHEARSED: Filter = {"rehearsal": {"$exists": True}}

# Taken when their time has come, see `requests/escalation`.
TimedStep = Literal["nagged", "raised", "alerted", "taker_reminded", "colleagues_told", "returned"]
StepName = Literal[
    TimedStep,
    "called",
    "reminded",
    "accepted",
    "passed",
    "postponed",
    "released",
    "resolved",
    "dismissed",
    "cancelled",
    "withdrawn",
    "reopened",
    "handed_over",
    "repeated",  # of a rehearsal only
]


# What is due next for a live request. The timed steps alone are entries in the history as well.
NextStep = Literal[
    TimedStep,
    "announced",
    "repeated",
    "receiver_told",
    "receiver_checked",
    "reminder_told",
]
GOING_STEPS: tuple[StepName, ...] = ("accepted", "passed", "postponed")
# Steps by which only staff is told once more: no guest's page displays them.
TOLD_STEPS: tuple[StepName, ...] = ("nagged", "raised", "alerted", "repeated", "taker_reminded", "colleagues_told")


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
    # Absent in what was recorded before they were:
    member_id: NotRequired[str | None]  # whose screen; None: the counter's
    name: NotRequired[str]  # of the member or device
    rang: NotRequired[bool]  # whether it had rung for the request by then; absent: its page did not say


class OnPhone(TypedDict):
    """A member's phone that has shown a message about the request, or that was sent one."""

    member_id: str
    name: str
    at: datetime


class ServiceRequest(Asked):
    """A request at a table, Names are snapshots of the time of the call."""

    _id: ObjectId
    restaurant_id: ObjectId
    table_id: ObjectId
    table_name: str
    zone_id: str | None
    zone_name: str | None
    kind: str  # id of the restaurant's kind
    kind_labels: dict[str, str]
    keys: list[str]  # idempotency keys of all taps that opened this request or reminded of it
    state: State
    live: bool  # waiting or accepted
    by: Actor | None  # who accepted it
    first_at: datetime  # since when the guest has waited; kept by an undo
    created_at: datetime
    ended_at: datetime | None
    since: datetime  # when its state began; the times of the next steps count from here
    level: int  # steps taken in this state: waiting: 1 nagged, 2 raised to all zones, 3 alerted, then each repetition
    next_step: NextStep | None  # None if ended
    due_at: datetime | None  # when the next step is due; None if ended
    told_at: datetime  # when phones were last told that the guest calls
    passed_by: Actor | None  # who passed it on, until there is a sign of the receiver
    untold: bool  # its state has changed, and phones that have a message about it are still to be told
    hook_due: NotRequired[bool]  # the restaurant's webhook is still to be told of steps; absent: there was none
    steps: list[Step]  # the history
    reminders: int  # number of further calls
    shown: list[Shown]  # the latest only
    signed: list[OnPhone]  # phones that have shown a message; the latest only
    pushed: NotRequired[list[OnPhone]]  # phones whose push service took a message; the first only
    opinion: NotRequired[Opinion]  # of the guest, who was asked whether it was all right
    rehearsal: NotRequired[Rehearsal]  # of a test call only, which no figure counts


class Scope(TypedDict):
    """A filter: all requests of a restaurant, or with `table_id` those of one table, or of those in a condition."""

    restaurant_id: ObjectId
    table_id: NotRequired[ObjectId | dict[str, list[ObjectId]]]


def documents() -> Collection[ServiceRequest]:
    """The collection `requests`."""
    return cast(Collection[ServiceRequest], db().requests)


class Escalation(NamedTuple):
    """The times of the next steps; see EscalationSeconds."""

    nag: timedelta
    all_zones: timedelta
    alert: timedelta
    repeat: timedelta
    remind_taker: timedelta
    tell_colleagues: timedelta
    give_back: timedelta

    def at(self, speed: int) -> "Escalation":
        """The same times, so many times as fast."""
        return Escalation(*(time / speed for time in self))


# In seconds. As usual in restaurant paging systems: a reminder every 40 s, the manager at the third.
DEFAULT_ESCALATION: EscalationSeconds = {
    "nag": 40,
    "all_zones": 80,
    "alert": 120,
    "repeat": 60,
    "remind_taker": 240,
    "tell_colleagues": 360,
    "give_back": 480,
}


def escalation_of(restaurant: Restaurant | None) -> Escalation:
    """The restaurant's times of the next steps, or the default ones."""
    own = restaurant["settings"].get("escalation") if restaurant else None
    seconds = {**DEFAULT_ESCALATION, **(own or {})}
    return Escalation(*(timedelta(seconds=cast(int, seconds[name])) for name in Escalation._fields))


def speed_of(request: ServiceRequest) -> int:
    """How many times as fast as usual this request's next steps are due.

    A test call from a phone, which stands at a table, waits as long as a guest's; once somebody goes it is over soon.
    """
    waits_at_a_table = request["table_id"] != request["restaurant_id"] and request["state"] == "waiting"
    return REHEARSAL_SPEED if "rehearsal" in request and not waits_at_a_table else 1


def waiting(restaurant: Restaurant | None, speed: int = 1) -> Changes:
    """The changes that set a request to waiting (again); its escalation starts from the beginning.

    Where members have phones, telling them is due at once; otherwise the first step that the screens see.
    """
    now = clock.now()
    if restaurant and subscriptions.has_phones(restaurant):
        due: Changes = {"next_step": "announced", "due_at": now}
    else:
        due = {"next_step": "nagged", "due_at": now + escalation_of(restaurant).at(speed).nag}
    began = {"since": now, "told_at": now, "level": 0, "passed_by": None, **_untold(restaurant)}
    return {"state": "waiting", "live": True, "by": None, "ended_at": None, **began, **due}


def accepted(restaurant: Restaurant | None, by: Actor, speed: int = 1) -> Changes:
    """The changes that let `by` go."""
    now = clock.now()
    due = {"next_step": "taker_reminded", "due_at": now + escalation_of(restaurant).at(speed).remind_taker}
    return {"state": "accepted", "by": by, "since": now, "level": 0, "passed_by": None, **due, **_untold(restaurant)}


def passed(restaurant: Restaurant | None, to: Actor, by: Actor, speed: int = 1) -> Changes:
    """The changes by which `by` lets `to` go: `to` is told at once, and a sign of them is looked for."""
    now = clock.now()
    return {**accepted(restaurant, to, speed), "passed_by": by, "next_step": "receiver_told", "due_at": now}


def postponed(restaurant: Restaurant | None, speed: int = 1) -> Changes:
    """The changes by which whoever goes is reminded in POSTPONED_FOR, and the later steps follow from then on."""
    due_at = clock.now() + POSTPONED_FOR
    due = {"next_step": "taker_reminded", "due_at": due_at}
    return {"since": due_at - escalation_of(restaurant).at(speed).remind_taker, "level": 0, "passed_by": None, **due}


def ended(restaurant: Restaurant | None, state: State) -> Changes:
    """The changes that end a request."""
    over = {"live": False, "ended_at": clock.now(), "next_step": None, "due_at": None, "passed_by": None}
    return {"state": state, **over, **_untold(restaurant)}


def _untold(restaurant: Restaurant | None) -> Changes:
    return {"untold": restaurant is not None and subscriptions.has_phones(restaurant), **hook_due(restaurant)}


def hook_due(restaurant: Restaurant | None) -> Changes:
    """What goes with every step that a webhook is told of; nothing where there is none."""
    return {"hook_due": True} if restaurant and "webhook" in restaurant["settings"] else {}


def new(
    restaurant: Restaurant, table: Table, kind: Kind, key: str, rehearsal: Rehearsal | None = None
) -> ServiceRequest:
    """A new waiting request, opened by the tap with the idempotency key `key`."""
    begun = waiting(restaurant, REHEARSAL_SPEED if table["_id"] == restaurant["_id"] else 1)
    now = cast(datetime, begun["since"])
    request = {
        "_id": ObjectId(),
        "restaurant_id": restaurant["_id"],
        "table_id": table["_id"],
        **place(restaurant, table),
        "kind": kind["id"],
        "kind_labels": kind["labels"],
        "choice": None,
        "choice_labels": None,
        "note": None,
        "device": None,
        "others": [],
        "keys": [key],
        "first_at": now,
        "created_at": now,
        "steps": [{"at": now, "what": "called", "by": None}],
        "reminders": 0,
        "shown": [],
        "signed": [],
        "pushed": [],
        **begun,
        "untold": False,
        **({"rehearsal": rehearsal} if rehearsal else {}),
    }
    return cast(ServiceRequest, request)


def place(restaurant: Restaurant, table: Table) -> Changes:
    """Where the staff looks for the guest: the name of the table, and its zone."""
    zone_names = {zone["id"]: zone["name"] for zone in restaurant["zones"]}
    zone_name = zone_names.get(table["zone_id"] or "")
    return {"table_name": table["name"], "zone_id": table["zone_id"], "zone_name": zone_name}


def taker_id(request: ServiceRequest) -> str | None:
    """The id of the member who goes, or went; None while nobody does."""
    return request["by"]["id"] if request["by"] else None


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
