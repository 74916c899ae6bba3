"""gunicorn with production's configuration."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from tests.support import ROOT
from tests.support.cast import wait_until
from tests.support.visits import visit
from waitercaller.local import processes

PATIENT = "tests.support.patient_wsgi:app"  # production's, but for its timeouts of the database
STOP_SECONDS = 15.0
START_SECONDS = 120.0
ESTABLISHED = "01"  # the state of an open connection in /proc/net/tcp


class Gunicorn:
    """Serves `target` on `bind`: 127.0.0.1:port or unix:/path. Its output goes to `log_file`."""

    def __init__(
        self,
        bind: str,
        environ: Mapping[str, str],
        log_file: Path,
        *,
        workers: int = 2,
        options: Sequence[str] = (),
        target: str = PATIENT,
    ) -> None:
        self.bind = bind
        self.environ = environ
        self.log_file = log_file
        self.workers_wanted = workers
        self.command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", *options]
        self.command += ["--workers", str(workers), "--bind", bind, target]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return int(self.bind.rpartition(":")[2])

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers."""
        if self._process is None:
            return []
        pid = self._process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def start(self, is_up: Callable[[], bool] | None = None, seconds: float = START_SECONDS) -> None:
        """Start it, unless it runs, and wait until all workers answer and their change streams are open."""
        if self._process is not None:
            return
        with self.log_file.open("ab") as output:
            process = self._process = self.launch(output)
        is_up = is_up or self.is_up
        wait_until(lambda: process.poll() is not None or is_up(), seconds)
        assert process.poll() is None, f"gunicorn has ended:\n{self.log}"

    def launch(self, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start the process."""
        return processes.start(self.command, folder=ROOT, environ=os.environ | self.environ, output=output)

    def stop(self) -> None:
        """SIGTERM, as by systemd, and wait for its end."""
        if self._process is not None:
            processes.stop(self._process, STOP_SECONDS)
            self._process = None

    def kill(self) -> None:
        """SIGKILL for the master and all workers at once, as at a loss of power."""
        if self._process is None:
            return
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def kill_master(self, restart_seconds: float = 1.0) -> None:
        """SIGKILL for the master alone; after systemd's RestartSec what is left of its group gets it, too."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        time.sleep(restart_seconds)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process = None

    def reload(self) -> None:
        """SIGHUP: start new workers with the present code; wait until the old ones have ended."""
        assert self._process is not None
        old = set(self.workers)
        os.kill(self._process.pid, signal.SIGHUP)
        wait_until(lambda: not old & set(self.workers) and self.is_up(), START_SECONDS)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspend its processes: they keep their connections and send nothing, as after a loss of network."""
        workers = self.workers
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            for worker in workers:
                os.kill(worker, signal.SIGCONT)

    def streams(self) -> dict[int, int]:
        """The number of client connections of each worker; idle ones are closed after a few seconds."""
        return {worker: _connections(worker, 0, self.port) for worker in self.workers}

    def is_up(self) -> bool:
        database = urlsplit(self.environ["MONGODB_URI"]).port or 27017
        try:
            # The jobs of each worker are connected to the database: one connection watches it, another sends mails.
            hearing = [_connections(worker, 1, database) > 1 for worker in self.workers]
            # Each worker answers for itself; this many requests in a row do not all reach the same one.
            return len(hearing) == self.workers_wanted and all(hearing) and all(self.is_ready() for _ in range(20))
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            return False  # a worker has just ended

    def is_ready(self) -> bool:
        try:
            return visit(self.bind, "/readyz", {"Connection": "close"}).status == 200
        except (OSError, HTTPException):
            return False


def _connections(pid: int, end: int, port: int) -> int:
    """The number of this process's connections with `port` as local (0) or remote (1) port."""
    held = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            held.add(str(descriptor.readlink()))
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return sum(
        state == ESTABLISHED and int(ends[end].partition(":")[2], 16) == port and f"socket:[{inode}]" in held
        for _, *ends, state, _, _, _, _, _, inode in (line[:10] for line in lines)
    )
