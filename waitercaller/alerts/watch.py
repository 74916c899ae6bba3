"""The watch on the screens: where a restaurant is open and nobody would hear a call, its owners are told."""

from bson import ObjectId

from waitercaller import metrics
from waitercaller.alerts import mails
from waitercaller.db import clock
from waitercaller.db.client import Document
from waitercaller.model import opening, presence, restaurants, unheard
from waitercaller.push import outbox as pushes


def look() -> int:
    """Look once at all restaurants with hours; returns of how many their owners were told. Raises PyMongoError.

    Every process looks. They may differ for a moment in who is heard: then a silence begins anew, and nobody is told of
    one that was broken.
    """
    now, heard = clock.now(), presence.heard()
    expected = {each["_id"] for each in restaurants.with_hours() if opening.is_expected(each, now)}
    noted = unheard.noted()
    for restaurant_id in expected - heard:
        if restaurant_id not in noted or noted[restaurant_id]["unheard_since"] is None:
            unheard.begin_silence(restaurant_id)
    told = 0
    for restaurant_id, note in noted.items():
        if restaurant_id in heard:
            unheard.end_silence(note, heard=True)
        elif restaurant_id in expected:
            told += unheard.is_to_be_told(note) and _tell(restaurant_id, note)
        elif note["unheard_since"]:
            unheard.end_silence(note, heard=False)
    metrics.UNWATCHED.inc(told)
    return told


def _tell(restaurant_id: ObjectId, note: Document) -> bool:
    """Owe the owners mails and messages of this very silence, as in `calls`; False when another process was faster."""
    if restaurant := restaurants.get(restaurant_id):
        occasion = f"unheard:{restaurant_id}:{clock.milliseconds(note['unheard_since'])}"
        pushes.enqueue(restaurant, "unwatched", None, occasion=occasion)
        mails.about_silence(restaurant, occasion)
    return unheard.note_told(note)
