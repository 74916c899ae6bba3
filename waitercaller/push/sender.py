"""Sends the push messages that are due: a batch at a time, each leased, retried until its time to live is over.

When its turn comes a message is dropped if it has expired, if its kind's function says that it is not true any more, or
if its browser must not be told any more; such a browser's subscription is deleted.
"""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from flask import Flask
from flask_babel import force_locale

from waitercaller import metrics
from waitercaller.db import clock
from waitercaller.db.config import config
from waitercaller.db.faults import is_transient
from waitercaller.model import logins, restaurants, subscriptions
from waitercaller.model.messages import Push
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.subscriptions import Subscription
from waitercaller.outgoing import delivery
from waitercaller.outgoing.circuit_breaker import CircuitBreaker
from waitercaller.push import encryption, signatures
from waitercaller.push.outbox import LISTENERS, QUEUE, REGISTRY, Message, is_enabled

log = logging.getLogger(__name__)

BATCH_SIZE = 20  # messages that one call of `send_due` sends at most, at the same time
LONGEST_KEPT_BY_SERVICE = timedelta(minutes=30)  # a phone that was away for longer is not told of all that it missed

Result = Literal["sent", "dropped", "failed", "due"]  # "due": it is tried again

breaker = CircuitBreaker(timeouts=5, open_for=timedelta(seconds=20))


def send_due(app: Flask) -> int:
    """Send the messages that are due, oldest first, at most BATCH_SIZE; returns how many. Raises PyMongoError."""
    with app.app_context():
        batch = list(QUEUE.take(BATCH_SIZE)) if is_enabled() else []
    if batch:
        with ThreadPoolExecutor(len(batch), "push") as pool:
            list(pool.map(partial(_process, app), batch))
    return len(batch)


def _process(app: Flask, push: Push) -> None:
    """Send or drop a leased message, and count the result."""
    with app.app_context():
        try:
            result = _send(push)
        except Exception as error:  # whatever is wrong with one message, the others must go out
            if is_transient(error):
                raise  # the lease brings the message back
            log.exception("could not send the push message %s", push["_id"])
            QUEUE.finish(push, result := "failed")
        metrics.PUSHES.labels(result).inc()


def _send(push: Push) -> Result:
    subscription = subscriptions.get(push["subscription_id"])
    if subscription is None:
        return _drop(push)
    restaurant = restaurants.get_even_suspended(push["restaurant_id"])
    if restaurant is None or not _may_be_told(subscription, restaurant):
        return _forget(subscription, push)
    message = _message(push, restaurant, subscription["language"])
    if message is None:
        if push["expires_at"] <= clock.now() and push["attempts"] > 1:
            subscriptions.note_failed(subscription["_id"])  # its service has not taken it all the time
        return _drop(push)
    message["title"] = _with_place(message["title"], subscription, restaurant)
    if open_until := breaker.open_until(delivery.service_of(subscription["endpoint"])):
        QUEUE.reschedule(push, open_until)
        return "due"
    message["tokens"] = {"shown": signatures.token_of(push, "shown")}
    if "action" in message:
        message["tokens"]["accept"] = signatures.token_of(push, "accept")
    subscriptions.note_sent(subscription["_id"])  # before it is, since its phone may answer at once
    handed_over_at = clock.now()
    return _note_answer(push, subscription, _ask(subscription, message, push), handed_over_at)


def _may_be_told(subscription: Subscription, restaurant: Restaurant) -> bool:
    """Whether it was made for our present key, at a host that is allowed, by a member who is still logged in there."""
    return (
        subscription["key"] == encryption.public_key(config().vapid_private_key)
        and delivery.is_allowed(subscription["endpoint"], config().push_services)
        and restaurants.member_with_id(restaurant, subscription["member_id"]) is not None
        and not logins.has_ended(subscription["login_id"])
    )


def _message(push: Push, restaurant: Restaurant, language: str) -> Message | None:
    """What is shown; None when that is not news, or not true, any more."""
    if push["expires_at"] <= clock.now():
        return None
    with force_locale(language):
        return REGISTRY[push["event"]](push, restaurant, language)


def _with_place(title: str, subscription: Subscription, restaurant: Restaurant) -> str:
    """The title; with the restaurant's name for somebody who works in others, too."""
    member = restaurants.member_with_id(restaurant, subscription["member_id"])
    if title == restaurant["name"] or member is None or member["user_id"] is None:
        return title
    is_in_several = restaurants.works_elsewhere(member["user_id"], restaurant["_id"])
    return f"{title} · {restaurant['name']}" if is_in_several else title


def _ask(subscription: Subscription, message: Message, push: Push) -> delivery.Answer:
    """Hand the message to the push service, and have the circuit breaker know how that went."""
    endpoint = subscription["endpoint"]
    service = delivery.service_of(endpoint)
    body = encryption.seal(_encoded(message), subscription["p256dh"], subscription["auth"])
    try:
        answer = delivery.post(endpoint, body, _headers(endpoint, push))
    except OSError as error:
        log.warning("no answer from %s: %s", delivery.host_of(endpoint), type(error).__name__)
        if isinstance(error, TimeoutError):
            breaker.note_timeout(service)
        return delivery.Answer("later", 0)
    breaker.note_answer(service)
    return answer


def _note_answer(push: Push, subscription: Subscription, answer: delivery.Answer, handed_over_at: datetime) -> Result:
    if answer.verdict == "taken":
        if QUEUE.finish(push, "sent"):  # else another process sends it again, and tells them
            for listener in LISTENERS:
                listener(push, subscription["member_id"], handed_over_at)
        if "failed_at" in subscription:
            subscriptions.clear_failed(subscription["_id"])
        return "sent"
    if answer.verdict == "gone":
        return _forget(subscription, push)
    if answer.verdict == "refused":
        subscriptions.note_failed(subscription["_id"])
        host = delivery.host_of(subscription["endpoint"])
        QUEUE.give_up(push, f"the push message {push['event']}", f"{host} refuses it: {answer.status}")
        return "failed"
    QUEUE.retry(push, wait=timedelta(seconds=answer.wait))
    return "due"


def _drop(push: Push) -> Result:
    QUEUE.finish(push, "dropped")
    return "dropped"


def _forget(subscription: Subscription, push: Push) -> Result:
    """Delete a subscription by which nobody can be told any more, or must not be."""
    subscriptions.drop(subscription)
    return _drop(push)


def _encoded(message: Message) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()


def _headers(endpoint: str, push: Push) -> dict[str, str]:
    """RFC 8030; `TTL` in seconds: how long the service keeps the message for a phone that is away."""
    time_to_live = min(push["expires_at"] - clock.now(), LONGEST_KEPT_BY_SERVICE)
    headers = {
        "Authorization": encryption.authorization(endpoint, config().vapid_private_key, config().push_contact),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(int(time_to_live.total_seconds())),
        "Urgency": "high",
    }
    return {**headers, "Topic": push["topic"]} if push["topic"] else headers
