"""The schema: indexes, some of which enforce rules, and validators.

`build` is idempotent; operators run it as `flask build-database`.
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


COMPARED_OPTIONS = (
    "unique",
    "partialFilterExpression",
    "expireAfterSeconds",
)  # the options that are compared, beside the keys

NAMESPACE_NOT_FOUND, NAMESPACE_EXISTS = 26, 48
BUSY_CODES = (
    46,  # LockBusy
    117,  # ConflictingOperationInProgress
    276,  # IndexBuildAborted
    285,  # IndexBuildAlreadyInProgress
    12586,  # BackgroundOperationInProgressForDatabase
    12587,  # BackgroundOperationInProgressForNamespace
)
MAX_BUSY_SECONDS = 3600.0  # upper limit of an index build on another machine
BUSY_INTERVAL_SECONDS = 1.0

INDEXES: dict[str, list[IndexModel]] = {
    "restaurants": [
        IndexModel([("members.user_id", ASCENDING)]),
        IndexModel([("members.letter", ASCENDING)]),
        IndexModel([("settings.keep_calls_days", ASCENDING)]),
        IndexModel([("hours.day", ASCENDING)]),
        IndexModel([("opening.state", ASCENDING)]),
        IndexModel([("duty.until", ASCENDING)]),
        # Where only the first restaurant may be registered: of two that are confirmed at once, one.
        IndexModel([("is_first", ASCENDING)], unique=True, partialFilterExpression={"is_first": True}),
    ],
    "users": [IndexModel([("email", ASCENDING)], unique=True)],
    "registrations": [IndexModel([("email", ASCENDING)]), _expires("expires_at")],
    "logins": [
        IndexModel([("actor.id", ASCENDING), ("ended_at", ASCENDING)]),
        IndexModel([("restaurant_id", ASCENDING), ("ended_at", ASCENDING)]),
        IndexModel([("unchecked", ASCENDING)], partialFilterExpression={"unchecked": True}),
        _expires("purge_at"),
    ],
    "tables": [
        IndexModel([("code", ASCENDING)], unique=True),
        IndexModel([("retired_codes.code", ASCENDING)]),
        IndexModel(
            [("button.secret", ASCENDING)],
            unique=True,
            partialFilterExpression={"button.secret": {"$exists": True}},
        ),
        IndexModel(
            [("restaurant_id", ASCENDING), ("name_key", ASCENDING)],
            unique=True,
            partialFilterExpression={"removed_at": None},
        ),
        IndexModel([("restaurant_id", ASCENDING), ("position", ASCENDING)]),
    ],
    "logos": [IndexModel([("restaurant_id", ASCENDING)])],
    "requests": [
        # At most one live request per table and kind: a second tap, from any phone, finds the first.
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
        IndexModel([("untold", ASCENDING)], partialFilterExpression={"untold": True}),
        IndexModel([("hook_due", ASCENDING)], partialFilterExpression={"hook_due": True}),
        IndexModel([("restaurant_id", ASCENDING), ("live", ASCENDING), ("first_at", ASCENDING)]),
        IndexModel([("restaurant_id", ASCENDING), ("created_at", DESCENDING)]),
        IndexModel([("restaurant_id", ASCENDING), ("ended_at", DESCENDING)]),
        IndexModel([("created_at", ASCENDING)]),  # for rollups and the purge, across restaurants
    ],
    "screens": [
        IndexModel([("restaurant_id", ASCENDING), ("_id", ASCENDING)]),  # the shard key
        IndexModel([("process", ASCENDING)]),
        _expires("purge_at"),
    ],
    "pauses": [
        # At most one pause per phone or table.
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
        IndexModel([("signed_at", ASCENDING)]),
        IndexModel([("failed_at", ASCENDING)]),
    ],
    "pushes": [
        IndexModel([("state", ASCENDING), ("next_at", ASCENDING)]),
        IndexModel([("topic", ASCENDING)]),
        _expires("purge_at"),
    ],
    "hooks": [
        IndexModel([("state", ASCENDING), ("next_at", ASCENDING)]),
        IndexModel([("restaurant_id", ASCENDING), ("created_at", DESCENDING)]),
        _expires("purge_at"),
    ],
    "alerts": [
        IndexModel([("restaurant_id", ASCENDING)], unique=True),
        IndexModel([("unheard_since", ASCENDING)]),
        IndexModel([("unheeded", ASCENDING)]),
        IndexModel([("active_at", ASCENDING)]),
    ],
    "outbox": [IndexModel([("state", ASCENDING), ("next_at", ASCENDING)]), _expires("purge_at")],
    "tokens": [IndexModel([("subject", ASCENDING), ("purpose", ASCENDING)]), _expires("purge_at")],
    "erasures": [IndexModel([("state", ASCENDING), ("next_at", ASCENDING)])],
    "jobs": [IndexModel([("state", ASCENDING), ("next_at", ASCENDING)])],
    "invitations": [
        # At most one open invitation per address, or per member's phone.
        IndexModel(
            [("restaurant_id", ASCENDING), ("email", ASCENDING), ("member_id", ASCENDING)],
            unique=True,
            partialFilterExpression={"used_at": None, "withdrawn_at": None},
        ),
        IndexModel([("email", ASCENDING)]),
        _expires("purge_at"),
    ],
    "limits": [_expires("expires_at")],
    "upkeep": [],
    "audit": [
        IndexModel([("user_id", ASCENDING), ("at", DESCENDING)]),
        IndexModel([("restaurant_id", ASCENDING), ("at", ASCENDING)]),  # ascending like the shard key; read in reverse
        IndexModel([("actor.id", ASCENDING)]),
        IndexModel([("at", ASCENDING)], expireAfterSeconds=400 * 24 * 3600),
    ],
}


class IndexConflict(Exception):
    """An existing index has the name of one in INDEXES but other keys or options; it must be dropped by hand."""


def build(database: Database[dict[str, Any]]) -> None:
    """Create missing collections, indexes and validators; safe to run on several machines at once.

    Run it `with patiently():`, since an index build may take long. Raises IndexConflict, PyMongoError.
    """
    present = {info["name"]: info.get("options", {}) for info in database.list_collections()}
    for name in INDEXES:
        _retry_while_busy(partial(_ensure_collection, database, name, present.get(name)))
        missing = _missing_indexes(database, name) if name in present else INDEXES[name]
        if missing:
            # The build must finish on a majority: a new primary without the unique index would not enforce its rule.
            _retry_while_busy(partial(database[name].create_indexes, missing, commitQuorum="majority"))


def missing_indexes(database: Database[dict[str, Any]]) -> list[str]:
    """Names (collection.index) of indexes that are absent, still being built, or differ from their specification."""
    found = []
    for name in INDEXES:
        present = _present_indexes(database, name)
        for index in INDEXES[name]:
            specification = present.get(index.document["name"])
            if specification is None or not _is_as_specified(specification, index):
                found.append(f"{name}.{index.document['name']}")
    return found


def document_counts(database: Database[dict[str, Any]]) -> dict[str, int]:
    """The estimated number of documents of each collection."""
    return {name: database[name].estimated_document_count() for name in INDEXES}


def _ensure_collection(database: Database[dict[str, Any]], name: str, options: dict[str, Any] | None) -> None:
    """Create the collection with its validator, or update that. `options` are those of an existing collection."""
    if options is None:
        try:
            database.create_collection(name, validator=VALIDATORS[name], check_exists=False)
        except OperationFailure as error:
            if error.code != NAMESPACE_EXISTS:  # created concurrently by another machine of the same version
                raise
    elif options.get("validator") != VALIDATORS[name]:  # only if it differs: collMod takes an exclusive lock
        database.command("collMod", name, validator=VALIDATORS[name])


def _missing_indexes(database: Database[dict[str, Any]], name: str) -> list[IndexModel]:
    """The indexes to create. One that is being built counts as missing; create_indexes then waits for it."""
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
    """The specifications of a collection's indexes by name, with `indexBuildInfo` while an index is being built."""
    try:
        cursor = database.command("listIndexes", name, includeIndexBuildInfo=True)["cursor"]
    except OperationFailure as error:
        if error.code == NAMESPACE_NOT_FOUND:
            return {}
        raise
    present = {}
    for entry in cursor["firstBatch"]:  # complete: a collection has at most 64 indexes
        specification = {**entry.get("spec", entry), **{key: entry[key] for key in ("indexBuildInfo",) if key in entry}}
        present[specification["name"]] = specification
    return present


def _is_as_specified(present: dict[str, Any], index: IndexModel) -> bool:
    """Whether the index is complete and has the specified keys and options."""
    wanted = index.document
    if "indexBuildInfo" in present or list(dict(present["key"]).items()) != list(dict(wanted["key"]).items()):
        return False
    return all(present.get(option) == wanted.get(option) for option in COMPARED_OPTIONS)


def _retry_while_busy(work: Callable[[], object]) -> None:
    """Run `work`, retrying while another machine builds indexes of the same collection. Raises PyMongoError."""
    until = time.monotonic() + MAX_BUSY_SECONDS
    while True:
        try:
            work()
        except OperationFailure as error:
            if error.code not in BUSY_CODES or time.monotonic() > until:
                raise
        else:
            return
        time.sleep(BUSY_INTERVAL_SECONDS)
