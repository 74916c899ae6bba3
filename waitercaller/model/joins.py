"""Tables joined for tonight: a group of tables of one restaurant calls as one.

The groups are a key of the restaurant's document, as duty is: every call reads them from the cache, and one conditional
update of that key holds the rule that a table is in one group, so of two who join a table at once one wins.

The first table of a group is its head. What is called for at any of them is a request of the head, under the name of
all ("7 + 8"), so the unique index of requests holds for the group: one live request of a kind. A request that is live
when its table is joined keeps its table (by which requests are sharded), and is found by the tables of the group.
"""

from collections.abc import Sequence
from datetime import datetime

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.db.client import Changes
from waitercaller.model import duty, settings, tables
from waitercaller.model.restaurants import Join, Restaurant
from waitercaller.model.tables import Table

MIN_TABLES, MAX_TABLES = 2, 12  # of a group; the cards and messages name them all


class JoinedAlready(Exception):
    """These tables are in another group; nothing was written."""

    def __init__(self, table_ids: set[ObjectId]) -> None:
        super().__init__(str(table_ids))
        self.table_ids = table_ids


def groups(restaurant: Restaurant, now: datetime) -> list[Join]:
    """The groups of tonight, in the order in which they were joined."""
    return [each for each in restaurant.get("joins", []) if each["until"] > now]


def tables_with(restaurant: Restaurant, table_id: ObjectId, now: datetime) -> list[ObjectId]:
    """The tables that call as one with this one, itself included, the head first; it alone if it is not joined."""
    return next((each["tables"] for each in groups(restaurant, now) if table_id in each["tables"]), [table_id])


def heads(restaurant: Restaurant, now: datetime) -> dict[ObjectId, ObjectId]:
    """The head of each joined table."""
    return {table: each["tables"][0] for each in groups(restaurant, now) for table in each["tables"]}


def as_one(restaurant: Restaurant, table: Table) -> Table:
    """The table that this one calls as: the head of its group with the name of all; itself if it is not joined.

    Costs a query for joined tables only.
    """
    ids = tables_with(restaurant, table["_id"], clock.now())
    present = tables.with_ids(restaurant["_id"], ids) if len(ids) > 1 else []
    return named(present) if len(present) > 1 else table


def named(group: Sequence[Table]) -> Table:
    """The first of these tables with the names of all."""
    return {**group[0], "name": " + ".join(table["name"] for table in group)}


def join(restaurant_id: ObjectId, table_ids: list[ObjectId], txn: ClientSession | None = None) -> None:
    """Join these tables, in this order, until the day turns. Raises JoinedAlready and settings.Missing.

    In a transaction, call `restaurants.forget` after the commit.
    """

    def decide(restaurant: Restaurant) -> Changes:
        now = clock.now()
        present = groups(restaurant, now)
        if taken := {table for each in present for table in each["tables"]} & set(table_ids):
            raise JoinedAlready(taken)
        new: Join = {"tables": table_ids, "until": duty.ends_at(restaurant, now)}
        return {"joins": [*present, new]}

    settings.change(restaurant_id, decide, txn)


def separate(restaurant_id: ObjectId, table_id: ObjectId, txn: ClientSession | None = None) -> list[ObjectId]:
    """End the group of this table; returns its tables, [] if it is in none. Raises settings.Missing.

    In a transaction, call `restaurants.forget` after the commit.
    """
    left: list[ObjectId] = []

    def decide(restaurant: Restaurant) -> Changes:
        present = groups(restaurant, clock.now())
        left[:] = next((each["tables"] for each in present if table_id in each["tables"]), [])
        return {"joins": [each for each in present if table_id not in each["tables"]]} if left else {}

    settings.change(restaurant_id, decide, txn)
    return left


def forget_tables(restaurant_id: ObjectId, gone: list[ObjectId], txn: ClientSession | None = None) -> None:
    """Tables are removed: the others of a group stay joined, if they are two at least. Raises settings.Missing."""

    def decide(restaurant: Restaurant) -> Changes:
        present = groups(restaurant, clock.now())
        if not any(one in gone for each in present for one in each["tables"]):
            return {}
        left: list[Join] = [{**each, "tables": [one for one in each["tables"] if one not in gone]} for each in present]
        return {"joins": [each for each in left if len(each["tables"]) >= MIN_TABLES]}

    settings.change(restaurant_id, decide, txn)
