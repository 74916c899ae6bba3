"""What operators ask and do about restaurants as a whole: whether there is one, which there are, suspend and restore.

A suspended restaurant keeps everything. Its pages tell guests to wave and members that it is suspended; for all that
happens in the background it is not there (`restaurants.get`).
"""

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from waitercaller.db import clock
from waitercaller.model import restaurants
from waitercaller.model.restaurants import Restaurant


class NotTheFirstError(Exception):
    """Another restaurant was registered as the first one at the same moment."""


def is_empty(txn: ClientSession | None = None) -> bool:
    """Whether there is no restaurant."""
    return restaurants.documents().find_one({}, {"_id": True}, session=txn) is None


def mark_as_first(restaurant_id: ObjectId, txn: ClientSession | None) -> None:
    """Mark a new restaurant as the first one, where REGISTRATION lets in no other; a unique index refuses a second.

    Raises NotTheFirstError, or a write conflict after which the transaction runs again and finds the other one.
    """
    try:
        restaurants.documents().update_one({"_id": restaurant_id}, {"$set": {"is_first": True}}, session=txn)
    except DuplicateKeyError:
        raise NotTheFirstError from None


def present() -> list[Restaurant]:
    """All restaurants that are not removed, the oldest first; needs the client without a time limit."""
    return [each for each in restaurants.documents().find({}).sort("_id") if not each.get("removed_at")]


def suspend(restaurant_id: ObjectId, txn: ClientSession | None) -> bool:
    """Mark a restaurant as suspended; False if it is already. In a transaction, call `forget` after the commit."""
    active = {"_id": restaurant_id, "removed_at": None, "suspended_at": None}
    suspended = {"$set": {"suspended_at": clock.now()}}
    return bool(restaurants.documents().update_one(active, suspended, session=txn).modified_count)


def restore(restaurant_id: ObjectId, txn: ClientSession | None) -> bool:
    """End the suspension of a restaurant; False if there is none. In a transaction, `forget` after the commit."""
    suspended = {"_id": restaurant_id, "removed_at": None, "suspended_at": {"$ne": None}}
    restored = {"$set": {"suspended_at": None}}
    return bool(restaurants.documents().update_one(suspended, restored, session=txn).modified_count)
