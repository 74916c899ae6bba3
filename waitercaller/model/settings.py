"""Changes of a restaurant's document with optimistic concurrency.

A change is written only if the values it replaces are those it was computed from; otherwise it is computed again. So
no concurrent change is lost, and `decide` must be a function of the restaurant alone.
"""

from collections.abc import Callable

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.db import cache
from waitercaller.db.client import Changes
from waitercaller.model import restaurants
from waitercaller.model.restaurants import Restaurant

ATTEMPTS = 50  # each failed attempt means that a concurrent change succeeded


class Missing(Exception):
    """What was to be changed does not exist any more."""


def get(restaurant_id: ObjectId) -> Restaurant:
    """The restaurant, read from the database instead of the cache. Raises Missing."""
    return _read(restaurant_id, None)


def change(restaurant_id: ObjectId, decide: Callable[[Restaurant], Changes], txn: ClientSession | None = None) -> bool:
    """Set the fields that `decide(restaurant)` returns; returns whether anything changed. Raises Missing.

    `decide` may be called several times, and rejects a change by raising. In a transaction, call `restaurants.forget`
    after the commit.
    """
    for _ in range(ATTEMPTS):
        restaurant = _read(restaurant_id, txn)
        values = decide(restaurant)
        before = {name: restaurant.get(name) for name in values}
        if values == before:
            return False
        unchanged = {name: {"$eq": value} for name, value in before.items()}
        changed = restaurants.documents().update_one({"_id": restaurant_id, **unchanged}, {"$set": values}, session=txn)
        if changed.matched_count:
            cache.restaurants.forget(restaurant_id)
            return True
    raise RuntimeError("the restaurant kept changing")


def _read(restaurant_id: ObjectId, txn: ClientSession | None) -> Restaurant:
    restaurant = restaurants.documents().find_one({"_id": restaurant_id, "removed_at": None}, session=txn)
    if restaurant is None:
        raise Missing
    return restaurant
