"""Who is watching: the screens that are open now, and whether somebody can see and hear them.

The process that holds a screen's stream keeps the screen in a document of its own for each restaurant, with a heartbeat
every BEAT_SECONDS; a document without one for ALIVE_FOR counts for nothing, so a process that dies takes its screens
along. What a page says about itself (in front, audible) may reach any process and changes the screen wherever it is
kept. No stream ever ends because of this: what could not be written is made up for at the next beat.
"""

import logging
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypedDict, cast

import pymongo
from bson import ObjectId
from flask import Flask, current_app
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, PyMongoError

from waitercaller.db import clock
from waitercaller.db.client import Changes, Filter, db

log = logging.getLogger(__name__)

BEAT_SECONDS = 15.0
ALIVE_FOR = timedelta(seconds=45)  # a process that did not speak for three beats is gone
RETENTION = timedelta(minutes=10)  # TTL of a dead process's document
REOPEN_GRACE_SECONDS = 5.0  # a stream that was renewed is back by then, and nobody saw the screen go
WRITE_SECONDS = 0.5  # to wait for the database while a stream opens
ATTEMPTS = 3
MAX_SCREENS_PER_RESTAURANT = 500  # in one process: more than have streams, for who has just left counts too


class Screen(TypedDict):
    """An open page of the staff; `id` is the page's own, new whenever it is loaded."""

    id: str
    member_id: str | None  # None on the counter
    name: str
    visible: bool
    audible: bool
    since: datetime  # when its present stream was opened


class OpenScreens(TypedDict):
    """The screens of one restaurant whose streams one process holds."""

    _id: str  # process and restaurant
    restaurant_id: ObjectId
    process: str  # random, new for each worker
    screens: list[Screen]  # at most MAX_SCREENS_PER_RESTAURANT
    seen_at: datetime  # the process's heartbeat
    purge_at: datetime


def documents() -> Collection[OpenScreens]:
    """The collection `screens`."""
    return cast(Collection[OpenScreens], db().screens)


@dataclass
class _Held:
    """A screen of this process, and when its last stream ended (0: it has one)."""

    screen: Screen
    streams: int = 0
    left: float = 0.0


