"""Child processes that end with this process, or when it starts again."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def start(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    output: IO[bytes] | None = None,
    note: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own: Ctrl-C does not reach it, so that children are stopped in order.

    `note` is a file for its id and command, by which `end_leftover` finds it.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        start_new_session=True,
        preexec_fn=_end_with_parent(),
    )
    if note:
        note.write_text(f"{process.pid} {' '.join(map(str, command))}")
    return process


def end_leftover(note: Path) -> None:
    """Send SIGTERM to the process in this note, if it still runs: its parent was killed, and only Linux ends both."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # no note, no ps, or it has just ended
        pid, _, command = note.read_text().partition(" ")
        found = subprocess.run(["ps", "-ww", "-o", "command=", "-p", pid], capture_output=True, text=True, check=False)
        if command and found.stdout.strip() == command:  # else the id is another process's now
            os.kill(int(pid), signal.SIGTERM)


def stop(process: subprocess.Popen[bytes], timeout: float) -> None:
    """Send SIGTERM; after `timeout` seconds, or after the exit, SIGKILL to the whole process group."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _end_with_parent() -> Callable[[], None] | None:
    """preexec_fn of the child: on Linux the kernel sends it SIGTERM when the parent dies, even by SIGKILL."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # before the fork: between fork and exec only few operations are safe
    parent = os.getpid()

    def set_death_signal() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # the parent has already died
            os._exit(1)

    return set_death_signal
