"""Counters of rate limits: one document for each window of an allowance, on the database's clock."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict, cast

import pymongo
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from waitercaller.db.client import db

STORE_SECONDS = 0.4  # to wait for the database; the page itself still has to answer within two seconds


class LimitWindow(TypedDict):
    """What was counted in one window of time."""

    _id: str  # the limit's name, the number of the window, HMAC of what is counted
    count: int
    expires_at: datetime  # the end of the window


def documents() -> Collection[LimitWindow]:
    """The collection `limits`."""
    return cast(Collection[LimitWindow], db().limits)


def take(window_id: str, tries: int, ends: datetime) -> bool:
    """Count one try in this window, which ends at `ends`; False where all `tries` are used up. Raises PyMongoError."""
    left, count = {"_id": window_id, "count": {"$lt": tries}}, {"$inc": {"count": 1}}
    with pymongo.timeout(STORE_SECONDS):
        try:
            documents().update_one(left, {**count, "$setOnInsert": {"expires_at": ends}}, upsert=True)
        except DuplicateKeyError:  # there is such a document: a full one, or one that another process made just now
            return bool(documents().update_one(left, count).modified_count)
    return True


def clear(window_ids: Iterable[str]) -> None:
    """Forget what was counted in these windows. Raises PyMongoError."""
    with pymongo.timeout(STORE_SECONDS):
        documents().delete_many({"_id": {"$in": list(window_ids)}})
