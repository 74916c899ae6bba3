"""Server-sent events: one stream for each open page, as cheap as a waiting greenlet.

A stream holds no request and no session, only ids (a third less memory); it opens an application context for the moment
in which it reads. It ends itself when it may no longer look, when it would look live while hearing nothing, and after
about ten minutes in any case, so that reloads of the web server are not held up and the login is checked anew.
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

HEARTBEAT_SECONDS = 15.0  # seconds; pages learn it by data-heartbeat-ms
LIFETIME_SECONDS = 600.0

# What a stream shows now, given the topics that were woken (none: only time has passed); None: it may look no longer.
Read = Callable[[set[str]], str | None]


def hub(app: Flask = current_app) -> Hub:
    """What wakes the streams of this process; without `app`, of the application whose context this is."""
    return cast(Hub, app.extensions["hub"])


def respond(
    event: str,
    topics: list[str],
    limits: dict[str, int],
    read: Read,
    gone: str,
    pace: Callable[[], float] = lambda: HEARTBEAT_SECONDS,
) -> Response:
    """A response that sends what `read` gives as `event`, at once and whenever it changes.

    `limits` as in Hub.subscribe; `gone` is the reason given to the page when `read` says it may look no longer; `pace`
    tells after each look in how many seconds to look again, for what changes by time alone.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    changes = hub(app)
    if not changes.listening or changes.closed:
        abort(503)
    try:
        subscription = changes.subscribe(*topics, limits=limits)
    except TooManyStreams:
        abort(429)
    response = Response(_events(app, changes, subscription, event, read, gone, pace), mimetype="text/event-stream")
    response.call_on_close(subscription.close)
    response.headers["X-Accel-Buffering"] = "no"
    return response


def shared(topic: str, key: Hashable, draw: Callable[[], str]) -> str:
    """What `draw` makes of a topic, made once in this process for all with the same key; see Hub.shared."""
    return hub().shared(topic, key, draw)


def _events(
    app: Flask,
    hub: Hub,
    subscription: Subscription,
    event: str,
    read: Read,
    gone: str,
    pace: Callable[[], float],
) -> Iterator[str]:
    yield f"retry: {random.randint(1000, 4000)}\n\n"  # spread out when many come back at once
    ends = time.monotonic() + LIFETIME_SECONDS * random.uniform(0.9, 1.1)
    last: str | None = None
    heartbeat = 0.0
    woken = set(subscription.topics)
    while (reason := _reason_to_end(hub, ends)) is None:
        try:
            with app.app_context():
                html = read(woken)
        except PyMongoError:
            reason = "fault"
            break
        if html is None:
            reason = gone
            break
        if html != last or time.monotonic() >= heartbeat:
            yield _event(event, html=html) if html != last else _event("ping")
            heartbeat = time.monotonic() + HEARTBEAT_SECONDS  # due also when looks without news keep coming
        last = html
        woken = subscription.wait(max(0.0, min(heartbeat - time.monotonic(), pace())))
    yield _event("bye", reason=reason)


def _reason_to_end(hub: Hub, ends: float) -> str | None:
    if hub.closed:
        return "restart"
    if not hub.listening:
        return "fault"
    return "lifetime" if time.monotonic() > ends else None


def _event(name: str, **data: str) -> str:
    return f"event: {name}\ndata: {json.dumps({'now': clock.milliseconds(clock.now()), **data})}\n\n"
