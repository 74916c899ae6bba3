"""The watcher of a process: follows the database's change stream and wakes the topics that show a changed document.

It does not resume after a gap. Whenever it (re)opens the stream it clears the caches and wakes all topics; while the
stream is not open, `Hub.listening` is False, so that pages do not appear live.
"""

import logging
import time
from collections.abc import Callable

import pymongo
from flask import Flask
from pymongo.errors import PyMongoError

from waitercaller import metrics
from waitercaller.db.client import Document, db
from waitercaller.live import streams
from waitercaller.live.hub import Hub
from waitercaller.model import changes

log = logging.getLogger(__name__)

AWAIT_MS = 1000  # maxAwaitTimeMS of a getMore
# For which an answer of the database may be late. Less would end all streams of the process whenever the database is
# slow for a moment, and all pages that then come back at once would keep it slow.
LATE_SECONDS = 5.0
# After an answer of the server the next changes are left to gather: of many, a dozen come in one answer, not one each.
GATHER_SECONDS = 0.02
LEAST_FETCH_SECONDS = 0.0005  # a change that is there sooner has come with the one before
REOPEN_DELAY_SECONDS = 1.0  # before the stream is reopened after a fault
# A primary writes a no-op at least every ten seconds, which advances the resume token. If it does not advance, the
# stream is connected to a former primary that is partitioned from the replica set and returns only empty batches.
STALE_AFTER_SECONDS = 30.0


class StaleStreamError(Exception):
    """The stream returns batches but cannot be receiving the current changes."""


def run(app: Flask, is_alive: Callable[[], bool]) -> None:
    """Watch until `is_alive()` is False; after any fault the stream is reopened."""
    hub = streams.hub(app)
    while is_alive():
        try:
            with app.app_context():
                _watch(hub, is_alive)
        except (PyMongoError, StaleStreamError) as error:
            # Not the messages of PyMongo's errors: they may quote documents.
            log.warning(
                "not hearing changes, trying again: %s",
                str(error) if isinstance(error, StaleStreamError) else type(error).__name__,
            )
        except Exception:
            log.exception("fault while watching, trying again")  # the thread must survive any fault
        hub.listening = False
        if is_alive():
            metrics.WATCHER_RESTARTS.inc()
            time.sleep(REOPEN_DELAY_SECONDS)


def _watch(hub: Hub, is_alive: Callable[[], bool]) -> None:
    with pymongo.timeout(LATE_SECONDS):
        opened = changes.open_stream(AWAIT_MS)
    with opened as stream:
        changes.clear_caches()
        hub.listening = True
        primary, token, moved_at = _primary(), stream.resume_token, time.monotonic()
        while is_alive() and stream.alive:
            asked_at = time.monotonic()
            with pymongo.timeout(AWAIT_MS / 1000 + LATE_SECONDS):
                change = stream.try_next()
            is_fetched = time.monotonic() - asked_at > LEAST_FETCH_SECONDS
            if change is not None:
                announce(hub, change)
                if is_fetched:
                    time.sleep(GATHER_SECONDS)
            if stream.resume_token != token:
                token, moved_at = stream.resume_token, time.monotonic()
            if time.monotonic() - moved_at > STALE_AFTER_SECONDS:
                raise StaleStreamError("the resume token does not advance")
            if _primary() not in (None, primary):
                raise StaleStreamError("another server is the primary")


def _primary() -> tuple[str, int] | None:
    """The known primary of the replica set; None while there is none, and behind a mongos."""
    return db().client.primary


def announce(hub: Hub, change: Document) -> None:
    """Wake the topics that show the changed document, or all topics if they are unknown."""
    topics = changes.topics_of(change)
    if topics is None:
        hub.wake_all()
        return
    for topic in topics:
        hub.wake(topic)
