"""The store of invitations: by mail to an address, or by a QR code to a member who has none.

An invitation is as good as whoever made it: when that member goes, or may no longer give such a role, it ends too.
Nobody has to remember to withdraw it.
"""

from datetime import timedelta
from typing import cast

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.db.client import Document, db
from waitercaller.model import restaurants
from waitercaller.model.restaurants import Actor, Member, Role

MAIL_LIFETIME = timedelta(days=7)
PHONE_LIFETIME = timedelta(minutes=10)
KEPT = timedelta(days=30)  # how long it is remembered what became of one


def may_manage(actor: Member, role: Role) -> bool:
    """Whether this member may take on and let go members of this role: owners anybody, managers waiters."""
    return actor["role"] == "owner" or (actor["role"] == "manager" and role == "waiter")


def invite(
    restaurant_id: ObjectId, email: str, name: str, role: Role, by: Actor, language: str, txn: ClientSession | None
) -> ObjectId:
    """Invite whoever reads this address; an earlier invitation of it to the same restaurant is withdrawn."""
    values = {"email": email, "member_id": None, "name": name, "role": role, "language": language}
    return _put(restaurant_id, values, by, MAIL_LIFETIME, txn)


def let_in(restaurant_id: ObjectId, member: Member, by: Actor, txn: ClientSession | None) -> ObjectId:
    """Let a member without an address in with a phone, for ten minutes."""
    values = {"email": None, "member_id": member["id"], "name": member["name"], "role": member["role"]}
    return _put(restaurant_id, values, by, PHONE_LIFETIME, txn)


def get(invitation_id: ObjectId, txn: ClientSession | None = None) -> Document | None:
    """An invitation that is still good."""
    invitation = db().invitations.find_one({"_id": invitation_id, **_open()}, session=txn)
    restaurant = _restaurant(invitation["restaurant_id"], txn) if invitation else None
    return invitation if invitation and restaurant and _stands(invitation, restaurant) else None


def of_restaurant(restaurant: Document) -> list[Document]:
    """A restaurant's invitations that are good, the newest first."""
    found = db().invitations.find({"restaurant_id": restaurant["_id"], **_open()}).sort("created_at", -1)
    return [invitation for invitation in found if _stands(invitation, restaurant)]


def use(invitation_id: ObjectId, txn: ClientSession | None) -> bool:
    """Note that it was accepted; False if it was used or withdrawn before."""
    return _close({"_id": invitation_id}, "used_at", txn)


def withdraw(restaurant_id: ObjectId, invitation_id: ObjectId, txn: ClientSession | None) -> bool:
    """Take an invitation back; False if there is none that could be."""
    return _close({"_id": invitation_id, "restaurant_id": restaurant_id}, "withdrawn_at", txn)


def member_now(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> Member | None:
    """The member as the database has it, not the cache: for decisions about rights in a transaction."""
    restaurant = _restaurant(restaurant_id, txn)
    return restaurants.member_with_id(restaurant, member_id) if restaurant else None


def delete_of_restaurant(restaurant_id: ObjectId, txn: ClientSession | None) -> None:
    """Delete all invitations to a restaurant."""
    db().invitations.delete_many({"restaurant_id": restaurant_id}, session=txn)


def delete_of_address(email: str, txn: ClientSession | None) -> None:
    """Delete all invitations of this address."""
    db().invitations.delete_many({"email": email}, session=txn)


def _put(
    restaurant_id: ObjectId, values: Document, by: Actor, lifetime: timedelta, txn: ClientSession | None
) -> ObjectId:
    now = clock.now()
    same = {"restaurant_id": restaurant_id, "email": values["email"], "member_id": values["member_id"]}
    _close(same, "withdrawn_at", txn)
    document = {
        "restaurant_id": restaurant_id,
        **values,
        "invited_by": by,
        "created_at": now,
        "expires_at": now + lifetime,
        "used_at": None,
        "withdrawn_at": None,
        "purge_at": now + lifetime + KEPT,
    }
    return cast(ObjectId, db().invitations.insert_one(document, session=txn).inserted_id)


def _close(which: Document, how: str, txn: ClientSession | None) -> bool:
    waiting = {**which, "used_at": None, "withdrawn_at": None}
    return bool(db().invitations.update_one(waiting, {"$set": {how: clock.now()}}, session=txn).modified_count)


def _open() -> Document:
    return {"used_at": None, "withdrawn_at": None, "expires_at": {"$gt": clock.now()}}


def _stands(invitation: Document, restaurant: Document) -> bool:
    """Whether its author could make it today; for a phone, whether its member is still there, too."""
    author = restaurants.member_with_id(restaurant, invitation["invited_by"]["id"])
    known = invitation["member_id"] is None or restaurants.member_with_id(restaurant, invitation["member_id"])
    return bool(known and author and may_manage(author, invitation["role"]))


def _restaurant(restaurant_id: ObjectId, txn: ClientSession | None) -> Document | None:
    return db().restaurants.find_one({"_id": restaurant_id, "removed_at": None}, session=txn)
