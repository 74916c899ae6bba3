"""Invitations: by mail to an address, or by a QR code to the phone of a member without an address.

An invitation is valid only while its author is a member who may assign the role; otherwise it ends by itself.
"""

from datetime import datetime, timedelta
from typing import NotRequired, TypedDict, cast

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from waitercaller.db import clock
from waitercaller.db.client import Filter, db
from waitercaller.model import restaurants
from waitercaller.model.restaurants import Actor, Member, Restaurant, Role

MAIL_LIFETIME = timedelta(days=7)
PHONE_LIFETIME = timedelta(minutes=10)
RETENTION = timedelta(days=30)  # after its expiry


class Invitation(TypedDict):
    """An invitation to a restaurant, by mail or by QR code."""

    _id: ObjectId
    restaurant_id: ObjectId
    email: str | None  # None: by QR code
    member_id: str | None  # whose phone, by QR code; None: by mail
    name: str
    role: Role
    language: NotRequired[str]  # of the mail
    invited_by: Actor  # must still be allowed to assign the role
    created_at: datetime
    expires_at: datetime  # MAIL_LIFETIME or PHONE_LIFETIME later
    used_at: datetime | None
    withdrawn_at: datetime | None
    purge_at: datetime


def documents() -> Collection[Invitation]:
    """The collection `invitations`."""
    return cast(Collection[Invitation], db().invitations)


def may_manage(actor: Member, role: Role) -> bool:
    """Whether this member may add and remove members of this role: owners any role, managers waiters."""
    return actor["role"] == "owner" or (actor["role"] == "manager" and role == "waiter")


def invite(
    restaurant_id: ObjectId, email: str, name: str, role: Role, by: Actor, language: str, txn: ClientSession | None
) -> ObjectId:
    """Create an invitation by mail; an earlier one of this address to the same restaurant is withdrawn."""
    invitation = _new(restaurant_id, name, role, by, MAIL_LIFETIME)
    invitation["email"], invitation["language"] = email, language
    return _insert(invitation, txn)


def invite_phone(restaurant_id: ObjectId, member: Member, by: Actor, txn: ClientSession | None) -> ObjectId:
    """Create an invitation by QR code for the phone of a member, valid for PHONE_LIFETIME."""
    invitation = _new(restaurant_id, member["name"], member["role"], by, PHONE_LIFETIME)
    invitation["member_id"] = member["id"]
    return _insert(invitation, txn)


def get(invitation_id: ObjectId, txn: ClientSession | None = None) -> Invitation | None:
    """The invitation with this id if it is valid."""
    invitation = documents().find_one({"_id": invitation_id, **_open()}, session=txn)
    restaurant = _restaurant(invitation["restaurant_id"], txn) if invitation else None
    return invitation if invitation and restaurant and _is_authorised(invitation, restaurant) else None


def of_restaurant(restaurant: Restaurant) -> list[Invitation]:
    """The valid invitations of a restaurant, newest first."""
    found = documents().find({"restaurant_id": restaurant["_id"], **_open()}).sort("created_at", -1)
    return [invitation for invitation in found if _is_authorised(invitation, restaurant)]


def mark_used(invitation_id: ObjectId, txn: ClientSession | None) -> bool:
    """Mark the invitation as used; False if it was used or withdrawn before."""
    return _close({"_id": invitation_id}, "used_at", txn)


def withdraw(restaurant_id: ObjectId, invitation_id: ObjectId, txn: ClientSession | None) -> bool:
    """Withdraw an invitation; False if there is no open one."""
    return _close({"_id": invitation_id, "restaurant_id": restaurant_id}, "withdrawn_at", txn)


def member_now(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> Member | None:
    """The member, read from the database instead of the cache: for authorisation within a transaction."""
    restaurant = _restaurant(restaurant_id, txn)
    return restaurants.member_with_id(restaurant, member_id) if restaurant else None


def delete_of_restaurant(restaurant_id: ObjectId, txn: ClientSession | None) -> None:
    """Delete all invitations to a restaurant."""
    documents().delete_many({"restaurant_id": restaurant_id}, session=txn)


def delete_of_address(email: str, txn: ClientSession | None) -> None:
    """Delete all invitations of this address."""
    documents().delete_many({"email": email}, session=txn)


def _new(restaurant_id: ObjectId, name: str, role: Role, by: Actor, lifetime: timedelta) -> Invitation:
    now = clock.now()
    return {
        "_id": ObjectId(),
        "restaurant_id": restaurant_id,
        "email": None,
        "member_id": None,
        "name": name,
        "role": role,
        "invited_by": by,
        "created_at": now,
        "expires_at": now + lifetime,
        "used_at": None,
        "withdrawn_at": None,
        "purge_at": now + lifetime + RETENTION,
    }


def _insert(invitation: Invitation, txn: ClientSession | None) -> ObjectId:
    """Insert an invitation; an open one to the same address or phone is withdrawn."""
    same = {name: invitation[name] for name in ("restaurant_id", "email", "member_id")}
    _close(same, "withdrawn_at", txn)
    documents().insert_one(invitation, session=txn)
    return invitation["_id"]


def _close(which: Filter, how: str, txn: ClientSession | None) -> bool:
    waiting = {**which, "used_at": None, "withdrawn_at": None}
    return bool(documents().update_one(waiting, {"$set": {how: clock.now()}}, session=txn).modified_count)


def _open() -> Filter:
    return {"used_at": None, "withdrawn_at": None, "expires_at": {"$gt": clock.now()}}


def _is_authorised(invitation: Invitation, restaurant: Restaurant) -> bool:
    """Whether its author may still assign the role and, by QR code, the invited member still exists."""
    author = restaurants.member_with_id(restaurant, invitation["invited_by"]["id"])
    known = invitation["member_id"] is None or restaurants.member_with_id(restaurant, invitation["member_id"])
    return bool(known and author and may_manage(author, invitation["role"]))


def _restaurant(restaurant_id: ObjectId, txn: ClientSession | None) -> Restaurant | None:
    return restaurants.documents().find_one({"_id": restaurant_id, "removed_at": None}, session=txn)
