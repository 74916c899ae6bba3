"""The one watcher of a process: it hears every change in the database and wakes the topics that are concerned.

It carries no state over a gap. Each time it (re)opens, it drops the caches and wakes every topic, and while it is not
open the Hub is told so: a screen that hears nothing must not look live.
"""

import logging
import time
from collections.abc import Callable

from flask import Flask
from pymongo.errors import PyMongoError

from waitercaller import cache, metrics
from waitercaller.db import Document, db
from waitercaller.live import Hub

log = logging.getLogger(__name__)

# Deletes are not watched: whatever is purged was marked ended or removed before. Nor are the heartbeats of processes
# with screens, which touch nothing but the times.
PIPELINE = [
    {
        "$match": {
            "ns.coll": {"$in": ["requests", "restaurants", "tables", "sessions", "screens", "mutes"]},
            "operationType": {"$in": ["insert", "update", "replace"]},
            "updateDescription.updatedFields.seen_at": {"$exists": False},
        }
    }
]
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
    with db().watch(PIPELINE, full_document="updateLookup", max_await_time_ms=AWAIT_MS) as stream:
        cache.restaurants.clear()
        cache.tables.clear()
        cache.mutes.clear()
        hub.listening = True
        while is_alive() and stream.alive:
            change = stream.try_next()
            if change is not None:
                announce(hub, change)


def announce(hub: Hub, change: Document) -> None:
    """Forget what is cached of the changed document and wake the topics that show it."""
    document = change.get("fullDocument")
    changed = change["documentKey"]["_id"]
    match change["ns"]["coll"]:
        case "requests" if document:
            hub.wake(f"table:{document['table_id']}")
            if not _only_receipts(change):
                hub.wake(f"restaurant:{document['restaurant_id']}")
        case "screens" if document:
            hub.wake(f"restaurant:{document['restaurant_id']}")
        case "mutes" if document:
            cache.mutes.forget(document["restaurant_id"])
            hub.wake(f"restaurant:{document['restaurant_id']}")
            hub.wake(f"table:{document['table_id']}")
        case "restaurants":
            cache.restaurants.forget(changed)
            hub.wake(f"restaurant:{changed}")
        case "tables":
            cache.tables.forget(changed)
            hub.wake(f"table:{changed}")
        case "sessions":
            hub.wake(f"session:{changed}")
        case _:
            # The document was gone before it could be looked up; whom it concerned is not known.
            hub.wake_all()


def _only_receipts(change: Document) -> bool:
    changed = change.get("updateDescription", {}).get("updatedFields", {})
    return bool(changed) and all(field.split(".")[0] == "shown" for field in changed)
