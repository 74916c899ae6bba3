"""Users, and registrations that are not confirmed yet.

E-mail addresses are normalised by the caller (`web.fields.normalise_address`).
"""

from datetime import datetime, timedelta
from typing import NotRequired, TypedDict, cast

from bson import ObjectId
from pymongo import DESCENDING
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from waitercaller.db import clock
from waitercaller.db.client import db

REGISTRATION_LIFETIME = timedelta(days=7)


class AddressTakenError(Exception):
    """Another user has this e-mail address."""


class Registration(TypedDict):
    """An account whose e-mail address is not confirmed yet."""

    _id: ObjectId
    email: str
    name: str
    restaurant_name: str
    password_hash: str
    language: str  # of the mails
    time_zone: NotRequired[str]  # of the browser, for the restaurant; see `time_zones`
    invited: NotRequired[bool]  # by an operator, so it may be confirmed while registration is closed
    created_at: datetime
    expires_at: datetime  # REGISTRATION_LIFETIME later


class PendingEmail(TypedDict):
    """A change of address that is not confirmed yet; see `profiles`."""

    id: str  # contained in the link's token
    email: str
    asked_at: datetime


class TwoFactor(TypedDict):
    """An enabled second factor; see `second_factors`."""

    secret: str  # base 32, shared with the authenticator app
    counter: int  # TOTP counter of the last accepted code: periods of 30 s since 1970
    since: datetime
    recovery_codes: list[str]  # SHA-256 of the unused ones


class TwoFactorOffer(TypedDict):
    """A second factor during its set-up."""

    secret: str
    login_id: str  # the login that may see and confirm it
    until: datetime


class FormerMembership(TypedDict):
    """A restaurant that the user has left, and the former member id."""

    restaurant_id: ObjectId
    member_id: str


class User(TypedDict):
    """A person with an account."""

    _id: ObjectId
    email: str  # normalised, lower case
    name: str
    password_hash: str  # argon2id with its parameters
    password_changed_at: datetime
    created_at: datetime
    logged_in_at: NotRequired[datetime]
    pending_email: NotRequired[PendingEmail]
    two_factor: NotRequired[TwoFactor]
    two_factor_offer: NotRequired[TwoFactorOffer]
    operator_since: NotRequired[datetime]  # see `operators`
    left: NotRequired[list[FormerMembership]]
    disabled_at: NotRequired[datetime | None]  # by an operator: no login


def documents() -> Collection[User]:
    """The collection `users`."""
    return cast(Collection[User], db().users)


def registrations() -> Collection[Registration]:
    """The collection `registrations`."""
    return cast(Collection[Registration], db().registrations)


def register(
    email: str,
    name: str,
    restaurant_name: str,
    password_hash: str,
    language: str,
    time_zone: str,
    txn: ClientSession | None,
    invited: bool = False,
) -> ObjectId:
    """Store a registration, whether or not the address has an account; returns its id."""
    now = clock.now()
    document: Registration = {
        "_id": ObjectId(),
        "email": email,
        "name": name,
        "restaurant_name": restaurant_name,
        "password_hash": password_hash,
        "language": language,
        "time_zone": time_zone,
        "invited": invited,
        "created_at": now,
        "expires_at": now + REGISTRATION_LIFETIME,
    }
    registrations().insert_one(document, session=txn)
    return document["_id"]


def registration(registration_id: ObjectId, txn: ClientSession | None = None) -> Registration | None:
    """The registration with this id, unless it has expired."""
    return registrations().find_one({"_id": registration_id, "expires_at": {"$gt": clock.now()}}, session=txn)


def registration_of(email: str, preferred: ObjectId | None) -> Registration | None:
    """An unexpired registration of this address: the preferred one if it exists, else the newest."""
    waiting = {"email": email, "expires_at": {"$gt": clock.now()}}
    found = registrations().find_one({**waiting, "_id": preferred}) if preferred else None
    return found or registrations().find_one(waiting, sort=[("created_at", DESCENDING)])


