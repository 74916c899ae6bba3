"""What the database itself guarantees: indexes that carry rules, and validators that refuse misshapen documents.

`build` brings a database to this state and may run again at any time; operators run it as `flask build-database`.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.database import Database
from pymongo.errors import OperationFailure

from waitercaller.db.validators import VALIDATORS


def _expires(field: str) -> IndexModel:
    return IndexModel([(field, ASCENDING)], expireAfterSeconds=0)


OPTIONS = ("unique", "partialFilterExpression", "expireAfterSeconds")  # by which two indexes on the same keys differ

NAMESPACE_NOT_FOUND, NAMESPACE_EXISTS = 26, 48
BUSY_CODES = (
    46,  # LockBusy
    117,  # ConflictingOperationInProgress
    276,  # IndexBuildAborted
    285,  # IndexBuildAlreadyInProgress
    12586,  # BackgroundOperationInProgressForDatabase
    12587,  # BackgroundOperationInProgressForNamespace
)
BUSY_SECONDS = 3600.0  # as long as the longest build of another machine
BUSY_INTERVAL_SECONDS = 1.0

INDEXES: dict[str, list[IndexModel]] = {
    "restaurants": [
        IndexModel([("members.user_id", ASCENDING)]),
        IndexModel([("hours.day", ASCENDING)]),
        IndexModel([("opening.state", ASCENDING)]),
    ],
    "users": [IndexModel([("email", ASCENDING)], unique=True)],
    "registrations": [IndexModel([("email", ASCENDING)]), _expires("expires_at")],
    "logins": [
        IndexModel([("actor.id", ASCENDING), ("ended_at", ASCENDING)]),
        IndexModel([("restaurant_id", ASCENDING), ("ended_at", ASCENDING)]),
        _expires("purge_at"),
    ],
    "tables": [
        IndexModel([("code", ASCENDING)], unique=True),
        IndexModel([("retired_codes.code", ASCENDING)]),
        IndexModel(
            [("restaurant_id", ASCENDING), ("name_key", ASCENDING)],
            unique=True,
            partialFilterExpression={"removed_at": None},
        ),
        IndexModel([("restaurant_id", ASCENDING), ("position", ASCENDING)]),
    ],
    "requests": [
        # One live request of a kind at a table: the second tap, from whichever phone, finds the first.
        IndexModel(
            [("restaurant_id", ASCENDING), ("table_id", ASCENDING), ("kind", ASCENDING)],
            unique=True,
            partialFilterExpression={"live": True},
        ),
        # A tap is known by its one-time key for ever, also after its request has ended.
        # (Unique indexes begin with the restaurant, by which this collection can be sharded.)
        IndexModel([("restaurant_id", ASCENDING), ("table_id", ASCENDING), ("keys", ASCENDING)], unique=True),
        # The shard key's own (docs/sharding.md): neither partial nor, as the one with the keys is, multikey.
        IndexModel([("restaurant_id", ASCENDING), ("table_id", ASCENDING), ("live", ASCENDING)]),
        IndexModel([("live", ASCENDING), ("due_at", ASCENDING)]),
        IndexModel([("restaurant_id", ASCENDING), ("live", ASCENDING), ("first_at", ASCENDING)]),
        IndexModel([("restaurant_id", ASCENDING), ("created_at", DESCENDING)]),
        IndexModel([("restaurant_id", ASCENDING), ("ended_at", DESCENDING)]),
        IndexModel([("created_at", ASCENDING)]),  # what is new, and what is old, of all restaurants
    ],
    "screens": [
        IndexModel([("restaurant_id", ASCENDING), ("_id", ASCENDING)]),  # the shard key
        IndexModel([("process", ASCENDING)]),
        _expires("purge_at"),
    ],
    "pauses": [
        # One pause of a phone or a table at a time, whoever of the staff causes it.
        IndexModel([("restaurant_id", ASCENDING), ("subject", ASCENDING)], unique=True),
        IndexModel([("over", ASCENDING), ("until", ASCENDING)]),
        _expires("purge_at"),
    ],
    "rollups": [
        IndexModel([("restaurant_id", ASCENDING), ("quarter", ASCENDING)], unique=True),
        IndexModel([("state", ASCENDING), ("next_at", ASCENDING)]),
    ],
    "subscriptions": [
        IndexModel([("restaurant_id", ASCENDING), ("member_id", ASCENDING)]),
        IndexModel([("login_id", ASCENDING)]),
    ],
    "pushes": [IndexModel([("state", ASCENDING), ("next_at", ASCENDING)]), _expires("purge_at")],
    "alerts": [
        IndexModel([("restaurant_id", ASCENDING)], unique=True),
        IndexModel([("unheard_since", ASCENDING)]),
        IndexModel([("unheeded", ASCENDING)]),
    ],
    "outbox": [IndexModel([("state", ASCENDING), ("next_at", ASCENDING)]), _expires("purge_at")],
    "tokens": [IndexModel([("subject", ASCENDING), ("purpose", ASCENDING)]), _expires("purge_at")],
    "erasures": [IndexModel([("state", ASCENDING), ("next_at", ASCENDING)])],
    "jobs": [IndexModel([("state", ASCENDING), ("next_at", ASCENDING)])],
    "invitations": [
        # One open invitation for each address, or each member's phone, at a time.
        IndexModel(
            [("restaurant_id", ASCENDING), ("email", ASCENDING), ("member_id", ASCENDING)],
            unique=True,
            partialFilterExpression={"used_at": None, "withdrawn_at": None},
        ),
        IndexModel([("email", ASCENDING)]),
        _expires("purge_at"),
    ],
    "limits": [_expires("expires_at")],
    "audit": [
        IndexModel([("user_id", ASCENDING), ("at", DESCENDING)]),
        IndexModel([("restaurant_id", ASCENDING), ("at", ASCENDING)]),  # ascending, as the shard key is; read backwards
        IndexModel([("actor.id", ASCENDING)]),
        IndexModel([("at", ASCENDING)], expireAfterSeconds=400 * 24 * 3600),
    ],
}


class IndexConflict(Exception):
    """An index has the name of one of ours and other keys or options; nothing replaces it by itself."""


def build(database: Database[dict[str, Any]]) -> None:
    """Create what is missing of collections, indexes and validators; safe on several machines at once.

    Run it `with patiently():`, an index build takes as long as the collection is large. Raises IndexConflict,
    PyMongoError.
    """
    present = {info["name"]: info.get("options", {}) for info in database.list_collections()}
    for name in INDEXES:
        _when_idle(partial(_ensure_collection, database, name, present.get(name)))
        missing = _missing_indexes(database, name) if name in present else INDEXES[name]
        if missing:
            # Also on the secondaries before it counts: one that fell behind would be left without a rule.
            _when_idle(partial(database[name].create_indexes, missing, commitQuorum="majority"))


def missing_indexes(database: Database[dict[str, Any]]) -> list[str]:
    """The names, as collection.index, of those that are not there, are still being built, or are not as specified."""
    found = []
    for name in INDEXES:
        present = _present_indexes(database, name)
        for index in INDEXES[name]:
            specification = present.get(index.document["name"])
            if specification is None or not _is_as_specified(specification, index):
                found.append(f"{name}.{index.document['name']}")
    return found


def document_counts(database: Database[dict[str, Any]]) -> dict[str, int]:
    """About how many documents each collection has."""
    return {name: database[name].estimated_document_count() for name in INDEXES}


def _ensure_collection(database: Database[dict[str, Any]], name: str, options: dict[str, Any] | None) -> None:
    """Create the collection (`options`: those of the present one) with its validator, or give it that."""
    if options is None:
        try:
            database.create_collection(name, validator=VALIDATORS[name], check_exists=False)
        except OperationFailure as error:
            if error.code != NAMESPACE_EXISTS:  # made by another machine just now, from the same version
                raise
    elif options.get("validator") != VALIDATORS[name]:  # collMod waits for all that uses the collection
        database.command("collMod", name, validator=VALIDATORS[name])


def _missing_indexes(database: Database[dict[str, Any]], name: str) -> list[IndexModel]:
    """What create_indexes is to make; an index that is being built counts as missing, and is waited for."""
    present, missing = _present_indexes(database, name), []
    for index in INDEXES[name]:
        specification = present.get(index.document["name"])
        if specification is None or "indexBuildInfo" in specification:
            missing.append(index)
        elif not _is_as_specified(specification, index):
            raise IndexConflict(
                f"{name}.{index.document['name']} is another index than this version needs. "
                f"In mongosh: db.{name}.dropIndex({index.document['name']!r}), then run this again."
            )
    return missing


def _present_indexes(database: Database[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    """The specifications of a collection's indexes by name; one that is being built has `indexBuildInfo`, too."""
    try:
        cursor = database.command("listIndexes", name, includeIndexBuildInfo=True)["cursor"]
    except OperationFailure as error:
        if error.code == NAMESPACE_NOT_FOUND:
            return {}
        raise
    present = {}
    for entry in cursor["firstBatch"]:  # which holds all: a collection has 64 indexes at the most
        specification = {**entry.get("spec", entry), **{key: entry[key] for key in ("indexBuildInfo",) if key in entry}}
        present[specification["name"]] = specification
    return present


def _is_as_specified(present: dict[str, Any], index: IndexModel) -> bool:
    """Whether an index is finished and has the keys and the options that it was ordered with."""
    wanted = index.document
    if "indexBuildInfo" in present or list(dict(present["key"]).items()) != list(dict(wanted["key"]).items()):
        return False
    return all(present.get(option) == wanted.get(option) for option in OPTIONS)


def _when_idle(work: Callable[[], object]) -> None:
    """Run it, again for as long as another machine builds or changes the same collection. Raises PyMongoError."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            work()
        except OperationFailure as error:
            if error.code not in BUSY_CODES or time.monotonic() > until:
                raise
        else:
            return
        time.sleep(BUSY_INTERVAL_SECONDS)
