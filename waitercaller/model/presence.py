"""Presence: the screens that are open now, whether each is visible and audible, and what troubles it.

Each process has one document for each restaurant with the screens whose streams it holds, and renews it every
BEAT_SECONDS. A document that was not renewed for ALIVE_FOR is ignored: its process has died. A page reports what it is
to any process; the report changes the screen in whichever document holds it. A write that fails ends no stream; the
next heartbeat repeats it.

The stream of a tab that the browser has frozen, or of a device that died, may stay open for minutes. So pages answer
the events of their stream about every 30 s, and one that has not for SILENT_AFTER is ignored.
"""

import logging
import secrets
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NotRequired, TypedDict, cast, get_args

import pymongo
from bson import ObjectId
from flask import Flask, current_app
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, PyMongoError

from waitercaller.db import clock
from waitercaller.db.client import Changes, Filter, db

log = logging.getLogger(__name__)

BEAT_SECONDS = 15.0
ALIVE_FOR = timedelta(seconds=45)  # three heartbeats
SILENT_AFTER = timedelta(seconds=50)  # an answer may be 25 s and a heartbeat of the stream (15 s) late
RETENTION = timedelta(minutes=10)  # TTL of a dead process's document
REOPEN_GRACE_SECONDS = 5.0  # grace period: a page that renews its stream within it does not disappear meanwhile
WRITE_SECONDS = 0.5  # to wait for the database while a stream opens
ATTEMPTS = 3
MAX_SCREENS_PER_RESTAURANT = 500  # in one process; screens within their grace period count


# What a screen may say of itself: it cannot draw the calls; its sound does not play; its battery is low and not
# charging; its connection breaks off again and again; the system refuses to keep it awake; its sound waits for a touch.
Trouble = Literal["drawing", "sound", "battery", "line", "sleep", "blocked"]
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)  # the worst first


class Ring(TypedDict):
    """A manager has asked a screen to ring; see `screen_rings`."""

    by: str  # the manager's name
    at: datetime
    rang_at: NotRequired[datetime]  # when the screen answered
    aloud: NotRequired[bool]  # whether it could be heard then


class Screen(TypedDict):
    """An open page of the staff; `id` is the page's own, new whenever it is loaded."""

    id: str
    member_id: str | None  # None on the counter
    name: str
    visible: bool
    audible: bool
    trouble: NotRequired[list[Trouble]]
    since: datetime  # when its present stream was opened
    answered_at: NotRequired[datetime]  # its latest sign of life; absent: its page is of a version that gives none
    ring: NotRequired[Ring]  # the latest, of its present stream


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
    found = documents().find(alive, {"restaurant_id": 1, "screens.audible": 1, "screens.answered_at": 1})
    return {
        document["restaurant_id"]
        for document in found
        if any(screen["audible"] and not _is_silent(screen) for screen in document["screens"])
    }


def with_screens() -> set[ObjectId]:
    """All the restaurants in which a screen is open, whether or not it could be heard."""
    alive = {"seen_at": {"$gt": clock.now() - ALIVE_FOR}, "screens.0": {"$exists": True}}
    return {document["restaurant_id"] for document in documents().find(alive, {"restaurant_id": 1})}


def open_screens(restaurant_id: ObjectId) -> list[Screen]:
    """All that are open and answer, those included that lie mute in the background; the longest open first."""
    alive = {"restaurant_id": restaurant_id, "seen_at": {"$gt": clock.now() - ALIVE_FOR}}
    found = [screen for each in documents().find(alive) for screen in each["screens"] if not _is_silent(screen)]
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
        is_known = screen["id"] in screens
        held = screens.setdefault(screen["id"], _Held(screen))
        held.screen, held.left = screen, 0.0
        held.streams += 1
    try:
        with pymongo.timeout(WRITE_SECONDS):
            _put(restaurant_id, screen, is_known=is_known)
    except PyMongoError as error:
        log.warning("a screen that opened will be stored at the next heartbeat: %s", type(error).__name__)
    return True


def release(app: Flask, restaurant_id: ObjectId, screen_id: str) -> None:
    """A stream to this screen has ended. Sends no query; a later heartbeat removes the screen."""
    process = _process(app)
    with process.lock:
        held = process.restaurants.get(restaurant_id, {}).get(screen_id)
        if held is not None:
            held.streams -= 1
            held.left = 0.0 if held.streams else time.monotonic()


