"""backup.sh and restore.sh, with our own backups and with stubs of MongoDB's tools."""

import gzip
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from config import Config
from tests.support import ROOT, settings
from tests.support.contents import all_of

pytestmark = [pytest.mark.slow, pytest.mark.needs_wire]

# Stub of MongoDB's tools and of systemd: records its arguments and configuration. A command in FAILS fails after the
# service was stopped.
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
    given = {
        **settings.environ(config.mongodb_uri, config.public_url, Path(config.mail_folder)),
        "CALLS": str(tmp_path / "calls"),
        "FAILS": "nothing",
        "WC_PYTHON": sys.executable,
        "WC_SYSTEMCTL": str(tools / "systemctl"),
        "WC_LOCK": str(tmp_path / "lock"),
        "PATH": f"{tools}:{os.environ['PATH']}",
    }

    def run(name: str, *words: object, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [str(ROOT / "deploy" / name), *map(str, words)]
        return subprocess.run(command, env=given | environ, capture_output=True, text=True, check=False)

    return run


Script = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def calls(tmp_path: Path) -> Callable[[], list[str]]:
    """The calls of the stubs since the previous look."""

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


def test_by_hand_as_many_backups_are_kept_as_the_settings_say(tmp_path: Path) -> None:
    """Without the settings in the environment, backup.sh reads them itself."""
    files = {
        "env": "MONGODB_URI='mongodb://nowhere/none'\nWC_KEEP='1'\n",
        "python": '#!/bin/sh\n[ "$5" != backup ] || touch "$6"\n',
        "backup.sh": (ROOT / "deploy/backup.sh").read_text("utf-8").replace("/etc/waitercaller", str(tmp_path)),
        "waitercaller-20200101T000000Z.bson.gz": "",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, "utf-8")
        (tmp_path / name).chmod(0o755)
    given = {"PATH": os.environ["PATH"], "WC_PYTHON": str(tmp_path / "python")}
    subprocess.run([tmp_path / "backup.sh", tmp_path], env=given, check=True, capture_output=True)
    (kept,) = tmp_path.glob("waitercaller-*.gz")
    assert kept.name > "waitercaller-2026"


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

    # The stub restores nothing, which is detected before anything is replaced.
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


# The same for the `flask` commands of restore.sh.
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
    """`replaced("--whole-server", FAILS="mongorestore")`: output of a restore from a dump, and the stubs' calls."""
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
    old = "--bypassDocumentValidation"
    checks = ["flask build-database", "flask check-database", "flask erase-again", STARTS]
    done, asked = replaced()
    assert done.returncode == 0, done.stderr
    restore = 'uri: "mongodb://restore@127.0.0.1/"'
    losses = f"flask show-losses {name}_restored"
    tried = f"{old} --nsInclude {name}.* --nsFrom {name}.* --nsTo {name}_restored.* --drop"
    assert asked == [
        *(tried, restore, "flask check-database", losses, STOPS),
        *(f"{old} --nsInclude {name}.* --drop", restore, *checks),
    ]
    done, asked = replaced("--whole-server")
    assert done.returncode == 0, done.stderr
    admin = 'uri: "mongodb://admin@127.0.0.1/"'
    assert asked == [
        *(tried, admin, "flask check-database", losses, STOPS),
        *(f"{old} --oplogReplay --drop", admin, *checks),
    ]

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


@pytest.mark.parametrize("what", ["mongorestore", "build-database", "check-database", "erase-again"])
def test_where_a_replacement_fails_the_service_stays_down_and_the_way_out_is_said(
    replaced: Replaced, archive_of_mongodump: Path, what: str
) -> None:
    """Also if indexes are missing: without them, calls could be duplicated."""
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
    """Otherwise the next mongodump would include it."""
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
    (tmp_path / "empty").mkdir()
    done = script("restore.sh", tmp_path / "empty")
    assert (done.returncode, done.stderr) == (2, f"restore.sh: there is no backup at {tmp_path}/empty.\n")
