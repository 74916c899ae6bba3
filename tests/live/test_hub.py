"""The Hub: wake-ups, limits of open streams, and memoised renderings."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.support.cast import WAIT_SECONDS
from tests.support.together import at_once
from waitercaller.live import hub as hub_module
from waitercaller.live.hub import Hub, TooManyStreams


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    yield hub
    hub.close()  # ends its ticker


def test_a_subscription_is_woken_with_the_topic(hub: Hub) -> None:
    alice, charlie = hub.subscribe("restaurant:1", "login:a"), hub.subscribe("restaurant:2")
    hub.wake("restaurant:1")
    assert alice.wait(0) == {"restaurant:1"}
    assert charlie.wait(0) == set()


def test_wake_ups_coalesce(hub: Hub) -> None:
    screen = hub.subscribe("restaurant:1", "login:a")
    for _ in range(10):
        hub.wake("restaurant:1")
    hub.wake("login:a")
    assert screen.wait(0) == {"restaurant:1", "login:a"}
    assert screen.wait(0) == set()


def test_a_wake_up_ends_the_waiting(hub: Hub) -> None:
    screen = hub.subscribe("restaurant:1")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(screen.wait, WAIT_SECONDS)
        hub.wake("restaurant:1")
        assert waiting.result(WAIT_SECONDS) == {"restaurant:1"}


def test_one_thread_ends_the_waiting_of_all_streams(hub: Hub) -> None:
    """A timer for each would be one of the largest costs of an idle page."""
    before = threading.enumerate()
    screens = [hub.subscribe(f"restaurant:{number}") for number in range(3)]
    (ticker,) = [thread for thread in threading.enumerate() if thread not in before]
    assert [screen.wait(0.001) for screen in screens] == [set()] * 3
    for screen in screens:
        screen.close()
    ticker.join(WAIT_SECONDS)
    assert not ticker.is_alive()  # nothing is left to be waited for
    assert hub.subscribe("restaurant:1").wait(0.001) == set()


def test_no_wake_up_is_lost_between_two_waits(hub: Hub) -> None:
    screen = hub.subscribe("restaurant:1")
    seen, last = 0, 2000
    written = 0

    def write() -> None:
        nonlocal written
        for number in range(1, last + 1):
            written = number
            hub.wake("restaurant:1")

    writer = threading.Thread(target=write)
    writer.start()
    while seen < last:
        assert screen.wait(WAIT_SECONDS) == {"restaurant:1"}
        seen = written
    writer.join()


def test_a_closed_subscription_is_not_woken_and_not_kept(hub: Hub) -> None:
    screen = hub.subscribe("restaurant:1", "login:a")
    screen.close()
    screen.close()
    hub.wake("restaurant:1")
    assert screen.wait(0) == set()
    assert hub.open_streams() == 0


def test_waking_a_topic_without_subscribers_does_nothing(hub: Hub) -> None:
    hub.wake("restaurant:1")
    assert hub.subscribe("restaurant:1").wait(0) == set()


def test_streams_are_counted_by_topic(hub: Hub) -> None:
    hub.subscribe("restaurant:1", "login:a")
    hub.subscribe("restaurant:1", "login:b")
    hub.subscribe("table:7")
    assert hub.open_streams("restaurant:") == 2
    assert hub.open_streams("table:") == 1


def test_a_holder_has_a_limited_number_of_streams(hub: Hub) -> None:
    limits = {"login:a": 2, "address:1": 100}
    first = hub.subscribe("restaurant:1", limits=limits)
    hub.subscribe("restaurant:1", limits=limits)
    with pytest.raises(TooManyStreams):
        hub.subscribe("restaurant:1", limits=limits)
    assert hub.open_streams() == 2
    hub.subscribe("restaurant:1", limits={"login:b": 2, "address:1": 100})
    first.close()
    first.close()  # releases its count, once only
    hub.subscribe("restaurant:1", limits=limits)
    with pytest.raises(TooManyStreams):
        hub.subscribe("restaurant:1", limits=limits)


def test_changes_of_listening_wake_all_streams(hub: Hub) -> None:
    screens = [hub.subscribe("restaurant:1"), hub.subscribe("table:7")]
    for listening in (True, False, True):
        hub.listening = listening
        assert hub.listening is listening
        assert [bool(screen.wait(0)) for screen in screens] == [True, True]


def test_closing_wakes_all_streams(hub: Hub) -> None:
    screen = hub.subscribe("restaurant:1")
    hub.close()
    assert hub.closed
    assert screen.wait(0) == {"restaurant:1"}


def test_a_version_is_rendered_once_for_all_subscribers(hub: Hub) -> None:
    hub.subscribe("restaurant:1")
    drawn: list[None] = []

    def draw() -> int:
        drawn.append(None)
        return len(drawn)

    assert set(at_once(*[partial(hub.shared, "restaurant:1", "en", draw)] * 8)) == {1}


def test_a_change_is_rendered_again_in_each_language(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "REDRAW_INTERVAL_SECONDS", 0.0)
    hub.subscribe("restaurant:1")
    drawn: list[str] = []

    def draw(language: str) -> int:
        drawn.append(language)
        return len(drawn)

    assert hub.shared("restaurant:1", "en", lambda: draw("en")) == 1
    assert hub.shared("restaurant:1", "de", lambda: draw("de")) == 2
    hub.wake("restaurant:1")
    assert hub.shared("restaurant:1", "en", lambda: draw("en")) == 3
    assert hub.shared("restaurant:1", "de", lambda: draw("de")) == 4
    assert hub.shared("restaurant:1", "de", lambda: draw("de")) == 4


def test_a_change_during_rendering_causes_another_one(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "REDRAW_INTERVAL_SECONDS", 0.0)
    screen = hub.subscribe("restaurant:1")
    state = "old"

    def draw() -> str:
        nonlocal state
        read = state
        if read == "old":
            state = "new"
            hub.wake("restaurant:1")
        return read

    assert hub.shared("restaurant:1", "en", draw) == "old"
    assert screen.wait(0)
    assert hub.shared("restaurant:1", "en", draw) == "new"


def test_a_burst_of_changes_causes_few_renderings(hub: Hub) -> None:
    hub.subscribe("restaurant:1")
    drawn: list[None] = []
    began = time.monotonic()
    for _ in range(4):
        hub.wake("restaurant:1")
        hub.shared("restaurant:1", "en", lambda: drawn.append(None))
    assert time.monotonic() - began >= 3 * hub_module.REDRAW_INTERVAL_SECONDS * 0.9


def test_a_failed_rendering_is_retried(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "REDRAW_INTERVAL_SECONDS", 0.0)
    hub.subscribe("restaurant:1")
    with pytest.raises(ZeroDivisionError):
        hub.shared("restaurant:1", "en", lambda: 1 // 0)
    assert hub.shared("restaurant:1", "en", lambda: 7) == 7


def test_without_subscribers_nothing_is_memoised(hub: Hub) -> None:
    values = iter([1, 2])
    assert hub.shared("restaurant:1", "en", lambda: next(values)) == 1
    assert hub.shared("restaurant:1", "en", lambda: next(values)) == 2
