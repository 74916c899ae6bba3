"""The store of alerts: since when nobody would hear a call of a restaurant, and whether its owners were told."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import NotRequired, TypedDict, cast

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from waitercaller.db import clock
from waitercaller.db.client import Filter, db

UNHEARD_AFTER = timedelta(minutes=2)  # a silence of an open restaurant that is shorter does not count
# Least time from one alert to the next: a screen that comes and goes all evening, or is made to, fills no mailbox. Of a
# silence that still lasts when this has passed the owners are told then.
ALERT_INTERVAL = timedelta(minutes=15)
# After so many alerts without a look in between there are no more: the owners are on holiday or have left.
MAX_UNHEEDED_ALERTS = 7


class AlertNote(TypedDict):
    """What is noted of a restaurant whose calls nobody hears, or lately did not."""

    _id: ObjectId
    restaurant_id: ObjectId
    unheard_since: datetime | None  # None: somebody would hear a call
    told_at: datetime | None  # when the owners were told of this silence
    last_told_at: NotRequired[datetime]  # when they were told of any
    unheeded: int  # how often they were told and nobody has looked since


def documents() -> Collection[AlertNote]:
    """The collection `alerts`."""
    return cast(Collection[AlertNote], db().alerts)


def noted() -> dict[ObjectId, AlertNote]:
    """What is noted of restaurants whose calls nobody hears, or whose owners were told so and have not looked since."""
    matters = {"$or": [{"unheard_since": {"$ne": None}}, {"unheeded": {"$gt": 0}}]}
    return {document["restaurant_id"]: document for document in documents().find(matters)}


def mark_unheard(restaurant_id: ObjectId) -> None:
    """Note that from now on nobody hears the calls, unless that is noted already."""
    _prepare(restaurant_id)
    heard = {"restaurant_id": restaurant_id, "unheard_since": None}
    documents().update_one(heard, {"$set": {"unheard_since": clock.now(), "told_at": None}})


def mark_heard(noted: AlertNote, heard: bool) -> None:
    """Somebody hears the calls, or (not `heard`) nobody needs to any more: the next silence is a new one."""
    values = {"unheard_since": None, "told_at": None, **({"unheeded": 0} if heard else {})}
    documents().update_one(_as_read(noted), {"$set": values})


def should_alert(noted: AlertNote) -> bool:
    """Whether this silence is long, nobody has been told of it yet, and the last time is not just past."""
    last_told_at = noted.get("last_told_at")  # of an earlier silence
    is_allowed = last_told_at is None or last_told_at + ALERT_INTERVAL <= clock.now()
    return _is_long(noted) and noted["told_at"] is None and noted["unheeded"] < MAX_UNHEEDED_ALERTS and is_allowed


def record_alert(noted: AlertNote) -> bool:
    """Note that somebody is told of this silence now; False when that was done, or it is over."""
    now = clock.now()
    change = {"$set": {"told_at": now, "last_told_at": now}, "$inc": {"unheeded": 1}}
    return bool(documents().update_one({**_as_read(noted), "told_at": None}, change).modified_count)


def is_unheard(restaurant_id: ObjectId) -> bool:
    """Whether nobody has heard the calls of this restaurant for a long time."""
    noted = documents().find_one({"restaurant_id": restaurant_id})
    return noted is not None and _is_long(noted)


def _as_read(noted: AlertNote) -> Filter:
    return {"restaurant_id": noted["restaurant_id"], "unheard_since": noted["unheard_since"]}


def _is_long(noted: AlertNote) -> bool:
    since = noted["unheard_since"]
    return since is not None and since + UNHEARD_AFTER <= clock.now()


def _prepare(restaurant_id: ObjectId) -> None:
    """Make the restaurant's document where it has none."""
    blank = {"unheard_since": None, "told_at": None, "unheeded": 0}
    with suppress(DuplicateKeyError):  # made by another process just now
        documents().update_one({"restaurant_id": restaurant_id}, {"$setOnInsert": blank}, upsert=True)