def change(
    restaurant_id: ObjectId, screen_id: str, *, visible: bool, audible: bool, trouble: list[Trouble] | None = None
) -> bool:
    """Store what a page reports, whichever process holds its stream; False where there is no such screen."""
    report = {"visible": visible, "audible": audible, "trouble": trouble or [], "answered_at": clock.now()}
    changed = documents().update_many(
        {"restaurant_id": restaurant_id, "screens.id": screen_id},
        {"$set": {f"screens.$.{key}": value for key, value in report.items()}},
    )
    return bool(changed.matched_count)


def beat() -> None:
    """The heartbeat of this process: store its screens, and renew its documents. Raises PyMongoError."""
    process = _process()
    stored = {document["restaurant_id"]: document for document in documents().find({"process": process.name})}
    held = _held_now(process)  # read after the documents, so that a screen that opens in between is not removed
    for restaurant_id in stored.keys() | held.keys():
        screens, document = held.get(restaurant_id, {}), stored.get(restaurant_id)
        known = _remove_closed(process, document, screens) if document else set()
        for screen_id in screens.keys() - known:
            _put(restaurant_id, screens[screen_id])
    documents().update_many({"process": process.name}, {"$set": _alive()})


def _remove_closed(process: _Process, document: OpenScreens, held: dict[str, Screen]) -> set[str]:
    """Remove from a document of this process the screens that are not `held` any more; the ids that it had.

    A document that was empty is deleted. The watchers do not hear of deletes; they were told when it became empty.
    """
    known = {screen["id"]: screen for screen in document["screens"]}
    _note_flags(process, document["restaurant_id"], known)
    for screen in known.values():
        if screen["id"] in held and _is_silent(screen) and (screen["visible"] or screen["audible"]):
            _blind(document, screen)
    if closed := known.keys() - held.keys():
        documents().update_one(_named(document), {"$pull": {"screens": {"id": {"$in": sorted(closed)}}}})
    if not known:
        documents().delete_one({**_named(document), "screens": []})
    return set(known)


def _is_silent(screen: Screen) -> bool:
    answered_at = screen.get("answered_at")
    return answered_at is not None and answered_at <= clock.now() - SILENT_AFTER


def _blind(document: OpenScreens, screen: Screen) -> None:
    """Store that nobody sees or hears a silent screen, unless it has answered meanwhile. That wakes the watchers."""
    still = {"screens": {"$elemMatch": {"id": screen["id"], "answered_at": screen.get("answered_at")}}}
    documents().update_one(
        {**_named(document), **still}, {"$set": {"screens.$.visible": False, "screens.$.audible": False}}
    )


def _process(app: Flask = current_app) -> _Process:
    process = cast(_Process, app.extensions["presence"])
    with process.lock:
        process.name = process.name or secrets.token_hex(8)
    return process


def _held_now(process: _Process) -> dict[ObjectId, dict[str, Screen]]:
    """The screens of this process, without those whose grace period is over."""
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
    """Take over what pages have reported, perhaps to another process."""
    with process.lock:
        for screen_id, held in process.restaurants.get(restaurant_id, {}).items():
            if screen_id in theirs:
                held.screen = theirs[screen_id]


def _put(restaurant_id: ObjectId, screen: Screen, *, is_known: bool = False) -> None:
    """Store this screen in the document of this process. `is_known`: it is probably stored there already.

    The times are left to the heartbeat: the watchers ignore updates that set them (model/changes.py).
    """
    mine = {"restaurant_id": restaurant_id, "_id": f"{_process().name}:{restaurant_id}"}
    belongs = {"process": _process().name, **_alive()}
    for _ in range(ATTEMPTS):
        if is_known:
            stored = documents().update_one({**mine, "screens.id": screen["id"]}, {"$set": {"screens.$": screen}})
            if stored.matched_count:
                return
        try:
            documents().update_one(
                {**mine, "screens.id": {"$ne": screen["id"]}},
                {"$push": {"screens": screen}, "$setOnInsert": belongs},
                upsert=True,
            )
            return
        except DuplicateKeyError:
            is_known = True  # or another stream of this process has just created the document


def _alive() -> Changes:
    now = clock.now()
    return {"seen_at": now, "purge_at": now + RETENTION}


def _named(document: OpenScreens) -> Filter:
    return {"restaurant_id": document["restaurant_id"], "_id": document["_id"]}
