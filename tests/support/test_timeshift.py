"""TEST_NOW shifts every clock of a test run: of the tests, their processes, the database and browsers."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import ROOT, timeshift

pytestmark = pytest.mark.slow

PROGRAM = """
import subprocess, sys
from pathlib import Path
from pymongo import MongoClient
from tests.support import databases, timeshift

timeshift.begin()
from waitercaller.db import clock
print(clock.now().isoformat())
child = "from waitercaller.db import clock; print(clock.now().isoformat())"
print(subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True).stdout.strip())
server = databases.Server(Path(sys.argv[1]))
server.start()
with MongoClient(server.uri) as client:
    print(client.admin.command("hello")["localTime"].isoformat() + "+00:00")
server.stop()
"""


@pytest.mark.parametrize(
    ("wanted", "moment"),
    [
        ("2024-02-29T12:00", datetime(2024, 2, 29, 12, tzinfo=UTC)),
        ("2031-12-31T23:58+01:00", datetime(2031, 12, 31, 22, 58, tzinfo=UTC)),
    ],
)
def test_all_processes_of_a_run_are_at_its_moment(wanted: str, moment: datetime, tmp_path: Path) -> None:
    environ = os.environ | {"TEST_NOW": wanted}
    environ.pop(timeshift.OFFSET, None)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "database")]
    run = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    times = [datetime.fromisoformat(line) for line in run.stdout.split()]
    assert len(times) == 3
    assert all(moment <= each < moment + timedelta(hours=1) for each in times)


def test_without_it_nothing_is_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_NOW", raising=False)
    monkeypatch.delenv(timeshift.OFFSET, raising=False)
    timeshift.begin()
    assert timeshift.OFFSET not in os.environ
    assert timeshift.page_script() == ""
