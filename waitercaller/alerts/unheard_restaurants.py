"""Tells the owners of restaurants that are open while nobody would hear a call: see model/unheard for the rules."""

from bson import ObjectId

from waitercaller import metrics
from waitercaller.alerts import mails, messages
from waitercaller.db import clock
from waitercaller.model import opening, presence, restaurants, subscriptions, unheard
from waitercaller.model.unheard import AlertNote


def check() -> int:
    """Check all restaurants with opening hours; returns of how many the owners were told. Raises PyMongoError.

    Every process checks. They may differ for a moment in who is heard: then a silence begins anew, and nobody is told
    of one that was interrupted.
    """
    now, heard = clock.now(), presence.heard() | subscriptions.heard()
    expected = {each["_id"] for each in restaurants.with_hours() if opening.is_expected(each, now)}
    noted = unheard.noted()
    for restaurant_id in expected - heard:
        if restaurant_id not in noted or noted[restaurant_id]["unheard_since"] is None:
            unheard.mark_unheard(restaurant_id)
    told = 0
    for restaurant_id, note in noted.items():
        if restaurant_id in heard:
            unheard.clear_unheard(note, heard=True)
        elif restaurant_id in expected:
            told += unheard.should_alert(note) and _tell(restaurant_id, note)
        elif note["unheard_since"]:
            unheard.clear_unheard(note, heard=False)
    metrics.UNHEARD_ALERTS.inc(told)
    return told


def _tell(restaurant_id: ObjectId, note: AlertNote) -> bool:
    """Enqueue the messages about this silence, then note that; False when another process was faster."""
    restaurant, since = restaurants.get(restaurant_id), note["unheard_since"]
    if restaurant and since:
        occasion = f"unheard:{restaurant_id}:{clock.milliseconds(since)}"
        messages.enqueue(restaurant, "unheard", None, occasion=occasion)
        mails.about_silence(restaurant, occasion)
    return unheard.record_alert(note)
