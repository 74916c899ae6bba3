"""The outbox of webhooks: one document for each message; `sender` sends."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.db.work_queue import WorkQueue
from waitercaller.model.messages import Hook

RETENTION = {"sent": timedelta(days=1), "dropped": timedelta(days=1), "failed": timedelta(days=7)}  # by final state
QUEUE = WorkQueue[Hook](
    collection="hooks",
    lease_duration=timedelta(minutes=1),  # longer than a look-up and a conversation whose steps meet TIMEOUT_SECONDS
    first_backoff=timedelta(seconds=5),
    longest_backoff=timedelta(minutes=10),
    max_attempts=10,  # over about half an hour
    retention=RETENTION,
)


class Message(NamedTuple):
    """What a webhook is told."""

    occasion: str  # the idempotency key
    event: str
    at: datetime  # when it happened
    context: dict[str, Any]  # JSON


def enqueue(restaurant_id: ObjectId, messages: list[Message]) -> None:
    """Enqueue these messages to the restaurant's webhook; idempotent per occasion."""
    now = clock.now()
    QUEUE.enqueue_all(
        [
            {
                "_id": each.occasion,
                "restaurant_id": restaurant_id,
                "event": each.event,
                "body": json.dumps(
                    {"type": each.event, "timestamp": written(each.at), "data": each.context}, ensure_ascii=False
                ),
                "created_at": now,
            }
            for each in messages
        ]
    )


def written(at: datetime) -> str:
    """A time as receivers read it: ISO 8601, UTC, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
