"""Web Push subscriptions: browsers of members, for each restaurant.

A browser has one endpoint, so in each restaurant its subscription belongs to the member who subscribed last. It ends
with the login that created it, but not when that is only idle: an owner at home may be inactive for hours. Each change
also stores the widest choice of a member's browsers in the restaurant's document (`push`), so that a call needs no
query if no member has subscribed.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, NotRequired, TypedDict, cast

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from waitercaller.db import clock
from waitercaller.db.client import Filter, db, transaction
from waitercaller.model import restaurants

ActiveChoice = Literal["all", "escalated"]
Choice = ActiveChoice | Literal["none"]

# A phone that has signed a message counts as hearing calls for so long, unless it has left a later one unsigned.
SIGNATURE_COUNTS_FOR = timedelta(hours=24)
SIGNATURE_EXPECTED_WITHIN = timedelta(seconds=20)
FAILING_FOR = timedelta(days=7)  # for so long operators are told of a browser to which nothing gets
MAX_BROWSERS_PER_MEMBER = 10  # a new one replaces the oldest


class Browser(TypedDict):
    """A browser's push endpoint, its keys (RFC 8291) and its language."""

    endpoint: str
    p256dh: str
    auth: str
    key: str  # the VAPID public key that it was created with
    browser: str  # User-Agent
    language: str


class Subscription(Browser):
    """A browser's subscription for one member of one restaurant (collection `subscriptions`)."""

    _id: str  # see `full_id`
    restaurant_id: ObjectId
    member_id: str
    login_id: str
    choice: Choice
    created_at: datetime
    sent_at: NotRequired[datetime]  # when the latest message was sent to it
    signed_at: NotRequired[datetime]  # when it last signed that it shows one
    failed_at: NotRequired[datetime]  # when its push service last took a message of ours not; unset once it takes one


def documents() -> Collection[Subscription]:
    """The collection `subscriptions`."""
    return cast(Collection[Subscription], db().subscriptions)


def put(
    restaurant_id: ObjectId, member_id: str, login_id: str, browser: Browser, choice: Choice, renewed: bool = False
) -> Choice:
    """Subscribe this browser for this member; returns its choice.

    If the browser only `renewed` its subscription, the member's stored choice is kept.
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

    chosen = transaction(work)
    restaurants.forget(restaurant_id)
    return chosen


def full_id(restaurant_id: ObjectId, name: str) -> str:
    """The `_id` of a subscription; `name` is the hash of the browser's endpoint."""
    return f"{restaurant_id}:{name}"


def has_phones(restaurant: restaurants.Restaurant) -> bool:
    """Whether a member gets push messages."""
    return any(member.get("push", "none") != "none" for member in restaurant["members"])


def get(subscription_id: str) -> Subscription | None:
    """The subscription with this id."""
    return documents().find_one({"_id": subscription_id})


def of_member(restaurant_id: ObjectId, member_id: str) -> list[Subscription]:
    """The subscriptions of a member, oldest first."""
    return _of(restaurant_id, member_id, None)


def of_restaurant(restaurant_id: ObjectId) -> list[Subscription]:
    """The subscriptions of all members, oldest first."""
    return list(documents().find({"restaurant_id": restaurant_id}).sort("created_at"))


def ids_with_choice(
    choices: Iterable[ActiveChoice], restaurant_id: ObjectId, member_ids: list[str], txn: ClientSession | None
) -> list[str]:
    """The ids of these members' subscriptions with one of these choices."""
    which = {"restaurant_id": restaurant_id, "member_id": {"$in": member_ids}, "choice": {"$in": list(choices)}}
    return [each["_id"] for each in documents().find(which, {"_id": True}, session=txn)]


def choose(restaurant_id: ObjectId, member_id: str, subscription_id: str, choice: Choice) -> bool:
    """Set the choice of a member's subscription; False if there is no such subscription."""
    which = {"_id": subscription_id, "restaurant_id": restaurant_id, "member_id": member_id}

    def work(txn: ClientSession | None) -> bool:
        changed = documents().update_one(which, {"$set": {"choice": choice}}, session=txn)
        _note_widest(restaurant_id, member_id, txn)
        return bool(changed.matched_count)

    found = transaction(work)
    restaurants.forget(restaurant_id)
    return found


