"""The store of requests: what guests ask for, from the first tap to the end.

Every change of state is one conditional update from a state to the next, so of two who act at once one wins. What is
refused is refused by the database's unique indexes, never by looking first. Nothing live is ever deleted.
"""

import hashlib
from collections.abc import Callable
from typing import Literal

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from waitercaller import metrics
from waitercaller.db import clock
from waitercaller.db.client import Changes, Filter
from waitercaller.model import askers, joins, restaurants, service_request, subscriptions
from waitercaller.model.rehearsal_entry import Rehearsal
from waitercaller.model.requests import escalation, queries
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.model.service_request import (
    NOT_REHEARSED,
    REHEARSAL_SPEED,
    REHEARSED,
    UNDO_WINDOW,
    Scope,
    ServiceRequest,
    Step,
    documents,
)
from waitercaller.model.standard_kinds import Choice, Kind
from waitercaller.model.tables import Table

MAX_KEYS_PER_REQUEST = 50  # taps on one request beyond this change nothing any more
ATTEMPTS = 10

Ending = Literal["resolved", "dismissed", "cancelled", "withdrawn"]


def open_request(
    restaurant: Restaurant,
    table: Table,
    kind: Kind,
    key: str,
    *,
    choice: Choice | None = None,
    note: str | None = None,
    device: str | None = None,
    by: Actor | None = None,
    rehearsal: Rehearsal | None = None,
) -> ServiceRequest:
    """The request that answers the tap `key`: a new one, or the one that already does.

    The same key finds its request in any state; another key finds the live request of this kind and reminds of it, with
    the choice and the note of this tap, where it has them: they replace those of the same phone, and no other's.
    `device` is what is kept of the phone's cookie.
    `by` is who of the staff entered it for a guest. Joined tables call as one. `rehearsal` marks a test from a phone.
    """
    called_as = joins.as_one(restaurant, table)
    table_ids = joins.tables_with(restaurant, table["_id"], clock.now())
    request = service_request.new(restaurant, called_as, kind, _key(key, kind, choice, note), rehearsal)
    request["steps"][0]["by"] = by
    request["note"], request["device"] = note, device
    if choice:
        request["choice"], request["choice_labels"] = choice["id"], choice["names"]
    # What another of these tables had called for before they were joined is no duplicate to the database.
    is_looked_for = len(table_ids) > 1
    for _ in range(ATTEMPTS):
        if is_looked_for and (answered := _known(request, table_ids) or _remind(request, restaurant, table_ids)):
            return answered
        try:
            documents().insert_one(request)
            metrics.stepped("called", 0 if rehearsal else 1)
            return request
        except DuplicateKeyError:
            is_looked_for = True
    raise RuntimeError("a request kept opening and closing while a guest called")


def accept(
    restaurant_id: ObjectId, ids: list[ObjectId], by: Actor, taken_from: str | None = None
) -> list[ServiceRequest]:
    """Let `by` go to these; returns those that changed, as they are now.

    Only waiting ones, unless `taken_from` names the member they are taken over from.
    """
    which: dict[str, object] = {"restaurant_id": restaurant_id, "state": "waiting"}
    if taken_from:  # nobody goes to a waiting one
        which |= {"state": {"$in": ["waiting", "accepted"]}, "by.id": {"$in": [None, taken_from]}}
    restaurant = restaurants.get(restaurant_id)
    changed = _advance(
        which, ids, lambda speed: service_request.accepted(restaurant, by, speed), service_request.step("accepted", by)
    )
    taken = queries.with_ids({"restaurant_id": restaurant_id}, changed)
    metrics.accepted(each for each in taken if "rehearsal" not in each)
    return taken


def pass_on(restaurant_id: ObjectId, ids: list[ObjectId], to: Actor, by: Actor) -> int:
    """Let `to` go instead, as `by` has decided; returns how many changed."""
    live = {"restaurant_id": restaurant_id, "live": True, "by.id": {"$ne": to["id"]}}
    step = service_request.step("passed", by)
    step["to"] = to
    restaurant = restaurants.get(restaurant_id)
    return len(_advance(live, ids, lambda speed: service_request.passed(restaurant, to, by, speed), step))


def postpone(restaurant_id: ObjectId, ids: list[ObjectId], by: Actor) -> int:
    """Whoever goes to these is back at the table in POSTPONED_FOR: their next step is due then; returns how many."""
    accepted = {"restaurant_id": restaurant_id, "state": "accepted"}
    restaurant, step = restaurants.get(restaurant_id), service_request.step("postponed", by)
    return len(_advance(accepted, ids, lambda speed: service_request.postponed(restaurant, speed), step))


