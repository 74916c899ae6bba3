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
from pymongo.collection import Collection
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


# --- the scripts ------------------------------------------------------------------------------------------------------

# Takes the place of MongoDB's tools and of systemd, which no test of ours has: notes how it was called, and what its
# settings say. What FAILS names fails once the service is stopped.
STAND_IN = """#!/bin/sh
echo "${0##*/} $*" >>"$CALLS"
for word; do
    case $word in
        --archive=*/archive) echo "an archive" | gzip >"${word#*=}" ;;
        */settings.yml) cat "$word" >>"$CALLS" ;;
    esac
done
case "${0##*/}" in $FAILS) ! grep -q '^systemctl stop' "$CALLS" ;; esac
"""
STOPS = "systemctl stop waitercaller.socket waitercaller.service"
STARTS = "systemctl start waitercaller.socket waitercaller.service"


@pytest.fixture
def script(config: Config, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`script("backup.sh", folder, WC_KEEP="3")`: one of deploy/, with the settings of this test's application."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("mongodump", "mongorestore", "systemctl"):
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
        "FAILS": "nothing",
        "WC_PYTHON": sys.executable,
        "WC_SYSTEMCTL": str(tools / "systemctl"),
        "PATH": f"{tools}:{os.environ['PATH']}",
    }

    def run(name: str, *words: object, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [str(ROOT / "deploy" / name), *map(str, words)]
        return subprocess.run(command, env=settings | environ, capture_output=True, text=True, check=False)

    return run


Script = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def calls(tmp_path: Path) -> Callable[[], list[str]]:
    """What the stand-ins were asked since this was last asked."""

    def taken() -> list[str]:
        file = tmp_path / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines

    return taken


Calls = Callable[[], list[str]]


def test_the_scripts_back_up_rotate_and_restore(
    filled: Database[Any], script: Script, calls: Calls, tmp_path: Path
) -> None:
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
    assert calls() == []
    done = script("restore.sh", folder, "--replace")
    assert done.returncode == 0, done.stderr
    assert all_of(filled) == before
    assert calls() == [STOPS, STARTS]


def test_a_backup_that_fails_takes_no_older_one_away(script: Script, tmp_path: Path) -> None:
    (tmp_path / "waitercaller-20250101T000000Z.bson.gz").touch()
    unreachable = "mongodb://127.0.0.1:9/waitercaller?serverSelectionTimeoutMS=200"
    done = script("backup.sh", tmp_path, WC_KEEP="0", MONGODB_URI=unreachable)
    assert done.returncode != 0
    assert (tmp_path / "waitercaller-20250101T000000Z.bson.gz").exists()
    assert "Traceback" not in done.stderr


def test_mongodbs_own_tools_are_used_where_they_are_and_no_password_is_on_a_command_line(
    filled: Database[Any], config: Config, script: Script, calls: Calls, tmp_path: Path
) -> None:
    uri = "mongodb://backup:a-secret@127.0.0.1/?authSource=admin"
    done = script("backup.sh", tmp_path, BACKUP_MONGODB_URI=uri)
    assert done.returncode == 0, done.stderr
    (made,) = tmp_path.glob("waitercaller-*.archive.gz")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    asked, settings = calls()
    assert asked.startswith("mongodump --config ")
    assert "--oplog --gzip" in asked
    assert "a-secret" not in asked
    assert settings == f'uri: "{uri}"'
    assert not list(tmp_path.glob(".unfinished*"))

    # The stand-in restores nothing, and that is noticed before anything is replaced.
    uri = uri.replace("backup", "restore")
    done = script("restore.sh", made, "--replace", RESTORE_MONGODB_URI=uri)
    assert done.returncode == 1
    assert "Indexes are missing" in done.stderr
    asked, settings = calls()  # and so nothing was stopped
    assert f"--nsFrom {filled.name}.* --nsTo {filled.name}_restored.* --drop" in asked
    assert settings == f'uri: "{uri}"'
    made.write_bytes(made.read_bytes()[:-4])
    assert script("restore.sh", made, RESTORE_MONGODB_URI=uri).returncode != 0
    assert calls() == []


# The same for what restore.sh asks of `flask`; the rest is done.
PYTHON = """#!/bin/sh
case $* in *"flask --app wsgi"*) echo "flask ${*#*wsgi }" >>"$CALLS" ;; *) exec "$REAL" "$@" ;; esac
case $* in *"$FAILS") ! grep -q '^systemctl stop' "$CALLS" ;; esac
"""
Replaced = Callable[..., tuple[subprocess.CompletedProcess[str], list[str]]]


@pytest.fixture
def archive_of_mongodump(tmp_path: Path) -> Path:
    made = tmp_path / "waitercaller-20250101T000000Z.archive.gz"
    made.write_bytes(gzip.compress(b"an archive"))
    return made


@pytest.fixture
def replaced(script: Script, calls: Calls, archive_of_mongodump: Path, tmp_path: Path) -> Replaced:
    """`replaced("--whole-server", FAILS="mongorestore")`: what a restore of a dump said, and what it asked for."""
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    ways = {
        "RESTORE_MONGODB_URI": "mongodb://restore@127.0.0.1/",
        "ADMIN_MONGODB_URI": "mongodb://admin@127.0.0.1/",
        "WC_PYTHON": str(tmp_path / "python"),
        "REAL": sys.executable,
    }

    def replace(*words: str, **environ: str) -> tuple[Any, list[str]]:
        done = script("restore.sh", archive_of_mongodump, "--replace", *words, **{**ways, **environ})
        return done, [line.partition("--stopOnError ")[2] or line for line in calls()]

    return replace


def test_of_a_whole_server_only_our_database_is_replaced_unless_all_of_it_is_asked_for(
    config: Config, script: Script, archive_of_mongodump: Path, tmp_path: Path, replaced: Replaced
) -> None:
    name = config.mongodb_uri.rpartition("/")[2].partition("?")[0]
    old, checks = "--bypassDocumentValidation", ["flask build-database", "flask check-database", STARTS]
    done, asked = replaced()
    assert done.returncode == 0, done.stderr
    restore = 'uri: "mongodb://restore@127.0.0.1/"'
    tried = f"{old} --nsInclude {name}.* --nsFrom {name}.* --nsTo {name}_restored.* --drop"
    assert asked == [
        *(tried, restore, "flask check-database", STOPS),
        *(f"{old} --nsInclude {name}.* --drop", restore, *checks),
    ]
    done, asked = replaced("--whole-server")
    assert done.returncode == 0, done.stderr
    admin = 'uri: "mongodb://admin@127.0.0.1/"'
    assert asked == [*(tried, admin, "flask check-database", STOPS), *(f"{old} --oplogReplay --drop", admin, *checks)]

    done, asked = replaced("--whole-server", ADMIN_MONGODB_URI="")
    assert done.returncode != 0
    assert "ADMIN_MONGODB_URI" in done.stderr
    assert asked == []
    for words in (["--whole-server"], ["--replace", "--all"]):
        assert script("restore.sh", archive_of_mongodump, *words).returncode == 2
    archive_of_mongodump.rename(tmp_path / "one.bson.gz")
    done = script("restore.sh", tmp_path / "one.bson.gz", "--replace", "--whole-server")
    assert done.returncode == 2
    assert "our database and no more" in done.stderr


@pytest.mark.parametrize("what", ["mongorestore", "build-database", "check-database"])
def test_where_a_replacement_fails_the_service_stays_down_and_the_way_out_is_said(
    replaced: Replaced, archive_of_mongodump: Path, what: str
) -> None:
    """Also where the database lacks its indexes: on that one, calls would be doubled."""
    done, asked = replaced(FAILS=what)
    assert done.returncode == 1
    assert STOPS in asked
    assert STARTS not in asked
    assert "STAYS STOPPED" in done.stderr
    assert f"restore.sh {archive_of_mongodump} --replace" in done.stderr


def test_where_a_backup_of_ours_cannot_take_its_place_the_service_stays_down(
    filled: Database[Any], script: Script, calls: Calls, tmp_path: Path
) -> None:
    script("backup.sh", tmp_path)
    (made,) = tmp_path.glob("waitercaller-*.bson.gz")
    broken = tmp_path / "python"
    broken.write_text(f'#!/bin/sh\ncase $* in *--yes) exit 1 ;; esac\nexec {sys.executable} "$@"\n')
    broken.chmod(0o755)
    done = script("restore.sh", made, "--replace", WC_PYTHON=str(broken))
    assert done.returncode == 1
    assert calls() == [STOPS]
    assert "STAYS STOPPED" in done.stderr


def test_what_was_only_tried_is_gone_afterwards(
    filled: Database[Any], script: Script, archive_of_mongodump: Path
) -> None:
    """mongodump would take it along that night."""
    tried = filled.client[f"{filled.name}_restored"]
    tried.users.insert_one({"email": "left@example.org"})  # of one that was interrupted
    done = script("restore.sh", archive_of_mongodump, RESTORE_MONGODB_URI="mongodb://restore@127.0.0.1/")
    assert done.returncode == 1
    assert "Indexes are missing" in done.stderr
    assert tried.name not in filled.client.list_database_names()


def test_another_file_is_not_restored(script: Script, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    done = script("restore.sh", tmp_path / "letter.txt")
    assert done.returncode == 2
    assert "is neither" in done.stderr
