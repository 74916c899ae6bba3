"""As mongos: which collection can be sharded by which key, and which commands then still find their shard."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from tests.wire.cluster import ROOT, Cluster
from tests.wire.protocol import Document
from tests.wire.sharding import keys_of_the_page
from tests.wire.test_refusals import code_of

KEY = {"restaurant_id": 1, "table_id": 1}
UNIQUE = [("restaurant_id", 1), ("table_id", 1), ("kind", 1)]


@pytest.fixture
def shards(cluster: Cluster, name: str) -> Iterator[Database[Document]]:
    with MongoClient[Document](cluster.uri(name, ROOT)) as client:
        yield client[name]


def test_the_collections_of_the_page_are_sharded_in_every_database(shards: Database[Document]) -> None:
    assert set(keys_of_the_page()) > {"requests", "audit"}
    assert code_of(lambda: shards.requests.update_one({"kind": "waiter"}, {"$set": {"a": 1}})) == 72
    assert code_of(lambda: shards.requests.update_one(KEY, {"$set": {"a": 1}})) is None


def shard(database: Database[Document], key: dict[str, Any]) -> int | None:
    return code_of(lambda: database.client.admin.command("shardCollection", f"{database.name}.things", key=key))


def test_a_key_needs_an_index_that_carries_it(shards: Database[Document]) -> None:
    shards.things.insert_one({"restaurant_id": 1, "table_id": 1, "keys": ["a", "b"]})
    assert shard(shards, KEY) == 72
    shards.things.create_index(UNIQUE, unique=True, partialFilterExpression={"live": True})
    assert shard(shards, KEY) == 72, "partial"
    shards.things.create_index([("restaurant_id", 1), ("table_id", 1), ("keys", 1)])
    assert shard(shards, KEY) == 72, "multikey"
    shards.things.create_index([("restaurant_id", 1), ("table_id", -1)])
    assert shard(shards, KEY) == 72, "another order"
    shards.things.create_index(list(KEY.items()))
    assert shard(shards, KEY) is None


def test_a_unique_index_begins_with_the_key(shards: Database[Document]) -> None:
    shards.things.create_index(list(KEY.items()))
    shards.things.create_index("code", unique=True, name="code")
    assert shard(shards, KEY) == 72
    shards.things.drop_index("code")
    assert shard(shards, KEY) is None
    assert code_of(lambda: shards.things.create_index("code", unique=True)) == 67
    assert code_of(lambda: shards.things.create_index(UNIQUE, unique=True)) is None


@pytest.mark.parametrize(
    ("condition", "update", "upsert", "code"),
    [
        ({"restaurant_id": 1, "kind": "waiter"}, {"$set": {"a": 1}}, False, 72),
        ({"restaurant_id": 1, "table_id": {"$gt": 1}}, {"$set": {"a": 1}}, False, 72),
        ({"_id": 1}, {"$set": {"a": 1}}, False, None),
        (KEY, {"$set": {"a": 1}}, False, None),
        ({"$and": [{"restaurant_id": 1}, {"table_id": {"$eq": 1}}]}, {"$set": {"a": 1}}, False, None),
        ({"restaurant_id": 1, "_id": 1}, {"$set": {"a": 1}}, True, 61),
        (KEY, {"$setOnInsert": {"a": 1}}, True, None),
        (KEY, {"$set": {"table_id": 2}}, False, 31025),
    ],
    ids=str,
)
def test_an_update_of_one_finds_its_shard(
    shards: Database[Document], condition: Document, update: Document, upsert: bool, code: int | None
) -> None:
    shards.things.create_index(list(KEY.items()))
    assert shard(shards, KEY) is None
    assert code_of(lambda: shards.things.update_one(condition, update, upsert=upsert)) == code


def test_a_delete_of_one_finds_its_shard(shards: Database[Document]) -> None:
    shards.things.create_index(list(KEY.items()))
    assert shard(shards, KEY) is None
    assert code_of(lambda: shards.things.delete_one({"kind": "waiter"})) == 72
    assert code_of(lambda: shards.things.delete_many({"kind": "waiter"})) is None
    assert code_of(lambda: shards.things.find_one_and_update({"kind": "waiter"}, {"$set": {"a": 1}})) == 61