def resolve(restaurant_id: ObjectId, ids: list[ObjectId], by: Actor) -> int:
    """The guest has what was asked for; returns how many changed."""
    return _end({"restaurant_id": restaurant_id}, ids, "resolved", by)


def dismiss(restaurant_id: ObjectId, ids: list[ObjectId], by: Actor) -> int:
    """Nobody was there; returns how many changed."""
    return _end({"restaurant_id": restaurant_id}, ids, "dismissed", by)


def cancel(where: Scope, ids: list[ObjectId], phones: list[str]) -> int:
    """The phone that goes by one of these ids needs nothing any more; returns how many requests changed.

    `ids` are those that it sees. What another phone, or the staff, asks for too goes on without this one's choice and
    note.
    """
    return sum(_take_back(where, request_id, phones) for request_id in ids)


def withdraw(where: Scope, txn: ClientSession | None = None) -> int:
    """End whatever is live at a table or in a restaurant that is being removed; returns how many changed."""
    values = service_request.ended(restaurants.get(where["restaurant_id"]), "withdrawn")
    change = {"$set": values, "$push": {"steps": service_request.step("withdrawn", None)}}
    changed = documents().update_many({**where, "live": True}, change, session=txn)
    metrics.stepped("withdrawn", changed.modified_count)
    return changed.modified_count


def show_at(restaurant: Restaurant, table_ids: list[ObjectId], table: Table, txn: ClientSession | None = None) -> None:
    """Let the staff look for the guests of what is live at these tables at `table`: they were joined, or separated."""
    place = {"$set": service_request.place(restaurant, table)}
    for table_id in table_ids:
        at = {"restaurant_id": restaurant["_id"], "table_id": table_id, "live": True}
        documents().update_many(at, place, session=txn)


def reopen(where: Scope, ids: list[ObjectId], by: Actor | None) -> int:
    """Bring ended requests back to waiting with their first clock; returns how many changed.

    Where the table has called again in the meantime, that newer request takes over the older clock. A rehearsal stays
    ended.
    """
    return sum(_reopen(where, request_id, by) for request_id in ids)


def _key(key: str, kind: Kind, choice: Choice | None, note: str | None) -> str:
    """A page's key is good for one tap on each of its buttons; with another note it is another tap."""
    button = f"{kind['id']}/{choice['id']}" if choice else kind["id"]
    return f"{key}:{button}:{hashlib.sha256(note.encode()).hexdigest()[:16]}" if note else f"{key}:{button}"


def _known(request: ServiceRequest, table_ids: list[ObjectId]) -> ServiceRequest | None:
    """The request that already answers this tap, in any state."""
    return _find_at(request["restaurant_id"], table_ids, {"keys": request["keys"][0]})


def _remind(request: ServiceRequest, restaurant: Restaurant, table_ids: list[ObjectId]) -> ServiceRequest | None:
    """Count this tap on the live request of the same tables and kind; None where there is none any more."""
    live = _find_at(request["restaurant_id"], table_ids, {"kind": request["kind"], "live": True})
    if live is None or len(live["keys"]) >= MAX_KEYS_PER_REQUEST:
        return live
    key = request["keys"][0]
    same = {name: live[name] for name in ("restaurant_id", "table_id", "kind")}
    unchanged = {"due_at": live["due_at"], "device": live["device"], "others": live.get("others")}
    unknown = {"_id": live["_id"], **same, "live": True, "keys": {"$ne": key}, **unchanged}
    try:
        counted = documents().update_one(unknown, _reminder(live, request, restaurant)).modified_count
    except DuplicateKeyError:
        return None  # the same tap was sent twice at once, and the other copy has just opened a request
    metrics.stepped("reminded", counted)
    return _find_one({"_id": live["_id"], **same}) if counted else None


def _reminder(live: ServiceRequest, request: ServiceRequest, restaurant: Restaurant) -> dict[str, object]:
    """The update by which a tap reminds of a live request: its key, a step, and its choice and note, if any."""
    change: dict[str, object] = {
        "$inc": {"reminders": 1},
        "$push": {"keys": request["keys"][0], "steps": service_request.step("reminded", request["steps"][0]["by"])},
    }
    if "rehearsal" in live and "rehearsal" not in request:
        change["$unset"] = {"rehearsal": ""}  # somebody really waits now
    told = escalation.remind(live) if subscriptions.has_phones(restaurant) else {}
    values = {**_asked(live, request), **told, **service_request.hook_due(restaurant)}
    return {**change, "$set": values} if values else change


