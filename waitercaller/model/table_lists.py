"""Many tables of a restaurant at once: their zone, their order, their removal, and a list of names to take over."""

from collections.abc import Collection as Ids
from collections.abc import Sequence
from typing import NamedTuple

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError

from waitercaller.db import cache, clock
from waitercaller.db.client import Filter, transaction
from waitercaller.model import tables
from waitercaller.model.tables import Table


class Entry(NamedTuple):
    """A line of a list: the name of a table and the zone that it shall have."""

    name: str
    zone_id: str | None


def move(restaurant_id: ObjectId, table_ids: Ids[ObjectId], zone_id: str | None) -> int:
    """Put these tables into a zone; returns how many there are."""
    moved = tables.documents().update_many(_present(restaurant_id, table_ids), {"$set": {"zone_id": zone_id}})
    cache.tables.clear()
    return moved.matched_count


def remove(restaurant_id: ObjectId, table_ids: Ids[ObjectId], txn: ClientSession | None = None) -> int:
    """Mark these tables as removed; returns how many were. In a transaction, call `forget` after the commit."""
    gone = {"$set": {"removed_at": clock.now()}}
    removed = tables.documents().update_many(_present(restaurant_id, table_ids), gone, session=txn)
    return removed.modified_count


def forget() -> None:
    """Invalidate all cached tables in this process; other processes do so by their watchers."""
    cache.tables.clear()


def put_after(restaurant_id: ObjectId, table_ids: Ids[ObjectId], after: ObjectId | None) -> None:
    """Put these tables, in their order, after another one that is not of them; at the beginning for None."""
    present = tables.of_restaurant(restaurant_id)
    chosen = [table for table in present if table["_id"] in table_ids]
    others = [table for table in present if table["_id"] not in table_ids]
    at = next((number + 1 for number, table in enumerate(others) if table["_id"] == after), 0)
    positions = _positions([*others[:at], *chosen, *others[at:]])
    _write(restaurant_id, {table_id: {"position": position} for table_id, position in positions.items()})


def sort_by_name(restaurant_id: ObjectId) -> None:
    """Forget the order of all tables: equal positions are sorted by name."""
    tables.documents().update_many({"restaurant_id": restaurant_id, "removed_at": None}, {"$set": {"position": 0}})
    cache.tables.clear()


def take_over(restaurant_id: ObjectId, entries: Sequence[Entry]) -> None:
    """Add the tables that are new, set the zones of all that are listed, and put them first, in the order of the list.

    In one transaction. Other tables stay as they are, after them. Raises NamesTaken if a name was given away just now.
    """
    present = {table["name_key"]: table for table in tables.of_restaurant(restaurant_id)}
    listed: list[Table] = []
    new: list[Table] = []
    changes: dict[ObjectId, dict[str, object]] = {}
    for number, entry in enumerate(entries):
        table = present.pop(tables.name_key(entry.name), None)
        if table is None:
            new.append(tables.new(restaurant_id, entry.name, entry.zone_id, number))
        elif table["zone_id"] != entry.zone_id:
            changes[table["_id"]] = {"zone_id": entry.zone_id}
        listed.append(table or new[-1])
    for table_id, position in _positions([*listed, *present.values()]).items():
        changes.setdefault(table_id, {})["position"] = position

    def work(txn: ClientSession | None) -> None:
        if new:
            tables.documents().insert_many(new, session=txn)
        _write(restaurant_id, changes, txn)

    try:
        transaction(work)
    except (BulkWriteError, DuplicateKeyError):
        tables.check_names_free(restaurant_id, [table["name"] for table in new])
        raise
    cache.tables.clear()


def _positions(ordered: Sequence[Table]) -> dict[ObjectId, int]:
    """The positions to set for this order, of those that have another."""
    return {table["_id"]: number for number, table in enumerate(ordered) if table["position"] != number}


def _write(
    restaurant_id: ObjectId, changes: dict[ObjectId, dict[str, object]], txn: ClientSession | None = None
) -> None:
    here = {"restaurant_id": restaurant_id, "removed_at": None}
    writes = [UpdateOne({"_id": table_id, **here}, {"$set": values}) for table_id, values in changes.items()]
    if writes:
        tables.documents().bulk_write(writes, session=txn)
    cache.tables.clear()


def _present(restaurant_id: ObjectId, table_ids: Ids[ObjectId]) -> Filter:
    return {"_id": {"$in": list(table_ids)}, "restaurant_id": restaurant_id, "removed_at": None}
