"""The drill: a backup, the loss of everything, and the same documents and indexes again."""

import gzip
import io
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import bson
import pytest
from bson import Decimal128, Int64, ObjectId
from flask import Flask
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from config import Config
from tests.support import ROOT
from tests.support.cast import Person
from waitercaller.db import clock, schema
from waitercaller.db.client import Document
from waitercaller.mail import outbox
from waitercaller.model import restaurants
from waitercaller.model.requests import transitions as requests
from waitercaller.ops import archive, backup


def all_of(database: Database[Any]) -> dict[str, Any]:
    """Everything that a database holds."""
    return {
        info["name"]: {
            "options": info["options"],
            "documents": list(database[info["name"]].find().sort("_id")),
            "indexes": database[info["name"]].index_information(),
        }
        for info in database.list_collections()
    }


@pytest.fixture
def filled(app: Flask, alice: Person, bob: Person, table: Document) -> Database[Any]:
    """A restaurant with people, a call, a mail that is owed, and values that a careless format would change."""
    database: Database[Any] = app.extensions["mongo"].database
    with app.app_context():
        restaurant = restaurants.get(alice.restaurant_id)
        assert restaurant is not None
        requests.open_request(restaurant, table, restaurant["kinds"][0], "a key")
        outbox.enqueue("account_deleted", "dana@example.org", closed=["Zum Löwen"])
        odd = {
            "long": Int64(5),
            "exact": Decimal128("0.10"),
            "bytes": b"\x00\xff",
            "none": None,
            "order": {"b": 1, "a": 2},
        }
        database.odds.insert_many([{"_id": ObjectId(), **odd}, {"_id": "a string", "list": [1, 2.0, True]}])
        database.many.insert_many([{"_id": number, "text": "x" * 50} for number in range(1203)])
    return database


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
    with pytest.raises(DuplicateKeyError):  # the rules are back, not only their names
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
    """Of the documents in the file, all but this one."""
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
    lambda content: without(content, -1),  # the end
    lambda content: without(content, -3),
    lambda content: without(content, 1),  # the first collection's beginning
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


