"""The embedded database: SecantusDB, a server with MongoDB's wire protocol, as a child process.

It replaces MongoDB for local runs and tests; it is not for production.
"""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from waitercaller.local import LocalError, network, processes

SETTINGS = Path(__file__).with_name("secantusd.toml")
START_TIMEOUT_SECONDS = 30.0  # includes recovery after a crash
STOP_TIMEOUT_SECONDS = 8.0  # the server waits up to 2 s for its listener and 5 s for open connections
# Until the server of a killed run has released the folder: it takes as long as a stop, on a busy machine longer.
RELEASE_TIMEOUT_SECONDS = 20.0
LEAST_FREE_BYTES = 4 * 2**20  # on the disk; the server's journal grows in steps of some MiB
DISK_FULL = "the disk is full"
# --sync-on-commit: without it a power failure loses acknowledged writes. The no-op every ten seconds is the same as
# mongod's: by it the watcher distinguishes an idle database from a stale change stream (live/watcher.py).
DURABLE = ("--sync-on-commit", "--noop-heartbeat-seconds", "10")


class EmbeddedDatabase:
    """Context manager: serves the data in `folder` at `uri()`.

    Beside the folder are the server's log, and the note of its process for `end_leftover`, with the suffixes `.log` and
    `.pid`. Starting raises LocalError.
    """

    def __init__(self, folder: Path, options: Sequence[str] = DURABLE) -> None:
        self.folder = folder
        self.log = folder.with_name(f"{folder.name}.log")
        self.note = folder.with_name(f"{folder.name}.pid")
        self.options = options
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def uri(self, name: str = "waitercaller") -> str:
        """The MongoDB URI of the database `name`."""
        # With retryable writes the server stores records that it scans on each write, which gets slow.
        return f"mongodb://127.0.0.1:{self.port}/{name}?retryWrites=false&serverSelectionTimeoutMS=3000"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, port: int = 0) -> None:
        """Start the server (0: on a free port) and wait until it accepts connections. Raises LocalError."""
        deadline = time.monotonic() + RELEASE_TIMEOUT_SECONDS
        while not self._try_to_start(port):
            fault = self.fault()
            port_taken = "Address already in use" in fault
            folder_busy = "Device or resource busy" in fault
            if fault == DISK_FULL:
                raise LocalError(f"The data in {self.folder} cannot be opened: {DISK_FULL}.")
            if not port_taken and not folder_busy:
                raise LocalError(
                    f"The data in {self.folder} cannot be opened ({fault}); restore that folder from a backup, "
                    "or move it away to begin with an empty one."
                )
            if time.monotonic() > deadline:
                raise LocalError(f"Another process uses the data in {self.folder}; stop that one first.")
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop the server; acknowledged writes are on disk."""
        if self.process:
            processes.stop(self.process, STOP_TIMEOUT_SECONDS)
            self.process = None

    def restart(self) -> None:
        """Stop the server and start it at the same address. Raises LocalError; then it is stopped."""
        self.stop()
        try:
            self.start(self.port)
        except LocalError:
            self.stop()
            raise

    def fault(self) -> str:
        """Why the server does not work: a full disk, or else the last line of its log."""
        if shutil.disk_usage(self.folder).free < LEAST_FREE_BYTES:
            return DISK_FULL
        lines = self.log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it says nothing")

    def _try_to_start(self, port: int) -> bool:
        """Start the process; True if it accepts connections, False if it has exited."""
        self.port = port or network.free_port()
        arguments: list[str | Path] = ["--config", SETTINGS, "--host", "127.0.0.1", "--port", str(self.port)]
        arguments += [
            "--storage-path",
            self.folder,
            "--cache-size",
            "256M",
            "--log-level",
            "WARNING",
            *self.options,
        ]
        with self.log.open("wb") as output:
            command = [sys.executable, "-m", "secantus", *arguments]
            self.process = processes.start(command, output=output, note=self.note)
        try:
            return self._wait_until_it_answers(self.process)
        except BaseException:
            self.stop()
            raise

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            except OSError:
                if time.monotonic() > deadline:
                    raise LocalError(f"The database does not answer; its messages are in {self.log}.") from None
                time.sleep(0.05)
        return False
