"""The store of requests: what guests ask for, from the first tap to the end.

Every change of state is one conditional update from a state to the next, so of two who act at once one wins. What is
refused is refused by the database's unique indexes, never by looking first. Nothing live is ever deleted.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict, cast

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from waitercaller import clock, metrics
from waitercaller.db import Document, db
from waitercaller.restaurants import Actor, Kind

State = Literal["waiting", "accepted", "resolved", "dismissed", "cancelled", "withdrawn"]

ATTENTION = timedelta(seconds=40)  # a call that waits this long is due for a second look
UNDO = timedelta(minutes=5)  # how long an ended request can come back with its first clock
REMEMBERED_TAPS = 50  # taps on one request beyond this change nothing any more
ATTEMPTS = 10


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
    note: str | None
    keys: list[str]  # the one-time keys of all taps that this request answers
    device: str | None
    state: State
    live: bool
    by: Actor | None
    first_at: datetime
    created_at: datetime
    ended_at: datetime | None
    due_at: datetime
    steps: list[Document]
    reminders: int
    shown: list[Document]


def open_request(restaurant: Document, table: Document, kind: Kind, key: str) -> ServiceRequest:
    """The request that answers the tap `key`: a new one, or the one that already does.

    The same key finds its request in any state; another key finds the live request of this kind and reminds of it.
    """
    request = _new(restaurant, table, kind, _key(key, kind))
    for _ in range(ATTEMPTS):
        try:
            db().requests.insert_one(cast(Document, request))
            metrics.stepped("called")
            return request
        except DuplicateKeyError:
            pass
        known = _find_one({"restaurant_id": restaurant["_id"], "table_id": table["_id"], "keys": request["keys"][0]})
        if answered := known or _remind(request):
            return answered
    raise RuntimeError("a request kept opening and closing while a guest called")


def accept(restaurant_id: ObjectId, ids: list[ObjectId], by: Actor, taken_from: str | None = None) -> int:
    """Let `by` go to these; returns how many changed.

    Only waiting ones, unless `taken_from` names the member they are taken over from.
    """
    states: list[Document] = [{"state": "waiting"}]
    if taken_from:
        states.append({"state": "accepted", "by.id": taken_from})
    which: Document = {"restaurant_id": restaurant_id, "$or": states}
    changed = _advance(which, ids, {"state": "accepted", "by": by}, _step("accepted", by))
    metrics.accepted(with_ids({"restaurant_id": restaurant_id}, changed))
    return len(changed)


def resolve(restaurant_id: ObjectId, ids: list[ObjectId], by: Actor) -> int:
    """The guest has what was asked for; returns how many changed."""
    return _end({"restaurant_id": restaurant_id}, ids, "resolved", by)


def dismiss(restaurant_id: ObjectId, ids: list[ObjectId], by: Actor) -> int:
    """Nobody was there; returns how many changed."""
    return _end({"restaurant_id": restaurant_id}, ids, "dismissed", by)


def cancel(restaurant_id: ObjectId, table_id: ObjectId, ids: list[ObjectId]) -> int:
    """The guest who called needs nothing any more; returns how many changed."""
    return _end({"restaurant_id": restaurant_id, "table_id": table_id}, ids, "cancelled", None)


def withdraw(where: Document, session: ClientSession | None = None) -> int:
    """End whatever is live at a table or in a restaurant that is being removed; returns how many changed.

    `where` as in `reopen`.
    """
    changed = db().requests.update_many({**where, "live": True}, _ending("withdrawn", None), session=session)
    metrics.stepped("withdrawn", changed.modified_count)
    return changed.modified_count


def reopen(where: Document, ids: list[ObjectId], by: Actor | None) -> int:
    """Bring ended requests back to waiting with their first clock; returns how many changed.

    `where` is {"restaurant_id": …} for staff, and for the guest that and {"table_id": …}. Where the table has called
    again in the meantime, that newer request takes over the older clock.
    """
    return sum(_reopen(where, request_id, by) for request_id in ids)


def live_of_restaurant(restaurant_id: ObjectId) -> list[ServiceRequest]:
    """All that is live in a restaurant, oldest first."""
    return _find({"restaurant_id": restaurant_id, "live": True}, "first_at")


def live_of_table(restaurant_id: ObjectId, table_id: ObjectId) -> list[ServiceRequest]:
    """All that is live at a table, oldest first."""
    return _find({"restaurant_id": restaurant_id, "table_id": table_id, "live": True}, "first_at")


def ended_lately(restaurant_id: ObjectId) -> list[ServiceRequest]:
    """What the staff ended within the time it can be undone, latest first."""
    ended = _find({"restaurant_id": restaurant_id, "ended_at": {"$gt": clock.now() - UNDO}}, "ended_at")
    return [request for request in reversed(ended) if request["state"] in ("resolved", "dismissed")]


def with_ids(where: Document, ids: list[ObjectId]) -> list[ServiceRequest]:
    """These requests, oldest first; `where` as in `reopen`."""
    return _find({**where, "_id": {"$in": ids}}, "first_at")


def _new(restaurant: Document, table: Document, kind: Kind, key: str) -> ServiceRequest:
    now = clock.now()
    zone = next((zone for zone in restaurant["zones"] if zone["id"] == table["zone_id"]), None)
    return {
        "_id": ObjectId(),
        "restaurant_id": restaurant["_id"],
        "table_id": table["_id"],
        "table_name": table["name"],
        "zone_id": table["zone_id"],
        "zone_name": zone["name"] if zone else None,
        "kind": kind["id"],
        "kind_labels": kind["labels"],
        "choice": None,
        "note": None,
        "keys": [key],
        "device": None,
        "state": "waiting",
        "live": True,
        "by": None,
        "first_at": now,
        "created_at": now,
        "ended_at": None,
        "due_at": now + ATTENTION,
        "steps": [_step("called", None)],
        "reminders": 0,
        "shown": [],
    }


def _key(key: str, kind: Kind) -> str:
    """A page's key is good for one tap on each of its buttons."""
    return f"{key}:{kind['id']}"


