"""The proxy refuses what mongod refuses."""

from collections.abc import Callable
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import OperationFailure

from tests.wire.cluster import Cluster
from tests.wire.protocol import Document

Database_ = Database[Document]
A_TEXT = {"bsonType": "string"}


def code_of(work: Callable[[], object]) -> int | None:
    """The code with which this fails; None when it does not."""
    try:
        work()
    except OperationFailure as error:
        return error.code
    return None


# --- transactions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"count": "things", "query": {}}, 263),
        ({"listCollections": 1}, 263),
        ({"listIndexes": "things"}, 263),
        ({"collMod": "things", "validator": {}}, 263),
        ({"drop": "things"}, 263),
        ({"aggregate": "things", "pipeline": [{"$indexStats": {}}], "cursor": {}}, 263),
        ({"aggregate": "things", "pipeline": [{"$out": "other"}], "cursor": {}}, 263),
        ({"aggregate": "things", "pipeline": [{"$group": {"_id": None}}], "cursor": {}}, None),
        ({"find": "things", "filter": {}}, None),
        ({"distinct": "things", "key": "kind"}, None),
    ],
    ids=str,
)
def test_what_a_transaction_may_hold(db: Database_, command: Document, code: int | None) -> None:
    db.things.insert_one({})
    with db.client.start_session() as session:
        session.start_transaction()
        assert code_of(lambda: db.command(dict(command), session=session)) == code


def test_a_refused_statement_ends_its_transaction_on_the_server_too(db: Database_, cluster: Cluster) -> None:
    db.things.insert_one({"_id": 1})
    with db.client.start_session() as session:
        session.start_transaction()
        db.things.update_one({"_id": 1}, {"$set": {"a": 1}}, session=session)
        assert code_of(lambda: db.command("listCollections", session=session)) == 263
        db.things.update_one({"_id": 1}, {"$set": {"a": 2}})  # its lock is gone
    assert db.things.find_one({"_id": 1}) == {"_id": 1, "a": 2}


# --- commands -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pipeline", "code"),
    [
        ([{"$filter": {}}], 40324),
        ([{"$match": {}}, {"$changeStream": {}}], 40602),
        ([{"$changeStream": {}}, {"$group": {"_id": "$operationType"}}], 20),
        ([{"$out": "other"}, {"$match": {}}], 40601),
        ([{"$match": {"a": {"$gte": 1}}}, {"$sortByCount": "$a"}], None),
    ],
    ids=str,
)
def test_stages(db: Database_, pipeline: list[Document], code: int | None) -> None:
    assert code_of(lambda: db.things.aggregate(pipeline)) == code


@pytest.mark.parametrize(
    ("update", "code"),
    [
        ({"$set": {"a": 1, "a.b": 2}}, 40),
        ({"$set": {"a": 1}, "$inc": {"a": 1}}, 40),
        ({"$set": {"a..b": 1}}, 56),
        ({"$set": {"_id": 2}}, 66),
        ({"$append": {"a": 1}}, 9),
        ({"$set": {"a": 1}, "$push": {"b": 1}}, None),
        ([{"$set": {"a": 1}}], None),
        ([{"$group": {"_id": 1}}], 40324),
    ],
    ids=str,
)
def test_updates(db: Database_, update: Any, code: int | None) -> None:
    db.things.insert_one({"_id": 1})
    assert code_of(lambda: db.things.update_one({"_id": 1}, update)) == code


@pytest.mark.parametrize("condition", [{"a": {"$contains": 1}}, {"$and": [{"a": {"$like": "b"}}]}], ids=str)
def test_filters(db: Database_, condition: Document) -> None:
    assert code_of(lambda: db.things.find_one(condition)) == 2
    assert code_of(lambda: db.things.delete_many(condition)) == 2


def test_a_retryable_write_is_of_single_documents(db: Database_) -> None:
    """The driver leaves the number out; whoever numbers it by hand is refused."""
    with db.client.start_session() as session:
        command = {"update": "things", "updates": [{"q": {}, "u": {"$set": {"a": 1}}, "multi": True}], "txnNumber": 1}
        assert code_of(lambda: db.command(command, session=session)) == 72


