"""Logins as documents: what a browser's cookie names is looked up at every request, so ending one ends it everywhere.

The cookie holds a random id, the database its SHA-256: who reads the database cannot log in with what is there. Two
kinds of actors log in: a person, and a screen. A screen belongs to one restaurant and shows its calls only; it is the
tablet on the counter, or, with a member's id, the phone of a member who has no account.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Literal, NotRequired, TypedDict, cast

from bson import ObjectId
from pymongo import DESCENDING
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from waitercaller.db import clock
from waitercaller.db.client import Filter, db

PERSON_IDLE = timedelta(hours=12)
PERSON_LIFETIME = timedelta(days=30)
SCREEN_LIFETIME = timedelta(days=90)  # however idle: it is dark from midnight to five
SEEN_INTERVAL = timedelta(minutes=5)  # `seen_at` is written at most this often
VERIFIED_FOR = timedelta(minutes=15)  # how long a typed password stands for sensitive changes
# How long an ended login stays readable before MongoDB removes it.
RETENTION = timedelta(days=30)


class LoginActor(TypedDict):
    """Who is logged in."""

    kind: Literal["person", "screen"]
    id: ObjectId  # of `users`; a random one for a screen


class Login(TypedDict):
    """A browser's login. The optional keys are a screen's."""

    _id: str  # SHA-256 of the secret in the cookie
    actor: LoginActor
    created_at: datetime
    verified_at: datetime  # when the password was last typed
    seen_at: datetime  # written at most every SEEN_INTERVAL
    ended_at: datetime | None
    purge_at: datetime
    address: str  # IP address at its begin
    browser: str  # User-Agent, 200 characters of it
    restaurant_id: NotRequired[ObjectId]  # the one that it shows
    name: NotRequired[str]
    member_id: NotRequired[str | None]  # the member whose phone it is; None: the counter's


def documents() -> Collection[Login]:
    """The collection `logins`."""
    return cast(Collection[Login], db().logins)


def start(user_id: ObjectId, address: str, browser: str, verified_at: datetime | None = None) -> tuple[str, Login]:
    """Begin a person's login; returns the secret id for the cookie, and the login's document.

    `verified_at` is when the person proved who they are, if not just now.
    """
    secret, login = _new({"kind": "person", "id": user_id}, PERSON_LIFETIME, address, browser)
    if verified_at:
        login["verified_at"] = verified_at
    documents().insert_one(login)
    return secret, login


def start_screen(
    restaurant_id: ObjectId, name: str, member_id: str | None, address: str, browser: str
) -> tuple[str, Login]:
    """Begin the login of a screen of this restaurant; with `member_id`, of the phone of that member."""
    secret, login = _new({"kind": "screen", "id": ObjectId()}, SCREEN_LIFETIME, address, browser)
    login["restaurant_id"], login["name"], login["member_id"] = restaurant_id, name, member_id
    documents().insert_one(login)
    return secret, login


def find(session_id: str) -> Login | None:
    """The login with this hashed id if it is still good: not ended, not idle too long, not too old."""
    login = documents().find_one({"_id": session_id, "ended_at": None})
    return login if login and _ends_at(login) > clock.now() else None


def has_ended(session_id: str) -> bool:
    """Whether somebody has ended this login, or it is so old that nothing is known of it. An idle one has not ended."""
    login = documents().find_one({"_id": session_id}, {"ended_at": 1})
    return login is None or login["ended_at"] is not None


def touch(login: Login) -> None:
    """Note that somebody did something."""
    now = clock.now()
    if now - login["seen_at"] > SEEN_INTERVAL:
        documents().update_one({"_id": login["_id"], "ended_at": None}, {"$set": {"seen_at": now}})


def is_verified(login: Login) -> bool:
    """Whether the password was typed lately enough for a sensitive change."""
    return clock.now() - login["verified_at"] <= VERIFIED_FOR


def of_person(user_id: ObjectId) -> list[Login]:
    """A person's logins that are good, the latest used first."""
    return _good({"actor.id": user_id})


def screens_of(restaurant_id: ObjectId) -> list[Login]:
    """The screens of a restaurant whose logins are good, the latest used first."""
    return _good({"restaurant_id": restaurant_id})


def end(session_id: str) -> None:
    """End one login, by its hashed id."""
    _end({"_id": session_id})


def end_all(actor_id: ObjectId, txn: ClientSession | None = None, but: str | None = None) -> None:
    """End every login of a person, except the one with the hashed id `but`."""
    _end({"actor.id": actor_id, **({"_id": {"$ne": but}} if but else {})}, txn)


def end_everybodys() -> None:
    """End every login there is, of persons and screens."""
    _end({})


def end_screens(restaurant_id: ObjectId, txn: ClientSession | None = None, **which: object) -> None:
    """End the screens of a restaurant; `which` narrows them down, by `member_id` or by hashed `_id`."""
    _end({"restaurant_id": restaurant_id, **which}, txn)


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _new(actor: LoginActor, lifetime: timedelta, address: str, browser: str) -> tuple[str, Login]:
    now = clock.now()
    secret = secrets.token_urlsafe(32)
    return secret, {
        "_id": hash_of(secret),
        "actor": actor,
        "created_at": now,
        "verified_at": now,
        "seen_at": now,
        "ended_at": None,
        "purge_at": now + lifetime + RETENTION,
        "address": address,
        "browser": browser[:200],
    }


def _ends_at(login: Login) -> datetime:
    if login["actor"]["kind"] == "screen":
        return login["created_at"] + SCREEN_LIFETIME
    return min(login["seen_at"] + PERSON_IDLE, login["created_at"] + PERSON_LIFETIME)


def _good(which: Filter) -> list[Login]:
    now = clock.now()
    logins = documents().find({**which, "ended_at": None}).sort("seen_at", DESCENDING)
    return [login for login in logins if _ends_at(login) > now]


def _end(which: Filter, txn: ClientSession | None = None) -> None:
    now = clock.now()
    documents().update_many(
        {**which, "ended_at": None}, {"$set": {"ended_at": now, "purge_at": now + RETENTION}}, session=txn
    )
