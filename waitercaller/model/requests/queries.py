"""Reading requests: what is live, and what has ended lately."""

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.db.client import Filter
from waitercaller.model.service_request import UNDO_WINDOW, Scope, ServiceRequest, documents


def live_of_restaurant(restaurant_id: ObjectId) -> list[ServiceRequest]:
    """All that is live in a restaurant, oldest first."""
    return _find({"restaurant_id": restaurant_id, "live": True}, "first_at")


def live_of_table(restaurant_id: ObjectId, table_id: ObjectId) -> list[ServiceRequest]:
    """All that is live at a table, oldest first."""
    return _find({"restaurant_id": restaurant_id, "table_id": table_id, "live": True}, "first_at")


def ended_lately(restaurant_id: ObjectId) -> list[ServiceRequest]:
    """What the staff ended within the time it can be undone, latest first."""
    ended = _find({"restaurant_id": restaurant_id, "ended_at": {"$gt": clock.now() - UNDO_WINDOW}}, "ended_at")
    return [request for request in reversed(ended) if request["state"] in ("resolved", "dismissed")]


def with_ids(where: Scope, ids: list[ObjectId]) -> list[ServiceRequest]:
    """These requests, oldest first. `where` is the restaurant, for a guest the table."""
    return _find({"_id": {"$in": ids}, **where}, "first_at")


def _find(where: Filter, order: str) -> list[ServiceRequest]:
    return list(documents().find(where).sort(order))
