"""The store of subscriptions: the browsers that members want to be told by, for each restaurant of theirs.

A browser has one endpoint, whoever uses it, so it belongs to one member: whoever subscribed there last. A subscription
ends with the login it was made with, but not when that is only idle: an owner at home has not touched anything for
hours. Each change also writes the widest choice of a member's browsers into the restaurant's document, so that a call
costs no query where nobody wants to hear of it.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Literal, TypedDict, cast

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from waitercaller.db import clock
from waitercaller.db.client import db, transaction
from waitercaller.model import restaurants

ActiveChoice = Literal["all", "escalated"]
Choice = ActiveChoice | Literal["none"]

MAX_BROWSERS_PER_MEMBER = 10  # of one member; the oldest makes room for a new one


class Browser(TypedDict):
    """What a browser says of itself: where it is reached, its keys, and what its person reads."""

    endpoint: str
    p256dh: str
    auth: str
    key: str  # our public key that it was made for
    browser: str  # its User-Agent
    language: str


class Subscription(Browser):
    """A browser that is told for one member of one restaurant (collection `subscriptions`)."""

    _id: str  # see `full_id`
    restaurant_id: ObjectId
    member_id: str
    login_id: str
    choice: Choice
    created_at: datetime


def documents() -> Collection[Subscription]:
    """The collection `subscriptions`."""
    return cast(Collection[Subscription], db().subscriptions)


def put(
    restaurant_id: ObjectId, member_id: str, login_id: str, browser: Browser, choice: Choice, renewed: bool = False
) -> Choice:
    """Have this browser told for this member; returns what it is told.

    Where it only `renewed` what it says of itself, what the member has chosen since stands.
    """
    subscription_id = full_id(restaurant_id, hashlib.sha256(browser["endpoint"].encode()).hexdigest()[:32])

    def work(txn: ClientSession | None) -> Choice:
        before = documents().find_one({"_id": subscription_id}, session=txn)
        chosen = before["choice"] if renewed and before and before["member_id"] == member_id else choice
        values = {"member_id": member_id, "login_id": login_id, "choice": chosen, **browser}
        documents().update_one(
            {"_id": subscription_id},
            {"$set": values, "$setOnInsert": {"restaurant_id": restaurant_id, "created_at": clock.now()}},
            upsert=True,
            session=txn,
        )
        _make_room(restaurant_id, member_id, txn)
        for each in {member_id, before["member_id"] if before else member_id}:
            _note_widest(restaurant_id, each, txn)
        return chosen

    told = transaction(work)
    restaurants.forget(restaurant_id)
    return told


def full_id(restaurant_id: ObjectId, name: str) -> str:
    """The id of a browser's subscription; its name there stands for its endpoint."""
    return f"{restaurant_id}:{name}"


def get(subscription_id: str) -> Subscription | None:
    """The subscription with this id."""
    return documents().find_one({"_id": subscription_id})


def of_member(restaurant_id: ObjectId, member_id: str) -> list[Subscription]:
    """A member's subscriptions, the oldest first."""
    return _of(restaurant_id, member_id, None)


def ids_with_choice(
    choices: Iterable[ActiveChoice], restaurant_id: ObjectId, member_ids: list[str], txn: ClientSession | None
) -> list[str]:
    """The ids of these members' subscriptions for which one of these choices was made."""
    which = {"restaurant_id": restaurant_id, "member_id": {"$in": member_ids}, "choice": {"$in": list(choices)}}
    return [each["_id"] for each in documents().find(which, {"_id": True}, session=txn)]


def choose(restaurant_id: ObjectId, member_id: str, subscription_id: str, choice: Choice) -> bool:
    """Tell this browser of the member of other calls, or of none; False if they have no such browser."""
    which = {"_id": subscription_id, "restaurant_id": restaurant_id, "member_id": member_id}

    def work(txn: ClientSession | None) -> bool:
        changed = documents().update_one(which, {"$set": {"choice": choice}}, session=txn)
        _note_widest(restaurant_id, member_id, txn)
        return bool(changed.matched_count)

    found = transaction(work)
    restaurants.forget(restaurant_id)
    return found


def move_to_login(login_id: str, successor_id: str) -> None:
    """Another login takes this one's place in the same browser: what that is told goes on."""
    documents().update_many({"login_id": login_id}, {"$set": {"login_id": successor_id}})


def drop(subscription: Subscription) -> None:
    """Forget a browser that cannot be reached any more, or must not be."""

    def work(txn: ClientSession | None) -> None:
        same = {"_id": subscription["_id"], "login_id": subscription["login_id"]}  # not one that came back just now
        documents().delete_one(same, session=txn)
        _note_widest(subscription["restaurant_id"], subscription["member_id"], txn)

    transaction(work)
    restaurants.forget(subscription["restaurant_id"])


def forget_member(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> None:
    """Forget the browsers of a member who goes."""
    documents().delete_many({"restaurant_id": restaurant_id, "member_id": member_id}, session=txn)


def _of(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> list[Subscription]:
    which = {"restaurant_id": restaurant_id, "member_id": member_id}
    return list(documents().find(which, session=txn).sort("created_at"))


def _make_room(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> None:
    too_many = [each["_id"] for each in _of(restaurant_id, member_id, txn)[:-MAX_BROWSERS_PER_MEMBER]]
    if too_many:
        documents().delete_many({"_id": {"$in": too_many}}, session=txn)


def _note_widest(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> None:
    """Written at each change, also of nothing: of two changes at once the later then counts with what the other did."""
    choices = {each["choice"] for each in _of(restaurant_id, member_id, txn)}
    widest = next((each for each in ("all", "escalated") if each in choices), "none")
    mine = {"_id": restaurant_id, "members.id": member_id}
    values = {"members.$.push": widest, "members.$.push_at": clock.now()}
    restaurants.documents().update_one(mine, {"$set": values}, session=txn)
