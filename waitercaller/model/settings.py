"""The store of a restaurant's settings. They stand in its one document, which several people may change at a time.

Nobody's change is lost: what is written was decided from the very values that it replaces, and where somebody else was
faster it is decided anew. So a decision must be a function of the restaurant alone.
"""

from collections.abc import Callable

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.db import cache
from waitercaller.db.client import Changes
from waitercaller.model import restaurants
from waitercaller.model.restaurants import Restaurant

ATTEMPTS = 50  # each time somebody else was faster, so somebody's change has been made


class Missing(Exception):
    """What was to be changed is not there (any more)."""


def get(restaurant_id: ObjectId) -> Restaurant:
    """The restaurant as the database has it now, not the cache. Raises Missing."""
    return _read(restaurant_id, None)


def change(restaurant_id: ObjectId, decide: Callable[[Restaurant], Changes], txn: ClientSession | None = None) -> bool:
    """Set the fields that `decide(restaurant)` returns; whether that changed anything.

    `decide` may be asked several times and refuses by raising. Raises Missing. Where this is part of a transaction,
    `forget` the restaurant (see restaurants) once that has been committed.
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
