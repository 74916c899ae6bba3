"""The one watcher of a process: it hears every change in the database and wakes the topics that are concerned.

It carries no state over a gap. Each time it (re)opens, it drops the caches and wakes every topic, and while it is not
open the Hub is told so: a screen that hears nothing must not look live.
"""

import logging
import time
from collections.abc import Callable

from flask import Flask
from pymongo.errors import PyMongoError

from waitercaller import metrics
from waitercaller.db.client import Document, db
from waitercaller.live import streams
from waitercaller.live.hub import Hub
from waitercaller.model import changes

log = logging.getLogger(__name__)

AWAIT_MS = 1000  # how long one question to the server may wait for a change
REOPEN_SECONDS = 1.0  # before opening again after a fault
# A primary moves the resume token on at least every ten seconds, by the no-ops that it writes. A stream whose token
# stands still is that of an old primary, cut off from the set: it answers each question with nothing, for ever.
DEAF_AFTER_SECONDS = 30.0


class DeafError(Exception):
    """The stream answers, but cannot be hearing what is written."""


def run(app: Flask, is_alive: Callable[[], bool]) -> None:
    """Watch until `is_alive()` is false; no fault ends the watching, but while there is one the Hub knows."""
    hub = streams.hub(app)
    while is_alive():
        try:
            with app.app_context():
                _watch(hub, is_alive)
        except (PyMongoError, DeafError) as error:
            # What PyMongo says may quote documents.
            log.warning(
                "not hearing changes, trying again: %s",
                str(error) if isinstance(error, DeafError) else type(error).__name__,
            )
        except Exception:
            log.exception("fault while watching, trying again")  # a process that is deaf for good would be worse
        hub.listening = False
        if is_alive():
            metrics.WATCHER_RESTARTS.inc()
            time.sleep(REOPEN_SECONDS)


def _watch(hub: Hub, is_alive: Callable[[], bool]) -> None:
    with changes.open_stream(AWAIT_MS) as stream:
        changes.forget_everything()
        hub.listening = True
        primary, token, moved_at = _primary(), stream.resume_token, time.monotonic()
        while is_alive() and stream.alive:
            change = stream.try_next()
            if change is not None:
                announce(hub, change)
            if stream.resume_token != token:
                token, moved_at = stream.resume_token, time.monotonic()
            if time.monotonic() - moved_at > DEAF_AFTER_SECONDS:
                raise DeafError("the resume token stands still")
            if _primary() not in (None, primary):
                raise DeafError("another server is the primary")


def _primary() -> tuple[str, int] | None:
    """The replica set's primary as this process knows it; None while there is none, and behind a mongos."""
    return db().client.primary


def announce(hub: Hub, change: Document) -> None:
    """Wake the topics that show the changed document; all of them where it is not known which do."""
    topics = changes.topics_of(change)
    for topic in topics:
        hub.wake(topic)
    if not topics:
        hub.wake_all()
