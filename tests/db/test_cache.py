"""The cache: hits, expiry, invalidation and its bounded size."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from waitercaller.db import cache, once
from waitercaller.db.cache import Cache


class Source:
    """A source that counts its loads."""

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
    """The cache's monotonic clock, set by the test."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_a_second_get_is_a_hit(source: Source) -> None:
    kept = Cache()
    assert kept.get("key", source.load) is kept.get("key", source.load)
    assert source.asked == 1


def test_an_entry_expires_after_the_maximum_age(source: Source, clock: list[float]) -> None:
    kept = Cache()
    kept.get("key", source.load)
    clock[0] += cache.MAX_AGE_SECONDS - 1
    kept.get("key", source.load)
    clock[0] += 2
    assert kept.get("key", source.load) == {"_id": 1, "asked": 2}


def test_a_miss_is_not_cached(source: Source) -> None:
    kept = Cache()
    assert kept.get("key", lambda: None) is None
    assert kept.get("key", source.load) is not None


def test_a_document_is_invalidated_under_all_its_keys(source: Source) -> None:
    kept = Cache()
    for key in ("CODE", "OLDCODE"):
        kept.get(key, source.load)
    kept.get("OTHER", lambda: source.load(2))
    kept.forget(1)
    for key in ("CODE", "OLDCODE", "OTHER"):
        kept.get(key, source.load)
    assert source.asked == 5


@pytest.mark.parametrize("end", [lambda kept: kept.forget(1), lambda kept: kept.clear()])
def test_a_document_that_is_invalidated_during_its_load_is_not_cached(source: Source, end: Any) -> None:
    kept = Cache()

    def load() -> dict[str, Any]:
        document = source.load()
        end(kept)
        return document

    kept.get("key", load)
    kept.get("key", source.load)
    assert source.asked == 2


def test_the_number_of_entries_is_bounded(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_ENTRIES", 3)
    kept = Cache()
    for key in range(5):
        kept.get(key, source.load)
    kept.get(4, source.load)
    assert source.asked == 5
    kept.get(0, source.load)
    assert source.asked == 6


def test_a_failed_load_caches_nothing(source: Source) -> None:
    kept = Cache()
    with pytest.raises(ZeroDivisionError):
        kept.get("key", lambda: {"_id": 1 // 0})
    assert kept.get("key", source.load) == {"_id": 1, "asked": 1}


@contextmanager
def held_load(kept: Cache, answer: Callable[[], dict[str, Any]]) -> Iterator[tuple[ThreadPoolExecutor, Future[Any]]]:
    """A load of "key" that answers when the block ends."""
    begun, may_end = threading.Event(), threading.Event()

    def load() -> dict[str, Any]:
        begun.set()
        assert may_end.wait(60)
        return answer()

    with ThreadPoolExecutor() as threads:
        first = threads.submit(kept.get, "key", load)
        assert begun.wait(60)
        try:
            yield threads, first
        finally:
            may_end.set()


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Released by each who begins to wait for the load of another."""
    begun = threading.Semaphore(0)

    class Load(Future[Any]):
        def result(self, timeout: float | None = None) -> Any:
            begun.release()
            return super().result(timeout)

    monkeypatch.setattr(once, "Future", Load)
    return begun


def waiters(
    kept: Cache, source: Source, threads: ThreadPoolExecutor, waiting: threading.Semaphore
) -> list[Future[Any]]:
    """Three that wait for the load of "key"."""
    found = [threads.submit(kept.get, "key", source.load) for _ in range(3)]
    assert all(waiting.acquire(timeout=60) for _ in found)
    return found


def test_those_who_ask_during_a_load_get_its_document(source: Source, waiting: threading.Semaphore) -> None:
    kept = Cache()
    with held_load(kept, source.load) as (threads, first):
        others = waiters(kept, source, threads, waiting)
    assert [each.result() for each in [first, *others]] == [{"_id": 1, "asked": 1}] * 4


def test_those_who_ask_during_a_load_that_fails_get_its_exception(source: Source, waiting: threading.Semaphore) -> None:
    """A frozen database delays them by one time limit, not by one after the other."""
    kept = Cache()
    with held_load(kept, lambda: {"_id": 1 // 0}) as (threads, first):
        others = waiters(kept, source, threads, waiting)
    assert all(isinstance(each.exception(), ZeroDivisionError) for each in [first, *others])
    assert kept.get("key", source.load) == {"_id": 1, "asked": 1}


def test_who_asks_after_an_invalidation_does_not_get_the_load_that_began_before(source: Source) -> None:
    kept = Cache()
    with held_load(kept, lambda: {"_id": 1, "asked": "before"}) as (_threads, first):
        kept.forget(1)
        assert kept.get("key", source.load) == {"_id": 1, "asked": 1}
    assert first.result() == {"_id": 1, "asked": "before"}
    assert kept.get("key", source.load) == {"_id": 1, "asked": 1}
