"""What the database itself guarantees: indexes that carry rules, and validators that refuse misshapen documents.

`build` brings a database to this state and may run again at any time; operators run it as `flask build-database`.
"""

from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.database import Database

OBJECT_ID = {"bsonType": "objectId"}
DATE = {"bsonType": "date"}
DATE_OR_NULL = {"bsonType": ["date", "null"]}
TEXT = {"bsonType": "string", "minLength": 1}
TEXT_OR_NULL = {"bsonType": ["string", "null"]}
COUNT = {"bsonType": ["int", "long"], "minimum": 0}
FLAG = {"bsonType": "bool"}


def _expires(field: str) -> IndexModel:
    return IndexModel([(field, ASCENDING)], expireAfterSeconds=0)


INDEXES: dict[str, list[IndexModel]] = {
    "restaurants": [IndexModel([("members.user_id", ASCENDING)])],
    "users": [IndexModel([("email", ASCENDING)], unique=True)],
    "registrations": [IndexModel([("email", ASCENDING)]), _expires("expires_at")],
    "sessions": [
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
        IndexModel([("live", ASCENDING), ("due_at", ASCENDING)]),
        IndexModel([("restaurant_id", ASCENDING), ("live", ASCENDING), ("first_at", ASCENDING)]),
        IndexModel([("restaurant_id", ASCENDING), ("created_at", DESCENDING)]),
        IndexModel([("restaurant_id", ASCENDING), ("ended_at", DESCENDING)]),
    ],
    "outbox": [IndexModel([("state", ASCENDING), ("next_at", ASCENDING)]), _expires("purge_at")],
    "tokens": [IndexModel([("subject", ASCENDING), ("purpose", ASCENDING)]), _expires("purge_at")],
    "erasures": [IndexModel([("due_at", ASCENDING)])],
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
        IndexModel([("restaurant_id", ASCENDING), ("at", DESCENDING)]),
        IndexModel([("actor.id", ASCENDING)]),
        IndexModel([("at", ASCENDING)], expireAfterSeconds=400 * 24 * 3600),
    ],
}


def _document(required: dict[str, Any], **further: Any) -> dict[str, Any]:
    return {"$jsonSchema": {"bsonType": "object", "required": list(required), "properties": required, **further}}


VALIDATORS: dict[str, dict[str, Any]] = {
    "restaurants": _document(
        {
            "name": TEXT,
            "time_zone": TEXT,
            "languages": {"bsonType": "array", "minItems": 1, "items": TEXT},
            "members": {
                "bsonType": "array",
                "items": {
                    "bsonType": "object",
                    "required": ["id", "name", "role", "zones"],
                    "properties": {"id": TEXT, "name": TEXT, "role": {"enum": ["waiter", "manager", "owner"]}},
                },
            },
            "kinds": {
                "bsonType": "array",
                "minItems": 1,
                "items": {
                    "bsonType": "object",
                    "required": ["id", "names", "labels", "icon", "choices", "active", "position"],
                    "properties": {"id": TEXT, "names": {"bsonType": "object"}, "active": FLAG},
                },
            },
            "zones": {"bsonType": "array", "items": {"bsonType": "object", "required": ["id", "name"]}},
            "created_at": DATE,
        },
        # Only a restaurant that is removed may have nobody.
        anyOf=[{"required": ["removed_at"]}, {"properties": {"members": {"minItems": 1}}}],
    ),
    "users": _document({"email": TEXT, "name": TEXT, "password_hash": TEXT, "created_at": DATE}),
    "registrations": _document(
        {"email": TEXT, "name": TEXT, "restaurant_name": TEXT, "password_hash": TEXT, "expires_at": DATE}
    ),
    "sessions": _document(
        {
            "_id": TEXT,
            "actor": {
                "bsonType": "object",
                "required": ["kind", "id"],
                "properties": {"kind": {"enum": ["person", "screen"]}, "id": OBJECT_ID},
            },
            "created_at": DATE,
            "seen_at": DATE,
            "ended_at": DATE_OR_NULL,
        }
    ),
    "tables": _document(
        {
            "restaurant_id": OBJECT_ID,
            "name": TEXT,
            "name_key": TEXT,
            "zone_id": TEXT_OR_NULL,
            "code": {"bsonType": "string", "pattern": "^[A-Z2-7]{26}$"},
            "retired_codes": {"bsonType": "array"},
            "position": COUNT,
            "removed_at": DATE_OR_NULL,
        }
    ),
    "requests": _document(
        {
            "restaurant_id": OBJECT_ID,
            "table_id": OBJECT_ID,
            "table_name": TEXT,
            "kind": TEXT,
            "keys": {"bsonType": "array", "minItems": 1, "items": TEXT},
            "state": {"enum": ["waiting", "accepted", "resolved", "dismissed", "cancelled", "withdrawn"]},
            "live": FLAG,
            "first_at": DATE,
            "created_at": DATE,
            "ended_at": DATE_OR_NULL,
            "steps": {"bsonType": "array", "minItems": 1},
            "reminders": COUNT,
        }
    ),
    "outbox": _document(
        {
            "name": TEXT,
            "to": TEXT,
            "state": {"enum": ["due", "sent", "failed", "dropped"]},
            "attempts": COUNT,
            "next_at": DATE,
            "message_id": TEXT,
        }
    ),
    "tokens": _document({"_id": TEXT, "purpose": TEXT, "subject": TEXT, "expires_at": DATE, "used_at": DATE_OR_NULL}),
    "erasures": _document({"due_at": DATE}),
    "invitations": _document(
        {
            "restaurant_id": OBJECT_ID,
            "email": TEXT_OR_NULL,
            "member_id": TEXT_OR_NULL,
            "role": {"enum": ["waiter", "manager", "owner"]},
            "invited_by": {"bsonType": "object", "required": ["id", "name"]},
            "expires_at": DATE,
            "used_at": DATE_OR_NULL,
            "withdrawn_at": DATE_OR_NULL,
        }
    ),
    "limits": _document({"_id": TEXT, "count": COUNT, "expires_at": DATE}),
    "audit": _document({"at": DATE, "event": TEXT, "details": {"bsonType": "object"}}),
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
