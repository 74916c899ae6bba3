"""Queries of live requests."""

from datetime import timedelta
from typing import Any

from bson import ObjectId

from tests.support.past_calls import keep, past_call, utc
from waitercaller.model.requests import queries

NOON = utc(2026, 11, 10, 12, 0)


def test_tables_ahead_are_those_that_have_waited_longer(database, restaurant, table):
    def call(table_id: ObjectId, kind: int, minutes: int, state: str = "waiting") -> Any:
        other: Any = {**table, "_id": table_id}
        request: Any = past_call(restaurant, other, NOON - timedelta(minutes=minutes), kind=kind)
        due = {"next_step": "nagged", "due_at": NOON}
        return {**request, "live": True, "state": state, "ended_at": None, **due}

    first, second, third = ObjectId(), ObjectId(), ObjectId()
    keep(database, call(first, 0, 9), call(first, 1, 8), call(second, 0, 7, "accepted"), call(third, 0, 2))
    keep(database, call(table["_id"], 0, 6), call(table["_id"], 1, 5))
    live = queries.live_of_restaurant(restaurant["_id"])
    assert queries.tables_ahead(live, [table["_id"]], NOON - timedelta(minutes=5)) == 1
    assert queries.tables_ahead(live, [table["_id"]], NOON - timedelta(minutes=1)) == 2
    assert queries.live_of_restaurant(ObjectId()) == []