@dataclass
class _Process:
    """What this process holds; `name` is made at its first use, which is after gunicorn's fork."""

    name: str = ""
    restaurants: dict[ObjectId, dict[str, _Held]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


def init_app(app: Flask) -> None:
    app.extensions["presence"] = _Process()


def watching(restaurant_id: ObjectId) -> list[Screen]:
    """The screens that somebody can see or hear, the longest open first."""
    return [screen for screen in open_screens(restaurant_id) if screen["visible"] or screen["audible"]]


def is_watched(restaurant_id: ObjectId) -> bool:
    """Whether there is a screen that somebody can see or hear."""
    return bool(watching(restaurant_id))


def visible_ids(restaurant_id: ObjectId) -> set[str]:
    """The ids of the screens that are in front of somebody."""
    return {screen["id"] for screen in open_screens(restaurant_id) if screen["visible"]}


def heard() -> set[ObjectId]:
    """All the restaurants in which a call would be heard."""
    alive = {"seen_at": {"$gt": clock.now() - ALIVE_FOR}, "screens.audible": True}
    return {document["restaurant_id"] for document in documents().find(alive, {"restaurant_id": 1})}


def open_screens(restaurant_id: ObjectId) -> list[Screen]:
    """All that are open, those included that lie silent in the background; the longest open first."""
    alive = {"restaurant_id": restaurant_id, "seen_at": {"$gt": clock.now() - ALIVE_FOR}}
    found = [screen for document in documents().find(alive) for screen in document["screens"]]
    # One that has changed processes may stand in both for a moment.
    latest = {screen["id"]: screen for screen in sorted(found, key=lambda screen: screen["since"])}
    return list(latest.values())


def hold(restaurant_id: ObjectId, screen: Screen) -> bool:
    """A stream to this screen opens in this process; False, and it does not count, where there are too many."""
    process = _process()
    with process.lock:
        screens = process.restaurants.setdefault(restaurant_id, {})
        if len(screens) >= MAX_SCREENS_PER_RESTAURANT and screen["id"] not in screens:
            return False
        held = screens.setdefault(screen["id"], _Held(screen))
        held.screen, held.left = screen, 0.0
        held.streams += 1
    try:
        with pymongo.timeout(WRITE_SECONDS):
            _put(restaurant_id, screen)
    except PyMongoError as error:
        log.warning("a screen that opened will be noted later: %s", type(error).__name__)
    return True


def release(app: Flask, restaurant_id: ObjectId, screen_id: str) -> None:
    """A stream to this screen has ended. Asks nothing of the database; the screen goes at the next beat."""
    process = _process(app)
    with process.lock:
        held = process.restaurants.get(restaurant_id, {}).get(screen_id)
        if held is not None:
            held.streams -= 1
            held.left = 0.0 if held.streams else time.monotonic()


def change(restaurant_id: ObjectId, screen_id: str, *, visible: bool, audible: bool) -> bool:
    """What a page says about itself now, to whichever process; False where no such screen is kept."""
    changed = documents().update_many(
        {"restaurant_id": restaurant_id, "screens.id": screen_id},
        {"$set": {"screens.$.visible": visible, "screens.$.audible": audible}},
    )
    return bool(changed.matched_count)


def beat() -> None:
    """Say that this process is alive, having made the database hold what it holds. Raises PyMongoError."""
    process = _process()
    written = list(documents().find({"process": process.name}))
    held = _held_now(process)  # later than they: a screen that opens in between stays
    for document in written:
        ours = held.pop(document["restaurant_id"], {})
        theirs = {screen["id"]: screen for screen in document["screens"]}
        _note_flags(process, document["restaurant_id"], theirs)
        if gone := [screen_id for screen_id in theirs if screen_id not in ours]:
            _pull(document, gone)
        if not theirs:  # since the last beat, so everybody has been told
            documents().delete_one({**_named(document), "screens": []})
        for missing in (screen for screen_id, screen in ours.items() if screen_id not in theirs):
            _put(document["restaurant_id"], missing)
    for restaurant_id, screens in held.items():
        for screen in screens.values():
            _put(restaurant_id, screen)
    documents().update_many({"process": process.name}, {"$set": _alive()})


def _process(app: Flask = current_app) -> _Process:
    process = cast(_Process, app.extensions["presence"])
    with process.lock:
        process.name = process.name or secrets.token_hex(8)
    return process


def _held_now(process: _Process) -> dict[ObjectId, dict[str, Screen]]:
    """The screens of this process, without those that have left and not come back."""
    until = time.monotonic() - REOPEN_GRACE_SECONDS
    with process.lock:
        for restaurant_id, screens in list(process.restaurants.items()):
            for screen_id in [each for each, held in screens.items() if held.left and held.left <= until]:
                del screens[screen_id]
            if not screens:
                del process.restaurants[restaurant_id]
        return {
            restaurant_id: {screen_id: held.screen for screen_id, held in screens.items()}
            for restaurant_id, screens in process.restaurants.items()
        }


def _note_flags(process: _Process, restaurant_id: ObjectId, theirs: dict[str, Screen]) -> None:
    """Take over what pages have said about themselves, perhaps to another process."""
    with process.lock:
        for screen_id, held in process.restaurants.get(restaurant_id, {}).items():
            if screen_id in theirs:
                held.screen = theirs[screen_id]


def _put(restaurant_id: ObjectId, screen: Screen) -> None:
    """Have the document of this process hold this screen, as it is.

    The times stay the beat's own: an update that sets them is a heartbeat, and wakes nobody (see watch).
    """
    mine = {"restaurant_id": restaurant_id, "_id": f"{_process().name}:{restaurant_id}"}
    belongs = {"process": _process().name, **_alive()}
    for _ in range(ATTEMPTS):
        known = documents().update_one({**mine, "screens.id": screen["id"]}, {"$set": {"screens.$": screen}})
        if known.matched_count:
            return
        try:
            documents().update_one(
                {**mine, "screens.id": {"$ne": screen["id"]}},
                {"$push": {"screens": screen}, "$setOnInsert": belongs},
                upsert=True,
            )
            return
        except DuplicateKeyError:
            continue  # another stream of this process has made the document, or noted this screen, just now


def _alive() -> Changes:
    now = clock.now()
    return {"seen_at": now, "purge_at": now + RETENTION}


def _named(document: OpenScreens) -> Filter:
    return {"restaurant_id": document["restaurant_id"], "_id": document["_id"]}


def _pull(document: OpenScreens, screen_ids: Iterable[str]) -> None:
    documents().update_one(_named(document), {"$pull": {"screens": {"id": {"$in": list(screen_ids)}}}})
