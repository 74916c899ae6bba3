"""The databases that tests run on.

SecantusDB speaks MongoDB's wire protocol as a process of its own, one for each worker of a test run. mongomock answers
plain queries within the test's process, for the quick run: it knows no transactions, change streams and validators.
"""

import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import mongomock
import pytest
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.operations import DeleteMany

from waitercaller.db import client, schema
from waitercaller.db.client import Mongo

T = TypeVar("T")

EXECUTABLE = Path(sys.executable).parent / "secantusd-py"
START_SECONDS = 30.0
FIRST_PORT, LAST_PORT = 10_000, 32_000
TIMEOUT_SECONDS = 10.0  # seconds for one operation on a busy machine


def free_port() -> int:
    """A port of this machine that nothing listens on, below those that outgoing connections take for themselves.

    Each worker of a parallel run has its own range: what one has chosen and not yet bound is not another one's.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    range_size = (LAST_PORT - FIRST_PORT) // workers
    first = FIRST_PORT + worker * range_size
    while True:
        port = random.randrange(first, first + range_size)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def fresh_name() -> str:
    """A database name no other test uses, also not in another run on the same server."""
    return f"test_{secrets.token_hex(6)}"


def with_name(uri: str, name: str) -> str:
    """The address `uri` with `name` as its database."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(path=f"/{name}"))


class Server:
    """A SecantusDB process with its data in `folder`; it can be stopped, killed, frozen and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        # Without retryWrites: the stand-in keeps a record of each and scans them all on every write.
        return f"mongodb://127.0.0.1:{self.port}/?retryWrites=false"

    def start(self) -> None:
        """Start the process and wait until it answers. Raises RuntimeError with its words if it does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = self.folder / "empty.toml"  # without one it reads what lies in the working directory
        settings.touch()
        log = self.folder / "server.log"
        command: list[str | Path] = [EXECUTABLE, "--config", settings, "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--storage-path", self.folder / "data"]
        command += ["--cache-size", "256M", "--log-level", "WARNING", "--noop-heartbeat-seconds", "10", *self.options]
        with log.open("ab") as output:
            # In a session of its own: Ctrl-C is for the tests, and they end the server.
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"SecantusDB did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in good order, and wait for the end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a loss of power would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it keep its connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        self._signal(number)
        self.thaw()
        if self._process is not None:
            self._process.wait(timeout=START_SECONDS)
        self._process = None

    def _answers(self) -> bool:
        with MongoClient[dict[str, Any]](self.uri, timeoutMS=200) as client:
            try:
                client.admin.command("ping")
            except PyMongoError:
                return False
            return True


class SharedDatabase:
    """A database with the schema, for one test after another: built once, emptied in between.

    Building costs 70 ms of CPU, emptying 5 ms. A test that changed more than documents leaves a database that no other
    test gets.
    """

    def __init__(self, server: Server) -> None:
        self._client: MongoClient[dict[str, Any]] = MongoClient(server.uri, timeoutMS=int(TIMEOUT_SECONDS * 1000))
        self._server_uri = server.uri
        self._name = ""
        self._shape: tuple[int, int] = (0, 0)

    def take(self) -> str:
        """The address of the empty database."""
        if not self._name:
            self._name = fresh_name()
            schema.build(self._client[self._name])
            self._shape = self._present_shape()
        return with_name(self._server_uri, self._name)

    def give_back(self) -> None:
        """Empty it. If that fails, or the test changed its collections or indexes, the next test gets a new one."""
        try:
            changed = self._present_shape() != self._shape
            if not changed:
                collections = (f"{self._name}.{each}" for each in schema.INDEXES)
                self._client.bulk_write([DeleteMany({}, namespace=each) for each in collections])
        except PyMongoError:
            changed = True
        if changed:
            with suppress(PyMongoError):
                self._client.drop_database(self._name)
            self._name = ""

    def close(self) -> None:
        self._client.close()

    def _present_shape(self) -> tuple[int, int]:
        """How many collections and indexes there are."""
        stats = self._client[self._name].command("dbStats")
        return stats["collections"], stats["indexes"]


def be_patient(mongo: Mongo) -> None:
    """Make its client, with time enough for a busy machine: what is tested is not how long the database takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "OPERATION_SECONDS", TIMEOUT_SECONDS)
        assert mongo.client


class Mongomock:
    """Takes the place of `waitercaller.db.client.Mongo`."""

    def __init__(self) -> None:
        self.client: Any = mongomock.MongoClient(tz_aware=True)
        self.database = self.client["test"]

    def close(self) -> None:
        """As Mongo.close."""
        self.client.close()

    def build_indexes(self) -> None:
        """The indexes of the schema, one by one: mongomock's create_indexes would lose their conditions."""
        for name, indexes in schema.INDEXES.items():
            for index in indexes:
                options = dict(index.document)
                self.database[name].create_index(list(options.pop("key").items()), **options)

    def transaction(self, work: Callable[[ClientSession | None], T]) -> T:
        return work(None)


def third() -> str | None:
    """The address of a further server to run the store tests on, a real MongoDB for example."""
    return os.environ.get("TEST_MONGODB_URI") or None
