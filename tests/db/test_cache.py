"""The cache: fewer questions to the database, and never an old answer for long."""

from typing import Any

import pytest

from waitercaller.db import cache
from waitercaller.db.cache import Cache


class Source:
    """A database that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def load(self, document_id: int = 1) -> dict[str, Any]:
        self.asked += 1
        return {"_id": document_id, "asked": self.asked}


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The cache's clock, moved by hand."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_the_second_time_nobody_is_asked(source: Source) -> None:
    kept = Cache()
    assert kept.get("key", source.load) is kept.get("key", source.load)
    assert source.asked == 1


def test_an_entry_is_never_older_than_its_age(source: Source, clock: list[float]) -> None:
    kept = Cache()
    kept.get("key", source.load)
    clock[0] += cache.MAX_AGE_SECONDS - 1
    kept.get("key", source.load)
    clock[0] += 2
    assert kept.get("key", source.load) == {"_id": 1, "asked": 2}


def test_what_is_not_there_is_asked_for_again(source: Source) -> None:
    kept = Cache()
    assert kept.get("key", lambda: None) is None
    assert kept.get("key", source.load) is not None


def test_a_document_is_forgotten_under_all_its_keys(source: Source) -> None:
    kept = Cache()
    for key in ("CODE", "OLDCODE"):
        kept.get(key, source.load)
    kept.get("OTHER", lambda: source.load(2))
    kept.forget(1)
    for key in ("CODE", "OLDCODE", "OTHER"):
        kept.get(key, source.load)
    assert source.asked == 5


@pytest.mark.parametrize("end", [lambda kept: kept.forget(1), lambda kept: kept.clear()])
def test_what_changed_while_it_was_read_is_not_kept(source: Source, end: Any) -> None:
    kept = Cache()

    def load() -> dict[str, Any]:
        document = source.load()
        end(kept)
        return document

    kept.get("key", load)
    kept.get("key", source.load)
    assert source.asked == 2


def test_it_does_not_grow_without_end(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_ENTRIES", 3)
    kept = Cache()
    for key in range(5):
        kept.get(key, source.load)
    kept.get(4, source.load)
    assert source.asked == 5
    kept.get(0, source.load)
    assert source.asked == 6


def test_a_failing_database_leaves_nothing_behind(source: Source) -> None:
    kept = Cache()
    with pytest.raises(ZeroDivisionError):
        kept.get("key", lambda: {"_id": 1 // 0})
    assert kept.get("key", source.load) == {"_id": 1, "asked": 1}
