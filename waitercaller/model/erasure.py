"""Background erasure of personal data of deleted accounts, former members and deleted restaurants.

Deleting an account is one transaction (auth/account/leaving): it removes the user and their memberships, ends logins
and marks a deleted restaurant as removed. The rest is unbounded (years of requests) and is done here. Each erasure is a
document of a work queue, processed in windows of one day; it is idempotent, interruptible and retried without limit.

- In the transaction: the user, memberships, subscriptions to push messages, open links, a registration that
  was not confirmed, invitations.
- After DELAY: the person's name in steps, screens and phones of requests, in invitations and in the audit, logins with
  their addresses and browsers; of a deleted restaurant all names, guests' notes and devices, its tables and the
  restaurant itself. DELAY is longer than the lifetime of cached documents, so that writes based on them are found,
  too. Logins and tables are marked as ended or removed before they are deleted, since the watchers ignore deletes.
- Then a line in the log of erasures (erasure_log), by which a restored backup loses them again. A log that cannot be
  written fails the erasure, which is retried.
- After 7 days: sent mails (mail/outbox). After 400 days: the audit, anonymised by then.
- Anonymised requests stay for 400 days, or as many as the owner has chosen, their counts without limit.
"""

from datetime import datetime, timedelta
from typing import NotRequired

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.db.client import Changes, Filter, db
from waitercaller.db.work_queue import Work, WorkQueue
from waitercaller.model import audit_trail, erasure_log
from waitercaller.model.rehearsal_entry import Rehearsal
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import REHEARSED

DELAY = timedelta(minutes=1)
WINDOW = timedelta(days=1)  # of requests, by `created_at`; the lease is renewed after each
BATCH_SIZE = 100  # erasures per round


class Erasure(Work):
    """An erasure (collection `erasures`): of a person's audit and logins, or of names in requests."""

    _id: ObjectId
    user_id: NotRequired[ObjectId]
    member_ids: NotRequired[list[str]]  # the person's ids as an actor in the audit
    restaurant_id: NotRequired[ObjectId]
    member_id: NotRequired[str | None]  # None: all members, and the restaurant itself
    done_until: NotRequired[datetime]  # progress: requests created before this are done


QUEUE = WorkQueue[Erasure](
    collection="erasures",
    lease_duration=timedelta(minutes=2),  # for one window
    first_backoff=timedelta(minutes=1),
    longest_backoff=timedelta(hours=1),
)

NOBODY = {"id": "", "name": ""}
ANYBODY = {"$gt": ""}  # any id but that of NOBODY
# Collections whose documents are deleted with their restaurant.
DELETED_WITH_RESTAURANT = ("tables", "invitations", "logins", "subscriptions", "pauses", "alerts", "hooks", "logos")


def of_person(user_id: ObjectId, member_ids: list[str], txn: ClientSession | None) -> None:
    """Enqueue the erasure of a person's audit and logins."""
    _enqueue({"user_id": user_id, "member_ids": member_ids}, txn)


def of_member(restaurant: Restaurant, member_id: str, txn: ClientSession | None) -> None:
    """Enqueue the erasure of a former member's name from a restaurant's requests."""
    _enqueue({"restaurant_id": restaurant["_id"], "member_id": member_id, "done_until": restaurant["created_at"]}, txn)


def of_restaurant(restaurant: Restaurant, txn: ClientSession | None) -> None:
    """Enqueue the erasure of a restaurant that is marked as removed."""
    _enqueue({"restaurant_id": restaurant["_id"], "member_id": None, "done_until": restaurant["created_at"]}, txn)


def process_due() -> int:
    """Process the erasures that are due; returns how many were completed. Raises PyMongoError."""
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
    """Perform an erasure; False if the lease was lost to another process, which continues it."""
    if "user_id" in erasure:
        audit_trail.forget_person(erasure["user_id"], erasure["member_ids"])
        db().logins.delete_many({"actor.id": erasure["user_id"]})
        erasure_log.note("person", erasure["user_id"])
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
        erasure_log.note("restaurant", restaurant_id)
    return True


def _erase_restaurant(restaurant_id: ObjectId) -> None:
    """Delete a removed restaurant and its documents, except requests and rollups."""
    audit_trail.forget_restaurant(restaurant_id)
    for name in DELETED_WITH_RESTAURANT:
        db()[name].delete_many({"restaurant_id": restaurant_id})
    db().restaurants.delete_one({"_id": restaurant_id, "removed_at": {"$ne": None}})


def _erase_window(restaurant_id: ObjectId, created: Filter, member_id: str | None) -> None:
    """Erase names in the requests of one window: of this member, or of all, with guests' notes and devices."""
    requests, whose = {"created_at": created, "restaurant_id": restaurant_id}, member_id or ANYBODY
    db().requests.update_many({**requests, "by.id": whose}, {"$set": {"by": NOBODY}})
    for who in ("by", "to"):  # `to`: of a request that was passed on
        db().requests.update_many(
            {**requests, f"steps.{who}.id": whose},
            {"$set": {f"steps.$[step].{who}": NOBODY}},
            array_filters=[{f"step.{who}.id": whose}],
        )
    db().requests.update_many({**requests, "passed_by.id": whose}, {"$set": {"passed_by": NOBODY}})
    # Screens and phones stay, without names: without them it would be counted as a call that reached nobody.
    other, key = ("name", "member_id") if member_id else ("member_id", "name")  # counters have names, too
    for what in ("shown", "signed", "pushed"):
        db().requests.update_many(
            {**requests, f"{what}.{key}": whose},
            {"$set": {f"{what}.$[each].{other}": "", f"{what}.$[each].{key}": ""}},  # last what the filter is about
            array_filters=[{f"each.{key}": whose}],
        )
    if member_id is None:
        db().requests.update_many(requests, {"$set": {"note": None, "device": None, "others": []}})
        nothing: Rehearsal = {"screens": [], "phones": []}  # screens of a counter have names
        db().requests.update_many({**requests, **REHEARSED}, {"$set": {"rehearsal": nothing}})