def drop_registration(registration_id: ObjectId, txn: ClientSession | None) -> None:
    """Delete a registration that was confirmed."""
    registrations().delete_one({"_id": registration_id}, session=txn)


def create(email: str, name: str, password_hash: str, txn: ClientSession | None) -> ObjectId:
    """Create a user; returns the id. Raises AddressTakenError."""
    now = clock.now()
    user: User = {
        "_id": ObjectId(),
        "email": email,
        "name": name,
        "password_hash": password_hash,
        "password_changed_at": now,
        "created_at": now,
    }
    try:
        documents().insert_one(user, session=txn)
    except DuplicateKeyError:
        raise AddressTakenError from None
    return user["_id"]


def get(user_id: ObjectId, txn: ClientSession | None = None) -> User | None:
    """The user with this id."""
    return documents().find_one({"_id": user_id}, session=txn)


def ids() -> list[ObjectId]:
    """The ids of all users; needs the client without a time limit."""
    return [each["_id"] for each in documents().find({}, {"_id": True}).sort("_id")]


def everybody() -> list[User]:
    """All users, the oldest first; needs the client without a time limit."""
    return list(documents().find({}).sort("_id"))


def disable(user_id: ObjectId, txn: ClientSession | None) -> bool:
    """Keep this user from logging in; False if that is so already. The caller ends the logins."""
    change = {"$set": {"disabled_at": clock.now()}}
    return bool(documents().update_one({"_id": user_id, "disabled_at": None}, change, session=txn).modified_count)


def enable(user_id: ObjectId) -> bool:
    """Let this user log in again; False if that is so already."""
    disabled = {"_id": user_id, "disabled_at": {"$ne": None}}
    return bool(documents().update_one(disabled, {"$set": {"disabled_at": None}}).modified_count)


def with_address(email: str) -> User | None:
    """The user with this address."""
    return documents().find_one({"email": email})


def record_login(user: User) -> bool:
    """Set `logged_in_at`; False if the credentials have changed since `user` was read, or an operator has disabled it.

    It is a write so that it conflicts with the transaction of a concurrent change: a login with the old password is
    either ended by the change, or rejected here. The same holds for a change of the second factor or the address, and
    for the deletion of the account.
    """
    unchanged = {
        "_id": user["_id"],
        "email": user["email"],
        "password_changed_at": user.get("password_changed_at"),
        "two_factor.secret": user["two_factor"]["secret"] if "two_factor" in user else None,
        "disabled_at": None,
    }
    return bool(documents().update_one(unchanged, {"$set": {"logged_in_at": clock.now()}}).matched_count)


def record_leaving(user_id: ObjectId, restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> None:
    """Store a former membership, for the export of the user's data in that restaurant."""
    left = {"restaurant_id": restaurant_id, "member_id": member_id}
    documents().update_one({"_id": user_id}, {"$push": {"left": left}}, session=txn)


def rehash(user: User, password_hash: str) -> None:
    """Replace the hash of the same password, with newer parameters, unless the password was changed meanwhile."""
    documents().update_one(
        {"_id": user["_id"], "password_hash": user["password_hash"]}, {"$set": {"password_hash": password_hash}}
    )


def set_password(user_id: ObjectId, password_hash: str, txn: ClientSession | None) -> None:
    """Set a user's password; a pending change of address is cancelled."""
    new = {"password_hash": password_hash, "password_changed_at": clock.now()}
    documents().update_one({"_id": user_id}, {"$set": new, "$unset": {"pending_email": ""}}, session=txn)


def addresses(user_ids: list[ObjectId]) -> dict[ObjectId | None, str]:
    """The e-mail addresses of these users."""
    return {user["_id"]: user["email"] for user in documents().find({"_id": {"$in": user_ids}}, {"email": 1})}


def delete(user_id: ObjectId, txn: ClientSession | None) -> bool:
    """Delete a user; False if there is none."""
    return bool(documents().delete_one({"_id": user_id}, session=txn).deleted_count)


def delete_registrations(email: str, txn: ClientSession | None) -> None:
    """Delete the registrations of this address."""
    registrations().delete_many({"email": email}, session=txn)
