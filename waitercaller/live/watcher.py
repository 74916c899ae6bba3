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
from waitercaller.db.client import Document
from waitercaller.live.hub import Hub
from waitercaller.model import changes

log = logging.getLogger(__name__)

AWAIT_MS = 1000  # how long one question to the server may wait for a change
PAUSE = 1.0  # seconds before opening again after a fault


def run(app: Flask, is_alive: Callable[[], bool]) -> None:
    """Watch until `is_alive()` is false; no fault ends the watching, but while there is one the Hub knows."""
    hub: Hub = app.extensions["hub"]
    while is_alive():
        try:
            with app.app_context():
                _watch(hub, is_alive)
        except PyMongoError as error:
            log.warning("not hearing changes, trying again: %s", type(error).__name__)
        except Exception:
            log.exception("fault while watching, trying again")  # a process that is deaf for good would be worse
        hub.listening = False
        if is_alive():
            metrics.WATCHER_RESTARTS.inc()
            time.sleep(PAUSE)


def _watch(hub: Hub, is_alive: Callable[[], bool]) -> None:
    with changes.open_stream(AWAIT_MS) as stream:
        changes.forget_everything()
        hub.listening = True
        while is_alive() and stream.alive:
            change = stream.try_next()
            if change is not None:
                announce(hub, change)


def announce(hub: Hub, change: Document) -> None:
    """Wake the topics that show the changed document; all of them where it is not known which do."""
    topics = changes.topics_of(change)
    for topic in topics:
        hub.wake(topic)
    if not topics:
        hub.wake_all()
