"""`make run` watches its processes: a database that fails for long is started again, and it says why."""

import itertools
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from waitercaller.local import LocalError, server
from waitercaller.local.database import EmbeddedDatabase

ADDRESS = server.Address("127.0.0.1", 8000, "127.0.0.1")
STEP_SECONDS = 5.0  # that pass with each look at the clock


@pytest.fixture
def supervise(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`supervise([200, 500], database)`: what /readyz answers, one after the other; then it ends."""
    moments = itertools.count(0, STEP_SECONDS)
    clock = SimpleNamespace(monotonic=lambda: next(moments), sleep=lambda _seconds: None)
    monkeypatch.setattr(server, "time", clock)

    def watch(given: list[int | None], embedded: EmbeddedDatabase) -> None:
        answers = iter(given)
        monkeypatch.setattr(server, "_status_of", lambda *_: next(answers))
        with pytest.raises(StopIteration):
            server._supervise(ADDRESS, SimpleNamespace(poll=lambda: None), embedded)  # type: ignore[arg-type]

    return watch


@pytest.fixture
def embedded(tmp_path: Path) -> EmbeddedDatabase:
    """A database with its log, not started."""
    embedded = EmbeddedDatabase(tmp_path)
    embedded.log.write_text("WT_PANIC: WiredTiger library panic\n")
    embedded.port = 1234
    return embedded


@pytest.fixture
def starts(embedded: EmbeddedDatabase, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ports at which it was started."""
    ports: list[int] = []
    monkeypatch.setattr(embedded, "start", ports.append)
    return ports


def test_a_database_that_fails_for_long_is_started_again_at_its_address(
    supervise: Callable[..., None], embedded: EmbeddedDatabase, starts: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    supervise([200, *[500] * 10, 200], embedded)
    assert starts == [1234]
    said = capsys.readouterr().out
    assert said == (
        "The database has not worked for 30 seconds (WT_PANIC: WiredTiger library panic).\nIt was started again.\n"
    )


def test_one_that_fails_for_a_moment_or_a_busy_computer_is_no_reason(
    supervise: Callable[..., None], embedded: EmbeddedDatabase, starts: list[int]
) -> None:
    supervise([200, 503, 503, 200, 503, 503, 200, *[None] * 20, 503], embedded)
    assert starts == []


def test_while_its_disk_is_full_it_is_tried_again_and_again(
    supervise: Callable[..., None],
    embedded: EmbeddedDatabase,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("waitercaller.local.database.shutil.disk_usage", lambda _folder: SimpleNamespace(free=0))
    monkeypatch.setattr(embedded, "_try_to_start", lambda _port: False)
    with pytest.raises(LocalError, match="the disk is full"):
        embedded.start()
    supervise([200, *[503] * 15], embedded)
    said = capsys.readouterr().out
    assert said.count("The database has not worked for 30 seconds (the disk is full).") == 2
    assert said.count("It cannot be started again, and is tried again in 30 seconds.") == 2
