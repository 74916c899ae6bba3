"""What all guests of a restaurant ask while their calls wait is asked once, also when they ask at the same time."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from bson import ObjectId
from pymongo.errors import NetworkTimeout

from waitercaller.db import once
from waitercaller.model.requests import queries
from waitercaller.requests.guest import surroundings
from waitercaller.requests.guest.surroundings import at_tick

GUESTS = 5
RESTAURANT_ID = ObjectId()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[ObjectId]:
    """The restaurants whose live requests were asked for; each query lasts until all other guests wait for it."""
    asked: list[ObjectId] = []
    waiting = threading.Semaphore(0)

    class Answer(Future[Any]):
        def result(self, timeout: float | None = None) -> Any:
            waiting.release()
            return super().result(timeout)

    def find(restaurant_id: ObjectId) -> list[object]:
        asked.append(restaurant_id)
        assert all(waiting.acquire(timeout=60) for _ in range(GUESTS - 1))
        if len(asked) == 1:
            raise NetworkTimeout("the first query fails")
        return []

    monkeypatch.setattr(once, "Future", Answer)
    monkeypatch.setattr(queries, "live_of_restaurant", find)
    monkeypatch.setattr(surroundings, "TICK_SECONDS", 1e9)  # one tick, whenever this runs
    return asked


def test_guests_who_ask_at_the_same_time_share_a_query_and_its_fault(asked: list[ObjectId]) -> None:
    around = at_tick(RESTAURANT_ID)
    with ThreadPoolExecutor(GUESTS) as guests:
        first = [guests.submit(lambda: around.live) for _ in range(GUESTS)]
        assert [type(each.exception()) for each in first] == [NetworkTimeout] * GUESTS
        second = [guests.submit(lambda: around.live) for _ in range(GUESTS)]
        assert [each.result() for each in second] == [[]] * GUESTS
    assert at_tick(RESTAURANT_ID) is around
    assert around.live == []
    assert asked == [RESTAURANT_ID] * 2
