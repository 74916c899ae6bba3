"""What a change in the database concerns: which cached documents it makes stale, and which topics show it."""

from typing import Any

from pymongo.synchronous.change_stream import DatabaseChangeStream

from waitercaller.db import cache
from waitercaller.db.client import Document, db

# Deletes are not watched: whatever is purged was marked as ended or removed before. Nor are the heartbeats of processes
# with open screens, which touch nothing but the times.
PIPELINE: list[dict[str, Any]] = [
    {
        "$match": {
            "ns.coll": {"$in": ["requests", "restaurants", "tables", "logins", "screens", "pauses"]},
            "operationType": {"$in": ["insert", "update", "replace"]},
            "updateDescription.updatedFields.seen_at": {"$exists": False},
        }
    }
]


def open_stream(await_ms: int) -> DatabaseChangeStream[Document]:
    """The change stream; one question to the server waits at most `await_ms` for a change. Raises PyMongoError."""
    return db().watch(PIPELINE, full_document="updateLookup", max_await_time_ms=await_ms)


def forget_everything() -> None:
    """Drop all cached documents: after a gap in the change stream any of them may be stale."""
    cache.restaurants.clear()
    cache.tables.clear()
    cache.pauses.clear()


def topics_of(change: Document) -> list[str]:
    """The topics that show the changed document, having dropped it from the caches.

    Empty where that is not known, because the document was gone before it could be looked up: then all topics may be
    concerned.
    """
    document = change.get("fullDocument")
    changed = change["documentKey"]["_id"]
    match change["ns"]["coll"]:
        case "requests" if document:
            table = f"table:{document['table_id']}"
            return [table] if _is_only_seen(change) else [table, f"restaurant:{document['restaurant_id']}"]
        case "screens" if document:
            return [f"restaurant:{document['restaurant_id']}"]
        case "pauses" if document:
            cache.pauses.forget(document["restaurant_id"])
            return [f"restaurant:{document['restaurant_id']}", f"table:{document['table_id']}"]
        case "restaurants":
            cache.restaurants.forget(changed)
            return [f"restaurant:{changed}"]
        case "tables":
            cache.tables.forget(changed)
            return [f"table:{changed}"]
        case "logins":
            return [f"login:{changed}"]
        case _:
            return []


def _is_only_seen(change: Document) -> bool:
    """Whether only screens have said that they show the request: the staff's list stays the same."""
    changed = change.get("updateDescription", {}).get("updatedFields", {})
    return bool(changed) and all(field.split(".")[0] == "shown" for field in changed)
