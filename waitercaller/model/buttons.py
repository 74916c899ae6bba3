"""Buttons on tables or in the kitchen: a device that calls for its table by a secret address (docs/buttons.md).

The secret is kept as it is, as the code of a table is: managers can see it again.
"""

from datetime import timedelta

from bson import ObjectId

from waitercaller.db import cache, clock
from waitercaller.model import tables
from waitercaller.model.tables import Button, Table

# A button says hello about once a day; after so long without one something is wrong with it.
SILENT_AFTER = timedelta(days=2)


def by_secret(secret: str) -> Table | None:
    """The table whose button has this secret; from the cache, hence up to cache.MAX_AGE_SECONDS old."""
    present = {"button.secret": secret, "removed_at": None}
    return cache.tables.get(f"button {secret}", lambda: tables.documents().find_one(present))


def renew(restaurant_id: ObjectId, table_id: ObjectId) -> bool:
    """Give a table's button a new secret, the first or in place of one; False if there is no such table."""
    button: Button = {"secret": tables.new_code(), "since": clock.now()}
    changed = tables.documents().update_one(tables.is_present(restaurant_id, table_id), {"$set": {"button": button}})
    tables.forget(table_id)
    return bool(changed.matched_count)


def remove(restaurant_id: ObjectId, table_id: ObjectId) -> bool:
    """Let the button's secret be good for nothing; False if there is no such table."""
    changed = tables.documents().update_one(tables.is_present(restaurant_id, table_id), {"$unset": {"button": ""}})
    tables.forget(table_id)
    return bool(changed.matched_count)


def note_heard(table: Table) -> None:
    """The button has called or said hello."""
    same = {**tables.is_present(table["restaurant_id"], table["_id"]), "button.secret": table["button"]["secret"]}
    tables.documents().update_one(same, {"$set": {"button.heard_at": clock.now()}})


def is_silent(table: Table) -> bool:
    """Whether the table has a button that was in use and has not been heard for SILENT_AFTER."""
    heard_at = table["button"].get("heard_at") if "button" in table else None
    return heard_at is not None and heard_at < clock.now() - SILENT_AFTER
