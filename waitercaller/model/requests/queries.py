"""Queries of live and recently ended requests."""

from datetime import datetime
from operator import itemgetter

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.db.client import Filter
from waitercaller.model.askers import asker
from waitercaller.model.service_request import NOT_REHEARSED, UNDO_WINDOW, Scope, ServiceRequest, documents


def live_of_restaurant(restaurant_id: ObjectId) -> list[ServiceRequest]:
    """The live requests of a restaurant, a rehearsal included, oldest first."""
    return _find({"restaurant_id": restaurant_id, "live": True}, "first_at")


def live_of_table(restaurant_id: ObjectId, *table_ids: ObjectId) -> list[ServiceRequest]:
    """The live requests of a table, or of several that are joined, oldest first."""
    at = ({"restaurant_id": restaurant_id, "table_id": each, "live": True} for each in table_ids)
    return sorted((request for where in at for request in documents().find(where)), key=itemgetter("first_at"))


def recently_ended(restaurant_id: ObjectId) -> list[ServiceRequest]:
    """Requests that staff ended within UNDO_WINDOW, latest first; without rehearsals, which cannot be undone."""
    ended = reversed(_ended_lately(restaurant_id))
    by_staff = (request for request in ended if request["state"] in ("resolved", "dismissed"))
    return [request for request in by_staff if "rehearsal" not in request]


def with_ids(where: Scope, ids: list[ObjectId]) -> list[ServiceRequest]:
    """The requests with these ids, oldest first."""
    return _find({"_id": {"$in": ids}, **where}, "first_at") if ids else []


def of_phone(restaurant_id: ObjectId, table_ids: list[ObjectId], devices: list[str]) -> list[ObjectId]:
    """What a phone with one of these ids asked for at these tables: live, or ended within UNDO_WINDOW; newest first."""
    ended = [each for each in _ended_lately(restaurant_id) if each["table_id"] in table_ids]
    found = [*ended, *live_of_table(restaurant_id, *table_ids)]
    return [each["_id"] for each in reversed(found) if asker(each, devices)]


def tables_ahead(live: list[ServiceRequest], table_ids: list[ObjectId], first_at: datetime) -> int:
    """Of a restaurant's `live` requests: the number of tables but these that have waited since before `first_at`."""
    earlier = (each for each in live if each["first_at"] < first_at and "rehearsal" not in each)
    return len({each["table_id"] for each in earlier if each["state"] == "waiting"} - {*table_ids})


def restaurants_called_since(since: datetime) -> set[ObjectId]:
    """The restaurants in which a guest has opened a request since then; asks for minutes, not for days."""
    lately = documents().find({"created_at": {"$gt": since}, **NOT_REHEARSED}, {"restaurant_id": True})
    return {request["restaurant_id"] for request in lately}


def _ended_lately(restaurant_id: ObjectId) -> list[ServiceRequest]:
    return _find({"restaurant_id": restaurant_id, "ended_at": {"$gt": clock.now() - UNDO_WINDOW}}, "ended_at")


def _find(where: Filter, order: str) -> list[ServiceRequest]:
    return list(documents().find(where).sort(order))
