"""Tells the owners of restaurants that are open while nobody would hear a call: see model/unheard for the rules."""

from datetime import datetime, timedelta

from bson import ObjectId

from waitercaller import metrics
from waitercaller.alerts import mails, messages, webhooks
from waitercaller.db import clock
from waitercaller.model import duty, opening, presence, restaurants, subscriptions, unheard
from waitercaller.model.opening_times import OpeningTimes
from waitercaller.model.requests import queries
from waitercaller.model.unheard import AlertNote

RECENTLY = timedelta(minutes=2)  # longer than a check may be late, so that no call is passed over


def check() -> int:
    """Check all restaurants that are expected to hear; returns of how many the owners were told. Raises PyMongoError.

    Every process checks. They may differ for a moment in who is heard: then a silence begins anew, and nobody is told
    of one that was interrupted.
    """
    now, heard, timed = clock.now(), presence.heard() | _heard_by_phones(), opening.with_hours()
    noted = unheard.noted()
    _record_activity(timed, noted, now)
    expected = _expected(timed, noted, heard, now)
    for restaurant_id in expected:
        if restaurant_id not in noted or noted[restaurant_id]["unheard_since"] is None:
            unheard.mark_unheard(restaurant_id)
    told = 0
    for restaurant_id, note in noted.items():
        if restaurant_id in heard:
            if note["unheard_since"] or note["unheeded"]:
                unheard.clear_unheard(note, heard=True)
        elif restaurant_id in expected:
            told += unheard.should_alert(note) and _tell(restaurant_id, note)
        elif note["unheard_since"]:
            unheard.clear_unheard(note, heard=False)
    metrics.UNHEARD_ALERTS.inc(told)
    return told


def _heard_by_phones() -> set[ObjectId]:
    """The restaurants in which a phone would show a call to a member who is told of it: not only to one off duty."""
    now, heard = clock.now(), set()
    for restaurant_id, members in subscriptions.hearing().items():
        restaurant = restaurants.get(restaurant_id)
        if restaurant and members & duty.on_duty(restaurant, now):
            heard.add(restaurant_id)
    return heard


def _record_activity(timed: list[OpeningTimes], noted: dict[ObjectId, AlertNote], now: datetime) -> None:
    """Note where a screen is open, a guest has just called or somebody is on duty: work, where no hours are set.

    Three queries for all restaurants; the next check reads what is noted.
    """
    by_hours = {each["_id"] for each in timed if each["hours"]}
    active = presence.with_screens() | queries.restaurants_called_since(now - RECENTLY) | duty.restaurants_on_duty(now)
    unheard.record_activity(active - by_hours, noted)


def _expected(
    timed: list[OpeningTimes], noted: dict[ObjectId, AlertNote], heard: set[ObjectId], now: datetime
) -> set[ObjectId]:
    """The restaurants in which somebody should hear a call now, without those that are `heard`."""
    active = {restaurant_id for restaurant_id, note in noted.items() if unheard.is_active(note)}
    silent = [each for each in timed if each["_id"] not in heard]
    silent += opening.times_of(active - heard - {each["_id"] for each in timed})
    return {each["_id"] for each in silent if opening.is_expected(each, now, each["_id"] in active)}


def _tell(restaurant_id: ObjectId, note: AlertNote) -> bool:
    """Enqueue the messages about this silence, then note that; False when another process was faster."""
    restaurant, since = restaurants.get(restaurant_id), note["unheard_since"]
    if restaurant and since:
        occasion = f"unheard:{restaurant_id}:{clock.milliseconds(since)}"
        messages.enqueue(restaurant, "unheard", None, occasion=occasion)
        mails.about_silence(restaurant, occasion)
        webhooks.enqueue_unheard(restaurant, occasion)
    return unheard.record_alert(note)
