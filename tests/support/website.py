"""The real thing for a browser to visit: gunicorn with two workers on a database process of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from flask import Flask

from config import Config
from tests.support import ROOT, databases
from tests.support.cast import Browser, Mail, read_mail, wait_until
from waitercaller import create_app
from waitercaller.db import schema
from waitercaller.local import processes

WORKERS = 2
PATIENCE = 15.0  # seconds for gunicorn to end
START_SECONDS = 30.0
ESTABLISHED = "01"  # the state of an open connection in /proc/net/tcp


class Website:
    """Serves on `url`; `app` is the same application in the test's process, for seeding what pages need not make."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.port = databases.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = databases.Server(folder / "database")
        self.environ = {
            "MONGODB_URI": databases.with_name(self.database.uri, "waitercaller"),
            "PUBLIC_URL": self.url,
            "SECRET_KEY": "a key for tests only: 7Qm2xKp9vR4tWz8b",
            "TRUSTED_HOSTS": "127.0.0.1,localhost",
            "MAIL_FOLDER": str(folder / "mail"),
            "MAIL_SENDER": "Waiter Caller <hello@waitercaller.test>",
            "LOG_FORMAT": "text",
            "ARGON2_MEMORY_KIB": "8192",
            "ARGON2_ROUNDS": "1",
            **settings,
        }
        self.app: Flask = create_app(Config.from_env(self.environ))
        self.app.test_client_class = Browser
        self._gunicorn: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        self.database.start()
        schema.build(self.app.extensions["mongo"].database)
        self.start()

    def close(self) -> None:
        self.stop()
        self.app.extensions["mongo"].client.close()
        self.database.stop()

    def empty(self) -> None:
        """Forget everybody and everything, so that the next test finds an empty house."""
        database = self.app.extensions["mongo"].database
        for collection in database.list_collection_names():
            database[collection].delete_many({})
        for file in self._mail_files():
            file.unlink()

    # --- gunicorn -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start gunicorn and wait until its workers answer and hear changes of the database."""
        command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "--workers", str(WORKERS)]
        command += ["--bind", f"127.0.0.1:{self.port}", "--log-level", "warning", "wsgi:app"]
        with (self.folder / "gunicorn.log").open("ab") as output:
            self._gunicorn = processes.start(command, folder=ROOT, environ=os.environ | self.environ, output=output)
        wait_until(self._is_up, START_SECONDS)

    def stop(self) -> None:
        """End gunicorn as systemd would: SIGTERM, and wait."""
        if self._gunicorn is not None:
            processes.stop(self._gunicorn, PATIENCE)
            self._gunicorn = None

    @property
    def log(self) -> str:
        return (self.folder / "gunicorn.log").read_text(errors="replace")

    @property
    def workers(self) -> list[int]:
        """The process ids of gunicorn's workers."""
        if self._gunicorn is None:
            return []
        pid = self._gunicorn.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    @contextmanager
    def frozen(self, workers: list[int]) -> Iterator[None]:
        """These workers keep their connections and say nothing, as a machine does that has lost its network."""
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            for worker in workers:
                os.kill(worker, signal.SIGCONT)

    def streams(self) -> dict[int, int]:
        """How many connections of visitors each worker holds; those that stand idle are closed after seconds."""
        return {worker: _connections(worker, 0, self.port) for worker in self.workers}

    def _is_up(self) -> bool:
        workers = self.workers
        # The background work of each has reached the database: one connection watches it, another one sends mails.
        hearing = all(_connections(worker, 1, self.database.port) > 1 for worker in workers)
        return len(workers) == WORKERS and hearing and self._is_ready()

    def _is_ready(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/readyz", headers={"Connection": "close"})
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    # --- mails ----------------------------------------------------------------------------------------------

    def mail_to(self, address: str) -> Mail:
        """The next mail to this address, which is then taken out of the folder."""
        found: list[Mail] = []

        def arrived() -> bool:
            for file in self._mail_files():
                mail = read_mail(file.read_bytes())
                if mail.to == address:
                    file.unlink()
                    found.append(mail)
                    return True
            return False

        wait_until(arrived)
        return found[0]

    def _mail_files(self) -> list[Path]:
        return sorted((self.folder / "mail").glob("[!.]*.eml"))


def _connections(pid: int, end: int, port: int) -> int:
    """How many connections this process holds with `port` at its own (0) or at the other end (1)."""
    held = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            held.add(str(descriptor.readlink()))
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return sum(
        state == ESTABLISHED and int(ends[end].partition(":")[2], 16) == port and f"socket:[{inode}]" in held
        for _, *ends, state, _, _, _, _, _, inode in (line[:10] for line in lines)
    )
