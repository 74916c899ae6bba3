"""Deletion of an account, or of one restaurant, in one transaction.

A restaurant whose only owner leaves is closed: its tables are removed, its live requests withdrawn, the logins of its
devices ended. In other restaurants the membership is removed, and requests that the member had accepted wait again.
Erasure of the name from older documents is enqueued (waitercaller.model.erasure): it is too long for a transaction.
"""

from typing import TypedDict

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.alerts import uncovered
from waitercaller.db.client import transaction
from waitercaller.mail import outbox
from waitercaller.model import erasure, invitations, logins, restaurants, subscriptions, tables, tokens, users
from waitercaller.model.requests import handover
from waitercaller.model.requests import transitions as requests
from waitercaller.model.restaurants import Member, Restaurant
from waitercaller.model.users import User


class Membership(TypedDict):
    """A restaurant of a person, and whether it is closed with the account. `others`: number of other members."""

    restaurant: Restaurant
    member: Member
    will_be_closed: bool
    others: int


class OwnershipChanged(Exception):
    """Memberships changed after the confirmation page was shown; nothing was written."""


def memberships_of(user_id: ObjectId) -> list[Membership]:
    """The restaurants of a person, and what the deletion of the account does to each."""
    return [
        {
            "restaurant": restaurant,
            "member": member,
            "will_be_closed": [each["id"] for each in restaurant["members"] if each["role"] == "owner"]
            == [member["id"]],
            "others": len(restaurant["members"]) - 1,
        }
        for restaurant in restaurants.of_user(user_id)
        if (member := restaurants.member_of(restaurant, user_id))
    ]


def delete_account(user: User, memberships: list[Membership], language: str | None) -> None:
    """Delete the user and dependent documents, all or nothing; `language` is that of the mail, None: send none.

    Raises OwnershipChanged.
    """

    def work(txn: ClientSession | None) -> None:
        for membership in memberships:
            (_close if membership["will_be_closed"] else _remove_membership)(membership, txn)
        _erase_elsewhere(user, txn)
        _remove_user(user, [membership["member"]["id"] for membership in memberships], txn)
        names = [membership["restaurant"]["name"] for membership in memberships if membership["will_be_closed"]]
        if language:
            outbox.enqueue("account_deleted", user["email"], txn=txn, language=language, closed=names)

    transaction(work)
    for membership in memberships:
        restaurants.forget(membership["restaurant"]["_id"])


def close_restaurant(membership: Membership) -> None:
    """Close this restaurant of a person who stays. Raises OwnershipChanged."""
    transaction(lambda txn: _close(membership, txn))
    restaurants.forget(membership["restaurant"]["_id"])


def end_restaurant(restaurant: Restaurant, txn: ClientSession | None) -> None:
    """End all that a restaurant has which was just marked as removed, and enqueue its erasure."""
    restaurant_id = restaurant["_id"]
    tables.remove_all(restaurant_id, txn)
    requests.withdraw({"restaurant_id": restaurant_id}, txn)
    logins.end_devices(restaurant_id, txn)
    tokens.revoke(str(restaurant_id), txn)  # codes for counter devices
    invitations.delete_of_restaurant(restaurant_id, txn)
    erasure.of_restaurant(restaurant, txn)


def _close(membership: Membership, txn: ClientSession | None) -> None:
    restaurant = membership["restaurant"]
    if not restaurants.close(restaurant["_id"], membership["member"]["id"], txn):
        raise OwnershipChanged
    end_restaurant(restaurant, txn)


def _remove_membership(membership: Membership, txn: ClientSession | None) -> None:
    restaurant_id, member_id = membership["restaurant"]["_id"], membership["member"]["id"]
    uncovered.leave_within(restaurant_id, member_id, txn)
    if not restaurants.remove_member(restaurant_id, member_id, txn):
        raise OwnershipChanged
    handover.release(restaurant_id, member_id, txn)
    subscriptions.forget_member(restaurant_id, member_id, txn)
    logins.end_devices(restaurant_id, txn, member_id=member_id)
    erasure.of_member(membership["restaurant"], member_id, txn)


def _erase_elsewhere(user: User, txn: ClientSession | None) -> None:
    """Enqueue the erasure of the name in restaurants of which this person was a member before."""
    for left in user.get("left", ()):
        restaurant = restaurants.get_even_removed(left["restaurant_id"], txn)
        if restaurant:
            erasure.of_member(restaurant, left["member_id"], txn)


def _remove_user(user: User, member_ids: list[str], txn: ClientSession | None) -> None:
    user_id = user["_id"]
    if restaurants.of_user(user_id, txn):
        raise OwnershipChanged  # became a member in the meantime
    if not users.delete(user_id, txn):
        raise OwnershipChanged
    tokens.revoke(str(user_id), txn)
    logins.end_all(user_id, txn)
    users.delete_registrations(user["email"], txn)
    invitations.delete_of_address(user["email"], txn)
    member_ids += [left["member_id"] for left in user.get("left", ())]
    erasure.of_person(user_id, member_ids, txn)
