"""gunicorn as production runs it, once or several times on one database."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from flask import Flask

from config import Config
from tests.support import ROOT, databases
from tests.support.cast import Browser, wait_until
from tests.support.deploy.apache import DOMAIN
from tests.support.deploy.visits import visit
from tests.support.website import _connections as connections
from waitercaller import create_app
from waitercaller.db import schema
from waitercaller.local import processes

PATIENCE = 15.0  # seconds for gunicorn to end
START_SECONDS = 30.0


class House:
    """A database, the settings of the site on it, and an application in the test's process to seed it with."""

    def __init__(self, folder: Path, public_url: str) -> None:
        self.folder = folder
        self.database = databases.Server(folder / "database")
        self.environ = {
            "MONGODB_URI": databases.with_name(self.database.uri, "waitercaller"),
            "PUBLIC_URL": public_url,
            "SECRET_KEY": "a key for tests only: 7Qm2xKp9vR4tWz8b",
            "TRUSTED_HOSTS": f"{DOMAIN},127.0.0.1,localhost",
            "PROXY_COUNT": "1",
            "MAIL_FOLDER": str(folder / "mail"),
            "MAIL_SENDER": "Waiter Caller <hello@waitercaller.test>",
            "LOG_FORMAT": "json",
            "ARGON2_MEMORY_KIB": "8192",
            "ARGON2_ROUNDS": "1",
        }
        self.app: Flask = create_app(Config.from_env(self.environ))
        self.app.test_client_class = Browser

    def open(self) -> None:
        self.database.start()
        schema.build(self.app.extensions["mongo"].database)

    def empty(self) -> None:
        """Forget everybody and everything, so that the next test finds an empty house."""
        for collection in schema.INDEXES:
            self.app.extensions["mongo"].database[collection].delete_many({})

    def close(self) -> None:
        self.app.extensions["mongo"].client.close()
        self.database.stop()


class Gunicorn:
    """One machine's gunicorn. It listens on `bind`: unix:/path, or 127.0.0.1:port where a balancer stands before it."""

    def __init__(self, house: House, name: str, bind: str, workers: int = 2) -> None:
        self.house = house
        self.name = name
        self.bind = bind
        self.workers_wanted = workers
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environ(self) -> Mapping[str, str]:
        own = {"WEB_CONCURRENCY": str(self.workers_wanted), "DRAIN_FILE": str(self.drain_file)}
        return os.environ | self.house.environ | own

    @property
    def drain_file(self) -> Path:
        """While it is there, /readyz says that no more visitors are wanted."""
        return self.house.folder / f"{self.name}.drain"

    @property
    def log(self) -> str:
        return (self.house.folder / f"{self.name}.log").read_text(errors="replace")

    @property
    def workers(self) -> list[int]:
        assert self._process is not None
        pid = self._process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def start(self) -> None:
        """Start it, unless it runs, and wait until its workers hear changes of the database."""
        if self._process is not None:
            return
        self.drain_file.unlink(missing_ok=True)
        # Apache serves as somebody else and must reach the socket: in production by its group, here by --umask 0.
        command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "--umask", "0"]
        command += ["--bind", self.bind, "wsgi:app"]
        with (self.house.folder / f"{self.name}.log").open("ab") as output:
            self._process = processes.start(command, folder=ROOT, environ=self.environ, output=output)
        wait_until(self.is_up, START_SECONDS)

    def stop(self) -> None:
        """SIGTERM, and wait for the end."""
        if self._process is not None:
            processes.stop(self._process, PATIENCE)
            self._process = None

    def kill(self) -> None:
        """As a loss of power would: the master and its workers at once."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def reload(self) -> None:
        """SIGHUP: new workers with the code that is there now; waits until only they are left."""
        assert self._process is not None
        old = set(self.workers)
        os.kill(self._process.pid, signal.SIGHUP)
        wait_until(lambda: not old & set(self.workers) and self.is_up(), START_SECONDS)

    def is_up(self) -> bool:
        try:
            # The background work of each has reached the database: one connection watches it, another one sends mails.
            hearing = [connections(worker, 1, self.house.database.port) > 1 for worker in self.workers]
            # Each worker answers for itself; so many in a row are not all of one.
            return len(hearing) == self.workers_wanted and all(hearing) and all(self.is_ready() for _ in range(20))
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            return False  # a worker that has just ended

    def is_ready(self) -> bool:
        try:
            return visit(self.bind, "/readyz", {"Connection": "close"}).status == 200
        except OSError:
            return False
