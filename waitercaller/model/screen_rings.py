"""Ringing a screen, to see whether it can be heard: asked for by a manager, answered by its page."""

from datetime import UTC, datetime, timedelta

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.model import presence
from waitercaller.model.presence import Ring, Screen

KEY_LENGTH = 8  # of the 32 digits of a screen's id: too few to speak in its name
ASKED_FOR = timedelta(seconds=30)  # a screen that has not got it by then does not ring any more


def key_of(screen: Screen) -> str:
    """The beginning of a screen's id, by which pages name it."""
    return screen["id"][:KEY_LENGTH]


def ask(restaurant_id: ObjectId, key: str, by: str) -> bool:
    """Ask an open screen to ring; `by` is the manager's name. False where no such screen is open."""
    screen = next((each for each in presence.open_screens(restaurant_id) if key_of(each) == key), None)
    if screen is None:
        return False
    ring: Ring = {"by": by, "at": clock.now()}
    asked = presence.documents().update_many(
        {"restaurant_id": restaurant_id, "screens.id": screen["id"]}, {"$set": {"screens.$.ring": ring}}
    )
    return bool(asked.matched_count)


def answer(restaurant_id: ObjectId, screen_id: str, asked_ms: int, aloud: bool) -> None:
    """A screen has rung, as it was asked to at that time (milliseconds since 1970); `aloud`: it could be heard."""
    asked = {"$elemMatch": {"id": screen_id, "ring.at": datetime.fromtimestamp(asked_ms / 1000, UTC)}}
    presence.documents().update_many(
        {"restaurant_id": restaurant_id, "screens": asked},
        {"$set": {"screens.$.ring.rang_at": clock.now(), "screens.$.ring.aloud": aloud}},
    )


def pending(screen: Screen) -> Ring | None:
    """What this screen is asked to do and has not answered, while it may still do it."""
    ring = screen.get("ring")
    return ring if ring and "rang_at" not in ring and ring["at"] > clock.now() - ASKED_FOR else None
