"""Tables, identified by name for staff and by code for guests.

Removed tables are kept, marked by `removed_at`; their names can be reused.
"""

import base64
import re
import secrets
import unicodedata
from datetime import datetime, timedelta
from functools import partial
from typing import NotRequired, TypedDict, cast

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, DuplicateKeyError

from waitercaller.db import cache, clock
from waitercaller.db.client import Changes, Filter, db, transaction

CODE = re.compile("[A-Z2-7]{26}")
SHORT_CODE = re.compile("[A-Z2-7]{10}")  # the beginning of a code, for who types it: 50 of its bits
RETIRED_CODE_LIFETIME = timedelta(hours=24)
MAX_TABLES = 1000  # of one restaurant; limits the size of its pages
ATTEMPTS = 3  # after a collision of a random code or a concurrent change


class TooManyTables(Exception):
    """The restaurant would have more than MAX_TABLES tables; nothing was written."""


class NamesTaken(Exception):
    """Other tables of this restaurant have these names; nothing was written."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


class RetiredCode(TypedDict):
    """A replaced code: its page shows and cancels live requests but cannot call."""

    code: str
    until: datetime  # RETIRED_CODE_LIFETIME after it was replaced


class Button(TypedDict):
    """A device that calls for the table; see `buttons`."""

    secret: str  # as `Table.code`, in the address that it asks
    since: datetime  # when the secret was made
    heard_at: NotRequired[datetime]  # when it last called or said hello


class Hung(TypedDict):
    """Where the code of a table was seen on a walk; see `walks`."""

    at: datetime
    table_id: ObjectId  # at which it hangs: this table, if all is well


class Table(TypedDict):
    """A table of a restaurant."""

    _id: ObjectId
    restaurant_id: ObjectId
    name: str  # shown to staff
    name_key: str  # normalised name, unique in the restaurant; see `name_key`
    zone_id: str | None
    code: str  # 26 characters A–Z and 2–7: 128 random bits in base 32, in the guests' URL
    retired_codes: list[RetiredCode]
    button: NotRequired[Button]
    hung: NotRequired[Hung | None]  # None: its code is a new one
    opened_on: NotRequired[datetime]  # midnight (UTC) of the day on which its code was opened last, or made
    position: int  # sort order, then by name
    removed_at: datetime | None


def documents() -> Collection[Table]:
    """The collection `tables`."""
    return cast(Collection[Table], db().tables)


def check_limit(restaurant_id: ObjectId, number: int) -> None:
    """Raise TooManyTables if `number` more exceed MAX_TABLES. Concurrent calls may exceed it slightly."""
    present = documents().count_documents({"restaurant_id": restaurant_id, "removed_at": None})
    if present + number > MAX_TABLES:
        raise TooManyTables


def add_many(restaurant_id: ObjectId, names: list[str], zone_id: str | None) -> None:
    """Add a table for each name, in one transaction; after the others where these have an order. Raises NamesTaken."""
    last = max((table["position"] for table in of_restaurant(restaurant_id)), default=0)
    position = last + 1 if last else 0
    for attempts_left in reversed(range(ATTEMPTS)):
        tables = [new(restaurant_id, name, zone_id, position) for name in names]
        try:
            transaction(partial(_insert, tables))
            return
        except (BulkWriteError, DuplicateKeyError):
            check_names_free(restaurant_id, names)
            if not attempts_left:
                raise


def of_restaurant(restaurant_id: ObjectId, txn: ClientSession | None = None) -> list[Table]:
    """The restaurant's tables by position, then in natural order ("2" before "10")."""
    tables = documents().find({"restaurant_id": restaurant_id, "removed_at": None}, session=txn)
    return sorted(tables, key=lambda table: (table["position"], _natural(table["name_key"])))


def get(restaurant_id: ObjectId, table_id: ObjectId) -> Table | None:
    """The table with this id in this restaurant, unless it is removed."""
    return documents().find_one(is_present(restaurant_id, table_id))


def with_ids(restaurant_id: ObjectId, table_ids: list[ObjectId]) -> list[Table]:
    """Those of these tables that are in this restaurant and not removed, in the order of the ids."""
    present = documents().find({"_id": {"$in": table_ids}, "restaurant_id": restaurant_id, "removed_at": None})
    found = {table["_id"]: table for table in present}
    return [found[each] for each in table_ids if each in found]


def by_code(code: str) -> tuple[Table, bool] | None:
    """The table with this code (case-insensitive), and whether the code is current: False for a retired one.

    From the cache, hence up to cache.MAX_AGE_SECONDS old.
    """
    code = code.upper()
    if not CODE.fullmatch(code):
        return None
    table = cache.tables.get(code, lambda: _find_by_code(code))
    if table is None:
        return None
    if table["code"] == code:
        return table, True
    now = clock.now()
    is_retired = any(old["code"] == code and old["until"] > now for old in table["retired_codes"])
    return (table, False) if is_retired else None


def short_code(code: str) -> str:
    """The beginning of a table's code, by which `by_short_code` finds it."""
    return code[:10]


