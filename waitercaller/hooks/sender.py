"""Sends the messages to webhooks that are due: a batch at a time, each leased, retried with backoff, given up loudly.

Address and secret are read when a message is sent, so the outbox holds neither. Whatever is not answered with 2xx is
retried, but 410, by which a receiver says that it is gone.
"""

import logging
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Literal

from flask import Flask

from waitercaller import metrics
from waitercaller.db import clock
from waitercaller.db.config import config
from waitercaller.db.faults import is_transient
from waitercaller.hooks import signature
from waitercaller.hooks.outbox import QUEUE
from waitercaller.model import restaurants, webhooks
from waitercaller.model.messages import Hook
from waitercaller.model.webhook_entry import Webhook
from waitercaller.outgoing import delivery
from waitercaller.outgoing.circuit_breaker import CircuitBreaker
from waitercaller.outgoing.delivery import Answer

log = logging.getLogger(__name__)

BATCH_SIZE = 20  # messages that one call of `send_due` sends at most, at the same time

Result = Literal["sent", "dropped", "failed", "due"]  # "due": it is tried again
Problem = Literal["internal", "timeout", "certificate", "unreachable"]  # why there is no answer

breaker = CircuitBreaker(timeouts=5, open_for=timedelta(seconds=20))


def send_due(app: Flask) -> int:
    """Send the messages that are due, oldest first, at most BATCH_SIZE; returns how many. Raises PyMongoError."""
    with app.app_context():
        batch = list(QUEUE.take(BATCH_SIZE))
    if batch:
        with ThreadPoolExecutor(len(batch), "hooks") as pool:
            list(pool.map(partial(_process, app), batch))
    return len(batch)


def _process(app: Flask, hook: Hook) -> None:
    """Send or drop a leased message, and count the result."""
    with app.app_context():
        try:
            result = _send(hook)
        except Exception as error:  # whatever is wrong with one message, the others must go out
            if is_transient(error):
                raise  # the lease brings the message back
            log.exception("could not send the message %s to a webhook", hook["_id"])
            QUEUE.finish(hook, result := "failed")
        metrics.HOOKS.labels(result).inc()


def _send(hook: Hook) -> Result:
    webhook = webhooks.of(restaurants.get(hook["restaurant_id"]))
    if webhook is None:
        QUEUE.finish(hook, "dropped")
        return "dropped"
    if open_until := breaker.open_until(delivery.service_of(webhook["url"])):
        QUEUE.reschedule(hook, open_until, attempts=hook["attempts"] - 1)  # it was not tried
        return "due"
    answer, problem = _ask(webhook, hook)
    tried = {"tried_at": clock.now(), "status": answer.status, "problem": problem}
    if answer.verdict == "taken":
        QUEUE.finish(hook, "sent", **tried)
        return "sent"
    if answer.status != HTTPStatus.GONE and not QUEUE.is_exhausted(hook):
        QUEUE.retry(hook, wait=timedelta(seconds=answer.wait), **tried)
        return "due"
    host = delivery.host_of(webhook["url"])
    QUEUE.give_up(hook, f"the webhook's message {hook['event']}", f"{host}: {problem or answer.status}", **tried)
    return "failed"


def _ask(webhook: Webhook, hook: Hook) -> tuple[Answer, Problem | None]:
    """Hand the message to the receiver, and have the circuit breaker know how that went."""
    url, body = webhook["url"], hook["body"].encode()
    signed = signature.headers(webhook["secret"], hook["_id"], clock.now(), body)
    headers = {"Content-Type": "application/json", "User-Agent": "Waiter-Caller", **signed}
    service = delivery.service_of(url)
    try:
        answer = delivery.post(url, body, headers, public_only=not delivery.is_allowed(url, config().webhook_hosts))
    except OSError as error:
        log.warning("no answer from %s: %s", delivery.host_of(url), type(error).__name__)
        if isinstance(error, TimeoutError):
            breaker.note_timeout(service)
        return Answer("later", 0), _problem(error)
    breaker.note_answer(service)
    return answer, None


def _problem(error: OSError) -> Problem:
    if isinstance(error, delivery.NotPublic):
        return "internal"
    if isinstance(error, TimeoutError):
        return "timeout"
    return "certificate" if isinstance(error, ssl.SSLError) else "unreachable"