def move_to_login(login_id: str, successor_id: str) -> None:
    """Attach the subscriptions of a login to its successor in the same browser."""
    documents().update_many({"login_id": login_id}, {"$set": {"login_id": successor_id}})


def note_sent(subscription_id: str) -> None:
    """A message is being sent to this browser."""
    documents().update_one({"_id": subscription_id}, {"$set": {"sent_at": clock.now()}})


def note_signed(subscription_id: str) -> None:
    """This browser shows a message."""
    documents().update_one({"_id": subscription_id}, {"$set": {"signed_at": clock.now()}})


def note_failed(subscription_id: str) -> None:
    """The push service of this browser has refused a message, or not taken it in time."""
    documents().update_one({"_id": subscription_id}, {"$set": {"failed_at": clock.now()}})


def clear_failed(subscription_id: str) -> None:
    """The push service of this browser takes messages again."""
    documents().update_one({"_id": subscription_id}, {"$unset": {"failed_at": ""}})


def hears(subscription: Subscription) -> bool:
    """Whether this browser can be expected to show a call; see SIGNATURE_COUNTS_FOR."""
    now, signed_at, sent_at = clock.now(), subscription.get("signed_at"), subscription.get("sent_at")
    if "failed_at" in subscription or subscription["choice"] != "all":
        return False
    if signed_at is None or signed_at <= now - SIGNATURE_COUNTS_FOR:
        return False
    return sent_at is None or sent_at <= signed_at or sent_at > now - SIGNATURE_EXPECTED_WITHIN


def hearing() -> dict[ObjectId, set[str]]:
    """By restaurant, the ids of the members of whom a phone would show a call."""
    found: dict[ObjectId, set[str]] = {}
    for each in documents().find({"signed_at": {"$gt": clock.now() - SIGNATURE_COUNTS_FOR}}):
        if hears(each):
            found.setdefault(each["restaurant_id"], set()).add(each["member_id"])
    return found


def is_failing() -> Filter:
    """The condition that a push service has not taken the latest message to a browser, in FAILING_FOR."""
    return {"failed_at": {"$gt": clock.now() - FAILING_FOR}}


def failing() -> list[Subscription]:
    """The browsers, of all restaurants, that get no messages because their push services do not take them."""
    return list(documents().find(is_failing()))


def drop(subscription: Subscription) -> None:
    """Delete a subscription that is gone or must not be used any more."""

    def work(txn: ClientSession | None) -> None:
        same = {
            "_id": subscription["_id"],
            "login_id": subscription["login_id"],
        }  # not one that was renewed concurrently
        documents().delete_one(same, session=txn)
        _note_widest(subscription["restaurant_id"], subscription["member_id"], txn)

    transaction(work)
    restaurants.forget(subscription["restaurant_id"])


def forget_member(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> None:
    """Delete the subscriptions of a member who leaves."""
    documents().delete_many({"restaurant_id": restaurant_id, "member_id": member_id}, session=txn)


def _of(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> list[Subscription]:
    which = {"restaurant_id": restaurant_id, "member_id": member_id}
    return list(documents().find(which, session=txn).sort("created_at"))


def _make_room(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> None:
    too_many = [each["_id"] for each in _of(restaurant_id, member_id, txn)[:-MAX_BROWSERS_PER_MEMBER]]
    if too_many:
        documents().delete_many({"_id": {"$in": too_many}}, session=txn)


def _note_widest(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None) -> None:
    """Store the widest choice of a member; always a write, so that concurrent transactions conflict and are retried."""
    choices = {each["choice"] for each in _of(restaurant_id, member_id, txn)}
    widest = next((each for each in ("all", "escalated") if each in choices), "none")
    mine = {"_id": restaurant_id, "members.id": member_id}
    values = {"members.$.push": widest, "members.$.push_at": clock.now()}
    restaurants.documents().update_one(mine, {"$set": values}, session=txn)
