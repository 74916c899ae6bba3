"""Erases names and other personal data after somebody has left, in the background.

Leaving itself is one transaction (auth/account/leaving). It removes the user and their memberships, ends logins and
marks a deleted restaurant as removed. The rest has no upper limit (years of requests) and is done here: each erasure is
a document of a work queue, worked off in windows of a day by whichever process leases it. It is idempotent, can be
interrupted at any point, and is never given up.

- At once, in the transaction: the user, memberships, subscriptions to push messages, open links, a registration that
  was not confirmed, invitations.
- After DELAY: the person's name in steps of requests, in invitations and in the audit, logins with their addresses and
  browsers; of a deleted restaurant all names, guests' notes and devices, its tables and the restaurant itself. DELAY is
  longer than anything is cached, so that what was written meanwhile is found, too; and logins and tables were marked as
  ended or removed before they are deleted, since the watchers do not hear deletes.
- After 7 days: mails that were sent (mail/outbox). After 400 days: the audit, nameless by then.
- Requests stay for 400 days, and the counts made of them for ever: when, where, how long, by nobody.
"""

from datetime import datetime, timedelta
from typing import NotRequired

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.db.client import Changes, Filter, db
from waitercaller.db.work_queue import Work, WorkQueue
from waitercaller.model import audit_trail
from waitercaller.model.restaurants import Restaurant

DELAY = timedelta(minutes=1)
WINDOW = timedelta(days=1)  # of requests, by `created_at`; the lease is renewed after each
BATCH_SIZE = 100  # erasures of one round


class Erasure(Work):
    """What is to be erased (collection `erasures`): a person's audit and logins, or names in requests."""

    _id: ObjectId
    user_id: NotRequired[ObjectId]
    member_ids: NotRequired[list[str]]  # as whom the person is named in the audit
    restaurant_id: NotRequired[ObjectId]
    member_id: NotRequired[str | None]  # None: everybody, and the restaurant itself
    done_until: NotRequired[datetime]  # the progress: requests that were created before this are done


QUEUE = WorkQueue[Erasure](
    collection="erasures",
    lease_duration=timedelta(minutes=2),  # for one window
    first_backoff=timedelta(minutes=1),
    longest_backoff=timedelta(hours=1),
)

NOBODY = {"id": "", "name": ""}
ANYBODY = {"$gt": ""}  # any id but NOBODY's
# Collections whose documents belong to a restaurant and are deleted with it.
BELONGINGS = ("tables", "invitations", "logins", "subscriptions", "pauses", "alerts")


def of_person(user_id: ObjectId, member_ids: list[str], txn: ClientSession | None) -> None:
    """Have a person's audit and logins erased."""
    _enqueue({"user_id": user_id, "member_ids": member_ids}, txn)


def of_member(restaurant: Restaurant, member_id: str, txn: ClientSession | None) -> None:
    """Have a member's name erased from the requests of a restaurant that stays."""
    _enqueue({"restaurant_id": restaurant["_id"], "member_id": member_id, "done_until": restaurant["created_at"]}, txn)


def of_restaurant(restaurant: Restaurant, txn: ClientSession | None) -> None:
    """Have a restaurant erased that has been marked as removed."""
    _enqueue({"restaurant_id": restaurant["_id"], "member_id": None, "done_until": restaurant["created_at"]}, txn)


def work_off() -> int:
    """Carry out the erasures that are due; returns how many. Raises PyMongoError."""
    done = 0
    for erasure in QUEUE.take(BATCH_SIZE):
        with QUEUE.retried_on_error(erasure):
            if _erase(erasure):
                QUEUE.remove(erasure)
                done += 1
    return done


def _enqueue(what: Changes, txn: ClientSession | None) -> None:
    QUEUE.enqueue(what, txn, delay=DELAY)


def _erase(erasure: Erasure) -> bool:
    """Carry out an erasure; False when the lease was lost to another process, which goes on with it."""
    if "user_id" in erasure:
        audit_trail.forget_person(erasure["user_id"], erasure["member_ids"])
        db().logins.delete_many({"actor.id": erasure["user_id"]})
        return True
    restaurant_id, member_id = erasure["restaurant_id"], erasure["member_id"]
    while (begin := erasure["done_until"]) <= clock.now():
        end = begin + WINDOW
        _erase_window(restaurant_id, {"$gte": begin, "$lt": end}, member_id)
        if not QUEUE.extend(erasure, done_until=end):
            return False
    invited = {"restaurant_id": restaurant_id, "invited_by.id": member_id}
    db().invitations.update_many(invited, {"$set": {"invited_by": NOBODY}})
    if member_id is None:
        _erase_restaurant(restaurant_id)
    return True


def _erase_restaurant(restaurant_id: ObjectId) -> None:
    """Delete a restaurant that is marked as removed, with all that belongs to it; its requests and counts stay."""
    audit_trail.forget_restaurant(restaurant_id)
    for name in BELONGINGS:
        db()[name].delete_many({"restaurant_id": restaurant_id})
    db().restaurants.delete_one({"_id": restaurant_id, "removed_at": {"$ne": None}})


def _erase_window(restaurant_id: ObjectId, created: Filter, member_id: str | None) -> None:
    """Erase the names in the requests of one window: this member's, or everybody's and what guests wrote."""
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
