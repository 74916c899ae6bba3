"""Documents of the outboxes (mails, push messages, webhooks), and the registry of the functions that prepare messages.

A message is enqueued when something happens and sent later, with a long delay when a server is unavailable. Whether it
is still true is decided when it is sent: each kind of message registers a function with its outbox, which returns the
content, or None if the message is obsolete. The outboxes are independent of the contents.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from operator import itemgetter
from typing import Any, Generic, Literal, NamedTuple, NotRequired, TypeVar, cast

from bson import ObjectId
from pymongo import DESCENDING

from waitercaller.db import clock
from waitercaller.db.client import db
from waitercaller.db.work_queue import Work

Prepare = TypeVar("Prepare", bound=Callable[..., Any])
Purpose = Literal["shown", "accept"]  # what a phone sends back about a push message


class OutboxMail(Work):
    """A mail (collection `outbox`). States: due, sent, dropped, failed."""

    _id: ObjectId | str  # its occasion (idempotency key), if it has one
    name: str  # the kind of mail
    to: str  # an e-mail address
    language: str
    context: dict[str, Any]  # arguments of the registered function; never a valid link
    message_id: str  # created once, so that mail clients recognise duplicates
    created_at: datetime
    refused: NotRequired[bool]  # whether the server rejected this mail but accepts others
    purge_at: NotRequired[datetime]


class Push(Work):
    """A push message (collection `pushes`). States: due, sent, dropped, failed."""

    _id: str  # <occasion>:<event>:<subscription>
    event: str  # the kind of message
    restaurant_id: ObjectId
    subscription_id: str
    context: dict[str, Any]  # arguments of the registered function
    topic: str | None  # RFC 8030, 5.4: replaces an undelivered message with the same topic
    created_at: datetime
    expires_at: datetime  # the end of its time to live
    shown_at: NotRequired[datetime]  # when the phone signed that it shows it
    accept_at: NotRequired[datetime]  # when its button was tapped
    purge_at: datetime


class Trouble(NamedTuple):
    """A message that was not taken, as an operator sees it."""

    kind: str
    is_given_up: bool
    attempts: int
    created_at: datetime


class Hook(Work):
    """A message to a restaurant's webhook (collection `hooks`). States: due, sent, dropped, failed."""

    _id: str  # its occasion (idempotency key); sent as webhook-id
    restaurant_id: ObjectId
    event: str
    body: str  # JSON, as it is sent
    created_at: datetime
    tried_at: NotRequired[datetime]  # the last attempt
    status: NotRequired[int]  # what was answered then; 0: nothing
    problem: NotRequired[str | None]  # why nothing was: internal, timeout, certificate, unreachable
    purge_at: NotRequired[datetime]


def subscriptions_told(topic: str, since: datetime | None = None) -> set[str]:
    """The ids of the subscriptions to which push messages with this topic were sent, or are due to be.

    With `since` only of messages that were enqueued then or later.
    """
    found = db().pushes.find({"topic": topic}, {"subscription_id": True, "state": True, "created_at": True})
    told = [each for each in found if each["state"] in ("due", "sent")]
    return {each["subscription_id"] for each in told if since is None or each["created_at"] >= since}


def of_topic(topic: str) -> list[Push]:
    """The push messages with this topic, oldest first; they are kept for a day."""
    found = cast(Iterable[Push], db().pushes.find({"topic": topic}))
    return sorted(found, key=itemgetter("created_at"))


def redeem(push_id: str, purpose: Purpose) -> Push | None:
    """Note that a phone shows this message, or that its button was tapped; None if it was before, or is too late."""
    key, now = f"{purpose}_at", clock.now()
    unused = {"_id": push_id, key: {"$exists": False}, "expires_at": {"$gt": now}}
    if not db().pushes.update_one(unused, {"$set": {key: now}}).modified_count:
        return None
    return cast(Push | None, db().pushes.find_one({"_id": push_id}))


def in_trouble(collection: Literal["outbox", "pushes"], limit: int) -> list[Trouble]:
    """The messages of this outbox that were tried and not taken, those that are given up included; newest first."""
    which = {"state": {"$in": ["due", "failed"]}, "attempts": {"$gt": 0}}
    keys = ["name", "event", "state", "attempts", "next_at", "created_at"]  # neither addresses nor contents
    found = db()[collection].find(which, keys).sort("next_at", DESCENDING).limit(limit)
    return [
        Trouble(each.get("name") or each["event"], each["state"] == "failed", each["attempts"], each["created_at"])
        for each in found
    ]


class Registry(Generic[Prepare]):
    """Maps each kind of message to the function that returns its content, or None if it is obsolete."""

    def __init__(self) -> None:
        self.functions: dict[str, Prepare] = {}

    def prepares(self, kind: str) -> Callable[[Prepare], Prepare]:
        """Decorator that registers a function for this kind of message."""

        def register(prepare: Prepare) -> Prepare:
            self.functions[kind] = prepare
            return prepare

        return register

    def __getitem__(self, kind: str) -> Prepare:
        """Raises KeyError for an unregistered kind."""
        return self.functions[kind]
