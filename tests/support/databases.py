"""Databases for tests.

SecantusDB implements MongoDB's wire protocol in a separate process, one per worker of a test run. mongomock answers
plain queries within the test's process, for the quick run: it has no transactions, change streams and validators.
"""

import functools
import itertools
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import mongomock
import pytest
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.operations import DeleteMany

from tests.support import patience
from waitercaller.db import client, schema
from waitercaller.db.client import Mongo
from waitercaller.local import processes

T = TypeVar("T")

EXECUTABLE = Path(sys.executable).parent / "secantusd-py"
START_SECONDS = 120.0
SIGNAL_SECONDS = 20.0  # until SIGTERM is sent again; a stop takes 7 s at most, on a busy machine longer
FIRST_PORT, LAST_PORT = 10_000, 32_000
BULK_WRITE_WIRE_VERSION = 25  # MongoDB 8.0, the first with one command for several collections


def free_port() -> int:
    """A port that nothing listens on, below the range of ephemeral ports.

    Each worker of a parallel run takes the ports of its own range in turn: none is chosen twice before it is bound.
    """
    return next(port for port in _own_ports() if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


@functools.cache
def _own_ports() -> Iterator[int]:
    """The ports of this worker's range again and again, beginning with a random one."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    size = (LAST_PORT - FIRST_PORT) // workers
    first, begin = FIRST_PORT + worker * size, random.randrange(size)
    return itertools.cycle(first + (begin + number) % size for number in range(size))


def listens(port: int) -> bool:
    """Whether a program of this machine listens on this port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def fresh_name() -> str:
    """A unique database name, also across runs on the same server."""
    return f"test_{secrets.token_hex(6)}"


def with_name(uri: str, name: str) -> str:
    """`uri` with `name` as its database; its user, if it has one, is still looked up where it was before."""
    parts = urlsplit(uri)
    query = parts.query
    if parts.username and "authsource=" not in query.lower():
        query = f"authSource={parts.path.strip('/') or 'admin'}" + (f"&{query}" if query else "")
    return urlunsplit(parts._replace(path=f"/{name}", query=query))


def given_uri() -> str | None:
    """The URI of a server, such as a real MongoDB's, on which the tests are to run instead of the embedded one."""
    return os.environ.get("TEST_MONGODB_URI") or None


@dataclass(frozen=True)
class GivenServer:
    """The server of `given_uri`: tests neither start nor stop it."""

    uri: str


class Server:
    """A SecantusDB process with its data in `folder`; it can be stopped, killed, frozen and restarted."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        # Without retryWrites: SecantusDB records each retryable write and scans all records on every write.
        return f"mongodb://127.0.0.1:{self.port}/?retryWrites=false"

    def start(self) -> None:
        """Start the process and wait until it answers. Raises RuntimeError with its output if it does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = self.folder / "empty.toml"  # without the option it reads a file in the working directory
        settings.touch()
        log = self.folder / "server.log"
        command: list[str | Path] = [EXECUTABLE, "--config", settings, "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--storage-path", self.folder / "data"]
        command += [
            "--cache-size",
            "256M",
            "--log-level",
            "WARNING",
            "--noop-heartbeat-seconds",
            "10",
            "--oplog-max-entries",
            "2000",
            *self.options,
        ]
        with log.open("ab") as output:
            self._process = processes.start(command, output=output)  # in its own session; ends with the test run, too
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"SecantusDB did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.02)

    def stop(self) -> None:
        """SIGTERM, and wait for its end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, as at a loss of power."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)
        if self._process is not None:
            os.waitpid(self._process.pid, os.WUNTRACED)  # the signal returns before the process has stopped

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self._process is not None and self._process.poll() is None:
            # It was seen to miss a SIGTERM.
            assert time.monotonic() < deadline, "SecantusDB does not end"
            self._signal(number)
            self.thaw()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=SIGNAL_SECONDS)
        self._process = None

    def _answers(self) -> bool:
        if not listens(self.port):
            return False
        with MongoClient[dict[str, Any]](self.uri, timeoutMS=5000) as client:
            try:
                client.admin.command("ping")
            except PyMongoError:
                return False
            return True


def empty(database: Database[dict[str, Any]], collections: Iterable[str]) -> None:
    """Delete all documents of these collections."""
    if not isinstance(database, mongomock.Database) and _wire_version(database) >= BULK_WRITE_WIRE_VERSION:
        names = [f"{database.name}.{each}" for each in collections]
        database.client.bulk_write([DeleteMany({}, namespace=each) for each in names])
    else:
        for each in collections:
            database[each].delete_many({})


def _wire_version(database: Database[dict[str, Any]]) -> int:
    return int(database.command("hello")["maxWireVersion"])


class SharedDatabase:
    """A database whose schema is built once and which is emptied between tests.

    Building costs 70 ms of CPU, emptying 5 ms. After a test that changed collections or indexes it is replaced.
    """

    def __init__(self, server_uri: str) -> None:
        self._client: MongoClient[dict[str, Any]] = MongoClient(server_uri, timeoutMS=int(patience.SECONDS * 1000))
        self._server_uri = server_uri
        self._name = ""
        self._shape: tuple[int, int] = (0, 0)

    def take(self) -> str:
        """The URI of the empty database."""
        if not self._name:
            self._name = fresh_name()
            schema.build(self._client[self._name])
            self._shape = self._present_shape()
        return with_name(self._server_uri, self._name)

    def give_back(self) -> None:
        """Empty it; if that fails, or collections or indexes changed, the next test gets a new database."""
        try:
            changed = self._present_shape() != self._shape
            if not changed:
                empty(self._client[self._name], schema.INDEXES)
        except PyMongoError:
            changed = True
        if changed:
            self._drop()

    def close(self) -> None:
        """Drop it: the server may be one that stays."""
        if self._name:
            self._drop()
        self._client.close()

    def _drop(self) -> None:
        with suppress(PyMongoError):
            self._client.drop_database(self._name)
        self._name = ""

    def _present_shape(self) -> tuple[int, int]:
        """The number of collections and of indexes."""
        stats = self._client[self._name].command("dbStats")
        return stats["collections"], stats["indexes"]


def be_patient(mongo: Mongo) -> None:
    """Create its client with a longer timeout, for a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "OPERATION_SECONDS", patience.SECONDS)
        assert mongo.client


class Mongomock:
    """Replaces `waitercaller.db.client.Mongo`."""

    def __init__(self) -> None:
        self.client: Any = mongomock.MongoClient(tz_aware=True)
        self.database = self.client["test"]
        # One by one: mongomock's create_indexes would lose their conditions.
        for name, indexes in schema.INDEXES.items():
            for index in indexes:
                options = dict(index.document)
                self.database[name].create_index(list(options.pop("key").items()), **options)

    def close(self) -> None:
        """As Mongo.close."""
        self.client.close()

    def transaction(self, work: Callable[[ClientSession | None], T]) -> T:
        return work(None)
