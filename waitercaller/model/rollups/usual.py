"""What a guest may expect: how long it usually takes at this hour, and how many tables are before this one."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.db.client import db
from waitercaller.model import restaurants, service_request
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.rollups import figures, times

LOOK_BACK = timedelta(weeks=4)
MIN_ANSWERED_CALLS = 20  # answered calls; from fewer nothing can be told
CACHE_DURATION = timedelta(minutes=5)
MAX_CACHED = 10_000

_cache: dict[tuple[ObjectId, str, datetime], tuple[datetime, timedelta | None]] = {}


def usual_wait(restaurant: Restaurant, at: datetime) -> timedelta | None:
    """How long half of the calls took to be answered at this hour of the day, in the last four weeks.

    From the tap until somebody was on the way. None where there were too few calls. Known for five minutes in each
    process, so that a full house asks the database seldom.
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


def tables_before(restaurant_id: ObjectId, table_id: ObjectId, first_at: datetime) -> int:
    """How many other tables have waited longer, with nobody on the way to them."""
    earlier = {"restaurant_id": restaurant_id, "live": True, "first_at": {"$lt": first_at}}
    waiting = service_request.documents().find(earlier, {"table_id": True, "state": True})
    return len({request["table_id"] for request in waiting if request["state"] == "waiting"} - {table_id})


def _usual_wait(restaurant_id: ObjectId, at: datetime, zone: ZoneInfo) -> timedelta | None:
    hour = at.astimezone(zone).hour
    alike = [each for each in times.quarters(at - LOOK_BACK, at) if each.astimezone(zone).hour == hour]
    rollups = db().rollups.find({"restaurant_id": restaurant_id, "quarter": {"$in": alike}}, {"cells": True})
    counted = figures.total(cell for rollup in rollups for cell in rollup["cells"])
    return counted.wait(0.5) if counted.answered >= MIN_ANSWERED_CALLS else None
