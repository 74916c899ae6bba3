"""Before each opening: tells managers and owners if nobody would hear a call; says nothing if somebody would."""

from datetime import datetime, timedelta

from bson import ObjectId

from waitercaller.alerts import mails, messages
from waitercaller.db import clock
from waitercaller.model import opening, presence, restaurants, unheard

BEFORE_OPENING = timedelta(minutes=15)


def check() -> int:
    """Ask once for each opening that is near; returns of how many the managers were told. Raises PyMongoError.

    The messages are enqueued before that is noted, idempotent per opening: a process that dies loses nothing.
    """
    now = clock.now()
    near = {each["_id"]: opening.opens_within(each, now, BEFORE_OPENING) for each in opening.with_hours()}
    soon = {restaurant_id: opens for restaurant_id, opens in near.items() if opens}
    if not soon:
        return 0
    heard, notes, told = presence.heard(), unheard.notes_of(list(soon)), 0
    for restaurant_id, opens in soon.items():
        note = notes.get(restaurant_id)
        if note and note.get("roll_called_for") == opens:
            continue
        if restaurant_id not in heard and not (note and unheard.is_ignored(note)):
            told += _tell(restaurant_id, opens)
        unheard.record_roll_call(restaurant_id, opens)
    return told


def _tell(restaurant_id: ObjectId, opens: datetime) -> bool:
    """Enqueue the sentence, by push or, for those without a phone, by mail; False if a phone would hear calls."""
    restaurant = restaurants.get(restaurant_id)
    if restaurant is None or messages.is_heard_by_a_phone(restaurant):
        return False
    occasion = f"roll-call:{restaurant_id}:{clock.milliseconds(opens)}"
    messages.enqueue(restaurant, "not_ready", None, occasion=occasion)
    mails.about_opening(restaurant, occasion)
    return True
