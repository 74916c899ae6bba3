"""The audit trail: who did what with accounts and rights, when and from where. Retention: 400 days (see schema).

It contains no passwords, tokens, codes or cookies, and no e-mail addresses typed at a failed login.
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

TIMEOUT_SECONDS = 0.4  # of a write; the audited operation is done, and its response waits for this
FAILED_LOGINS_SHOWN = 5  # at most, in the list of a person's events
DONE_BY_MANAGERS = ("role_changed", "removed")


class AuditEntry(TypedDict):
    """An audited event."""

    _id: NotRequired[ObjectId]  # given by the driver
    at: datetime
    event: str
    user_id: ObjectId | None  # the account concerned
    restaurant_id: ObjectId | None
    actor: Actor | None  # who did it; `id` of a member, a user or a device
    address: str | None  # IP address
    request_id: str | None  # of the HTTP request, as in the log
    details: dict[str, Any]  # by event


def documents() -> Collection[AuditEntry]:
    """The collection `audit`."""
    return cast(Collection[AuditEntry], db().audit)


def write(entry: AuditEntry) -> None:
    """Write an entry. A failure or timeout (TIMEOUT_SECONDS) is logged; the audited operation is not undone."""
    try:
        with pymongo.timeout(TIMEOUT_SECONDS):
            documents().insert_one(entry)
    except PyMongoError as error:
        log.error("the audit could not be written, only logged: %s", type(error).__name__)


def of_person(user_id: ObjectId, number: int = 20) -> list[AuditEntry]:
    """The last events of this person, newest first.

    At most FAILED_LOGINS_SHOWN failed logins, so that an attacker's attempts do not displace the other events.
    """
    failed = _newest({"user_id": user_id, "event": "login_failed"}, FAILED_LOGINS_SHOWN)
    others = _newest({"user_id": user_id, "event": {"$ne": "login_failed"}}, number - len(failed))
    return sorted([*failed, *others], key=itemgetter("at"), reverse=True)


def of_restaurant(restaurant_id: ObjectId, number: int = 100) -> list[AuditEntry]:
    """The last events of this restaurant, newest first."""
    return _newest({"restaurant_id": restaurant_id}, number)


def _newest(which: Filter, number: int) -> list[AuditEntry]:
    return list(documents().find(which).sort("at", DESCENDING).limit(number))


def forget_person(user_id: ObjectId, actor_ids: list[str], txn: ClientSession | None = None) -> None:
    """Anonymise the entries about and by this person: without names, addresses and details.

    `actor_ids` are the ids of the person's memberships.
    """
    anonymous: Changes = {"user_id": None, "actor": None, "address": None, "details": {}}
    documents().update_many({"user_id": user_id}, {"$set": anonymous}, session=txn)
    by_person = {"actor.id": {"$in": [str(user_id), *actor_ids]}}
    documents().update_many(by_person, {"$set": {"actor": None, "address": None}}, session=txn)


def forget_restaurant(restaurant_id: ObjectId) -> None:
    """Anonymise all entries of a deleted restaurant."""
    documents().update_many({"restaurant_id": restaurant_id}, {"$set": {"actor": None, "address": None, "details": {}}})


def address_for_person(event: AuditEntry) -> str | None:
    """The IP address to show to the person concerned; None if it is the address of their manager."""
    return None if event["event"] in DONE_BY_MANAGERS else event["address"]
