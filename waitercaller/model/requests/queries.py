"""Queries of live and recently ended requests."""

from datetime import datetime

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.db.client import Filter
from waitercaller.model.service_request import UNDO_WINDOW, Scope, ServiceRequest, asker, documents


def live_of_restaurant(restaurant_id: ObjectId) -> list[ServiceRequest]:
    """The live requests of a restaurant, oldest first."""
    return _find({"restaurant_id": restaurant_id, "live": True}, "first_at")


def live_of_table(restaurant_id: ObjectId, table_id: ObjectId) -> list[ServiceRequest]:
    """The live requests of a table, oldest first."""
    return _find({"restaurant_id": restaurant_id, "table_id": table_id, "live": True}, "first_at")


def recently_ended(restaurant_id: ObjectId) -> list[ServiceRequest]:
    """Requests that staff ended within UNDO_WINDOW, latest first."""
    ended = _find({"restaurant_id": restaurant_id, "ended_at": {"$gt": clock.now() - UNDO_WINDOW}}, "ended_at")
    return [request for request in reversed(ended) if request["state"] in ("resolved", "dismissed")]


def with_ids(where: Scope, ids: list[ObjectId]) -> list[ServiceRequest]:
    """The requests with these ids, oldest first. `where`: the restaurant, for guests the table."""
    return _find({"_id": {"$in": ids}, **where}, "first_at")


def of_phone(restaurant_id: ObjectId, table_id: ObjectId, devices: list[str]) -> list[ObjectId]:
    """What a phone with one of these ids asked for at the table: live, or ended within UNDO_WINDOW; newest first."""
    lately = _find({"restaurant_id": restaurant_id, "ended_at": {"$gt": clock.now() - UNDO_WINDOW}}, "ended_at")
    found = [*lately, *live_of_table(restaurant_id, table_id)]
    return [each["_id"] for each in reversed(found) if each["table_id"] == table_id and asker(each, devices)]


def tables_ahead(restaurant_id: ObjectId, table_id: ObjectId, first_at: datetime) -> int:
    """The number of other tables with requests that have been waiting since before `first_at`."""
    earlier = {"restaurant_id": restaurant_id, "live": True, "first_at": {"$lt": first_at}}
    waiting = documents().find(earlier, {"table_id": True, "state": True})
    return len({request["table_id"] for request in waiting if request["state"] == "waiting"} - {table_id})


def restaurants_called_since(since: datetime) -> set[ObjectId]:
    """The restaurants in which a guest has opened a request since then; asks for minutes, not for days."""
    lately = documents().find({"created_at": {"$gt": since}}, {"restaurant_id": True})
    return {request["restaurant_id"] for request in lately}


def _find(where: Filter, order: str) -> list[ServiceRequest]:
    return list(documents().find(where).sort(order))
