"""deploy/mongodb and install-mongodb.sh: database users, supported systems, settings, restart and log rotation.

MongoDB itself is not available to the tests: users.js runs on a fake of mongosh's `db`. docs/mongodb.md lists what must
be tried on a real server.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import playwright
import pytest
import yaml

from tests.deploy.conftest import PATH
from tests.support import ROOT

MONGODB = ROOT / "deploy" / "mongodb"
NODE = Path(playwright.__file__).parent / "driver" / "node"
AVX = "flags\t\t: fpu vme sse4_2 avx avx2\n"
NEOVERSE = "Features\t: fp asimd evtstrm aes crc32 atomics fphp asimdhp lrcpc dcpop\n"


def run_users(before: str = "", *, times: int = 1, on: str = "primary") -> subprocess.CompletedProcess[str]:
    script = before + (MONGODB / "users.js").read_text()
    command: list[str | Path] = [NODE, ROOT / "tests/support/deploy/users.mjs", str(times), on]
    return subprocess.run(command, input=script, capture_output=True, text=True)


def made(before: str = "", **how: Any) -> dict[str, Any]:
    done = run_users(before, **how)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def shell(script: str) -> subprocess.CompletedProcess[str]:
    """Run shell code after sourcing install-mongodb.sh."""
    sources = f". {ROOT}/deploy/lib.sh; . {ROOT}/deploy/install-mongodb.sh; "
    return subprocess.run(["bash", "-euc", sources + script], capture_output=True, text=True)


# --- users ------------------------------------------------------------------------------------------------------------


def test_nobody_but_administrators_can_change_users_and_the_backup_only_reads() -> None:
    result = made()
    assert {name: user["roles"] for name, user in result["users"].items()} == {
        "waitercaller": ["waitercaller"],
        "waitercaller-backup": ["backup"],
        "waitercaller-restore": ["restore"],  # run by hand
    }
    application = result["roles"]["waitercaller"]
    ours = ["waitercaller", "waitercaller_restored"]
    assert application["roles"] == [{"role": "readWrite", "db": name} for name in ours]
    assert [rights["resource"] for rights in application["privileges"]] == [
        {"db": name, "collection": ""} for name in ours
    ]
    granted = {action for rights in application["privileges"] for action in rights["actions"]}
    assert granted == {"collMod", "bypassDocumentValidation", "dropDatabase"}
    assert set(result["roles"]) == {"waitercaller", "waitercaller-replay"}  # granted to no user


def test_run_again_the_users_keep_their_passwords_and_the_rights_are_set_anew() -> None:
    once, twice = made(), made(times=2)
    assert twice == once
    assert [words.split()[3].rstrip(",") for words in once["asked"]] == list(once["users"])
    known = made(before='db.getSiblingDB().createRole({role: "waitercaller", roles: ["root"], privileges: []}); ')
    assert known["roles"]["waitercaller"] == once["roles"]["waitercaller"]


def test_the_installation_gives_the_passwords_that_it_keeps() -> None:
    kept = "const PASSWORDS = {" + ", ".join(f'"{name}": "{name}s"' for name in made()["users"]) + "}\n"
    earlier = 'db.getSiblingDB().createUser({user: "waitercaller", pwd: "lost", roles: []})\n'
    result = made(earlier + kept)
    assert result["asked"] == []
    assert {name: user["pwd"] for name, user in result["users"].items()} == {
        name: f"{name}s" for name in result["users"]
    }


def test_on_a_secondary_it_says_where_the_primary_is() -> None:
    done = run_users(on="secondary")
    assert done.returncode == 1
    assert "db2.example.org:27017" in done.stderr


# --- the machine ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "architecture", "cpuinfo", "reason"),
    [
        ("debian", "amd64", AVX, ""),
        ("ubuntu", "amd64", AVX, ""),
        ("debian", "amd64", AVX.replace("avx avx2", ""), "AVX"),
        ("debian", "amd64", AVX.replace("avx avx2", "avxless"), "AVX"),
        ("ubuntu", "arm64", NEOVERSE, ""),
        ("debian", "arm64", NEOVERSE, "not for Debian"),
        ("ubuntu", "arm64", NEOVERSE.replace("dcpop", ""), "ARMv8.2-A"),
        ("debian", "i386", AVX, "i386"),
    ],
)
def test_where_mongodb_cannot_run_it_is_said_before_anything_is_installed(
    tmp_path: Path, system: str, architecture: str, cpuinfo: str, reason: str
) -> None:
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    done = shell(f"check_mongodb {system} {architecture} {tmp_path}/cpuinfo")
    assert done.returncode == bool(reason), done.stderr
    assert reason in done.stderr
    assert bool(reason) == ("--mongodb-uri-file" in done.stderr)


def test_the_installation_looks_at_the_processor_unless_the_database_is_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("nothing\n")
    install = [f"{ROOT}/deploy/install.sh", "--dry-run", "call.example.org", "boss@example.org"]
    environ = {"PATH": PATH, "CPUINFO": str(tmp_path / "cpuinfo")}
    done = subprocess.run(install, capture_output=True, text=True, env=environ)
    assert done.returncode == 1
    assert "Nothing was changed" in done.stderr
    assert "== Packages" not in done.stdout
    there = [*install, "--mongodb-uri", "mongodb://db1.example.org/waitercaller"]
    assert subprocess.run(there, capture_output=True, env=environ).returncode == 0


# --- mongod's settings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kib", "gigabytes"), [(524_288, 0.25), (2_097_152, 0.5), (8_126_464, 1.94)])
def test_beside_gunicorn_mongod_takes_a_quarter_of_the_memory(tmp_path: Path, kib: int, gigabytes: float) -> None:
    (tmp_path / "meminfo").write_text(f"MemTotal:       {kib} kB\nMemFree: 1 kB\n")
    done = shell(f"mongodb_settings {tmp_path}/meminfo")
    settings = yaml.safe_load(done.stdout)
    assert settings["storage"]["wiredTiger"]["engineConfig"]["cacheSizeGB"] == gigabytes


def test_mongod_is_set_alike_here_and_on_a_machine_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 4194304 kB\n")
    here = yaml.safe_load(shell(f"mongodb_settings {tmp_path}/meminfo").stdout)
    elsewhere = yaml.safe_load((MONGODB / "mongod.conf").read_text())
    for section in ("storage", "systemLog", "replication", "setParameter"):
        assert here[section] == elsewhere[section]
    assert here["setParameter"] == {"minSnapshotHistoryWindowInSeconds": 3600}  # the maximum duration of a backup
    assert here["security"]["authorization"] == "enabled"
    assert here["net"]["bindIp"] == "127.0.0.1"


def test_its_log_is_rotated_and_it_is_told(tmp_path: Path, programs: Callable[..., None]) -> None:
    programs("logrotate")
    log_settings = yaml.safe_load((MONGODB / "mongod.conf").read_text())["systemLog"]
    assert (log_settings["logRotate"], log_settings["logAppend"]) == ("reopen", True)
    rules = (MONGODB / "logrotate").read_text()
    assert f"{log_settings['path']} {{" in rules
    rules = rules.replace("/var/log/mongodb", str(tmp_path)).replace("0600 mongodb mongodb", "0600")
    (tmp_path / "rules").write_text(rules.replace("systemctl", f"echo >>{tmp_path}/asked systemctl"))
    (tmp_path / "rules").chmod(0o644)
    log = tmp_path / "mongod.log"
    log.write_text("first\n")
    command: list[str | Path] = ["logrotate", "--force", "--state", tmp_path / "state", tmp_path / "rules"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": PATH})
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "mongod.log.1").read_text() == "first\n"
    assert log.read_text() == ""
    assert (tmp_path / "asked").read_text() == "systemctl kill --kill-whom=main --signal=SIGUSR1 mongod.service\n"


def test_systemd_understands_how_mongod_is_started_again(tmp_path: Path) -> None:
    unit = tmp_path / "mongod.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    (tmp_path / "mongod.service.d").mkdir()
    shutil.copy(MONGODB / "restart.conf", tmp_path / "mongod.service.d")
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "mongod" in line]) == (0, [])
    settings = dict(re.findall(r"^(\w+)=(.*)$", (MONGODB / "restart.conf").read_text(), re.MULTILINE))
    assert settings["Restart"] == "on-failure"
    # The unit fails, and is mailed, only if the restarts fit into the interval.
    assert int(settings["RestartSec"]) * int(settings["StartLimitBurst"]) < int(settings["StartLimitIntervalSec"])
