"""On which day the code of each table was opened last, and which are opened no more though those around them are."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.model import tables
from waitercaller.model.tables import Table

QUIET_AFTER = timedelta(days=14)
NEIGHBOURS = 3  # of the same zone that must have been opened since, at least
SHARE = 0.75  # of the others of the zone that must have been; fewer: the zone is closed, or has just been opened again


def note(table: Table) -> None:
    """The code was opened. At most one write for each table and day."""
    today = tables.day_of(clock.now())
    if table.get("opened_on") != today:
        present = tables.is_present(table["restaurant_id"], table["_id"])
        tables.documents().update_one({**present, "opened_on": {"$ne": today}}, {"$set": {"opened_on": today}})
        tables.forget(table["_id"])


def quiet(present: Sequence[Table]) -> set[ObjectId]:
    """The tables whose code has not been opened for QUIET_AFTER, unlike those of their zone."""
    since = clock.now() - QUIET_AFTER
    zones = defaultdict[str | None, list[Table]](list)
    for table in present:
        zones[table["zone_id"]].append(table)
    silent: set[ObjectId] = set()
    for members in zones.values():
        opened = sum(_is_opened(table) and table["opened_on"] >= since for table in members)
        if opened >= max(NEIGHBOURS, SHARE * (len(members) - 1)):
            silent |= {each["_id"] for each in members if "opened_on" in each and each["opened_on"] < since}
    return silent


def _is_opened(table: Table) -> bool:
    """Whether the code was opened on a day after the one on which the table was made."""
    return "opened_on" in table and table["opened_on"] > table["_id"].generation_time
