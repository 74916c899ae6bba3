"""What is erased after somebody has left: names in what stays, and all that nobody may keep.

Leaving itself is one transaction (account/leaving). It removes the user, lets go of memberships, ends logins and marks
a deleted restaurant as removed. The rest has no upper limit (years of requests) and is done here, in the background, in
windows of a day, by whichever process comes first; it may be broken off and begun again at any point.

- At once, in the transaction: the user, memberships, phones that were told of calls, open links, a waiting
  registration, invitations.
- After DELAY: the person's name in steps of requests, in invitations and in the audit, logins with their addresses and
  browsers; of a deleted restaurant all names, guests' notes and devices, its tables and the restaurant itself. DELAY is
  longer than anything is cached, so that what was in flight is found, too; and rows were marked as ended or removed
  before they are deleted, since the watchers do not hear deletes.
- After 7 days: mails that were sent (schema, outbox). After 400 days: the audit, nameless by then.
- Requests, for 400 days, and what was counted of them stay: when, where, how long, by nobody.
"""

from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.db.client import Document, db
from waitercaller.model import audit_trail

DELAY = timedelta(minutes=1)
LEASE = timedelta(minutes=2)  # for one window; a process that dies leaves the rest to another one
WINDOW = timedelta(days=1)

NOBODY = {"id": "", "name": ""}
ANYBODY = {"$gt": ""}  # any id but NOBODY's
# What belongs to a restaurant and goes with it.
BELONGINGS = ("tables", "invitations", "logins", "subscriptions", "pauses", "alerts")


def of_person(user_id: ObjectId, member_ids: list[str], txn: ClientSession | None) -> None:
    """Have a person's audit and logins erased."""
    _order({"user_id": user_id, "member_ids": member_ids}, txn)


def of_member(restaurant: Document, member_id: str, txn: ClientSession | None) -> None:
    """Have a member's name erased from the requests of a restaurant that stays."""
    _order({"restaurant_id": restaurant["_id"], "member_id": member_id, "done_until": restaurant["created_at"]}, txn)


def of_restaurant(restaurant: Document, txn: ClientSession | None) -> None:
    """Have a restaurant erased that has been marked as removed."""
    _order({"restaurant_id": restaurant["_id"], "member_id": None, "done_until": restaurant["created_at"]}, txn)


def work_off() -> int:
    """Carry out what is due; returns how many orders. Raises PyMongoError."""
    done = 0
    for erasure in list(db().erasures.find({"due_at": {"$lte": clock.now()}}).sort("due_at")):
        if _lease(erasure):
            _erase(erasure)
            db().erasures.delete_one({"_id": erasure["_id"]})
            done += 1
    return done


def _order(what: Document, txn: ClientSession | None) -> None:
    db().erasures.insert_one({**what, "due_at": clock.now() + DELAY}, session=txn)


def _lease(erasure: Document, **progress: datetime) -> bool:
    """Take an order, or go on with it, for LEASE; False when another process has taken it."""
    mine = {"_id": erasure["_id"], "due_at": erasure["due_at"]}
    values: dict[str, Any] = {"due_at": clock.now() + LEASE, **progress}
    leased = db().erasures.update_one(mine, {"$set": values}).modified_count == 1
    erasure.update(values)
    return leased


def _erase(erasure: Document) -> None:
    if "user_id" in erasure:
        audit_trail.forget_person(erasure["user_id"], erasure["member_ids"])
        db().logins.delete_many({"actor.id": erasure["user_id"]})
        return
    while (begin := erasure["done_until"]) <= clock.now():
        end = begin + WINDOW
        _erase_window(erasure["restaurant_id"], {"$gte": begin, "$lt": end}, erasure["member_id"])
        _lease(erasure, done_until=end)
    invited = {"restaurant_id": erasure["restaurant_id"], "invited_by.id": erasure["member_id"]}
    db().invitations.update_many(invited, {"$set": {"invited_by": NOBODY}})
    if erasure["member_id"] is None:
        audit_trail.forget_restaurant(erasure["restaurant_id"])
        for name in BELONGINGS:
            db()[name].delete_many({"restaurant_id": erasure["restaurant_id"]})
        db().restaurants.delete_one({"_id": erasure["restaurant_id"], "removed_at": {"$ne": None}})


def _erase_window(restaurant_id: ObjectId, created: Document, member_id: str | None) -> None:
    """Take the names from the requests of one window: this member's, or everybody's and what guests wrote."""
    requests, whose = {"created_at": created, "restaurant_id": restaurant_id}, member_id or ANYBODY
    db().requests.update_many({**requests, "by.id": whose}, {"$set": {"by": NOBODY}})
    for who in ("by", "to"):  # of a call that was passed on
        db().requests.update_many(
            {**requests, f"steps.{who}.id": whose},
            {"$set": {f"steps.$[step].{who}": NOBODY}},
            array_filters=[{f"step.{who}.id": whose}],
        )
    if member_id is None:
        db().requests.update_many(requests, {"$set": {"note": None, "device": None}})
