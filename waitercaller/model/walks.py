"""A walk past all tables, on which each hung code is scanned once: so a code at the wrong table is found.

A restaurant has one walk at a time (`walk_since`), whoever takes part; what was seen stands at the tables (`hung`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.model import settings, tables
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.tables import Hung, Table

LIFETIME = timedelta(hours=6)  # of one that nobody ends: later scans are a guest's again


def begin(restaurant_id: ObjectId) -> None:
    """Begin a walk, unless there is one."""
    now = clock.now()
    settings.change(restaurant_id, lambda restaurant: {} if since(restaurant) else {"walk_since": now})


def end(restaurant_id: ObjectId) -> None:
    """End the walk."""
    settings.change(restaurant_id, lambda _: {"walk_since": None})


def since(restaurant: Restaurant) -> datetime | None:
    """When the present walk began; None if there is none."""
    began = restaurant.get("walk_since")
    return began if began and clock.now() - began < LIFETIME else None


def note(restaurant_id: ObjectId, table_id: ObjectId, at_table_id: ObjectId) -> bool:
    """The code of a table was seen, at this table or another one; False if there is no such table."""
    hung: Hung = {"at": clock.now(), "table_id": at_table_id}
    seen = tables.documents().update_one(tables.is_present(restaurant_id, table_id), {"$set": {"hung": hung}})
    tables.forget(table_id)
    return bool(seen.matched_count)


def found(present: Sequence[Table], began: datetime) -> dict[ObjectId, ObjectId]:
    """At which table the code of each table hangs, as far as this walk has seen it."""
    seen = ((table["_id"], table.get("hung")) for table in present)
    return {table_id: hung["table_id"] for table_id, hung in seen if hung and hung["at"] >= began}
