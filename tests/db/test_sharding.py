"""docs/sharding.md: `requests` can be sharded by restaurant, since every query contains the restaurant.

Without a cluster here, the page's commands are checked against the indexes of the schema by the rules of MongoDB's
server: `isCompatibleWithShardKey` (shard_key_index_util.cpp) and the check of unique indexes (shard_key_util.cpp).
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from pymongo import IndexModel, MongoClient, monitoring

from tests.support import ROOT
from tests.support.cast import Person
from tests.wire.sharding import Key, key_of, keys_of_the_page
from waitercaller.db import schema
from waitercaller.db.client import Document
from waitercaller.db.validators import VALIDATORS
from waitercaller.model.tables import Table

PAGE = (ROOT / "docs/sharding.md").read_text()


class Listener(monitoring.CommandListener):
    """Records the filters of all commands on `requests`."""

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
    mongo._clients["pages"] = MongoClient(mongodb_uri, tz_aware=True, event_listeners=[listener])
    return listener.conditions


def form_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


@pytest.mark.needs_wire
def test_every_query_of_requests_names_the_restaurant(
    app: Flask, asked: list[Any], alice: Person, bob: Person, table: Table, dana: Any
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


# --- the page's commands ------------------------------------------------------------------------------------


def arrays(schema_of: Document, path: str = "") -> Iterator[str]:
    """The dotted paths of the fields that are arrays by the validator `schema_of`."""
    for name, rule in schema_of.get("properties", {}).items():
        if "array" in rule.get("bsonType", ""):  # a string, or a list of strings
            yield path + name
        yield from arrays(rule, f"{path}{name}.")


def begins_with(index: Document, key: Key) -> bool:
    return list(index["key"].items())[: len(key)] == list(key.items())


def is_multikey(index: Document, lists: set[str]) -> bool:
    """Whether the index may become multikey: over an array, or a field within one."""
    return any(f"{field}.".startswith(f"{each}.") for field in index["key"] for each in lists)


def refusals(key: Key, indexes: list[Document], lists: set[str]) -> list[str]:
    """The reasons for which the server would reject sharding a collection that is not empty."""
    said = [
        f"unique index on {list(index['key'])}: the shard key is no prefix of it"
        for index in indexes
        if index.get("unique") and list(index["key"])[: len(key)] != list(key)
    ]
    if not any(
        begins_with(index, key)
        and not is_multikey(index, lists)
        and not {"partialFilterExpression", "sparse", "hidden", "collation"} & set(index)
        for index in indexes
    ):
        said.append(f"no index begins with {key} and is neither partial, sparse, hidden, multikey nor collated")
    return said


@pytest.mark.parametrize("name", keys_of_the_page())
def test_the_commands_of_the_page_satisfy_the_servers_rules(name: str) -> None:
    indexes: list[Document] = [index.document for index in schema.INDEXES[name]]
    assert refusals(keys_of_the_page()[name], indexes, set(arrays(VALIDATORS[name]["$jsonSchema"]))) == []


@pytest.mark.parametrize(
    ("indexes", "reason"),
    [
        ([IndexModel([("a", 1), ("b", 1), ("c", 1)], partialFilterExpression={"live": True})], "no index begins"),
        ([IndexModel([("a", 1), ("b", 1)], sparse=True)], "no index begins"),
        ([IndexModel([("a", 1), ("b", 1), ("list", 1)])], "no index begins"),
        ([IndexModel([("a", 1), ("b", 1), ("list.id", 1)])], "no index begins"),
        ([IndexModel([("a", 1), ("b", -1)])], "no index begins"),
        ([IndexModel([("b", 1), ("a", 1)])], "no index begins"),
        ([IndexModel([("a", 1), ("b", 1)]), IndexModel([("b", 1)], unique=True)], "unique index on"),
        ([IndexModel([("a", 1), ("b", 1), ("listed", 1)])], ""),
        ([IndexModel([("a", 1), ("b", 1)], unique=True), IndexModel([("b", 1)])], ""),
    ],
)
def test_violations_of_the_servers_rules_are_found(indexes: list[IndexModel], reason: str) -> None:
    said = refusals({"a": 1, "b": 1}, [index.document for index in indexes], {"list"})
    assert len(said) == bool(reason)
    assert reason in "".join(said)


def test_the_page_lists_every_collection_with_its_shard_key_or_none() -> None:
    rows = re.findall(r"^\| ([\w, ]+) \| (`{.*?}`|not sharded)", PAGE, re.MULTILINE)
    keys = {name: key_of(key) for names, key in rows for name in names.split(", ")}
    assert len(keys) == sum(len(names.split(", ")) for names, _ in rows)  # each once
    assert set(keys) == set(schema.INDEXES)
    assert {name: key for name, key in keys.items() if key} == keys_of_the_page()
