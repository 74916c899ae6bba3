"""The store of what people change about themselves: name, password, e-mail address.

A change of address waits in the user's document as `pending_email` {id, email, asked_at} until its link is redeemed. A
newer one takes its place there, and the link's token names the id, so an older link finds nothing to confirm.
"""

from datetime import timedelta

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from waitercaller.db import clock
from waitercaller.model import logins, restaurants, tokens, users
from waitercaller.model.users import AddressTakenError, PendingEmail, User

CHANGE_LIFETIME = timedelta(hours=24)  # of the link to a new address


def rename(user_id: ObjectId, name: str, txn: ClientSession | None) -> None:
    """Call a person by a new name, here and wherever they work."""
    users.documents().update_one({"_id": user_id}, {"$set": {"name": name}}, session=txn)
    restaurants.rename_person(user_id, name, txn)


def change_password(user: User, password_hash: str, txn: ClientSession | None) -> User | None:
    """Give a user, as read before the old password was verified, a new one; None if another change came first.

    Every login and every open link ends, a change of address that waits for its confirmation included. Returns the user
    as it is then.
    """
    now = clock.now()
    unchanged = {"_id": user["_id"], "password_changed_at": user.get("password_changed_at")}
    new = {"password_hash": password_hash, "password_changed_at": now}
    change = {"$set": new, "$unset": {"pending_email": ""}}
    if not users.documents().update_one(unchanged, change, session=txn).modified_count:
        return None
    _end_everything(user, txn)
    return {**user, "password_hash": password_hash, "password_changed_at": now}


def ask_for_address(user_id: ObjectId, email: str, txn: ClientSession | None) -> str:
    """Note the address that somebody wants to have instead; returns the id of this change, the only one from now on."""
    change_id = restaurants.new_id()
    pending = {"id": change_id, "email": email, "asked_at": clock.now()}
    users.documents().update_one({"_id": user_id}, {"$set": {"pending_email": pending}}, session=txn)
    return change_id


def pending_change(user: User) -> PendingEmail | None:
    """The change of address that a user's link can still confirm."""
    pending = user.get("pending_email")
    return pending if pending and clock.now() < pending["asked_at"] + CHANGE_LIFETIME else None


def token_subject(user_id: ObjectId, change_id: str) -> str:
    """What the token of a change of address is about."""
    return f"{user_id}:{change_id}"


def user_of_change(subject: str, txn: ClientSession | None = None) -> User | None:
    """The user whose newest change of address this is, if it still waits."""
    user_id, _, change_id = subject.partition(":")
    return users.documents().find_one({"_id": ObjectId(user_id), "pending_email.id": change_id}, session=txn)


def change_address(user: User, txn: ClientSession | None) -> User:
    """Give a user the address that the change waited for, and return the user as it is then. Raises AddressTakenError.

    Every login and every open link ends.
    """
    pending = user["pending_email"]
    waiting = {"_id": user["_id"], "pending_email.id": pending["id"]}
    change = {"$set": {"email": pending["email"]}, "$unset": {"pending_email": ""}}
    try:
        users.documents().update_one(waiting, change, session=txn)
    except DuplicateKeyError:
        raise AddressTakenError from None
    _end_everything(user, txn)
    return {**user, "email": pending["email"]}


def _end_everything(user: User, txn: ClientSession | None) -> None:
    tokens.revoke(str(user["_id"]), txn)
    if pending := user.get("pending_email"):
        tokens.revoke(token_subject(user["_id"], pending["id"]), txn)
    logins.end_all(user["_id"], txn)
