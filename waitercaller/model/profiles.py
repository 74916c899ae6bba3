"""Changes of a user's own name, password and e-mail address.

A change of address is stored in the user's document as `pending_email` {id, email, asked_at} until its link is
redeemed. A newer change replaces it; the link's token contains the id, so the older link is invalid then.
"""

from datetime import timedelta

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from waitercaller.db import cache, clock
from waitercaller.db.client import Changes
from waitercaller.model import logins, restaurants, tokens, users
from waitercaller.model.member_names import free_name
from waitercaller.model.users import AddressTakenError, PendingEmail, User

CHANGE_LIFETIME = timedelta(hours=24)  # of a pending change of address


def rename(user_id: ObjectId, name: str, txn: ClientSession | None) -> None:
    """Change a person's name, in the account and in all memberships; with a number where another member has it."""
    users.documents().update_one({"_id": user_id}, {"$set": {"name": name}}, session=txn)
    for restaurant in restaurants.of_user(user_id, txn):
        membership = {"_id": restaurant["_id"], "members.user_id": user_id}
        new: Changes = {"members.$.name": free_name(restaurant["members"], name, user_id)}
        restaurants.documents().update_one(membership, {"$set": new}, session=txn)
    cache.restaurants.clear()


def change_password(user: User, password_hash: str, txn: ClientSession | None) -> User | None:
    """Set a new password; None if the password was changed since `user` was read (before verifying the old one).

    All logins end, and all open links are revoked, including a pending change of address. Returns the updated user.
    """
    now = clock.now()
    unchanged = {"_id": user["_id"], "password_changed_at": user.get("password_changed_at")}
    new = {"password_hash": password_hash, "password_changed_at": now}
    change = {"$set": new, "$unset": {"pending_email": ""}}
    if not users.documents().update_one(unchanged, change, session=txn).modified_count:
        return None
    _revoke_access(user, txn)
    return {**user, "password_hash": password_hash, "password_changed_at": now}


def ask_for_address(user_id: ObjectId, email: str, txn: ClientSession | None) -> str:
    """Store a pending change of address, replacing an earlier one; returns its id."""
    change_id = restaurants.new_id()
    pending = {"id": change_id, "email": email, "asked_at": clock.now()}
    users.documents().update_one({"_id": user_id}, {"$set": {"pending_email": pending}}, session=txn)
    return change_id


def pending_change(user: User) -> PendingEmail | None:
    """The user's pending change of address, if it has not expired."""
    pending = user.get("pending_email")
    return pending if pending and clock.now() < pending["asked_at"] + CHANGE_LIFETIME else None


def token_subject(user_id: ObjectId, change_id: str) -> str:
    """The subject of the token for a change of address."""
    return f"{user_id}:{change_id}"


def user_of_change(subject: str, txn: ClientSession | None = None) -> User | None:
    """The user with this pending change of address; None if it was replaced or confirmed."""
    user_id, _, change_id = subject.partition(":")
    return users.documents().find_one({"_id": ObjectId(user_id), "pending_email.id": change_id}, session=txn)


def change_address(user: User, txn: ClientSession | None) -> User:
    """Set the pending address and return the updated user. Raises AddressTakenError.

    All logins end, and all open links are revoked.
    """
    pending = user["pending_email"]
    waiting = {"_id": user["_id"], "pending_email.id": pending["id"]}
    change = {"$set": {"email": pending["email"]}, "$unset": {"pending_email": ""}}
    try:
        users.documents().update_one(waiting, change, session=txn)
    except DuplicateKeyError:
        raise AddressTakenError from None
    _revoke_access(user, txn)
    return {**user, "email": pending["email"]}


def _revoke_access(user: User, txn: ClientSession | None) -> None:
    tokens.revoke(str(user["_id"]), txn)
    if pending := user.get("pending_email"):
        tokens.revoke(token_subject(user["_id"], pending["id"]), txn)
    logins.end_all(user["_id"], txn)
