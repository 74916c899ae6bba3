"""`make run`: real processes on this computer, started, stopped and killed."""

import contextlib
import http.client
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import ROOT, databases
from waitercaller.local import LocalError, instance, network
from waitercaller.local.database import EmbeddedDatabase

pytestmark = pytest.mark.slow

TIMEOUT_SECONDS = 60.0  # generous, for a busy machine
STOPPING_SECONDS = 6.0  # of a database: it waits up to 2 s for its listener and 5 s for open connections


class Run:
    """A process `python -m waitercaller run` with its output in a file."""

    def __init__(self, folder: Path, *, port: int | None = None, host: str = "127.0.0.1") -> None:
        self.data = folder / "instance"
        self.port = port or databases.free_port()
        self.words = folder / f"words-{time.monotonic_ns()}.txt"
        environ = os.environ | {"PORT": str(self.port), "HOST": host}
        command = [sys.executable, "-m", "waitercaller", "run", "--data", str(self.data)]
        with self.words.open("wb") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=output, stderr=output)

    def wait_until_it_serves(self) -> "Run":
        wait_for(lambda: "Ctrl-C" in self.said or self.process.poll() is not None)
        assert self.process.poll() is None, self.said
        return self

    def wait_for_the_end(self) -> int:
        return self.process.wait(TIMEOUT_SECONDS)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.wait_for_the_end()

    @property
    def said(self) -> str:
        return self.words.read_text()

    def children(self, part: str) -> list[int]:
        """The descendants of this run with `part` in their command line."""
        return [pid for pid in descendants(self.process.pid) if part in command_of(pid)]

    def get(self, path: str, host: str = "127.0.0.1") -> int:
        connection = http.client.HTTPConnection(host, self.port, timeout=TIMEOUT_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().status

    def send(self, head: str) -> bytes:
        """The response to these lines, which may be an invalid HTTP request."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_SECONDS) as connection:
            connection.sendall(f"{head}\r\n".encode())
            return connection.recv(1000)


def wait_for(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.05)


def command_of(pid: int) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def alive(pids: list[int]) -> list[int]:
    """Processes that have not ended; zombies count as ended."""
    return [pid for pid in pids if command_of(pid)]


def descendants(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        below = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return below + [further for child in below for further in descendants(child)]
    return []


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Starts runs on this test's folder, and ends those still running after the test."""
    runs: list[Run] = []

    def start_one(**options: object) -> Run:
        runs.append(Run(tmp_path, **options))  # type: ignore[arg-type]
        return runs[-1]

    yield start_one
    for run in runs:
        if run.process.poll() is None:
            run.stop()


def test_it_serves_says_how_and_survives_a_restart(start, tmp_path):
    first = start().wait_until_it_serves()
    lines = first.said.splitlines()
    assert f"Open http://127.0.0.1:{first.port} here." in lines
    assert len(lines) == 3, first.said
    assert first.get("/healthz") == 200
    assert first.get("/readyz") == 200, "the indexes are built"
    for head in ("GET /t/TOPSECRET\x01 HTTP/1.1\r\n", "GET / HTTP/1.1\r\nCookie : TOPSECRET\r\n", "TOPSECRET\r\n"):
        assert b"400 Bad Request" in first.send(head), head
    assert first.said.count("Invalid request from ip=127.0.0.1") == 3
    assert "TOPSECRET" not in first.said, "what people send stays out of the logs"
    key = (first.data / "secret_key").read_text()
    push_key = (first.data / "vapid_private_key").read_text()
    assert stat.S_IMODE((first.data / "secret_key").stat().st_mode) == 0o600
    below = descendants(first.process.pid)
    assert len(first.children("gunicorn")) == 3, "one master, two workers"
    assert first.stop(signal.SIGINT) == 0
    assert not alive(below)

    second = start(port=first.port).wait_until_it_serves()
    assert second.get("/readyz") == 200
    assert (second.data / "secret_key").read_text() == key, "logins go on"
    assert (second.data / "vapid_private_key").read_text() == push_key, "phones stay subscribed"
    third = start()
    assert third.wait_for_the_end() == 1
    assert f"already runs on {second.data}: open http://127.0.0.1:{second.port}" in third.said


def test_when_it_is_killed_its_children_end_and_it_can_start_again(start):
    killed = start().wait_until_it_serves()
    below = descendants(killed.process.pid)
    killed.stop(signal.SIGKILL)
    again = start(port=killed.port).wait_until_it_serves()
    assert again.get("/healthz") == 200
    wait_for(lambda: not alive(below))


def test_it_waits_for_a_database_that_takes_its_time_to_stop(tmp_path):
    folder = tmp_path / "database"
    folder.mkdir()
    of_the_killed_run, next_one = EmbeddedDatabase(folder), EmbeddedDatabase(folder)
    of_the_killed_run.start()
    ends = threading.Timer(STOPPING_SECONDS, of_the_killed_run.stop)
    ends.start()
    with next_one:
        assert next_one.port != of_the_killed_run.port
    ends.join()


@pytest.mark.parametrize(("part", "name"), [("secantus", "database"), ("gunicorn", "web server")])
def test_when_one_part_dies_all_of_it_stops_and_says_which(start, part, name):
    run = start().wait_until_it_serves()
    below = descendants(run.process.pid)
    os.kill(run.children(part)[0], signal.SIGKILL)
    assert run.wait_for_the_end() == 1
    assert f"The {name} ended unexpectedly" in run.said
    assert not alive(below)


def test_a_port_in_use_is_one_sentence(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = start(port=taken.getsockname()[1])
        assert run.wait_for_the_end() == 1
    assert re.fullmatch(r"Port \d+ is in use; .*\n", run.said)


def test_broken_data_is_one_sentence_and_stays_as_it_was(start, tmp_path):
    database = tmp_path / "instance" / "database"
    database.mkdir(parents=True)
    for name in ("WiredTiger", "WiredTiger.turtle", "WiredTiger.wt"):
        (database / name).write_bytes(b"not what it should be\n" * 50)
    run = start()
    assert run.wait_for_the_end() == 1
    assert re.fullmatch(rf"The data in {database} cannot be opened .*\n", run.said)
    assert (database / "WiredTiger.wt").read_bytes() == b"not what it should be\n" * 50


def test_the_local_network_gets_an_address_that_a_phone_can_open(start):
    address = network.local_network_address()
    if address is None:  # a computer without a network: reported, but not an error
        assert "on no local network" in start(host="0.0.0.0").wait_until_it_serves().said
        return
    run = start(host="0.0.0.0").wait_until_it_serves()
    assert f"Open http://{address}:{run.port} here or on a phone in this network." in run.said
    assert run.get("/healthz", host=address) == 200
    assert run.get("/healthz", host="127.0.0.1") == 200


@pytest.mark.parametrize("port", ["none", "0", "65536", "-1", "8000.0", "²"])
def test_a_port_that_is_none_is_one_sentence(port, tmp_path):
    environ = os.environ | {"PORT": port}
    command = [sys.executable, "-m", "waitercaller", "run", "--data", tmp_path / "instance"]
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    assert (ended.returncode, ended.stderr) == (1, f"PORT must be a number from 1 to 65535, not {port!r}.\n")
    assert not list(tmp_path.iterdir())


def test_a_data_folder_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "instance").write_text("a file")
    with pytest.raises(LocalError, match="must be a folder"):
        instance.prepare(tmp_path / "instance")


def test_a_damaged_key_is_not_replaced_silently(tmp_path):
    (tmp_path / "secret_key").write_text("short\n")
    with pytest.raises(LocalError, match="is damaged"):
        instance.secret_key(tmp_path)


@pytest.mark.parametrize(("version", "sentence"), [("3.10", "found only 3.10"), ("3.14", "found only 3.14")])
def test_make_refuses_a_python_that_does_not_fit(version, sentence, tmp_path):
    made = make_run(tmp_path, f'[ "$1" = -c ] && echo {version}')
    assert f"Waiter Caller needs Python 3.11, 3.12 or 3.13 and {sentence}:" in made


def test_make_says_when_venv_is_missing(tmp_path):
    made = make_run(tmp_path, 'case "$2" in *venv*) exit 1 ;; *) echo 3.12 ;; esac')
    assert "Python 3.12 is here, but not its venv module" in made
    assert "apt-get install python3.12-venv" in made


def make_run(folder: Path, python: str) -> str:
    """What `make run` says in a fresh folder where PYTHON is this shell script."""
    (folder / "python").write_text(f"#!/bin/sh\n{python}\n")
    (folder / "python").chmod(0o755)
    for name in ("Makefile", "requirements.txt"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    pins = folder / "tests/requirements"
    pins.mkdir(parents=True)
    (pins / "database.txt").touch()
    made = subprocess.run(
        ["make", "run", f"PYTHON={folder}/python"], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
    )
    assert made.returncode != 0
    assert not (folder / ".venv").exists()
    return made.stderr