def _remind(request: ServiceRequest) -> ServiceRequest | None:
    """Count this tap on the live request of the same table and kind; None when there is none any more."""
    same = {name: request[name] for name in ("restaurant_id", "table_id", "kind")}
    live = _find_one({**same, "live": True})
    if live is None or len(live["keys"]) >= REMEMBERED_TAPS:
        return live
    key = request["keys"][0]
    try:
        changed = db().requests.update_one(
            {**same, "_id": live["_id"], "live": True, "keys": {"$ne": key}},
            {"$inc": {"reminders": 1}, "$push": {"keys": key, "steps": _step("reminded", None)}},
        )
    except DuplicateKeyError:
        return None  # the same tap, sent twice at once, has just opened a request
    metrics.stepped("reminded", changed.modified_count)
    return _find_one({**same, "_id": live["_id"]}) if changed.modified_count else None


def _advance(where: Document, ids: Iterable[ObjectId], values: Document, step: Document) -> list[ObjectId]:
    """The ids of those that took the step."""
    change = {"$set": values, "$push": {"steps": step}}
    changed = [each for each in ids if db().requests.update_one({**where, "_id": each}, change).modified_count]
    metrics.stepped(step["what"], len(changed))
    return changed


def _end(where: Document, ids: list[ObjectId], state: State, by: Actor | None) -> int:
    ending = _ending(state, by)
    return len(_advance({**where, "live": True}, ids, ending["$set"], ending["$push"]["steps"]))


def _ending(state: State, by: Actor | None) -> Document:
    return {"$set": {"state": state, "live": False, "ended_at": clock.now()}, "$push": {"steps": _step(state, by)}}


def _reopen(where: Document, request_id: ObjectId, by: Actor | None) -> int:
    now = clock.now()
    ended = {
        **where,
        "_id": request_id,
        "state": {"$in": ["resolved", "dismissed"]},
        "ended_at": {"$gt": now - UNDO},
    }
    values = {"state": "waiting", "live": True, "by": None, "ended_at": None, "due_at": now + ATTENTION}
    for _ in range(ATTEMPTS):
        try:
            return len(_advance(ended, [request_id], values, _step("reopened", by)))
        except DuplicateKeyError:
            if _hand_over_clock(ended):
                return 1
    return 0


def _hand_over_clock(ended: Document) -> bool:
    """Give the older clock of an ended request to the live one that has taken its place."""
    older = _find_one(ended)
    if older is None:
        return False
    same = {name: older[name] for name in ("restaurant_id", "table_id", "kind")}
    changed = db().requests.update_one({**same, "live": True}, {"$min": {"first_at": older["first_at"]}})
    return bool(changed.matched_count)


def _step(what: str, by: Actor | None) -> Document:
    return {"at": clock.now(), "what": what, "by": by}


def _find(where: Document, order: str) -> list[ServiceRequest]:
    return cast(list[ServiceRequest], list(db().requests.find(where).sort(order)))


def _find_one(where: Document) -> ServiceRequest | None:
    found: Any = db().requests.find_one(where)
    return cast(ServiceRequest | None, found)
