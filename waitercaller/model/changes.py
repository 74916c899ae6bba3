"""Changes in the database: which cached documents they invalidate, and which topics show them."""

from typing import Any, cast

from pymongo.synchronous.change_stream import DatabaseChangeStream

from waitercaller.db import cache
from waitercaller.db.client import Document, db
from waitercaller.model.service_request import TOLD_STEPS

# Deletes are not watched: documents are marked as ended or removed before they are purged. Nor are heartbeats of
# processes with open screens, which set only times.
PIPELINE: list[dict[str, Any]] = [
    {
        "$match": {
            "ns.coll": {"$in": ["requests", "restaurants", "tables", "logins", "screens", "pauses"]},
            "operationType": {"$in": ["insert", "update", "replace"]},
            "updateDescription.updatedFields.seen_at": {"$exists": False},
        }
    }
]

# Keys of a request that no dashboard displays, and those that no guest's page does.
UNSEEN_BY_STAFF = ("shown", "signed", "pushed", "next_step", "due_at", "told_at", "untold", "hook_due")
UNSEEN_BY_GUESTS = ("level", "passed_by", "pushed", "next_step", "due_at", "told_at", "untold", "hook_due")


def open_stream(await_ms: int) -> DatabaseChangeStream[Document]:
    """Open the change stream, with `await_ms` as maxAwaitTimeMS of a getMore. Raises PyMongoError."""
    return db().watch(PIPELINE, full_document="updateLookup", max_await_time_ms=await_ms)


def clear_caches() -> None:
    """Clear the caches: after a gap in the change stream any entry may be stale."""
    cache.restaurants.clear()
    cache.tables.clear()
    cache.pauses.clear()


def topics_of(change: Document) -> list[str] | None:
    """Invalidate the cached document and return the topics that show the change: none, if no page shows it.

    None if they are unknown because the document was deleted before its lookup: then any topic may be concerned.
    """
    document = change.get("fullDocument")
    changed = change["documentKey"]["_id"]
    match change["ns"]["coll"]:
        case "requests" if document:
            guests = [f"table:{document['table_id']}"] if _is_seen_by_guests(change) else []
            staff = [f"restaurant:{document['restaurant_id']}"] if _is_seen_by_staff(change) else []
            return guests + staff
        case "screens" if document:
            return [] if _is_only_alive(change) else [f"restaurant:{document['restaurant_id']}"]
        case "pauses" if document:
            cache.pauses.forget(document["restaurant_id"])
            return [f"restaurant:{document['restaurant_id']}", f"table:{document['table_id']}"]
        case "restaurants":
            cache.restaurants.forget(changed)
            return [f"restaurant:{changed}", *([f"guests:{changed}"] if _concerns_guests(change) else [])]
        case "tables":
            cache.tables.forget(changed)
            return [f"table:{changed}"]
        case "logins":
            return [f"login:{changed}"]
        case _:
            return None


def _updated(change: Document) -> Document:
    """The fields that an update has set, as paths, with their values; empty for other changes."""
    return cast(Document, change.get("updateDescription", {}).get("updatedFields", {}))


def _is_seen_by_staff(change: Document) -> bool:
    """Whether the change of a request concerns keys that the dashboard displays."""
    changed = _updated(change)
    return not changed or any(field.split(".")[0] not in UNSEEN_BY_STAFF for field in changed)


def _is_seen_by_guests(change: Document) -> bool:
    """Whether the change of a request concerns what its guest's page displays; a step that is only told does not."""
    changed = _updated(change)
    return not changed or any(
        field.split(".")[0] not in UNSEEN_BY_GUESTS and not _is_told_step(field, value)
        for field, value in changed.items()
    )


def _is_told_step(field: str, value: Any) -> bool:
    """Whether this is a new entry in `steps` which says that staff was told once more."""
    return field.startswith("steps.") and isinstance(value, dict) and value.get("what") in TOLD_STEPS


def _concerns_guests(change: Document) -> bool:
    """Whether tables were joined or separated, which a guest's stream may have to follow, or calls were suspended."""
    update = change.get("updateDescription", {})
    fields = [*update.get("updatedFields", {}), *(each["field"] for each in update.get("truncatedArrays", []))]
    return any(field.split(".")[0] in ("joins", "suspended_at") for field in fields)


def _is_only_alive(change: Document) -> bool:
    """Whether the change is only a screen's sign of life."""
    changed = _updated(change)
    return bool(changed) and all(field.split(".")[-1] == "answered_at" for field in changed)
