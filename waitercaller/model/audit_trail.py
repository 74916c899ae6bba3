"""The audit: who did what with accounts and rights, when and from where. Kept for 400 days (see schema).

It holds no password, token, code or cookie, and no address that somebody typed at the login.
"""

import logging
from operator import itemgetter

import pymongo
from bson import ObjectId
from pymongo import DESCENDING
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from waitercaller.db.client import Document, db

log = logging.getLogger(__name__)

STORE_SECONDS = 0.4  # to wait for the database; the act is done, and its answer is waited for
FAILED = 5  # tries to log in, among the events that a person reads
DONE_BY_MANAGERS = ("role_changed", "removed")


def keep(entry: Document) -> None:
    """Write an entry. Where the database does not answer within STORE_SECONDS it is only logged: the act stands."""
    try:
        with pymongo.timeout(STORE_SECONDS):
            db().audit.insert_one(entry)
    except PyMongoError as error:
        log.error("the audit could not be written, only logged: %s", type(error).__name__)


def of_person(user_id: ObjectId, number: int = 20) -> list[Document]:
    """The last events of this person, the newest first.

    Only a few of them are tries that failed: strangers make those, and would push out what somebody did who got in.
    """
    failed = _last({"user_id": user_id, "event": "login_failed"}, FAILED)
    others = _last({"user_id": user_id, "event": {"$ne": "login_failed"}}, number - len(failed))
    return sorted([*failed, *others], key=itemgetter("at"), reverse=True)


def of_restaurant(restaurant_id: ObjectId, number: int = 100) -> list[Document]:
    """The last events of this restaurant, the newest first."""
    return _last({"restaurant_id": restaurant_id}, number)


def _last(which: Document, number: int) -> list[Document]:
    return list(db().audit.find(which).sort("at", DESCENDING).limit(number))


def forget_person(user_id: ObjectId, actor_ids: list[str], txn: ClientSession | None = None) -> None:
    """Keep that things happened, but not to whom: no name, address or detail of this person stays.

    `actor_ids` are its memberships' ids.
    """
    nobody: Document = {"user_id": None, "actor": None, "address": None, "details": {}}
    db().audit.update_many({"user_id": user_id}, {"$set": nobody}, session=txn)
    theirs = {"actor.id": {"$in": [str(user_id), *actor_ids]}}
    db().audit.update_many(theirs, {"$set": {"actor": None, "address": None}}, session=txn)


def forget_restaurant(restaurant_id: ObjectId) -> None:
    """The same for all that happened in a restaurant that is gone: nobody is left who could ask for it."""
    db().audit.update_many({"restaurant_id": restaurant_id}, {"$set": {"actor": None, "address": None, "details": {}}})


def address_for_person(event: Document) -> str | None:
    """From where it was done, as the person whom it concerns may read it: not where their manager was."""
    return None if event["event"] in DONE_BY_MANAGERS else event["address"]
