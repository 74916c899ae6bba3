"""In-process publish/subscribe: topics, and the streams that wait for them. Independent of Flask and MongoDB.

A wake-up carries no data: a woken stream reads the current state. So nothing has to be replayed, wake-ups coalesce, and
a superfluous one costs one comparison.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

T = TypeVar("T")

# Minimum time between two renderings of a topic; limits the cost of a burst of changes.
REDRAW_INTERVAL_SECONDS = 0.1
# Between two looks at whose time has come: one thread for all streams of a process, instead of a timer for each.
TICK_SECONDS = 0.25
NEVER = math.inf


class TooManyStreams(Exception):
    """A holder (a login or an IP address) has reached its limit of open streams."""


class Subscription:
    """The subscription of one stream. Wake-ups coalesce while the stream is busy."""

    def __init__(self, hub: "Hub", topics: tuple[str, ...], holders: tuple[str, ...]) -> None:
        self._hub = hub
        self.topics = topics
        self.holders = holders
        self.due = NEVER  # time.monotonic() at which the ticker ends the present waiting
        self._woken = threading.Event()
        self._pending: set[str] = set()

    def wake(self, topic: str) -> None:
        self._pending.add(topic)
        self._woken.set()

    def wait(self, timeout: float) -> set[str]:
        """Wait up to `timeout` seconds and a tick; returns the topics that were woken, empty after a timeout."""
        if timeout > 0:
            self.due = time.monotonic() + timeout
            self._woken.wait()
        return self._hub.take(self)

    def time_out(self) -> None:
        """End the present waiting. Only for the Hub, as `take`."""
        self._woken.set()

    def take(self) -> set[str]:
        """Return and clear the pending topics. Only for the Hub, which holds its lock so that no wake-up is lost."""
        self.due = NEVER
        self._woken.clear()
        pending, self._pending = self._pending, set()
        return pending

    def close(self) -> None:
        """Unsubscribe and release the holders' counts; idempotent."""
        self._hub.unsubscribe(self)


@dataclass
class _Topic:
    version: int = 1
    subscriptions: set[Subscription] = field(default_factory=set)
    produced: dict[Hashable, tuple[int, Any]] = field(default_factory=dict)
    last_produced: float = 0.0
    producing: threading.Lock = field(default_factory=threading.Lock)


class Hub:
    """The topics of this process. A topic exists while it has subscriptions.

    `listening`: whether this process receives changes of the database; streams end while it does not.
    `closed`: set once, when the process is about to stop.
    `ending`: how many streams were open when all were last told to end.
    """

    def __init__(self) -> None:
        self._topics: dict[str, _Topic] = {}
        self._holders: Counter[str] = Counter()
        self._open: set[Subscription] = set()
        self._has_ticker = False
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._listening = False
        self.closed = False
        self.ending = 0

    @property
    def listening(self) -> bool:
        return self._listening

    @listening.setter
    def listening(self, value: bool) -> None:
        # Wake all streams on both changes: to end when the watcher fails, to read the state when it is back.
        self._listening = value
        if not value:
            self.ending = len(self._open)
        self.wake_all()

    def subscribe(self, *topics: str, limits: dict[str, int] | None = None) -> Subscription:
        """Subscribe to `topics` until the subscription is closed.

        `limits` maps each holder (a login, an IP address) to its maximum number of open streams.
        Raises TooManyStreams.
        """
        limits = limits or {}
        subscription = Subscription(self, topics, tuple(limits))
        with self._lock:
            if any(self._holders[holder] >= limit for holder, limit in limits.items()):
                raise TooManyStreams
            self._holders.update(subscription.holders)
            for name in topics:
                self._topics.setdefault(name, _Topic()).subscriptions.add(subscription)
            self._open.add(subscription)
            if not self._has_ticker:
                self._has_ticker = True
                threading.Thread(target=self._tick, name="ticker", daemon=True).start()
        return subscription

    def take(self, subscription: Subscription) -> set[str]:
        with self._lock:
            return subscription.take()

    def _tick(self) -> None:
        """Wake the streams whose time has come, while there are any."""
        while not self._stopping.wait(TICK_SECONDS):
            with self._lock:
                if not self._open:
                    self._has_ticker = False
                    return
                now = time.monotonic()
                for subscription in self._open:
                    if subscription.due <= now:
                        subscription.time_out()

    def unsubscribe(self, subscription: Subscription) -> None:
        with self._lock:
            self._open.discard(subscription)
            for name in subscription.topics:
                topic = self._topics.get(name)
                if topic is None or subscription not in topic.subscriptions:
                    return
                topic.subscriptions.discard(subscription)
                if not topic.subscriptions:
                    del self._topics[name]
            self._holders -= Counter(subscription.holders)

    def wake(self, name: str) -> None:
        """Wake the subscriptions of topic `name` after a change."""
        with self._lock:
            if topic := self._topics.get(name):
                topic.version += 1
                for subscription in topic.subscriptions:
                    subscription.wake(name)

    def wake_all(self) -> None:
        """Wake all topics, after a gap in the change stream."""
        for name in list(self._topics):
            self.wake(name)

    def close(self) -> None:
        """Set `closed` and wake all streams, which then end."""
        self.closed = True
        self.ending = len(self._open)
        self._stopping.set()
        self.wake_all()

    def open_streams(self, prefix: str = "") -> int:
        """The number of subscriptions in this process to topics that start with `prefix`."""
        with self._lock:
            return sum(len(topic.subscriptions) for name, topic in self._topics.items() if name.startswith(prefix))

    def shared(self, name: str, key: Hashable, produce: Callable[[], T]) -> T:
        """The result of `produce()` for the current version of topic `name`, memoised per `key` for all subscribers.

        The version is read before `produce` reads the state: a change in between increments it and wakes the topic.
        """
        topic = self._topics.get(name)
        if topic is None:
            return produce()
        with topic.producing:
            memo = topic.produced.get(key)
            if memo is not None and memo[0] == topic.version:
                return cast(T, memo[1])
            # Changes within the interval coalesce into one rendering.
            time.sleep(max(0.0, topic.last_produced + REDRAW_INTERVAL_SECONDS - time.monotonic()))
            topic.last_produced = time.monotonic()
            version = topic.version
            value = produce()
            topic.produced[key] = (version, value)
            return value
