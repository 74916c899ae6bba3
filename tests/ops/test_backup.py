"""Backup, loss of all data, and restore of the same documents and indexes."""

import gzip
import hashlib
import io
import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import bson
import pytest
from flask import Flask
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import AutoReconnect, DuplicateKeyError, OperationFailure

from tests.support.contents import all_of
from waitercaller.db import clock, schema
from waitercaller.ops import archive, backup

pytestmark = pytest.mark.needs_wire


@pytest.fixture
def run(app: Flask) -> Callable[..., Any]:
    """`run("backup", path)`: a command of `flask`."""
    runner = app.test_cli_runner()
    return lambda *words: runner.invoke(args=[str(word) for word in words])


# --- the drill --------------------------------------------------------------------------------------------------------


def test_backup_destroy_restore(filled: Database[Any], run: Callable[..., Any], tmp_path: Path) -> None:
    before = all_of(filled)
    path = tmp_path / "backup.bson.gz"
    done = run("backup", path)
    assert done.exit_code == 0, done.output
    filled.client.drop_database(filled.name)
    assert all_of(filled) == {}

    done = run("restore", path, "--replace", "--yes")
    assert done.exit_code == 0, done.output
    assert "documents and indexes are the same" in done.output
    assert all_of(filled) == before
    assert f"{filled.name}_restored" not in filled.client.list_database_names()
    with pytest.raises(DuplicateKeyError):  # the indexes work again
        filled.users.insert_one({**filled.users.find_one({}, {"_id": False}), "name": "again"})  # type: ignore[dict-item]


def test_what_came_after_the_backup_goes(filled: Database[Any], run: Callable[..., Any], tmp_path: Path) -> None:
    before = all_of(filled)
    run("backup", tmp_path / "backup")
    filled.users.delete_many({})
    filled.many.insert_one({"_id": "later"})
    filled.later.insert_one({"_id": 1})
    assert run("restore", tmp_path / "backup", "--replace", "--yes").exit_code == 0
    assert all_of(filled) == before


def test_without_being_told_to_it_replaces_nothing(
    filled: Database[Any], run: Callable[..., Any], tmp_path: Path
) -> None:
    run("backup", tmp_path / "backup")
    filled.many.delete_many({})
    before = all_of(filled)
    done = run("restore", tmp_path / "backup")
    assert done.exit_code == 0
    assert "was not touched" in done.output
    assert run("restore", tmp_path / "backup", "--replace").exit_code == 1, "nobody said yes"
    assert all_of(filled) == before
    assert f"{filled.name}_restored" not in filled.client.list_database_names()


def test_an_older_backup_gets_the_indexes_of_today(
    filled: Database[Any], run: Callable[..., Any], tmp_path: Path
) -> None:
    filled.tables.drop_index("code_1")
    filled.drop_collection("audit")
    run("backup", tmp_path / "backup")
    assert run("restore", tmp_path / "backup", "--replace", "--yes").exit_code == 0
    assert schema.missing_indexes(filled) == []


# --- damage -----------------------------------------------------------------------------------------------------------


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def without(content: bytes, position: int) -> bytes:
    """Copy the file without this document."""
    entries = [entry.raw for entry in bson.decode_file_iter(io.BytesIO(gzip.decompress(content)), archive.RAW)]
    del entries[position]
    return gzip.compress(b"".join(entries))


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def change_a_word(content: bytes) -> bytes:
    return gzip.compress(gzip.decompress(content).replace(b"dana@example.org", b"erin@example.org"))


