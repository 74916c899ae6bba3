"""What a killed run leaves behind where its children do not end with it."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from waitercaller.local import processes

COMMAND = [sys.executable, "-c", "import time; time.sleep(600)", "a word"]
END_SECONDS = 60.0


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "child.pid"


@pytest.fixture
def child(note: Path) -> Iterator[subprocess.Popen[bytes]]:
    child = processes.start(COMMAND, note=note)
    yield child
    processes.stop(child, 0)


def test_the_process_of_a_note_is_ended(child: subprocess.Popen[bytes], note: Path) -> None:
    processes.end_leftover(note)
    assert child.wait(END_SECONDS) == -signal.SIGTERM
    processes.end_leftover(note)  # it has ended: nothing is left to do


def test_another_process_with_that_id_is_left_alone(child: subprocess.Popen[bytes], note: Path) -> None:
    note.write_text(f"{child.pid} another command")
    processes.end_leftover(note)
    child.send_signal(signal.SIGUSR1)  # would come second
    assert child.wait(END_SECONDS) == -signal.SIGUSR1


@pytest.mark.parametrize("text", [None, "", "12 "], ids=["none", "empty", "half written"])
def test_without_a_whole_note_nothing_is_ended(note: Path, text: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.kill", lambda *_: pytest.fail("a process was ended"))
    if text is not None:
        note.write_text(text)
    processes.end_leftover(note)
