"""Server-sent events: one stream for each open page, in a greenlet that waits for changes.

A stream keeps no Flask request or session, only ids (a third less memory); it pushes an application context for each
read. It ends when access is revoked, when this process receives no changes, and after LIFETIME_SECONDS ± 10 %, so that
graceful restarts of the web server are not delayed and the login is checked again.
"""

import json
import random
import time
from collections.abc import Callable, Hashable, Iterator
from typing import cast

from flask import Flask, Response, abort, current_app
from pymongo.errors import PyMongoError

from waitercaller.db import clock
from waitercaller.live.hub import Hub, Subscription, TooManyStreams

HEARTBEAT_SECONDS = 15.0  # passed to scripts as data-heartbeat-ms
LIFETIME_SECONDS = 600.0
# After its end a page opens its stream anew within this time, so that all of a process do not come back at once: about
# twice what opening one costs a worker.
RETRY_MS, RETRY_MS_PER_STREAM = (500, 1500), 20

# Returns the HTML to show, given the topics that were woken (empty after a timeout); None: access was revoked.
Read = Callable[[set[str]], str | None]


class OtherTopics(Exception):
    """Raised by a Read that shows what the stream's topics do not wake it for any more: the page opens another one."""


def hub(app: Flask = current_app) -> Hub:
    """The Hub of `app`, by default of the current application."""
    return cast(Hub, app.extensions["hub"])


def can_open() -> bool:
    """Whether this process receives changes, and is not about to stop."""
    return hub().listening and not hub().closed


def respond(
    event: str,
    topics: list[str],
    limits: dict[str, int],
    read: Read,
    revoked_reason: str,
    interval: Callable[[], float] = lambda: HEARTBEAT_SECONDS,
    besides: Callable[[], dict[str, str]] = dict,
) -> Response:
    """A streaming response that sends the result of `read` as `event`, at once and whenever it changes.

    `limits` as in Hub.subscribe; `revoked_reason` is sent to the page when `read` returns None; `interval` returns,
    after each read, the seconds until the next one without a wake-up, for content that changes with time; `besides` is
    asked what else each event tells, heartbeats included. Aborts with
    503 while no changes are received, and with 429 over the limits.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    changes = hub(app)
    if not can_open():
        abort(503)
    try:
        subscription = changes.subscribe(*topics, limits=limits)
    except TooManyStreams:
        abort(429)
    response = Response(
        _events(app, changes, subscription, event, read, revoked_reason, interval, besides),
        mimetype="text/event-stream",
    )
    response.call_on_close(subscription.close)
    response.headers["X-Accel-Buffering"] = "no"
    return response


def shared(topic: str, key: Hashable, render: Callable[[], str]) -> str:
    """The result of `render()`, memoised for the version of the topic and `key`; see Hub.shared."""
    return hub().shared(topic, key, render)


def _events(
    app: Flask,
    hub: Hub,
    subscription: Subscription,
    event: str,
    read: Read,
    revoked_reason: str,
    interval: Callable[[], float],
    besides: Callable[[], dict[str, str]],
) -> Iterator[str]:
    yield f"retry: {random.randint(1000, 4000)}\n\n"  # jitter, for when many clients reconnect at once
    ends = time.monotonic() + LIFETIME_SECONDS * random.uniform(0.9, 1.1)
    last: str | None = None
    heartbeat = 0.0
    woken = set(subscription.topics)
    while (reason := _reason_to_end(hub, ends)) is None:
        try:
            with app.app_context():
                html = read(woken)
                is_due = html != last or time.monotonic() >= heartbeat
                more = besides() if is_due and html is not None else {}
        except PyMongoError:
            reason = "fault"
            break
        except OtherTopics:
            reason = "other_topics"
            break
        if html is None:
            reason = revoked_reason
            break
        if is_due:
            yield _event(event, html=html, **more) if html != last else _event("ping", **more)
            heartbeat = _next_heartbeat(subscription.topics[0])  # also due when wake-ups without changes keep coming
        last = html
        woken = subscription.wait(max(0.0, min(heartbeat - time.monotonic(), interval())))
    yield _event("bye", reason=reason, retry_ms=_retry_ms(hub, reason))


def _next_heartbeat(topic: str) -> float:
    """time.monotonic() of the next heartbeat of a topic's stream: in HEARTBEAT_SECONDS, or up to half of it sooner.

    A topic's streams send theirs at two times of each interval, so that many find what they share in the processor's
    caches. Other topics' are at other times, so that a process never has to send all at once.
    """
    now, step = time.monotonic(), HEARTBEAT_SECONDS / 2
    offset = hash(topic) % 1000 / 1000 * HEARTBEAT_SECONDS
    return now + 2 * step - (now - offset) % step


def _retry_ms(hub: Hub, reason: str) -> int:
    """After how long the page opens its stream anew: at random, and the later the more streams end with it."""
    earliest, latest = RETRY_MS
    if reason in ("restart", "fault"):
        latest = max(latest, RETRY_MS_PER_STREAM * hub.ending)
    return random.randint(earliest, latest)


def _reason_to_end(hub: Hub, ends: float) -> str | None:
    if hub.closed:
        return "restart"
    if not hub.listening:
        return "fault"
    return "lifetime" if time.monotonic() > ends else None


def _event(name: str, **data: str | int) -> str:
    return f"event: {name}\ndata: {json.dumps({'now': clock.milliseconds(clock.now()), **data})}\n\n"