def test_a_server_that_keeps_something_else_is_noticed_before_the_present_database_is_touched(
    filled: Database[Any], run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("backup", tmp_path / "backup")
    before = all_of(filled)
    insert = backup._insert

    def lose_one(database: Database[Any], collection: archive.Collection, batch: list[Any]) -> None:
        batch.pop()
        insert(database, collection, batch or [{"_id": "another"}])

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


# --- the scripts ------------------------------------------------------------------------------------------------------

# Takes the place of MongoDB's tools, which no machine of ours has: notes how it was called, and what its settings say.
STAND_IN = """#!/bin/sh
echo "${0##*/} $*" >>"$CALLS"
for word; do
    case $word in
        --archive=*/archive) echo "an archive" | gzip >"${word#*=}" ;;
        */settings.yml) cat "$word" >>"$CALLS" ;;
    esac
done
"""


@pytest.fixture
def script(config: Config, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`script("backup.sh", folder, WC_KEEP="3")`: one of deploy/, with the settings of this test's application."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("mongodump", "mongorestore"):
        (tools / name).write_text(STAND_IN)
        (tools / name).chmod(0o755)
    settings = {
        "MONGODB_URI": config.mongodb_uri,
        "PUBLIC_URL": config.public_url,
        "SECRET_KEY": config.secret_key,
        "TRUSTED_HOSTS": "localhost",
        "MAIL_FOLDER": config.mail_folder,
        "MAIL_SENDER": config.mail_sender,
        "CALLS": str(tmp_path / "calls"),
        "WC_FLASK": str(Path(sys.executable).parent / "flask"),
        "PATH": f"{tools}:{os.environ['PATH']}",
    }

    def run(name: str, *words: object, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [str(ROOT / "deploy" / name), *map(str, words)]
        return subprocess.run(command, env=settings | environ, capture_output=True, text=True, check=False)

    return run


Script = Callable[..., subprocess.CompletedProcess[str]]


def test_the_scripts_back_up_rotate_and_restore(filled: Database[Any], script: Script, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for name in ("waitercaller-20250101T000000Z.bson.gz", "waitercaller-20250102T000000Z.bson.gz", "notes.gz"):
        (folder / name).touch()
    before = all_of(filled)
    done = script("backup.sh", folder, WC_KEEP="2")
    assert done.returncode == 0, done.stderr
    kept = sorted(path.name for path in folder.iterdir())
    assert len(kept) == 3
    assert kept[:2] == ["notes.gz", "waitercaller-20250102T000000Z.bson.gz"]
    newest = folder / kept[2]
    assert stat.S_IMODE(newest.stat().st_mode) == 0o600

    filled.users.drop()
    done = script("restore.sh", newest)
    assert done.returncode == 0, done.stderr
    assert "was not touched" in done.stdout
    assert filled.users.count_documents({}) == 0
    done = script("restore.sh", folder, "--replace")
    assert done.returncode == 0, done.stderr
    assert all_of(filled) == before


def test_a_backup_that_fails_takes_no_older_one_away(script: Script, tmp_path: Path) -> None:
    (tmp_path / "waitercaller-20250101T000000Z.bson.gz").touch()
    unreachable = "mongodb://127.0.0.1:9/waitercaller?serverSelectionTimeoutMS=200"
    done = script("backup.sh", tmp_path, WC_KEEP="0", MONGODB_URI=unreachable)
    assert done.returncode != 0
    assert (tmp_path / "waitercaller-20250101T000000Z.bson.gz").exists()
    assert "Traceback" not in done.stderr


def test_mongodbs_own_tools_are_used_where_they_are_and_no_password_is_on_a_command_line(
    filled: Database[Any], config: Config, script: Script, tmp_path: Path
) -> None:
    uri = config.mongodb_uri.replace("127.0.0.1", "backup:a-secret@127.0.0.1").replace(filled.name, "")
    done = script("backup.sh", tmp_path, BACKUP_MONGODB_URI=uri)
    assert done.returncode == 0, done.stderr
    (made,) = tmp_path.glob("waitercaller-*.archive.gz")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    asked, settings = (tmp_path / "calls").read_text().splitlines()
    assert asked.startswith("mongodump --config ")
    assert "--oplog --gzip" in asked
    assert "a-secret" not in asked
    assert settings == f'uri: "{uri}"'
    assert not list(tmp_path.glob(".unfinished*"))

    # The stand-in restores nothing, and that is noticed before anything is replaced.
    done = script("restore.sh", made, "--replace", BACKUP_MONGODB_URI=uri.replace("backup:a-secret@", ""))
    assert done.returncode == 1
    assert "Indexes are missing" in done.stderr
    asked = (tmp_path / "calls").read_text().splitlines()[2]
    assert f"--nsFrom {filled.name}.* --nsTo {filled.name}_restored.* --drop" in asked
    assert "--oplogReplay" not in (tmp_path / "calls").read_text()
    made.write_bytes(made.read_bytes()[:-4])
    assert script("restore.sh", made, BACKUP_MONGODB_URI=uri).returncode != 0


def test_of_a_whole_server_only_our_database_is_replaced_unless_all_of_it_is_asked_for(
    config: Config, script: Script, tmp_path: Path
) -> None:
    made = tmp_path / "waitercaller-20250101T000000Z.archive.gz"
    made.write_bytes(gzip.compress(b"an archive"))
    database = config.mongodb_uri.rpartition("/")[2].partition("?")[0]

    def replaced(*words: str) -> str:
        (tmp_path / "calls").unlink(missing_ok=True)
        done = script("restore.sh", made, *words, BACKUP_MONGODB_URI=config.mongodb_uri, WC_FLASK="true")
        assert done.returncode == 0, done.stderr
        return (tmp_path / "calls").read_text().splitlines()[-2].partition("--stopOnError ")[2]

    assert replaced("--replace") == f"--nsInclude {database}.* --drop"
    assert replaced("--replace", "--whole-server") == "--oplogReplay --drop"
    for words in (["--whole-server"], ["--replace", "--all"]):
        assert script("restore.sh", made, *words).returncode == 2
    made.rename(tmp_path / "one.bson.gz")
    done = script("restore.sh", tmp_path / "one.bson.gz", "--replace", "--whole-server")
    assert done.returncode == 2
    assert "our database and no more" in done.stderr


def test_another_file_is_not_restored(script: Script, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    done = script("restore.sh", tmp_path / "letter.txt")
    assert done.returncode == 2
    assert "is neither" in done.stderr
