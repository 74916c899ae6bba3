"""Leaving for good: what happens to a person's restaurants, and the one transaction that does it.

Whoever is the only owner of a restaurant takes it along: it is closed, its tables are removed, its live calls
withdrawn, its screens ended. Elsewhere the person just leaves, and tables they were going to wait again. What is erased
when is told in waitercaller.erasure, which does what has no place in a transaction.
"""

from typing import TypedDict

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller import clock, erasure, mail, restaurants, sessions, tokens
from waitercaller.db import Document, db, transaction
from waitercaller.push import subscriptions
from waitercaller.requests import handover
from waitercaller.requests import store as requests
from waitercaller.restaurants import Member


class Place(TypedDict):
    """A restaurant somebody works in, and whether it goes when they go."""

    restaurant: Document
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


def leave(user: Document, places: list[Place], language: str) -> None:
    """Remove the user and all that hangs on it, all or nothing. Raises Overtaken."""

    def work(session: ClientSession | None) -> None:
        for place in places:
            (_close if place["is_doomed"] else _quit)(place, session)
        _erase_elsewhere(user, session)
        _remove_user(user, [place["member"]["id"] for place in places], session)
        names = [place["restaurant"]["name"] for place in places if place["is_doomed"]]
        mail.enqueue("account_deleted", user["email"], session=session, language=language, closed=names)

    transaction(work)
    for place in places:
        restaurants.forget(place["restaurant"]["_id"])


def _close(place: Place, session: ClientSession | None) -> None:
    restaurant_id = place["restaurant"]["_id"]
    if not restaurants.close(restaurant_id, place["member"]["id"], session):
        raise Overtaken
    present = {"restaurant_id": restaurant_id, "removed_at": None}
    db().tables.update_many(present, {"$set": {"removed_at": clock.now()}}, session=session)
    requests.withdraw({"restaurant_id": restaurant_id}, session)
    sessions.end_screens(restaurant_id, session)
    tokens.revoke(str(restaurant_id), session)  # the code of a counter screen
    db().invitations.delete_many({"restaurant_id": restaurant_id}, session=session)
    erasure.of_restaurant(place["restaurant"], session)


def _quit(place: Place, session: ClientSession | None) -> None:
    restaurant_id, member_id = place["restaurant"]["_id"], place["member"]["id"]
    if not restaurants.remove_member(restaurant_id, member_id, session):
        raise Overtaken
    handover.release(restaurant_id, member_id, session)
    subscriptions.forget_member(restaurant_id, member_id, session)
    sessions.end_screens(restaurant_id, session, member_id=member_id)
    erasure.of_member(place["restaurant"], member_id, session)


def _erase_elsewhere(user: Document, session: ClientSession | None) -> None:
    """Where this person worked before, the name goes, too."""
    for left in user.get("left", ()):
        restaurant = db().restaurants.find_one({"_id": left["restaurant_id"]}, session=session)
        if restaurant:
            erasure.of_member(restaurant, left["member_id"], session)


def _remove_user(user: Document, member_ids: list[str], session: ClientSession | None) -> None:
    user_id = user["_id"]
    if db().restaurants.find_one({"members.user_id": user_id}, session=session):
        raise Overtaken  # somewhere they have just been taken on
    if not db().users.delete_one({"_id": user_id}, session=session).deleted_count:
        raise Overtaken
    tokens.revoke(str(user_id), session)
    sessions.end_all(user_id, session)
    db().registrations.delete_many({"email": user["email"]}, session=session)
    db().invitations.delete_many({"email": user["email"]}, session=session)
    member_ids += [left["member_id"] for left in user.get("left", ())]
    erasure.of_person(user_id, member_ids, session)