def test_reads_of_secondaries(connect: Any) -> None:
    assert code_of(lambda: connect(readPreference="secondaryPreferred").things.find_one()) == 2
    assert code_of(lambda: connect(readPreference="primaryPreferred").things.find_one()) is None


def test_documents_of_more_than_16_mib(db: Database_) -> None:
    command = {"insert": "things", "documents": [{"a": "b" * (16 * 1024 * 1024)}]}
    assert code_of(lambda: db.command(command)) == 10334


# --- definitions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"partialFilterExpression": {"state": {"$ne": "waiting"}}},
        {"partialFilterExpression": {"$nor": [{"state": "waiting"}]}},
        {"partialFilterExpression": {"ended_at": {"$exists": False}}},
        {"partialFilterExpression": {"live": True}, "sparse": True},
        {"expireAfterSeconds": 60},  # of a key with two fields
        {"expireAfterSeconds": -1, "key": {"at": 1}},
        {"expireAfterSeconds": 60, "key": {"_id": 1}},
        {"unique": True, "key": {"at": "hashed"}},
        {"key": {"at": 0}},
        {"uniqe": True},
    ],
    ids=str,
)
def test_indexes_that_cannot_be(db: Database_, options: Document) -> None:
    index = {"key": {"restaurant_id": 1, "at": 1}, "name": "it"} | options
    assert code_of(lambda: db.command("createIndexes", "things", indexes=[index], maxTimeMS=600_000)) == 67


@pytest.mark.parametrize(
    "options",
    [
        {"unique": True, "partialFilterExpression": {"live": True, "removed_at": None}},
        {"partialFilterExpression": {"at": {"$exists": True, "$type": "date"}}},
        {"expireAfterSeconds": 0, "key": {"at": 1}},
    ],
    ids=str,
)
def test_indexes_that_can_be(connect: Any, options: Document) -> None:
    index = {"key": {"restaurant_id": 1, "at": 1}, "name": "it"} | options
    database = connect(timeoutMS=None)
    assert code_of(lambda: database.command("createIndexes", "things", indexes=[index])) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"default": 1}}},
        {"required": []},
        {"required": ["a", "a"]},
        {"properties": {"a": {"enum": []}}},
        {"properties": {"a": {"type": "integer"}}},
        {"properties": {"a": {"bsonType": "integer"}}},
        {"properties": {"a": {"bsonType": "int", "type": "number"}}},
        {"properties": {"a": {"bsonType": "int", "exclusiveMinimum": 0}}},
        {"properties": {"a": {"bsonType": "array", "items": {"anyOf": [{"$ref": "#/b"}]}}}},
        {"additionalProperties": {"format": "date"}},
    ],
    ids=str,
)
def test_schemas_that_cannot_be(connect: Any, schema: Document) -> None:
    database = connect(timeoutMS=None)
    assert code_of(lambda: database.create_collection("other", validator={"$jsonSchema": schema})) == 9


def test_schemas_that_can_be(connect: Any) -> None:
    database = connect(timeoutMS=None)
    schema = {
        "bsonType": "object",
        "required": ["a"],
        "properties": {"a": {"bsonType": ["int", "null"], "minimum": 0}, "b": {"anyOf": [A_TEXT, {"enum": [None]}]}},
        "patternProperties": {"^c": {"bsonType": "array", "items": A_TEXT, "maxItems": 3}},
        "additionalProperties": False,
    }
    assert code_of(lambda: database.create_collection("other", validator={"$jsonSchema": schema})) is None
    assert code_of(lambda: database.command("collMod", "other", validator={"$where": "true"})) == 224


@pytest.mark.parametrize("milliseconds", [1500, None])
def test_an_index_build_is_not_to_end_with_the_limit_of_a_page(connect: Any, milliseconds: int | None) -> None:
    database = connect(timeoutMS=milliseconds)
    assert (code_of(lambda: database.things.create_index("at")) == 50) == (milliseconds is not None)
