"""docs/sharding.md: requests could be kept on several machines by restaurant, since whatever asks for some names it."""

import re
from typing import Any

import pytest
from flask import Flask
from pymongo import MongoClient, monitoring

from tests.support.cast import Person
from waitercaller.db import schema
from waitercaller.db.client import Document


class Listener(monitoring.CommandListener):
    """Keeps the conditions of whatever is asked of requests."""

    def __init__(self) -> None:
        self.conditions: list[Any] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        command = event.command
        if command.get(event.command_name) != "requests":
            return
        asked = [
            command.get("filter"),
            *(each["q"] for name in ("updates", "deletes") for each in command.get(name, ())),
        ]
        self.conditions += [condition for condition in asked if condition is not None]

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture
def asked(app: Flask, mongodb_uri: str) -> Any:
    listener, mongo = Listener(), app.extensions["mongo"]
    mongo.client.close()
    mongo._client = MongoClient(mongodb_uri, tz_aware=True, event_listeners=[listener])
    return listener.conditions


def form_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


def test_every_query_of_requests_names_the_restaurant(
    app: Flask, asked: list[Any], alice: Person, bob: Person, table: Document, dana: Any
) -> None:
    address = f"/t/{table['code']}"
    for _ in range(2):  # a call, and a reminder of it
        called = dana.post(f"{address}/call", data={**form_of(dana.get(address).text), "kind": "waiter"})
    dana.get(called.location)
    (call,) = app.extensions["mongo"].database.requests.find({"restaurant_id": alice.restaurant_id})
    dashboard = f"{bob.home}/dashboard"
    for act in ("accept", "resolve", "reopen", "accept?from=nobody", "dismiss"):
        bob.client.submit(f"{bob.home}/requests/{call['_id']}/{act}", page=dashboard)
    receipt = form_of(dana.get(called.location).text)
    dana.post(f"{address}/reopen", data=receipt)
    dana.post(f"{address}/cancel", data=receipt)
    alice.client.submit(f"{alice.home}/tables/{table['_id']}/remove", page=f"{alice.home}/tables")
    assert len(asked) > 20
    assert [condition for condition in asked if condition.get("restaurant_id") != alice.restaurant_id] == []


def test_every_unique_index_of_requests_begins_with_the_restaurant() -> None:
    unique = [index.document for index in schema.INDEXES["requests"] if index.document.get("unique")]
    assert [next(iter(index["key"])) for index in unique] == ["restaurant_id", "restaurant_id"]
    assert all(list(index["key"])[:2] == ["restaurant_id", "table_id"] for index in unique)
