"""How long requests are kept: KEEP_DAYS, or as many days as the restaurant's owner has chosen. Their counts stay."""

from datetime import datetime, timedelta
from itertools import islice

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.db.client import Filter
from waitercaller.model import restaurants, service_request
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.rollups import times

KEEP_DAYS = 400  # usual, and the most
MIN_KEEP_DAYS = 30
BATCH_SIZE = 1000  # requests that are deleted at once, of each restaurant with days of its own and of all others


def keep_days_of(restaurant: Restaurant) -> int:
    """For how many days the restaurant's requests are kept."""
    return restaurant["settings"].get("keep_calls_days", KEEP_DAYS)


def purge(unfinished: set[tuple[ObjectId, datetime]]) -> bool:
    """Delete requests that are older than is kept, but for those of `unfinished` quarters; whether all are gone."""
    chosen = restaurants.documents().find({"settings.keep_calls_days": {"$gte": MIN_KEEP_DAYS}}, {"settings": True})
    limits: list[tuple[Filter, int]] = [({"restaurant_id": each["_id"]}, keep_days_of(each)) for each in chosen]
    deleted = [_purge(where, days, unfinished) for where, days in [*limits, ({}, KEEP_DAYS)]]
    return max(deleted) < BATCH_SIZE


def _purge(where: Filter, days: int, unfinished: set[tuple[ObjectId, datetime]]) -> int:
    """Delete up to BATCH_SIZE requests that ended before the last `days` days; returns how many."""
    limit = clock.now() - timedelta(days=days)
    requests, fields = service_request.documents(), {"restaurant_id": True, "created_at": True}
    old = requests.find({**where, "created_at": {"$lt": limit}, "ended_at": {"$lt": limit}}, fields).sort("created_at")
    final = (each for each in old if (each["restaurant_id"], times.quarter_of(each["created_at"])) not in unfinished)
    deleted = 0
    for request in islice(final, BATCH_SIZE):
        requests.delete_one({"_id": request["_id"], "restaurant_id": request["restaurant_id"], "live": False})
        deleted += 1
    return deleted
