"""The store of requests: what guests ask for, from the first tap to the end.

Every change of state is one conditional update from a state to the next, so of two who act at once one wins. What is
refused is refused by the database's unique indexes, never by looking first. Nothing live is ever deleted.
"""

import hashlib
from collections.abc import Iterable
from typing import Literal, cast

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from waitercaller import metrics
from waitercaller.db import clock
from waitercaller.db.client import Changes, Filter
from waitercaller.model import restaurants, service_request, subscriptions
from waitercaller.model.requests import escalation, queries
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.model.service_request import UNDO_WINDOW, Scope, ServiceRequest, Step, documents
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
) -> ServiceRequest:
    """The request that answers the tap `key`: a new one, or the one that already does.

    The same key finds its request in any state; another key finds the live request of this kind and reminds of it, with
    the choice and the note of this tap, where it has them: they replace those of the same phone, and no other's.
    `device` is what is kept of the phone's cookie.
    `by` is who of the staff entered it for a guest.
    """
    request = service_request.new(restaurant, table, kind, _key(key, kind, choice, note))
    request["steps"][0]["by"] = by
    request["note"], request["device"] = note, device
    if choice:
        request["choice"], request["choice_labels"] = choice["id"], choice["names"]
    for _ in range(ATTEMPTS):
        try:
            documents().insert_one(request)
            metrics.stepped("called")
            return request
        except DuplicateKeyError:
            pass
        known = _find_one({"restaurant_id": restaurant["_id"], "table_id": table["_id"], "keys": request["keys"][0]})
        if answered := known or _remind(request, restaurant):
            return answered
    raise RuntimeError("a request kept opening and closing while a guest called")


def accept(restaurant_id: ObjectId, ids: list[ObjectId], by: Actor, taken_from: str | None = None) -> int:
    """Let `by` go to these; returns how many changed.

    Only waiting ones, unless `taken_from` names the member they are taken over from.
    """
    which: dict[str, object] = {"restaurant_id": restaurant_id, "state": "waiting"}
    if taken_from:  # nobody goes to a waiting one
        which |= {"state": {"$in": ["waiting", "accepted"]}, "by.id": {"$in": [None, taken_from]}}
    values = service_request.accepted(restaurants.get(restaurant_id), by)
    changed = _advance(which, ids, values, service_request.step("accepted", by))
    metrics.accepted(queries.with_ids({"restaurant_id": restaurant_id}, changed))
    return len(changed)


def pass_on(restaurant_id: ObjectId, ids: list[ObjectId], to: Actor, by: Actor) -> int:
    """Let `to` go instead, as `by` has decided; returns how many changed."""
    live = {"restaurant_id": restaurant_id, "live": True, "by.id": {"$ne": to["id"]}}
    step = service_request.step("passed", by)
    step["to"] = to
    return len(_advance(live, ids, service_request.passed(restaurants.get(restaurant_id), to, by), step))


def postpone(restaurant_id: ObjectId, ids: list[ObjectId], by: Actor) -> int:
    """Whoever goes to these is back at the table in POSTPONED_FOR: their next step is due then; returns how many."""
    accepted = {"restaurant_id": restaurant_id, "state": "accepted"}
    values = service_request.postponed(restaurants.get(restaurant_id))
    return len(_advance(accepted, ids, values, service_request.step("postponed", by)))


def resolve(restaurant_id: ObjectId, ids: list[ObjectId], by: Actor) -> int:
    """The guest has what was asked for; returns how many changed."""
    return _end({"restaurant_id": restaurant_id}, ids, "resolved", by)


def dismiss(restaurant_id: ObjectId, ids: list[ObjectId], by: Actor) -> int:
    """Nobody was there; returns how many changed."""
    return _end({"restaurant_id": restaurant_id}, ids, "dismissed", by)


def cancel(where: Scope, phones: list[str]) -> int:
    """The phone that goes by one of these ids needs nothing any more; returns how many requests changed.

    `where` is the table. What another phone there, or the staff, asks for too goes on without this one's choice and
    note.
    """
    live = queries.live_of_table(where["restaurant_id"], where["table_id"])
    return sum(_take_back(where, request["_id"], phones) for request in live)


