"""Many tables of a restaurant at once: their zone, their order, their removal, and a list of names to take over."""

import hashlib
from collections import defaultdict
from collections.abc import Collection as Ids
from collections.abc import Sequence
from typing import Literal, NamedTuple

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError

from waitercaller.db import cache, clock
from waitercaller.db.client import Filter, transaction
from waitercaller.model import tables
from waitercaller.model.restaurants import Restaurant, Zone
from waitercaller.model.tables import Table

ORDER_BYTES = 8  # of a digest of the order

Side = Literal["before", "after"]


class OrderChanged(Exception):
    """The tables are not in the order any more that was seen; nothing was written."""


class Entry(NamedTuple):
    """A line of a list: the name of a table and the zone that it shall have."""

    name: str
    zone_id: str | None


def by_zone(restaurant: Restaurant, present: Sequence[Table]) -> list[tuple[Zone | None, list[Table]]]:
    """The zones with their tables, then those in no zone (None), each in their order; no zone without tables."""
    known = {zone["id"]: zone for zone in restaurant["zones"]}
    groups = defaultdict[str | None, list[Table]](list)
    for table in present:
        groups[table["zone_id"] if table["zone_id"] in known else None].append(table)
    return [(known.get(zone_id or ""), groups[zone_id]) for zone_id in (*known, None) if zone_id in groups]


def order_of(present: Sequence[Table]) -> str:
    """A digest of these tables' order and zones, by which `put_one` knows the order that somebody has seen."""
    seen = " ".join(f"{table['_id']}{table['zone_id']}" for table in present)
    return hashlib.sha256(seen.encode()).hexdigest()[: 2 * ORDER_BYTES]


def put_one(restaurant_id: ObjectId, table_id: ObjectId, side: Side, other_id: ObjectId, seen: str) -> list[Table]:
    """Put a table right before or after another one; returns all tables in their order.

    In one transaction. Raises OrderChanged if the order is not the one of the digest `seen`, unless the table stands
    there already: the same move, sent again, changes nothing.
    """

    def work(txn: ClientSession | None) -> list[Table]:
        present = tables.of_restaurant(restaurant_id, txn)
        places = {table["_id"]: number for number, table in enumerate(present)}
        if table_id not in places or other_id not in places or table_id == other_id:
            raise OrderChanged
        if places[table_id] - places[other_id] == (1 if side == "after" else -1):
            return present
        if order_of(present) != seen:
            raise OrderChanged
        order = [table for table in present if table["_id"] != table_id]
        at = next(number for number, table in enumerate(order) if table["_id"] == other_id)
        order.insert(at + (side == "after"), present[places[table_id]])
        _write(restaurant_id, {key: {"position": number} for key, number in _positions(order).items()}, txn)
        return order

    laid = transaction(work)
    cache.tables.clear()
    return laid


def move(restaurant_id: ObjectId, table_ids: Ids[ObjectId], zone_id: str | None) -> int:
    """Put these tables into a zone; returns how many there are."""
    moved = tables.documents().update_many(_present(restaurant_id, table_ids), {"$set": {"zone_id": zone_id}})
    cache.tables.clear()
    return moved.matched_count


def renew_codes(restaurant_id: ObjectId, table_ids: Sequence[ObjectId]) -> int:
    """Replace the codes of these tables, as `tables.rotate` does with one; returns how many there are."""
    present = tables.with_ids(restaurant_id, list(table_ids))
    writes = [
        UpdateOne(
            {**tables.is_present(restaurant_id, table["_id"]), "code": table["code"]},
            {"$set": tables.with_new_code(table)},
        )
        for table in present
    ]
    if writes:
        tables.documents().bulk_write(writes, ordered=False)
    cache.tables.clear()
    return len(present)


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
