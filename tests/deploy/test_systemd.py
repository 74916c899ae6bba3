"""The units of deploy/systemd: valid, and sandboxed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT

UNITS = ROOT / "deploy" / "systemd"
SERVICES = sorted(file.name for file in UNITS.glob("*.service"))
MAX_EXPOSURE = 1.5  # of 10: `systemd-analyze security`


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units in a temporary folder, with the paths of programs that exist here."""
    folder = shutil.copytree(UNITS, tmp_path / "units")
    for file in folder.glob("*.service"):
        program = re.compile(r"^ExecStart=(/opt/waitercaller/current/\S+)", re.MULTILINE)
        file.write_text(program.sub("ExecStart=/bin/true", file.read_text()))
    return Path(folder)


def test_systemd_understands_every_unit(units):
    files = [file for kind in ("*.service", "*.socket", "*.timer") for file in units.glob(kind)]
    done = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "waitercaller" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_in_a_sandbox(units, name):
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={MAX_EXPOSURE * 10:.0f}"]
    done = subprocess.run([*command, units / name], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_what_the_units_start_is_shipped_and_may_be_run():
    for file in UNITS.rglob("*.service"):
        for path in re.findall(r"/opt/waitercaller/current/(deploy/\S+)", file.read_text()):
            program = ROOT / path
            assert os.access(program, os.X_OK), path


def test_the_helpers_sandbox_is_that_of_the_service():
    def sandbox(file: str) -> list[str]:
        return [
            line
            for line in (UNITS / file).read_text().splitlines()
            if re.match(r"(Protect|Private|Restrict|System)", line)
        ]

    assert sandbox("waitercaller-.service.d/sandbox.conf") == sandbox("waitercaller.service")


def test_each_timer_has_its_service_and_catches_up():
    for timer in UNITS.glob("*.timer"):
        assert timer.with_suffix(".service").exists()
        assert "Persistent=true" in timer.read_text()


def test_only_the_backup_knows_its_way_into_the_database_and_it_is_nobody_elses_user():
    services = {name: (UNITS / name).read_text() for name in SERVICES}
    assert [name for name, unit in services.items() if "backup.env" in unit] == ["waitercaller-backup.service"]
    assert [name for name, unit in services.items() if "User=waitercaller-backup" in unit] == [
        "waitercaller-backup.service"
    ]
    # restore.env gives full access to the database: for manual use only.
    elsewhere = [*UNITS.rglob("*.*"), ROOT / "deploy/waitercaller", ROOT / "deploy/backup.sh"]
    assert [file for file in elsewhere if file.is_file() and "restore.env" in file.read_text()] == []
    assert "backup.env" not in (ROOT / "deploy/waitercaller").read_text()