def withdraw(where: Scope, txn: ClientSession | None = None) -> int:
    """End whatever is live at a table or in a restaurant that is being removed; returns how many changed."""
    values = service_request.ended(restaurants.get(where["restaurant_id"]), "withdrawn")
    change = {"$set": values, "$push": {"steps": service_request.step("withdrawn", None)}}
    changed = documents().update_many({**where, "live": True}, change, session=txn)
    metrics.stepped("withdrawn", changed.modified_count)
    return changed.modified_count


def reopen(where: Scope, ids: list[ObjectId], by: Actor | None) -> int:
    """Bring ended requests back to waiting with their first clock; returns how many changed.

    `where` is the restaurant for staff, the table for the guest. Where the table has called again in the meantime, that
    newer request takes over the older clock.
    """
    return sum(_reopen(where, request_id, by) for request_id in ids)


def _key(key: str, kind: Kind, choice: Choice | None, note: str | None) -> str:
    """A page's key is good for one tap on each of its buttons; with another note it is another tap."""
    button = f"{kind['id']}/{choice['id']}" if choice else kind["id"]
    return f"{key}:{button}:{hashlib.sha256(note.encode()).hexdigest()[:16]}" if note else f"{key}:{button}"


def _remind(request: ServiceRequest, restaurant: Restaurant) -> ServiceRequest | None:
    """Count this tap on the live request of the same table and kind; None where there is none any more."""
    same = {name: request[name] for name in ("restaurant_id", "table_id", "kind")}
    live = _find_one({**same, "live": True})
    if live is None or len(live["keys"]) >= MAX_KEYS_PER_REQUEST:
        return live
    key = request["keys"][0]
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
    values = {**_asked(live, request), **(escalation.remind(live) if subscriptions.has_phones(restaurant) else {})}
    return {**change, "$set": values} if values else change


def _asked(live: ServiceRequest, tap: ServiceRequest) -> Changes:
    """What a reminder changes of who asks for what: each phone has a choice and a note of its own."""
    given = {name: value for name, value in service_request.askers(tap)[0].items() if value}
    if tap["device"] == live["device"]:
        return given
    others = live.get("others", [])
    before = next((each for each in others if each["device"] == tap["device"]), service_request.askers(tap)[0])
    return {"others": [*(each for each in others if each is not before), {**before, **given}]}


def _advance(where: Filter, ids: Iterable[ObjectId], values: Changes, step: Step) -> list[ObjectId]:
    """The ids of those that took the step."""
    change = {"$set": values, "$push": {"steps": step}}
    changed = [each for each in ids if documents().update_one({"_id": each, **where}, change).modified_count]
    metrics.stepped(step["what"], len(changed))
    return changed


def _take_back(where: Scope, request_id: ObjectId, phones: list[str]) -> int:
    """Take what this phone asks for out of a live request, which ends if nobody else asks for it."""
    for _ in range(ATTEMPTS):
        request = _find_one({"_id": request_id, **where, "live": True})
        askers = service_request.askers(request) if request else []
        staying = [each for each in askers if each["device"] not in phones]
        if request is None or len(staying) == len(askers):
            return 0
        unchanged = {**where, "device": request["device"], "others": request.get("others")}
        if staying:
            first, *others = staying
            change = {"$set": {**first, "others": others}}
            changed = documents().update_one({"_id": request_id, **unchanged, "live": True}, change).modified_count
        else:
            changed = _end(unchanged, [request_id], "cancelled", None)
        if changed:
            return changed
    return 0


def _end(where: Filter, ids: list[ObjectId], state: Ending, by: Actor | None) -> int:
    restaurant = restaurants.get(cast(ObjectId, where["restaurant_id"]))
    values = service_request.ended(restaurant, state)
    return len(_advance({**where, "live": True}, ids, values, service_request.step(state, by)))


def _reopen(where: Scope, request_id: ObjectId, by: Actor | None) -> int:
    ended = {
        "_id": request_id,
        **where,
        "state": {"$in": ["resolved", "dismissed"]},
        "ended_at": {"$gt": clock.now() - UNDO_WINDOW},
    }
    values = service_request.waiting(restaurants.get(where["restaurant_id"]))
    for _ in range(ATTEMPTS):
        try:
            return len(_advance(ended, [request_id], values, service_request.step("reopened", by)))
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


def _find_one(where: Filter) -> ServiceRequest | None:
    return documents().find_one(where)
