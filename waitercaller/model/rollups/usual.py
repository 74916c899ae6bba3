"""The usual wait at an hour of the day, as shown to guests."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.db.client import db
from waitercaller.model import restaurants
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.rollups import figures, times

LOOK_BACK = timedelta(weeks=4)
MIN_ANSWERED_CALLS = 20  # fewer give no reliable median
CACHE_DURATION = timedelta(minutes=5)
MAX_CACHED = 10_000

_cache: dict[tuple[ObjectId, str, datetime], tuple[datetime, timedelta | None]] = {}


def usual_wait(restaurant: Restaurant, at: datetime) -> timedelta | None:
    """The median time until a request was accepted, at this local hour of the day over LOOK_BACK.

    None with fewer than MIN_ANSWERED_CALLS. Cached in each process for CACHE_DURATION.
    """
    zone = restaurants.time_zone(restaurant)
    key = (restaurant["_id"], zone.key, at.astimezone(zone).replace(minute=0, second=0, microsecond=0))
    cached = _cache.get(key)
    if cached and cached[0] > clock.now():
        return cached[1]
    wait = _usual_wait(restaurant["_id"], at, zone)
    if len(_cache) >= MAX_CACHED:
        _cache.clear()
    _cache[key] = (clock.now() + CACHE_DURATION, wait)
    return wait


def _usual_wait(restaurant_id: ObjectId, at: datetime, zone: ZoneInfo) -> timedelta | None:
    hour = at.astimezone(zone).hour
    same_hour = [each for each in times.quarters(at - LOOK_BACK, at) if each.astimezone(zone).hour == hour]
    rollups = db().rollups.find({"restaurant_id": restaurant_id, "quarter": {"$in": same_hour}}, {"cells": True})
    counted = figures.total(cell for rollup in rollups for cell in rollup["cells"])
    return counted.wait(0.5) if counted.answered >= MIN_ANSWERED_CALLS else None
