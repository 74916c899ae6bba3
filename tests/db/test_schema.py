"""Building the schema: creates what is missing, is idempotent, and reports conflicting indexes."""

from typing import Any

import pytest
from pymongo import MongoClient, monitoring
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from tests.support import databases
from tests.support.together import at_once
from waitercaller.db import schema


class Commands(monitoring.CommandListener):
    """Records the commands that were sent, in order."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.sent.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass

    def named(self, name: str) -> list[dict[str, Any]]:
        return [command for command in self.sent if next(iter(command)) == name]


@pytest.fixture
def commands() -> Commands:
    return Commands()


@pytest.fixture
def empty(server: databases.Server, commands: Commands) -> Any:
    """An empty database."""
    name = databases.fresh_name()
    with MongoClient[dict[str, Any]](server.uri, event_listeners=[commands]) as client:
        yield client[name]
        client.drop_database(name)


def test_a_second_build_changes_nothing(empty: Database[Any], commands: Commands) -> None:
    """collMod takes an exclusive lock, and an upgrade must not block the site."""
    schema.build(empty)
    assert schema.missing_indexes(empty) == []
    built = len(commands.named("createIndexes"))
    assert {command["commitQuorum"] for command in commands.named("createIndexes")} == {"majority"}
    schema.build(empty)
    assert commands.named("collMod") == []
    assert len(commands.named("createIndexes")) == built


def test_a_validator_that_differs_is_replaced(empty: Database[Any], commands: Commands) -> None:
    schema.build(empty)
    empty.command("collMod", "users", validator={})
    schema.build(empty)
    assert [command["collMod"] for command in commands.named("collMod")] == ["users", "users"]
    with pytest.raises(OperationFailure):
        empty.users.insert_one({"name": 7})


@pytest.mark.needs_wire
def test_two_machines_build_concurrently(empty: Database[Any]) -> None:
    at_once(*[lambda: schema.build(empty)] * 3)
    assert schema.missing_indexes(empty) == []


def test_an_index_with_other_options_is_a_conflict(empty: Database[Any]) -> None:
    """The name alone does not show that a unique index enforces its rule."""
    schema.build(empty)
    empty.users.drop_index("email_1")
    empty.users.create_index("email")
    assert schema.missing_indexes(empty) == ["users.email_1"]
    with pytest.raises(schema.IndexConflict, match=r"db\.users\.dropIndex\('email_1'\)"):
        schema.build(empty)
    assert "unique" not in empty.users.index_information()["email_1"]
    empty.users.drop_index("email_1")
    schema.build(empty)
    assert schema.missing_indexes(empty) == []


def test_an_index_that_is_still_being_built_counts_as_missing(empty: Database[Any]) -> None:
    """In the format of MongoDB's listIndexes; the embedded database builds synchronously."""
    schema.build(empty)
    command = type(empty).command

    def listing(self: Database[Any], name: Any, *values: Any, **options: Any) -> Any:
        answer = command(self, name, *values, **options)
        if name == "listIndexes" and values == ("users",):
            assert options["includeIndexBuildInfo"]
            batch = answer["cursor"]["firstBatch"]
            batch[:] = [
                {"spec": each, "indexBuildInfo": {"buildUUID": 1}} if each["name"] == "email_1" else {"spec": each}
                for each in batch
            ]
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(empty), "command", listing)
        assert schema.missing_indexes(empty) == ["users.email_1"]


def test_a_build_waits_for_another_one(empty: Database[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "BUSY_INTERVAL_SECONDS", 0.0)
    create_indexes, busy = type(empty.users).create_indexes, [117, 285]

    def refuse_twice(self: Any, *values: Any, **options: Any) -> Any:
        if busy:
            raise OperationFailure("busy", busy.pop())
        return create_indexes(self, *values, **options)

    monkeypatch.setattr(type(empty.users), "create_indexes", refuse_twice)
    schema.build(empty)
    assert schema.missing_indexes(empty) == []
    assert busy == []


def test_other_errors_end_the_build(empty: Database[Any]) -> None:
    empty.users.insert_many([{"email": "alice@example.org"}, {"email": "alice@example.org"}])
    with pytest.raises(PyMongoError):
        schema.build(empty)