DAMAGES: list[Callable[[bytes], bytes]] = [
    cut,
    flip,
    change_a_word,
    lambda content: without(content, -1),  # the end record
    lambda content: without(content, -3),
    lambda content: without(content, 1),  # the record of the first collection
    lambda content: content + gzip.compress(b"more"),
    lambda _: b"",
    lambda _: b"no backup at all",
    lambda _: gzip.compress(b"no backup at all, but packed"),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup_is_refused_before_anything_is_touched(
    filled: Database[Any], run: Callable[..., Any], tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "backup"
    run("backup", path)
    before = all_of(filled)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert path.read_bytes() != whole
    done = run("restore", path, "--replace", "--yes")
    assert done.exit_code == 1
    assert "damaged" in done.output or "no backup" in done.output
    assert all_of(filled) == before


HEADER = {"archive": "waitercaller", "version": 1, "database": "x", "made_at": clock.now(), "consistency": "snapshot"}
NOTHING = {"count": 0, "sha256": hashlib.sha256().hexdigest()}
COLLECTION = {"collection": "users", "options": {}, "indexes": []}


def end(*names: str) -> dict[str, Any]:
    return {"end": True, "collections": dict.fromkeys(names, NOTHING)}


HAND_MADE: dict[str, list[dict[str, Any]]] = {
    "no collection": [HEADER, end()],
    "no time": [{**HEADER, "made_at": "yesterday"}, COLLECTION, end("users")],
    "no time at all": [{key: HEADER[key] for key in ("archive", "version")}, COLLECTION, end("users")],
    "no database's consistency": [{**HEADER, "consistency": 1}, COLLECTION, end("users")],
    "a document that is a number": [HEADER, COLLECTION, {"document": 5}, end("users")],
    "a document that is a list": [HEADER, COLLECTION, {"document": [{"_id": 1}]}, end("users")],
    "a collection that is a number": [HEADER, {**COLLECTION, "collection": 5}, end("users")],
    "a collection without a name": [HEADER, {**COLLECTION, "collection": ""}, end("")],
    "a collection of the system": [HEADER, {**COLLECTION, "collection": "system.users"}, end("system.users")],
    "a collection of another database": [HEADER, {**COLLECTION, "collection": "a$b"}, end("a$b")],
    "a collection twice": [HEADER, COLLECTION, COLLECTION, end("users")],
    "options that are a list": [HEADER, {**COLLECTION, "options": [1]}, end("users")],
    "options of the driver": [HEADER, {**COLLECTION, "options": {"codec_options": 1}}, end("users")],
    "options that name the collection": [HEADER, {**COLLECTION, "options": {"name": "audit"}}, end("users")],
    "indexes that are a number": [HEADER, {**COLLECTION, "indexes": 1}, end("users")],
    "an index that is a number": [HEADER, {**COLLECTION, "indexes": [1]}, end("users")],
    "an index without a name": [HEADER, {**COLLECTION, "indexes": [{"key": {"email": 1}}]}, end("users")],
    "an index without a key": [HEADER, {**COLLECTION, "indexes": [{"name": "email_1"}]}, end("users")],
    "an end that is a number": [HEADER, COLLECTION, {"end": True, "collections": 5}],
    "an end that is none": [HEADER, COLLECTION, {"end": True}],
}


def test_archives_made_by_hand_are_refused_in_a_sentence(
    filled: Database[Any], run: Callable[..., Any], tmp_path: Path
) -> None:
    before = all_of(filled)
    for what, records in HAND_MADE.items():
        (tmp_path / "backup").write_bytes(gzip.compress(b"".join(map(bson.encode, records))))
        done = run("restore", tmp_path / "backup", "--replace", "--yes")
        assert (done.exit_code, type(done.exception)) == (1, SystemExit), f"{what}: {done.exception!r}"
        assert done.output.startswith("Error: "), what
        assert "damaged" in done.output, what
    assert all_of(filled) == before


def test_a_server_that_keeps_something_else_is_noticed_before_the_present_database_is_touched(
    filled: Database[Any], run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("backup", tmp_path / "backup")
    before = all_of(filled)
    insert = backup._insert

    def lose_one(collection: Collection[Any], batch: list[Any]) -> None:
        batch.pop()
        insert(collection, batch or [{"_id": "another"}])

    monkeypatch.setattr(backup, "_insert", lose_one)
    done = run("restore", tmp_path / "backup", "--replace", "--yes")
    assert done.exit_code == 1
    assert "documents were written" in done.output
    monkeypatch.setattr(backup, "_insert", insert)
    monkeypatch.setattr(backup, "_build_indexes", lambda *_: None)
    done = run("restore", tmp_path / "backup", "--replace", "--yes")
    assert done.exit_code == 1
    assert "indexes are not those" in done.output
    assert all_of(filled) == before


# --- the file ---------------------------------------------------------------------------------------------------------


def test_a_backup_is_its_owners_and_is_there_as_a_whole_or_not_at_all(
    filled: Database[Any], run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    before = os.umask(0)
    run("backup", folder / "one")
    os.umask(before)
    assert stat.S_IMODE((folder / "one").stat().st_mode) == 0o600

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    done = run("backup", folder / "two")
    assert (done.exit_code, done.output) == (1, "Error: no space left on device\n")
    assert [path.name for path in folder.iterdir()] == ["one"]


def test_it_says_what_it_holds_and_how_far_it_is_of_one_moment(
    filled: Database[Any], run: Callable[..., Any], tmp_path: Path
) -> None:
    done = run("backup", tmp_path / "backup")
    header = archive.header_of(tmp_path / "backup")
    assert header["database"] == filled.name
    assert abs(header["made_at"] - clock.now()) < timedelta(minutes=1)
    count = sum(filled[name].count_documents({}) for name in filled.list_collection_names())
    assert f"{count} documents" in done.output
    words = {"snapshot": "all of one moment", "documents": "each document as it was"}
    assert words[header["consistency"]] in done.output


def test_a_restore_that_breaks_off_leaves_the_present_documents_as_they_are(
    filled: Database[Any], run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Existing collections are replaced only after all were written."""
    run("backup", tmp_path / "backup")
    filled.many.insert_one({"_id": "later"})
    before = all_of(filled)
    rehearsed: list[object] = []
    build = backup._build_indexes

    def fail_the_second_time(database: Database[Any], collection: archive.Collection, prefix: str) -> None:
        if prefix and len(rehearsed) > 2:
            raise AutoReconnect("connection closed")
        rehearsed.append(prefix)
        build(database, collection, prefix)

    monkeypatch.setattr(backup, "_build_indexes", fail_the_second_time)
    assert run("restore", tmp_path / "backup", "--replace", "--yes").exit_code == 1
    assert all_of(filled) == before


def test_a_backup_that_should_be_of_one_moment_and_cannot_fails(
    filled: Database[Any], run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup that claims to be a snapshot could have a request without its table."""

    def too_old(*_: Any, **__: Any) -> Any:
        raise OperationFailure("SnapshotTooOld", 239)

    monkeypatch.setattr(backup, "_documents", too_old)
    done = run("backup", tmp_path / "backup")
    assert done.exit_code == 1
    assert "code 239" in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_knows_no_snapshots_is_told_by_its_own_words(
    filled: Database[Any], run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "SNAPSHOT_WIRE_VERSION", 1000)
    done = run("backup", tmp_path / "backup")
    assert "each document as it was at some moment" in done.output
    assert archive.header_of(tmp_path / "backup")["consistency"] == "documents"
