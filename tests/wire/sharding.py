"""What mongos refuses: shard keys without an index that carries them, and commands that reach no shard.

Sources: the manual's pages on shard keys, `shardCollection`, and `update` and `delete` "on sharded collections";
shardkeyutil::validateShardKeyIndexExistsOrCreateIfPossible of mongodb/mongo. mongos before 7.1 refuses an upsert
without the whole key; before 7.0 any write of one document that names neither key nor _id. The older rule holds here.
"""

import re
from collections.abc import Callable
from typing import Any

from pymongo import MongoClient

from tests.support import ROOT
from tests.wire.exchange import Answer, Outcome, Request, refuse
from tests.wire.protocol import Document

Key = dict[str, int]

INVALID_OPTIONS, SHARD_KEY_NOT_FOUND = 72, 61


def keys_of_the_page() -> dict[str, Key]:
    """The shard key of each collection that docs/sharding.md shards."""
    page = (ROOT / "docs" / "sharding.md").read_text(encoding="utf-8")
    found = re.findall(r'^sh\.shardCollection\("waitercaller\.(\w+)", ({[^}]*})\)$', page, re.MULTILINE)
    return {name: key_of(key) for name, key in found}


def key_of(text: str) -> Key:
    """A key as it is written in mongosh."""
    return {field: int(direction) for field, direction in re.findall(r"(\w+): (-?\d+)", text)}


class Shards:
    """A rule for a cluster: takes `shardCollection`, and holds commands on sharded collections to their keys.

    `connect` gives a client of the server behind, which is asked for its indexes. The collections that `keys` names are
    sharded in every database.
    """

    def __init__(self, connect: Callable[[], MongoClient[Document]], keys: dict[str, Key] | None = None) -> None:
        self._connect = connect
        self._everywhere = {name: tuple(key) for name, key in (keys or {}).items()}
        self._keys: dict[str, tuple[str, ...]] = {}

    def __call__(self, request: Request) -> Outcome | None:
        if request.name == "shardCollection":
            return self._shard(str(request.body["shardCollection"]), request.body["key"])
        named = self._everywhere.get(request.collection)
        key = self._keys.get(f"{request.database}.{request.collection}", named)
        if key is None:
            return None
        if request.name == "createIndexes":
            return _unique_indexes(request.body["indexes"], key)
        return _targets(request, key)

    def _shard(self, namespace: str, key: Document) -> Outcome:
        database, _, collection = namespace.partition(".")
        with self._connect() as client:
            found = problem_of_key(client, database, collection, key)
        if found:
            return refuse(INVALID_OPTIONS, "InvalidOptions", found)
        self._keys[namespace] = tuple(key)
        return Answer({"collectionsharded": collection, "ok": 1.0})


def problem_of_key(client: MongoClient[Document], database: str, collection: str, key: Document) -> str | None:
    """Why this collection cannot be sharded by this key; None when it can."""
    indexes = list(client[database][collection].list_indexes())
    if not indexes:
        return f"{collection} does not exist"
    unique = [index for index in indexes if index.get("unique") and index["name"] != "_id_"]
    for index in unique:
        if list(index["key"])[: len(key)] != list(key):
            return f"can't shard {collection}: unique index {index['name']} does not begin with {list(key)}"
    reasons = [
        f"{index['name']}: {reason}"
        for index in indexes
        if list(index["key"].items())[: len(key)] == list(key.items())
        for reason in [_why_not(client, database, collection, dict(index))]
    ]
    if any(reason.endswith(": ") for reason in reasons):
        return None
    return f"Please create an index that starts with {key} before sharding {collection}" + "".join(
        f"; not {reason}" for reason in reasons
    )


def _why_not(client: MongoClient[Document], database: str, collection: str, index: Document) -> str:
    """Why this index cannot carry a shard key, "" where it can."""
    if "partialFilterExpression" in index:
        return "it is partial"
    if index.get("sparse"):
        return "it is sparse"
    if index.get("collation"):
        return "it has a collation"
    asked = {"find": collection, "filter": {}, "hint": index["name"]}
    plan: Any = client[database].command({"explain": asked, "verbosity": "queryPlanner"})["queryPlanner"]["winningPlan"]
    while "inputStage" in plan:
        plan = plan["inputStage"]
    return "it is multikey" if plan.get("isMultiKey") else ""


def _unique_indexes(indexes: list[Document], key: tuple[str, ...]) -> Outcome | None:
    for index in indexes:
        if index.get("unique") and tuple(index["key"])[: len(key)] != key:
            words = f"cannot create unique index over {list(index['key'])} with shard key pattern {list(key)}"
            return refuse(67, "CannotCreateIndex", words)
    return None


def _targets(request: Request, key: tuple[str, ...]) -> Outcome | None:
    for each in request.statements():
        exact = exact_paths(each["q"])
        one = not each.get("multi") if request.name == "update" else each.get("limit") == 1
        if each.get("upsert") and not set(key) <= exact:
            return refuse(SHARD_KEY_NOT_FOUND, "ShardKeyNotFound", f"an upsert names no {key}: {sorted(each['q'])}")
        if one and "_id" not in exact and not set(key) <= exact:
            words = f"{request.name} of one names neither _id nor {key}: {sorted(each['q'])}"
            return refuse(INVALID_OPTIONS, "InvalidOptions", words)
        if request.name == "update" and set(key) & changed_paths(each["u"]) and not each.get("upsert"):
            return refuse(31025, "Location31025", f"{sorted(each['q'])} would change the shard key {key}")
    if request.name == "findAndModify" and not set(key) <= exact_paths(request.body.get("query", {})):
        return refuse(SHARD_KEY_NOT_FOUND, "ShardKeyNotFound", "findAndModify names no shard key")
    return None


def exact_paths(condition: Document) -> set[str]:
    """The paths that have to equal one value."""

    def is_exact(value: Any) -> bool:
        return not isinstance(value, dict) or not any(k.startswith("$") for k in value) or set(value) == {"$eq"}

    paths = {path for path, value in condition.items() if not path.startswith("$") and is_exact(value)}
    return paths.union(*(exact_paths(each) for each in condition.get("$and", ())))


def changed_paths(update: Any) -> set[str]:
    """The paths that an update's operators write, but not those of an insert."""
    if not isinstance(update, dict):
        return set()
    return {
        path for name, values in update.items() if name not in ("$setOnInsert",) and name[0] == "$" for path in values
    }
