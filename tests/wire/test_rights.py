"""The users of deploy/mongodb/users.js may do what they do, and nothing else."""

from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from tests.wire import rights
from tests.wire.cluster import APPLICATION, Cluster
from tests.wire.exchange import Request
from tests.wire.protocol import Document
from tests.wire.test_refusals import code_of

USERS = rights.users_of_the_deployment()
TO_BECOME_ROOT = {"createUser", "grantRole", "createRole", "anyAction", "changeOwnPassword"}


def test_the_application_reads_writes_and_defines(connect: Any) -> None:
    database = connect(timeoutMS=None)
    database.create_collection("things", validator={"$jsonSchema": {"bsonType": "object"}})
    database.command("collMod", "things", validator={})
    database.things.create_index("at")
    database.things.insert_one({"_id": 1})
    database.things.update_one({"_id": 2}, {"$set": {"a": 1}}, upsert=True)
    assert database.things.count_documents({}) == 2
    with database.watch(max_await_time_ms=50) as stream:
        assert stream.try_next() is None
    database.things.delete_one({"_id": 1})
    database.things.rename("others")
    assert database.list_collection_names() == ["others"]


@pytest.mark.parametrize(
    "command",
    [
        {"dropDatabase": 1},
        {"createUser": "mallory", "pwd": "1", "roles": ["root"]},
        {"grantRolesToUser": APPLICATION, "roles": ["root"]},
        {"validate": "things"},
        {"configureFailPoint": "failCommand", "mode": "off"},
    ],
    ids=lambda command: next(iter(command)),
)
def test_the_application_is_no_administrator(connect: Any, command: Document) -> None:
    assert code_of(lambda: connect(timeoutMS=None).command(dict(command))) == rights.UNAUTHORIZED


@pytest.mark.parametrize("command", [{"serverStatus": 1}, {"listDatabases": 1}, {"replSetStepDown": 10}], ids=str)
def test_the_application_asks_nothing_of_the_cluster(connect: Any, command: Document) -> None:
    assert code_of(lambda: connect().client.admin.command(dict(command))) == rights.UNAUTHORIZED


def test_the_application_sees_no_other_database(connect: Any) -> None:
    assert code_of(lambda: connect().client.other.things.find_one()) == rights.UNAUTHORIZED


def test_who_has_not_logged_in_may_only_say_hello(cluster: Cluster) -> None:
    with MongoClient[Document](f"mongodb://127.0.0.1:{cluster.proxy.port}/") as client:
        assert client.admin.command("ping")["ok"] == 1
        assert code_of(lambda: client.test.things.find_one()) == rights.UNAUTHORIZED


def test_a_wrong_password_is_nobody(cluster: Cluster) -> None:
    uri = cluster.uri("test").replace(":a-password", ":another-password")
    with MongoClient[Document](uri) as client, pytest.raises(OperationFailure, match="authentication failed"):
        client.test.things.find_one()


def test_rights_are_those_of_the_roles_together() -> None:
    roles: dict[str, Document] = {
        "small": {
            "roles": [{"role": "read", "db": "a"}],
            "privileges": [
                {"resource": {"db": "b", "collection": "c"}, "actions": ["insert"]},
                {"resource": {"cluster": True}, "actions": ["serverStatus"]},
            ],
        },
        "great": {"roles": ["small"], "privileges": [{"resource": {"anyResource": True}, "actions": ["anyAction"]}]},
    }
    small, great = rights.granted(["small"], roles), rights.granted(["great"], roles)
    assert small.missing("a", "x", ["find", "insert"]) == {"insert"}
    assert small.missing("b", "c", ["insert"]) == set()
    assert small.missing("b", "d", ["insert"]) == {"insert"}
    assert small.of_cluster == {"serverStatus"}
    assert great.missing("any", "x", ["dropDatabase"]) == set()
    assert not great.of_cluster_missing("shutdown")


@pytest.mark.parametrize("name", [name for name in USERS if not name.endswith("-restore")])
def test_nobody_but_the_user_of_restores_can_become_root(name: str) -> None:
    assert not {action for _, _, action in USERS[name].actions} & TO_BECOME_ROOT


def test_the_backup_reads_everything_and_changes_nothing() -> None:
    backup = USERS["waitercaller-backup"]
    assert backup.missing("waitercaller", "requests", ["find", "listIndexes"]) == set()
    assert {action for _, _, action in backup.actions} & (rights.READ_WRITE | rights.RESTORE) <= rights.READ


@pytest.mark.parametrize(
    ("command", "actions"),
    [
        ({"update": "a", "updates": [{"q": {}, "u": {}, "upsert": True}]}, "update insert"),
        ({"aggregate": "a", "pipeline": [{"$merge": "b"}]}, "find insert update remove"),
        ({"aggregate": 1, "pipeline": [{"$changeStream": {}}]}, "find changeStream"),
        ({"findAndModify": "a", "remove": True}, "find remove"),
        ({"insert": "a", "bypassDocumentValidation": True}, "insert bypassDocumentValidation"),
        ({"renameCollection": "a.b", "to": "a.c"}, "renameCollectionSameDB"),
        ({"renameCollection": "a.b", "to": "a.c", "dropTarget": True}, "renameCollectionSameDB dropCollection"),
        ({"reIndex": "a"}, "reIndex"),
    ],
    ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else str(value),  # the same in each process
)
def test_the_rights_that_a_command_needs(command: Document, actions: str) -> None:
    assert rights.needed(Request(next(iter(command)), command, None)) == set(actions.split())
