"""Logins: server-side documents that are looked up at every request, so that ending one takes effect everywhere.

The cookie holds a random secret, the database only its SHA-256. There are two kinds of actors: persons and devices. A
device belongs to one restaurant and shows only its calls; it is a counter tablet or, with a member's id, the phone of a
member without an account.
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
DEVICE_LIFETIME = timedelta(days=90)  # no idle timeout: devices are off overnight
SEEN_INTERVAL = timedelta(minutes=5)  # `seen_at` is written at most this often
VERIFICATION_LIFETIME = timedelta(minutes=15)  # for sensitive changes, since the password was typed
RETENTION = timedelta(days=30)  # of ended logins
SUCCESSOR_GRACE = timedelta(seconds=10)  # a changed password ends a login and starts another in the same browser
BATCH_SIZE = 50


class LoginActor(TypedDict):
    """Who is logged in."""

    kind: Literal["person", "device"]
    id: ObjectId  # of the user; random for a device


class Login(TypedDict):
    """A login of one browser. The last three keys are those of devices."""

    _id: str  # SHA-256 of the cookie's secret
    actor: LoginActor
    created_at: datetime
    verified_at: datetime  # when the password was last typed
    seen_at: datetime  # written at most every SEEN_INTERVAL
    ended_at: datetime | None
    purge_at: datetime
    address: str  # IP address at the log-in
    browser: str  # User-Agent, truncated to 200 characters
    unchecked: NotRequired[bool]  # ended, and it has not been checked yet whether its member has another one
    restaurant_id: NotRequired[ObjectId]  # whose calls the device shows
    name: NotRequired[str]
    member_id: NotRequired[str | None]  # whose phone it is; None: a counter tablet


def documents() -> Collection[Login]:
    """The collection `logins`."""
    return cast(Collection[Login], db().logins)


def start(user_id: ObjectId, address: str, browser: str, verified_at: datetime | None = None) -> tuple[str, Login]:
    """Create a person's login; returns the secret for the cookie, and the document.

    `verified_at` is when the password was typed, by default now.
    """
    secret, login = _new({"kind": "person", "id": user_id}, PERSON_LIFETIME, address, browser)
    if verified_at:
        login["verified_at"] = verified_at
    documents().insert_one(login)
    return secret, login


def start_device(
    restaurant_id: ObjectId, name: str, member_id: str | None, address: str, browser: str
) -> tuple[str, Login]:
    """Create the login of a device of this restaurant: with `member_id` of that member's phone, else of a tablet."""
    secret, login = _new({"kind": "device", "id": ObjectId()}, DEVICE_LIFETIME, address, browser)
    login["restaurant_id"], login["name"], login["member_id"] = restaurant_id, name, member_id
    documents().insert_one(login)
    return secret, login


def find(login_id: str) -> Login | None:
    """The login with this hashed id if it is valid: not ended, not idle for too long, not expired."""
    login = documents().find_one({"_id": login_id, "ended_at": None})
    return login if login and _ends_at(login) > clock.now() else None


def has_ended(login_id: str) -> bool:
    """Whether this login was ended or has been purged. One that is only idle has not ended."""
    login = documents().find_one({"_id": login_id}, {"ended_at": 1})
    return login is None or login["ended_at"] is not None


def touch(login: Login) -> None:
    """Update `seen_at`, at most every SEEN_INTERVAL."""
    now = clock.now()
    if now - login["seen_at"] > SEEN_INTERVAL:
        documents().update_one({"_id": login["_id"], "ended_at": None}, {"$set": {"seen_at": now}})


def is_verified(login: Login) -> bool:
    """Whether the password was typed within VERIFICATION_LIFETIME."""
    return clock.now() - login["verified_at"] <= VERIFICATION_LIFETIME


def of_person(user_id: ObjectId) -> list[Login]:
    """The valid logins of a person, most recently used first."""
    return _valid({"actor.id": user_id})


def devices_of(restaurant_id: ObjectId) -> list[Login]:
    """The valid logins of a restaurant's devices, most recently used first."""
    return _valid({"restaurant_id": restaurant_id})


def seen_at(login_ids: list[str]) -> dict[str, datetime]:
    """When these logins were last used, up to SEEN_INTERVAL ago; without those that have ended."""
    which = {"_id": {"$in": login_ids}, "ended_at": None}
    return {login["_id"]: login["seen_at"] for login in documents().find(which, {"seen_at": True})}


def end(login_id: str) -> None:
    """End one login, by its hashed id."""
    _end({"_id": login_id})


def end_all(actor_id: ObjectId, txn: ClientSession | None = None, except_id: str | None = None) -> None:
    """End all logins of a person or device, except the one with the hashed id `except_id`."""
    _end({"actor.id": actor_id, **({"_id": {"$ne": except_id}} if except_id else {})}, txn)


def end_every_login() -> None:
    """End all logins, of persons and devices."""
    _end({})


def end_devices(restaurant_id: ObjectId, txn: ClientSession | None = None, **which: object) -> None:
    """End the logins of a restaurant's devices; `which` filters them by `member_id` or hashed `_id`."""
    _end({"restaurant_id": restaurant_id, **which}, txn)


def unchecked() -> list[Login]:
    """Up to BATCH_SIZE logins that ended SUCCESSOR_GRACE ago or earlier and for which `note_checked` was not called."""
    before = clock.now() - SUCCESSOR_GRACE
    found = documents().find({"unchecked": True}).limit(BATCH_SIZE)
    return [login for login in found if login["ended_at"] and login["ended_at"] <= before]


def note_checked(login: Login) -> None:
    """Nothing is left to be done about the end of this login."""
    documents().update_one({"_id": login["_id"], "unchecked": True}, {"$set": {"unchecked": False}})


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
    if login["actor"]["kind"] == "device":
        return login["created_at"] + DEVICE_LIFETIME
    return min(login["seen_at"] + PERSON_IDLE, login["created_at"] + PERSON_LIFETIME)


def _valid(which: Filter) -> list[Login]:
    now = clock.now()
    logins = documents().find({**which, "ended_at": None}).sort("seen_at", DESCENDING)
    return [login for login in logins if _ends_at(login) > now]


def _end(which: Filter, txn: ClientSession | None = None) -> None:
    """The only place where logins end; what follows from it for their members does alerts/uncovered."""
    now = clock.now()
    ended = {"ended_at": now, "purge_at": now + RETENTION, "unchecked": True}
    documents().update_many({**which, "ended_at": None}, {"$set": ended}, session=txn)
