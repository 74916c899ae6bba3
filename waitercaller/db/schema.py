"""What the database itself guarantees: indexes that carry rules, and validators that refuse misshapen documents.

`build` brings a database to this state and may run again at any time; operators run it as `flask build-database`.
"""

from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.database import Database

from waitercaller.db.validators import VALIDATORS


def _expires(field: str) -> IndexModel:
    return IndexModel([(field, ASCENDING)], expireAfterSeconds=0)


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


def build(database: Database[dict[str, Any]]) -> None:
    """Create what is missing of collections, indexes and validators. Raises PyMongoError."""
    existing = set(database.list_collection_names())
    for name, indexes in INDEXES.items():
        if name not in existing:
            database.create_collection(name)
        database.command("collMod", name, validator=VALIDATORS[name])
        database[name].create_indexes(indexes)


def missing_indexes(database: Database[dict[str, Any]]) -> list[str]:
    """The names, as collection.index, of those that `build` would create."""
    present = {name: database[name].index_information() for name in INDEXES}
    return [
        f"{name}.{index.document['name']}"
        for name, indexes in INDEXES.items()
        for index in indexes
        if index.document["name"] not in present[name]
    ]


def document_counts(database: Database[dict[str, Any]]) -> dict[str, int]:
    """About how many documents each collection has."""
    return {name: database[name].estimated_document_count() for name in INDEXES}
