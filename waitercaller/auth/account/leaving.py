"""Leaving for good: what happens to a person's restaurants, and the one transaction that does it.

Whoever is the only owner of a restaurant takes it along: it is closed, its tables are removed, its live calls
withdrawn, its screens ended. Elsewhere the person just leaves, and tables they were going to wait again. What is erased
when is told in waitercaller.model.erasure, which does what has no place in a transaction.
"""

from typing import TypedDict

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.db.client import transaction
from waitercaller.mail import outbox
from waitercaller.model import erasure, invitations, logins, restaurants, subscriptions, tables, tokens, users
from waitercaller.model.requests import handover
from waitercaller.model.requests import transitions as requests
from waitercaller.model.restaurants import Member, Restaurant
from waitercaller.model.users import User


class Place(TypedDict):
    """A restaurant somebody works in, and whether it goes when they go."""

    restaurant: Restaurant
    member: Member
    is_doomed: bool
    others: int


class Overtaken(Exception):
    """Ownership changed while somebody was leaving: what would happen is not what they were told."""


def places_of(user_id: ObjectId) -> list[Place]:
    """The restaurants of a person, and what leaving would mean for each."""
    return [
        {
            "restaurant": restaurant,
            "member": member,
            "is_doomed": [each["id"] for each in restaurant["members"] if each["role"] == "owner"] == [member["id"]],
            "others": len(restaurant["members"]) - 1,
        }
        for restaurant in restaurants.of_user(user_id)
        if (member := restaurants.member_of(restaurant, user_id))
    ]


def leave(user: User, places: list[Place], language: str) -> None:
    """Remove the user and all that hangs on it, all or nothing. Raises Overtaken."""

    def work(txn: ClientSession | None) -> None:
        for place in places:
            (_close if place["is_doomed"] else _quit)(place, txn)
        _erase_elsewhere(user, txn)
        _remove_user(user, [place["member"]["id"] for place in places], txn)
        names = [place["restaurant"]["name"] for place in places if place["is_doomed"]]
        outbox.enqueue("account_deleted", user["email"], txn=txn, language=language, closed=names)

    transaction(work)
    for place in places:
        restaurants.forget(place["restaurant"]["_id"])


def _close(place: Place, txn: ClientSession | None) -> None:
    restaurant_id = place["restaurant"]["_id"]
    if not restaurants.close(restaurant_id, place["member"]["id"], txn):
        raise Overtaken
    tables.remove_all(restaurant_id, txn)
    requests.withdraw({"restaurant_id": restaurant_id}, txn)
    logins.end_devices(restaurant_id, txn)
    tokens.revoke(str(restaurant_id), txn)  # the code of a counter screen
    invitations.delete_of_restaurant(restaurant_id, txn)
    erasure.of_restaurant(place["restaurant"], txn)


def _quit(place: Place, txn: ClientSession | None) -> None:
    restaurant_id, member_id = place["restaurant"]["_id"], place["member"]["id"]
    if not restaurants.remove_member(restaurant_id, member_id, txn):
        raise Overtaken
    handover.release(restaurant_id, member_id, txn)
    subscriptions.forget_member(restaurant_id, member_id, txn)
    logins.end_devices(restaurant_id, txn, member_id=member_id)
    erasure.of_member(place["restaurant"], member_id, txn)


def _erase_elsewhere(user: User, txn: ClientSession | None) -> None:
    """Where this person worked before, the name goes, too."""
    for left in user.get("left", ()):
        restaurant = restaurants.get_even_removed(left["restaurant_id"], txn)
        if restaurant:
            erasure.of_member(restaurant, left["member_id"], txn)


def _remove_user(user: User, member_ids: list[str], txn: ClientSession | None) -> None:
    user_id = user["_id"]
    if restaurants.of_user(user_id, txn):
        raise Overtaken  # somewhere they have just been taken on
    if not users.delete(user_id, txn):
        raise Overtaken
    tokens.revoke(str(user_id), txn)
    logins.end_all(user_id, txn)
    users.delete_registrations(user["email"], txn)
    invitations.delete_of_address(user["email"], txn)
    member_ids += [left["member_id"] for left in user.get("left", ())]
    erasure.of_person(user_id, member_ids, txn)
