"""The audit: who did what with accounts and rights, when and from where. Kept for 400 days (see schema).

It holds no password, token, code or cookie, and no address that somebody typed at the login.
"""

import logging
from datetime import datetime
from operator import itemgetter
from typing import Any, NotRequired, TypedDict, cast

import pymongo
from bson import ObjectId
from pymongo import DESCENDING
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from waitercaller.db.client import Changes, Filter, db
from waitercaller.model.restaurants import Actor

log = logging.getLogger(__name__)

STORE_SECONDS = 0.4  # to wait for the database; the act is done, and its answer is waited for
FAILED_LOGINS_SHOWN = 5  # at most, among the events that a person reads
DONE_BY_MANAGERS = ("role_changed", "removed")


class AuditEntry(TypedDict):
    """Something that happened to or by somebody."""

    _id: NotRequired[ObjectId]  # given by the driver
    at: datetime
    event: str
    user_id: ObjectId | None  # whose account it is about
    restaurant_id: ObjectId | None
    actor: Actor | None  # who did it; `id` is that of a member, a user or a screen's login
    address: str | None  # IP address
    request_id: str | None  # of the HTTP request, as in the log
    details: dict[str, Any]  # by event


def documents() -> Collection[AuditEntry]:
    """The collection `audit`."""
    return cast(Collection[AuditEntry], db().audit)


def keep(entry: AuditEntry) -> None:
    """Write an entry. Where the database does not answer within STORE_SECONDS it is only logged: the act stands."""
    try:
        with pymongo.timeout(STORE_SECONDS):
            documents().insert_one(entry)
    except PyMongoError as error:
        log.error("the audit could not be written, only logged: %s", type(error).__name__)


def of_person(user_id: ObjectId, number: int = 20) -> list[AuditEntry]:
    """The last events of this person, the newest first.

    Only a few of them are tries that failed: strangers make those, and would push out what somebody did who got in.
    """
    failed = _last({"user_id": user_id, "event": "login_failed"}, FAILED_LOGINS_SHOWN)
    others = _last({"user_id": user_id, "event": {"$ne": "login_failed"}}, number - len(failed))
    return sorted([*failed, *others], key=itemgetter("at"), reverse=True)


def of_restaurant(restaurant_id: ObjectId, number: int = 100) -> list[AuditEntry]:
    """The last events of this restaurant, the newest first."""
    return _last({"restaurant_id": restaurant_id}, number)


def _last(which: Filter, number: int) -> list[AuditEntry]:
    return list(documents().find(which).sort("at", DESCENDING).limit(number))


def forget_person(user_id: ObjectId, actor_ids: list[str], txn: ClientSession | None = None) -> None:
    """Keep that things happened, but not to whom: no name, address or detail of this person stays.

    `actor_ids` are its memberships' ids.
    """
    nobody: Changes = {"user_id": None, "actor": None, "address": None, "details": {}}
    documents().update_many({"user_id": user_id}, {"$set": nobody}, session=txn)
    theirs = {"actor.id": {"$in": [str(user_id), *actor_ids]}}
    documents().update_many(theirs, {"$set": {"actor": None, "address": None}}, session=txn)


def forget_restaurant(restaurant_id: ObjectId) -> None:
    """The same for all that happened in a restaurant that is gone: nobody is left who could ask for it."""
    documents().update_many({"restaurant_id": restaurant_id}, {"$set": {"actor": None, "address": None, "details": {}}})


def address_for_person(event: AuditEntry) -> str | None:
    """From where it was done, as the person whom it concerns may read it: not where their manager was."""
    return None if event["event"] in DONE_BY_MANAGERS else event["address"]