def by_short_code(short: str) -> Table | None:
    """The table whose code begins with these characters; None if there is none, or more than one."""
    begins = {"$gte": short, "$lt": f"{short}["}  # "[" comes after "Z"
    found = list(documents().find({"code": begins, "removed_at": None}).limit(2))
    return found[0] if len(found) == 1 else None


def check_names_free(restaurant_id: ObjectId, names: list[str], except_id: ObjectId | None = None) -> None:
    """Raise NamesTaken if tables other than `except_id` have some of these names.

    Only for the error message; the unique index ensures that names differ.
    """
    keys = {name_key(name): name for name in names}
    others = {"restaurant_id": restaurant_id, "removed_at": None, "name_key": {"$in": list(keys)}}
    taken = {table["name_key"] for table in documents().find(others) if table["_id"] != except_id}
    if taken:
        raise NamesTaken([name for key, name in keys.items() if key in taken])


def edit(restaurant_id: ObjectId, table_id: ObjectId, name: str, zone_id: str | None) -> bool:
    """Set the name and zone of a table; False if there is no such table. Raises NamesTaken."""
    values = {"name": name, "name_key": name_key(name), "zone_id": zone_id}
    try:
        changed = documents().update_one(is_present(restaurant_id, table_id), {"$set": values})
    except DuplicateKeyError:
        raise NamesTaken([name]) from None
    cache.tables.forget(table_id)
    return bool(changed.matched_count)


def leave_zone(restaurant_id: ObjectId, zone_id: str, txn: ClientSession | None = None) -> None:
    """Remove the zone from its tables, when the zone is deleted."""
    which = {"restaurant_id": restaurant_id, "zone_id": zone_id}
    documents().update_many(which, {"$set": {"zone_id": None}}, session=txn)
    cache.tables.clear()


def rotate(restaurant_id: ObjectId, table_id: ObjectId) -> bool:
    """Replace a table's code; the old one is retired. False if there is no such table.

    Of concurrent calls one changes the code; the others return True without a second change.
    """
    table = get(restaurant_id, table_id)
    if table is None:
        return False
    present = {**is_present(restaurant_id, table_id), "code": table["code"]}
    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            documents().update_one(present, {"$set": with_new_code(table)})
            break
        except DuplicateKeyError:
            if not attempts_left:
                raise
    cache.tables.forget(table_id)
    return True


def with_new_code(table: Table) -> Changes:
    """What to set where a table gets a new code; the one that it has is retired."""
    now = clock.now()
    retired = [old for old in table["retired_codes"] if old["until"] > now]
    retired.append({"code": table["code"], "until": now + RETIRED_CODE_LIFETIME})
    return {"code": new_code(), "retired_codes": retired, "hung": None, "opened_on": day_of(now)}


def remove(restaurant_id: ObjectId, table_id: ObjectId, txn: ClientSession | None = None) -> bool:
    """Mark a table as removed; False if there is no such table.

    In a transaction, call `forget` after the commit.
    """
    removed = documents().update_one(
        is_present(restaurant_id, table_id), {"$set": {"removed_at": clock.now()}}, session=txn
    )
    forget(table_id)
    return bool(removed.modified_count)


def remove_all(restaurant_id: ObjectId, txn: ClientSession | None) -> None:
    """Mark all tables of a restaurant as removed."""
    present = {"restaurant_id": restaurant_id, "removed_at": None}
    documents().update_many(present, {"$set": {"removed_at": clock.now()}}, session=txn)


def forget(table_id: ObjectId) -> None:
    """Invalidate the cached table in this process; other processes do so by their watchers."""
    cache.tables.forget(table_id)


def name_key(name: str) -> str:
    """The name normalised for comparison: case, white space and Unicode composition are ignored."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).split())


def new_code() -> str:
    """128 random bits as 26 characters of A–Z and 2–7, for the compact alphanumeric mode of QR codes."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=")


def day_of(moment: datetime) -> datetime:
    """The midnight (UTC) at which the day of this moment began."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def new(restaurant_id: ObjectId, name: str, zone_id: str | None, position: int = 0) -> Table:
    """The document of a new table."""
    return {
        "_id": ObjectId(),
        "restaurant_id": restaurant_id,
        "name": name,
        "name_key": name_key(name),
        "zone_id": zone_id,
        "code": new_code(),
        "retired_codes": [],
        "opened_on": day_of(clock.now()),
        "position": position,
        "removed_at": None,
    }


def _insert(tables: list[Table], txn: ClientSession | None) -> None:
    documents().insert_many(tables, session=txn)


def is_present(restaurant_id: ObjectId, table_id: ObjectId) -> Filter:
    """The condition that it is this restaurant's table, and not removed."""
    return {"_id": table_id, "restaurant_id": restaurant_id, "removed_at": None}


def _find_by_code(code: str) -> Table | None:
    # Two queries, each with an index, instead of one with $or.
    table = documents().find_one({"code": code, "removed_at": None})
    return table or documents().find_one({"retired_codes.code": code, "removed_at": None})


def _natural(key: str) -> list[str | int]:
    """A natural sort key: alternating text and numbers, starting with text, so that types always match."""
    return [int(part) if index % 2 else part for index, part in enumerate(re.split("([0-9]+)", key))]
