"""The embedded database: SecantusDB, which speaks MongoDB's protocol, as a process of its own.

It takes MongoDB's place on one computer and in tests. It is not for production.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from waitercaller.local import LocalError, network, processes

SETTINGS = Path(__file__).with_name("secantusd.toml")
START_TIMEOUT = 30.0  # seconds; a folder that was not closed is recovered first
STOP_TIMEOUT = 8.0  # it waits up to two for its listener and five for open connections
RELEASE_TIMEOUT = 5.0  # until the database of a run that was killed has let go of the folder
# --sync-on-commit: without it a power cut loses writes that were acknowledged. The no-op each ten seconds is what a
# mongod writes: by it the watcher tells a quiet database from one that is cut off (live/watcher.py).
DURABLE = ("--sync-on-commit", "--noop-heartbeat-seconds", "10")


class EmbeddedDatabase:
    """`with EmbeddedDatabase(folder) as database:` serves the data in `folder` at `database.uri()`.

    The server's own messages go to a file beside the folder, named like it with `.log`. Starting raises LocalError.
    """

    def __init__(self, folder: Path, options: Sequence[str] = DURABLE) -> None:
        self.folder = folder
        self.log = folder.with_name(f"{folder.name}.log")
        self.options = options
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def uri(self, name: str = "waitercaller") -> str:
        """The address of the database of this name."""
        # With retryable writes the server keeps records that it scans on every write, which becomes slow.
        return f"mongodb://127.0.0.1:{self.port}/{name}?retryWrites=false&serverSelectionTimeoutMS=3000"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        give_up = time.monotonic() + RELEASE_TIMEOUT
        while not self._try_to_start():
            fault = self._last_words()
            taken = "Address already in use" in fault
            busy = "Device or resource busy" in fault
            if not taken and not busy:
                raise LocalError(
                    f"The data in {self.folder} cannot be opened ({fault}); restore that folder from a backup, "
                    "or move it away to begin with an empty one."
                )
            if time.monotonic() > give_up:
                raise LocalError(f"Another process uses the data in {self.folder}; stop that one first.")
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop the server; what was acknowledged is on disk."""
        if self.process:
            processes.stop(self.process, STOP_TIMEOUT)

    def _try_to_start(self) -> bool:
        """Whether it answers; false where it has ended by itself."""
        self.port = network.free_port()
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
            self.process = processes.start([sys.executable, "-m", "secantus", *arguments], output=output)
        try:
            return self._wait_until_it_answers(self.process)
        except BaseException:
            self.stop()
            raise

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> bool:
        give_up = time.monotonic() + START_TIMEOUT
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            except OSError:
                if time.monotonic() > give_up:
                    raise LocalError(f"The database does not answer; its messages are in {self.log}.") from None
                time.sleep(0.05)
        return False

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it says nothing")
