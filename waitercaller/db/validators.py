"""JSON Schema validators of the collections, enforced by the database; `schema.build` installs them."""

from typing import Any

OBJECT_ID = {"bsonType": "objectId"}
DATE = {"bsonType": "date"}
DATE_OR_NULL = {"bsonType": ["date", "null"]}
TEXT = {"bsonType": "string", "minLength": 1}
TEXT_OR_NULL = {"bsonType": ["string", "null"]}
COUNT = {"bsonType": ["int", "long"], "minimum": 0}
FLAG = {"bsonType": "bool"}
PICTURE = {"bsonType": "binData"}


def _document(required: dict[str, Any], optional: dict[str, Any] | None = None, **further: Any) -> dict[str, Any]:
    properties = {**required, **(optional or {})}
    return {"$jsonSchema": {"bsonType": "object", "required": list(required), "properties": properties, **further}}


def _queue_keys(*final_states: str) -> dict[str, Any]:
    """The keys of documents in a work queue; see db/work_queue."""
    return {"state": {"enum": ["due", *final_states]}, "attempts": COUNT, "next_at": DATE}


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
                    "properties": {
                        "id": TEXT,
                        "names": {"bsonType": "object"},
                        "active": FLAG,
                        "sound": {"enum": ["bell", "chime", "knock"]},
                    },
                },
            },
            "zones": {"bsonType": "array", "items": {"bsonType": "object", "required": ["id", "name"]}},
            "created_at": DATE,
        },
        optional={
            "is_first": FLAG,
            "duty": {
                "bsonType": "array",
                "items": {
                    "bsonType": "object",
                    "required": ["member_id", "since", "until", "tables", "zones", "deputy"],
                    "properties": {
                        "member_id": TEXT,
                        "since": DATE,
                        "until": DATE,
                        "tables": {"bsonType": "array", "items": OBJECT_ID},
                        "zones": {"bsonType": "array", "items": TEXT},
                        "deputy": TEXT_OR_NULL,
                    },
                },
            },
            "joins": {
                "bsonType": "array",
                "items": {
                    "bsonType": "object",
                    "required": ["tables", "until"],
                    "properties": {
                        "tables": {"bsonType": "array", "minItems": 2, "maxItems": 12, "items": OBJECT_ID},
                        "until": DATE,
                    },
                },
            },
            "walk_since": DATE_OR_NULL,
        },
        # Only a removed restaurant may have no members.
        anyOf=[{"required": ["removed_at"]}, {"properties": {"members": {"minItems": 1}}}],
    ),
    "users": _document({"email": TEXT, "name": TEXT, "password_hash": TEXT, "created_at": DATE}),
    "registrations": _document(
        {"email": TEXT, "name": TEXT, "restaurant_name": TEXT, "password_hash": TEXT, "expires_at": DATE}
    ),
    "logins": _document(
        {
            "_id": TEXT,
            "actor": {
                "bsonType": "object",
                "required": ["kind", "id"],
                "properties": {"kind": {"enum": ["person", "device"]}, "id": OBJECT_ID},
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
        },
        optional={
            "button": {
                "bsonType": "object",
                "required": ["secret", "since"],
                "properties": {
                    "secret": {"bsonType": "string", "pattern": "^[A-Z2-7]{26}$"},
                    "since": DATE,
                    "heard_at": DATE,
                },
            },
            "hung": {
                "bsonType": ["object", "null"],
                "required": ["at", "table_id"],
                "properties": {"at": DATE, "table_id": OBJECT_ID},
            },
            "opened_on": DATE,
        },
    ),
    "logos": _document(
        {"_id": TEXT, "restaurant_id": OBJECT_ID, "small": PICTURE, "large": PICTURE, "created_at": DATE}
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
        },
        optional={
            "opinion": {"enum": ["good", "bad"]},
            "rehearsal": {
                "bsonType": "object",
                "required": ["screens", "phones"],
                "properties": {"screens": {"bsonType": "array"}, "phones": {"bsonType": "array"}},
            },
        },
        # A live request always has a next step that is due.
        anyOf=[
            {"properties": {"live": {"enum": [False]}}},
            {"required": ["next_step", "due_at"], "properties": {"next_step": TEXT, "due_at": DATE}},
        ],
    ),
    "screens": _document(
        {
            "restaurant_id": OBJECT_ID,
            "process": TEXT,
            "screens": {"bsonType": "array"},
            "seen_at": DATE,
            "purge_at": DATE,
        }
    ),
    "pauses": _document(
        {
            "restaurant_id": OBJECT_ID,
            "what": {"enum": ["phone", "table"]},
            "subject": TEXT,
            "table_id": OBJECT_ID,
            "table_name": TEXT,
            "taps": COUNT,
            "created_at": DATE,
            "until": DATE,
            "over": FLAG,
            "purge_at": DATE,
        }
    ),
    "rollups": _document(
        {"restaurant_id": OBJECT_ID, "quarter": DATE, "cells": {"bsonType": "array"}, **_queue_keys("counted")}
    ),
    "subscriptions": _document(
        {
            "_id": TEXT,  # <restaurant>:<hash of the endpoint>
            "restaurant_id": OBJECT_ID,
            "member_id": TEXT,
            "login_id": TEXT,
            "choice": {"enum": ["all", "escalated", "none"]},
            "endpoint": TEXT,
            "created_at": DATE,
        }
    ),
    "pushes": _document(
        {
            "_id": TEXT,  # <occasion>:<event>:<subscription>
            "restaurant_id": OBJECT_ID,
            "subscription_id": TEXT,
            "event": TEXT,
            "expires_at": DATE,
            **_queue_keys("sent", "dropped", "failed"),
        }
    ),
    "hooks": _document(
        {
            "_id": TEXT,  # its occasion
            "restaurant_id": OBJECT_ID,
            "event": TEXT,
            "body": TEXT,
            "created_at": DATE,
            **_queue_keys("sent", "dropped", "failed"),
        }
    ),
    "alerts": _document(
        {
            "restaurant_id": OBJECT_ID,
            "unheard_since": DATE_OR_NULL,
            "told_at": DATE_OR_NULL,
            "unheeded": COUNT,
        }
    ),
    "outbox": _document(
        {
            "name": TEXT,
            "to": TEXT,
            "message_id": TEXT,
            **_queue_keys("sent", "dropped", "failed"),
        }
    ),
    "tokens": _document({"_id": TEXT, "purpose": TEXT, "subject": TEXT, "expires_at": DATE, "used_at": DATE_OR_NULL}),
    "erasures": _document(_queue_keys()),
    "jobs": _document({"_id": TEXT, "seen": DATE, **_queue_keys()}),
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
    "upkeep": _document({"_id": TEXT, "at": DATE, "file": TEXT, "seconds": COUNT}),
    "limits": _document({"_id": TEXT, "count": COUNT, "expires_at": DATE}),
    "audit": _document({"at": DATE, "event": TEXT, "details": {"bsonType": "object"}}),
}