def _asked(live: ServiceRequest, tap: ServiceRequest) -> Changes:
    """What a reminder changes of who asks for what: each phone has a choice and a note of its own."""
    given = {name: value for name, value in askers.askers(tap)[0].items() if value}
    if tap["device"] == live["device"]:
        return given
    others = live.get("others", [])
    before = next((each for each in others if each["device"] == tap["device"]), askers.askers(tap)[0])
    return {"others": [*(each for each in others if each is not before), {**before, **given}]}


def _advance(where: Filter, ids: list[ObjectId], values: Callable[[int], Changes], step: Step) -> list[ObjectId]:
    """The ids of those that took the step. `values` returns what is set, by the speed of a request's next steps.

    Rehearsals take it too, uncounted, unless `where` says which of the two.
    """
    changed: list[ObjectId] = []
    for which in [where] if "rehearsal" in where else [{**where, **NOT_REHEARSED}, {**where, **REHEARSED}]:
        is_test = which["rehearsal"] is not None
        change = {"$set": values(REHEARSAL_SPEED if is_test else 1), "$push": {"steps": step}}
        left = [each for each in ids if each not in changed]
        taken = [each for each in left if documents().update_one({"_id": each, **which}, change).modified_count]
        metrics.stepped(step["what"], 0 if is_test else len(taken))
        changed += taken
    return changed


def _take_back(where: Scope, request_id: ObjectId, phones: list[str]) -> int:
    """Take what this phone asks for out of a live request, which ends if nobody else asks for it."""
    for _ in range(ATTEMPTS):
        request = _find_one({"_id": request_id, **where, "live": True})
        asking = askers.askers(request) if request else []
        staying = [each for each in asking if each["device"] not in phones]
        if request is None or len(staying) == len(asking):
            return 0
        unchanged = {"device": request["device"], "others": request.get("others")}
        if staying:
            first, *others = staying
            left = {"_id": request_id, **where, **unchanged, "live": True}
            changed = documents().update_one(left, {"$set": {**first, "others": others}}).modified_count
        else:
            mark = REHEARSED if "rehearsal" in request else NOT_REHEARSED
            changed = _end(where, [request_id], "cancelled", None, **unchanged, **mark)
        if changed:
            return changed
    return 0


def _end(where: Scope, ids: list[ObjectId], state: Ending, by: Actor | None, **which: object) -> int:
    values = service_request.ended(restaurants.get(where["restaurant_id"]), state)
    return len(_advance({**where, **which, "live": True}, ids, lambda _: values, service_request.step(state, by)))


def _reopen(where: Scope, request_id: ObjectId, by: Actor | None) -> int:
    ended = {
        "_id": request_id,
        **where,
        **NOT_REHEARSED,
        "state": {"$in": ["resolved", "dismissed"]},
        "ended_at": {"$gt": clock.now() - UNDO_WINDOW},
    }
    values = service_request.waiting(restaurants.get(where["restaurant_id"]))
    for _ in range(ATTEMPTS):
        try:
            return len(_advance(ended, [request_id], lambda _: values, service_request.step("reopened", by)))
        except DuplicateKeyError:
            if _hand_over_clock(ended, by):
                return 1
    return 0


def _hand_over_clock(ended: Filter, by: Actor | None) -> bool:
    """Give the older clock of an ended request to the live one that has taken its place."""
    older = _find_one(ended)
    if older is None:
        return False
    same = {name: older[name] for name in ("restaurant_id", "table_id", "kind")}
    changed = documents().update_one({**same, "live": True}, {"$min": {"first_at": older["first_at"]}})
    if changed.matched_count:
        documents().update_one(ended, {"$push": {"steps": service_request.step("handed_over", by)}})
    return bool(changed.matched_count)


def _find_at(restaurant_id: ObjectId, table_ids: list[ObjectId], which: Filter) -> ServiceRequest | None:
    """The first of these requests at one of these tables, asked one by one: each by its index."""
    found = (_find_one({"restaurant_id": restaurant_id, "table_id": each, **which}) for each in table_ids)
    return next(filter(None, found), None)


def _find_one(where: Filter) -> ServiceRequest | None:
    return documents().find_one(where)
