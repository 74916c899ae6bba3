"""Counters of rate limits: one document for each fixed window, on the database's clock."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict, cast

import pymongo
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from waitercaller.db.client import db

TIMEOUT_SECONDS = 0.4  # of an operation; the page must answer within two seconds


class LimitWindow(TypedDict):
    """The count of one window."""

    _id: str  # name of the limit, number of the window, HMAC of the counted key
    count: int
    expires_at: datetime  # the end of the window


def documents() -> Collection[LimitWindow]:
    """The collection `limits`."""
    return cast(Collection[LimitWindow], db().limits)


def take(window_id: str, tries: int, ends: datetime) -> bool:
    """Count one attempt in the window that ends at `ends`; False if all `tries` are used. Raises PyMongoError."""
    left, count = {"_id": window_id, "count": {"$lt": tries}}, {"$inc": {"count": 1}}
    with pymongo.timeout(TIMEOUT_SECONDS):
        try:
            documents().update_one(left, {**count, "$setOnInsert": {"expires_at": ends}}, upsert=True)
        except DuplicateKeyError:  # the document exists: the window is full, or another process has just created it
            return bool(documents().update_one(left, count).modified_count)
    return True


def clear(window_ids: Iterable[str]) -> None:
    """Reset these windows. Raises PyMongoError."""
    with pymongo.timeout(TIMEOUT_SECONDS):
        documents().delete_many({"_id": {"$in": list(window_ids)}})
