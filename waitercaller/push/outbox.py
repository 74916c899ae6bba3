"""The outbox of push messages: one document for each browser that is told, and what each kind of message says.

Who is told of what is decided by whoever enqueues; `sender` sends.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, NotRequired, TypedDict

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.db.config import config
from waitercaller.db.work_queue import WorkQueue
from waitercaller.model import messages
from waitercaller.model.messages import Push, Registry
from waitercaller.model.restaurants import Restaurant

RETENTION = timedelta(days=1)
QUEUE = WorkQueue[Push](
    collection="pushes",
    lease_duration=timedelta(seconds=30),  # longer than a conversation whose steps just meet delivery.TIMEOUT_SECONDS
    first_backoff=timedelta(seconds=2),
    longest_backoff=timedelta(minutes=1),
    retention=dict.fromkeys(("sent", "dropped", "failed"), RETENTION),
)


class Message(TypedDict):
    """What the service worker shows (static/js/service-worker.js). A "#" in a text stands for the time `at`."""

    title: str
    text: str
    place: str | None  # shown instead of `text` where there is one
    at: int  # milliseconds since 1970; the phone writes it as its people do
    tag: str  # a later message with the same tag takes the place of an earlier one
    url: str
    language: str
    direction: str
    silent: bool  # it replaces an earlier message without a sound
    action: NotRequired[str]  # the label of its button, which accepts the request
    tokens: NotRequired[dict[str, str]]  # by purpose, see `signatures`; added by the sender


# From (push, restaurant, language) to what is shown; called in that language.
REGISTRY = Registry[Callable[[Push, Restaurant, str], Message | None]]()
prepares = REGISTRY.prepares


Taken = Callable[[Push, str, datetime], None]
LISTENERS: list[Taken] = []


def when_taken(listener: Taken) -> Taken:
    """Decorator that registers a function to call when a push service has taken a message.

    Its arguments: the message, the id of the member whose phone it is for, and when it was handed over.
    """
    LISTENERS.append(listener)
    return listener


def is_enabled() -> bool:
    """Whether this installation sends push messages at all: it needs a VAPID key."""
    return bool(config().vapid_private_key)


def enqueue(
    event: str,
    restaurant_id: ObjectId,
    subscription_ids: Iterable[str],
    *,
    occasion: str,
    time_to_live: timedelta,
    topic: str | None = None,
    txn: ClientSession | None = None,
    **context: Any,
) -> None:
    """Enqueue a message for each of these browsers; idempotent per `occasion`, event and browser.

    After `time_to_live` it is not news any more: neither we nor the push service keep it for a phone that is away.
    """
    if not is_enabled():
        return
    now = clock.now()
    values = {
        "event": event,
        "restaurant_id": restaurant_id,
        "context": context,
        "topic": topic,
        "created_at": now,
        "expires_at": now + time_to_live,
        "purge_at": now + RETENTION,
    }
    pushes = [{"_id": f"{occasion}:{event}:{each}", "subscription_id": each, **values} for each in subscription_ids]
    QUEUE.enqueue_all(pushes, txn)


def told_of(topic: str, since: datetime | None = None) -> set[str]:
    """The ids of the subscriptions to which messages with this topic, enqueued `since` then, were sent or will be."""
    return messages.subscriptions_told(topic, since)
