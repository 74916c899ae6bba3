"""Sends the push messages that are owed: leased, tried again for as long as they are news, and told only if still true.

A call that somebody has taken in the meantime is not announced any more. A browser that its push service does not know
any more is forgotten, as is one whose member or login has gone.
"""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Literal

from flask import Flask, current_app
from pymongo.errors import PyMongoError

from config import Config
from waitercaller import metrics
from waitercaller.db import clock, work_queue
from waitercaller.db.client import Document
from waitercaller.model import logins, restaurants, subscriptions
from waitercaller.model import unheard as alerts
from waitercaller.model.requests import queries
from waitercaller.model.service_request import ServiceRequest
from waitercaller.push import delivery, encryption, outbox, words

log = logging.getLogger(__name__)

BATCH = 20  # messages that one call of `send_due` takes up at most; they go out at the same time
LEASE = timedelta(seconds=30)  # longer than a conversation whose every step just meets delivery.TIMEOUT
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=1)
# A service that has kept us waiting so often in a row is left alone for so long: messages to it, be they of one house,
# must not take the turns of all others, which wait for the slowest of a batch.
MISSES = 5
REST = timedelta(seconds=20)
MOST_NOTED = 1000
# How long a message is news; then neither we nor the push service keep it for a phone that is away.
LIFETIME: dict[outbox.Event, timedelta] = {
    "called": timedelta(minutes=2),
    "nagged": timedelta(minutes=2),
    "raised": timedelta(minutes=5),
    "alerted": timedelta(minutes=15),
    "unwatched": timedelta(minutes=30),
    "tried": timedelta(minutes=1),
}


# Services that keep us waiting: how often in a row, and until when they rest. Each process finds out by itself.
_late: dict[tuple[str, int], tuple[int, datetime]] = {}


def send_due(app: Flask) -> int:
    """Take up the messages that are due, oldest first, at most BATCH of them; returns how many. Raises PyMongoError."""
    with app.app_context():
        if not _config().vapid_private_key:
            return 0
        taken = work_queue.take("pushes", LEASE, BATCH)
    if taken:
        with ThreadPoolExecutor(len(taken), "push") as pool:
            list(pool.map(lambda document: _deal_with(app, document), taken))
    return len(taken)


def _deal_with(app: Flask, document: Document) -> None:
    """Send or drop a leased message and note what became of it."""
    with app.app_context():
        try:
            state = _send(document)
        except PyMongoError:
            raise  # the lease brings the message back
        except Exception:  # whatever is wrong with one message, the others must go out
            log.exception("could not send the push message %s", document["_id"])
            state = "failed"
        metrics.PUSHES.labels(state).inc()
        if state != "due":
            work_queue.end("pushes", document, state, outbox.KEPT)


def _send(document: Document) -> Literal["sent", "dropped", "failed", "due"]:
    """What became of the message; "due" when it is to be tried again."""
    subscription = subscriptions.get(document["subscription_id"])
    restaurant = restaurants.get(document["restaurant_id"])
    if subscription is None:
        return "dropped"
    if restaurant is None or not _stands(subscription, restaurant):
        subscriptions.drop(subscription)
        return "dropped"
    request = _request(document)
    expires_at = document["created_at"] + LIFETIME[document["event"]]
    if expires_at <= clock.now() or not _is_news(document, request):
        return "dropped"
    service = delivery.service_of(subscription["endpoint"])
    misses, until = _late.get(service, (0, clock.now()))
    if misses >= MISSES and until > clock.now():
        work_queue.move("pushes", document, {"next_at": until})
        return "due"
    text = words.message(document["event"], request, restaurant, subscription["language"])
    try:
        answer = _post(subscription, text, document, int((expires_at - clock.now()).total_seconds()))
    except OSError as error:
        log.warning("no answer from %s: %s", delivery.host_of(subscription["endpoint"]), type(error).__name__)
        if isinstance(error, TimeoutError):
            _note_late(service)
        answer = delivery.Answer("later", 0)
    else:
        _late.pop(service, None)
    return _conclude(document, subscription, answer)


def _note_late(service: tuple[str, int]) -> None:
    if len(_late) >= MOST_NOTED:
        _late.clear()
    misses, _ = _late.get(service, (0, None))
    _late[service] = (misses + 1, clock.now() + REST)


def _conclude(
    document: Document, subscription: Document, answer: delivery.Answer
) -> Literal["sent", "dropped", "failed", "due"]:
    if answer.verdict == "taken":
        return "sent"
    if answer.verdict == "gone":
        subscriptions.drop(subscription)
        return "dropped"
    if answer.verdict == "refused":
        host = delivery.host_of(subscription["endpoint"])
        log.error("%s refuses a push message (%s): %d", host, document["event"], answer.status)
        return "failed"
    pause = work_queue.pause(document["attempts"], FIRST_PAUSE, LONGEST_PAUSE)
    next_at = clock.now() + max(pause, timedelta(seconds=answer.wait))
    work_queue.move("pushes", document, {"next_at": next_at})
    return "due"


def _post(subscription: Document, text: Document, document: Document, seconds: int) -> delivery.Answer:
    config, endpoint = _config(), subscription["endpoint"]
    body = encryption.seal(json.dumps(text, ensure_ascii=False).encode(), subscription["p256dh"], subscription["auth"])
    headers = {
        "Authorization": encryption.authorization(endpoint, config.vapid_private_key, _contact(config)),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(seconds),
        "Urgency": "high",
    }
    if document["request_id"]:
        headers["Topic"] = str(document["request_id"])  # a phone that was away gets the last word on each call
    return delivery.post(endpoint, body, headers)


def _stands(subscription: Document, restaurant: Document) -> bool:
    """Whether we may write there: by the key it was made for, to a host that is allowed, for somebody still here."""
    config = _config()
    return (
        subscription["key"] == encryption.public_key(config.vapid_private_key)
        and delivery.is_allowed(subscription["endpoint"], config.push_services)
        and restaurants.member_with_id(restaurant, subscription["member_id"]) is not None
        and not logins.has_ended(subscription["login_id"])
    )


def _request(document: Document) -> ServiceRequest | None:
    if document["request_id"] is None:
        return None
    found = queries.with_ids({"restaurant_id": document["restaurant_id"]}, [document["request_id"]])
    return found[0] if found else None


def _is_news(document: Document, request: ServiceRequest | None) -> bool:
    """Whether it is still so: a call that somebody has taken in the meantime is not, nor a silence that is over."""
    if document["event"] == "unwatched":
        return alerts.is_unheard(document["restaurant_id"])
    return document["request_id"] is None or (request is not None and request["state"] == "waiting")


def _contact(config: Config) -> str:
    """Whom a push service may ask about our messages; Apple's wants an address that exists."""
    if config.security_contact.startswith(("mailto:", "https:")):
        return config.security_contact
    return f"mailto:{parseaddr(config.mail_sender)[1]}"


def _config() -> Config:
    config: Config = current_app.extensions["config"]
    return config
