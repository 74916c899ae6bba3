"""Logins as documents: what a browser's cookie names is looked up at every request, so ending one ends it everywhere.

The cookie holds a random id, the database its SHA-256: who reads the database cannot log in with what is there.
"""

import hashlib
import secrets
from datetime import timedelta

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller import clock
from waitercaller.db import Document, db

PERSON_IDLE = timedelta(hours=12)
PERSON_LIFETIME = timedelta(days=30)
SEEN_INTERVAL = timedelta(minutes=5)  # `seen_at` is written at most this often
# How long an ended login stays readable before MongoDB removes it.
KEPT = timedelta(days=30)


def start(user_id: ObjectId, address: str, browser: str) -> tuple[str, Document]:
    """Begin a person's login; returns the secret id for the cookie, and the login's document."""
    now = clock.now()
    secret = secrets.token_urlsafe(32)
    login: Document = {
        "_id": hash_of(secret),
        "actor": {"kind": "person", "id": user_id},
        "created_at": now,
        "seen_at": now,
        "ended_at": None,
        "purge_at": now + PERSON_LIFETIME + KEPT,
        "address": address,
        "browser": browser[:200],
    }
    db().sessions.insert_one(login)
    return secret, login


def find(session_id: str) -> Document | None:
    """The login with this hashed id if it is still good: not ended, not idle too long, not too old."""
    now = clock.now()
    return db().sessions.find_one(
        {
            "_id": session_id,
            "ended_at": None,
            "seen_at": {"$gt": now - PERSON_IDLE},
            "created_at": {"$gt": now - PERSON_LIFETIME},
        }
    )


def touch(login: Document) -> None:
    """Note that the person did something."""
    now = clock.now()
    if now - login["seen_at"] > SEEN_INTERVAL:
        db().sessions.update_one({"_id": login["_id"], "ended_at": None}, {"$set": {"seen_at": now}})


def end(session_id: str) -> None:
    """End one login, by its hashed id."""
    _end({"_id": session_id})


def end_all(actor_id: ObjectId, session: ClientSession | None = None) -> None:
    """End every login of a person."""
    _end({"actor.id": actor_id}, session)


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _end(which: Document, session: ClientSession | None = None) -> None:
    db().sessions.update_many({**which, "ended_at": None}, {"$set": {"ended_at": clock.now()}}, session=session)
