"""The store of people: registrations that wait for their confirmation, and users.

An e-mail address comes here as `forms.normal_address` writes it.
"""

from datetime import timedelta

from bson import ObjectId
from pymongo import DESCENDING
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from waitercaller.db import clock
from waitercaller.db.client import Document, db

REGISTRATION_LIFETIME = timedelta(days=7)


class AddressTakenError(Exception):
    """Somebody has confirmed this address already."""


def register(
    email: str, name: str, restaurant_name: str, password_hash: str, language: str, txn: ClientSession | None
) -> ObjectId:
    """Keep a registration until it is confirmed, whether or not the address has an account."""
    now = clock.now()
    document = {
        "email": email,
        "name": name,
        "restaurant_name": restaurant_name,
        "password_hash": password_hash,
        "language": language,
        "created_at": now,
        "expires_at": now + REGISTRATION_LIFETIME,
    }
    registration_id: ObjectId = db().registrations.insert_one(document, session=txn).inserted_id
    return registration_id


def registration(registration_id: ObjectId, txn: ClientSession | None = None) -> Document | None:
    """A registration that still waits for its confirmation."""
    return db().registrations.find_one({"_id": registration_id, "expires_at": {"$gt": clock.now()}}, session=txn)


def registration_of(email: str, preferred: ObjectId | None) -> Document | None:
    """The waiting registration of this address: the preferred one if it is among them, else the newest."""
    waiting = {"email": email, "expires_at": {"$gt": clock.now()}}
    found = db().registrations.find_one({**waiting, "_id": preferred}) if preferred else None
    return found or db().registrations.find_one(waiting, sort=[("created_at", DESCENDING)])


def drop_registration(registration_id: ObjectId, txn: ClientSession | None) -> None:
    """Forget a registration: it has become a user."""
    db().registrations.delete_one({"_id": registration_id}, session=txn)


def create(email: str, name: str, password_hash: str, txn: ClientSession | None) -> ObjectId:
    """A new user. Raises AddressTakenError."""
    now = clock.now()
    user = {
        "email": email,
        "name": name,
        "password_hash": password_hash,
        "password_changed_at": now,
        "created_at": now,
    }
    try:
        user_id: ObjectId = db().users.insert_one(user, session=txn).inserted_id
    except DuplicateKeyError:
        raise AddressTakenError from None
    return user_id


def get(user_id: ObjectId, txn: ClientSession | None = None) -> Document | None:
    """The user with this id."""
    return db().users.find_one({"_id": user_id}, session=txn)


def with_address(email: str) -> Document | None:
    """The user with this address."""
    return db().users.find_one({"email": email})


def note_login(user: Document) -> bool:
    """Note that the user, as read before the password was verified, has logged in; False if the password has changed.

    A write, so that it and the transaction of a new password exclude each other: a login that began with the old
    password is either ended by the change of the password, or hears here that it came too late. The same holds for one
    that began without the second factor, with the old address, or with an account that is being deleted.
    """
    unchanged = {
        "_id": user["_id"],
        "email": user["email"],
        "password_changed_at": user.get("password_changed_at"),
        "two_factor.secret": (user.get("two_factor") or {}).get("secret"),
    }
    return bool(db().users.update_one(unchanged, {"$set": {"logged_in_at": clock.now()}}).matched_count)


def note_left(user_id: ObjectId, restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> None:
    """Remember as whom a user worked in a restaurant they left: what is held about them there is still theirs."""
    left = {"restaurant_id": restaurant_id, "member_id": member_id}
    db().users.update_one({"_id": user_id}, {"$push": {"left": left}}, session=txn)


def rehash(user: Document, password_hash: str) -> None:
    """Keep the same password under a hash with newer parameters, unless it was changed in the meantime."""
    db().users.update_one(
        {"_id": user["_id"], "password_hash": user["password_hash"]}, {"$set": {"password_hash": password_hash}}
    )


def set_password(user_id: ObjectId, password_hash: str, txn: ClientSession | None) -> None:
    """Give a user a new password; a change of address that waits for its confirmation is off."""
    new = {"password_hash": password_hash, "password_changed_at": clock.now()}
    db().users.update_one({"_id": user_id}, {"$set": new, "$unset": {"pending_email": ""}}, session=txn)


def addresses(user_ids: list[ObjectId]) -> dict[ObjectId | None, str]:
    """The e-mail addresses of these users."""
    return {user["_id"]: user["email"] for user in db().users.find({"_id": {"$in": user_ids}}, {"email": 1})}


def delete(user_id: ObjectId, txn: ClientSession | None) -> bool:
    """Delete a user; False when there is none."""
    return bool(db().users.delete_one({"_id": user_id}, session=txn).deleted_count)


def delete_registrations(email: str, txn: ClientSession | None) -> None:
    """Delete the registrations that wait for this address."""
    db().registrations.delete_many({"email": email}, session=txn)
