"""Topics and the streams of this process that wait for them. Knows nothing of Flask or of MongoDB.

A wake-up carries no data: whoever is woken reads the present state. So nothing has to be replayed, a wake-up too many
costs one comparison, and a stream that slept through ten changes is right after one.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

T = TypeVar("T")

# What a burst of changes may cost: one redraw of a topic in this time (seconds).
REDRAW_INTERVAL = 0.1


class TooManyStreams(Exception):
    """This holder (a login, an address) has as many streams open as it may."""


class Subscription:
    """One waiting stream. However many wake-ups come while it is busy, one is pending at most."""

    def __init__(self, hub: "Hub", topics: tuple[str, ...], holders: tuple[str, ...]) -> None:
        self._hub = hub
        self.topics = topics
        self.holders = holders
        self._woken = threading.Event()
        self._pending: set[str] = set()

    def wake(self, topic: str) -> None:
        self._pending.add(topic)
        self._woken.set()

    def wait(self, timeout: float) -> set[str]:
        """Wait up to `timeout` seconds; the topics that were woken, none when the time ran out."""
        self._woken.wait(timeout)
        return self._hub.take(self)

    def take(self) -> set[str]:
        """What was woken so far; only the Hub calls it, so that no wake-up falls in between."""
        self._woken.clear()
        pending, self._pending = self._pending, set()
        return pending

    def close(self) -> None:
        """Stop waiting and give back what was counted; a second time does nothing."""
        self._hub.leave(self)


@dataclass
class _Topic:
    version: int = 1
    subscriptions: set[Subscription] = field(default_factory=set)
    produced: dict[Hashable, tuple[int, Any]] = field(default_factory=dict)
    last_produced: float = 0.0
    producing: threading.Lock = field(default_factory=threading.Lock)


class Hub:
    """Who waits for what. A topic exists while somebody is subscribed to it.

    `listening` is whether changes reach this process at all: a stream must not look live while it is not.
    `closed` is set once, when the process is about to stop.
    """

    def __init__(self) -> None:
        self._topics: dict[str, _Topic] = {}
        self._holders: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._listening = False
        self.closed = False

    @property
    def listening(self) -> bool:
        return self._listening

    @listening.setter
    def listening(self, value: bool) -> None:
        # Both ways everybody wakes: into a gap they must stop looking live, out of it they must look again.
        self._listening = value
        self.wake_all()

    def subscribe(self, *topics: str, limits: dict[str, int] | None = None) -> Subscription:
        """Be woken for any of `topics`, until the subscription is closed.

        `limits` maps each holder that is counted (a login, an address) to the number of streams it may have.
        Raises TooManyStreams.
        """
        limits = limits or {}
        subscription = Subscription(self, topics, tuple(limits))
        with self._lock:
            if any(self._holders[holder] >= most for holder, most in limits.items()):
                raise TooManyStreams
            self._holders.update(subscription.holders)
            for name in topics:
                self._topics.setdefault(name, _Topic()).subscriptions.add(subscription)
        return subscription

    def take(self, subscription: Subscription) -> set[str]:
        with self._lock:
            return subscription.take()

    def leave(self, subscription: Subscription) -> None:
        with self._lock:
            for name in subscription.topics:
                topic = self._topics.get(name)
                if topic is None or subscription not in topic.subscriptions:
                    return
                topic.subscriptions.discard(subscription)
                if not topic.subscriptions:
                    del self._topics[name]
            self._holders -= Counter(subscription.holders)

    def wake(self, name: str) -> None:
        """Something changed in topic `name`."""
        with self._lock:
            if topic := self._topics.get(name):
                topic.version += 1
                for subscription in topic.subscriptions:
                    subscription.wake(name)

    def wake_all(self) -> None:
        """Anything may have changed: after a gap in what this process was told."""
        for name in list(self._topics):
            self.wake(name)

    def close(self) -> None:
        """End all streams: each wakes and sees `closed`."""
        self.closed = True
        self.wake_all()

    def open_streams(self, prefix: str = "") -> int:
        """How many subscriptions this process holds to topics that start with `prefix`."""
        with self._lock:
            return sum(len(topic.subscriptions) for name, topic in self._topics.items() if name.startswith(prefix))

    def shared(self, name: str, key: Hashable, produce: Callable[[], T]) -> T:
        """What `produce()` makes of topic `name` in its present version, made once for all its subscribers.

        The version is read before `produce` reads the state: a change in between wakes the topic again.
        """
        topic = self._topics.get(name)
        if topic is None:
            return produce()
        with topic.producing:
            made = topic.produced.get(key)
            if made is not None and made[0] == topic.version:
                return cast(T, made[1])
            # Redraws coalesce: whoever comes within the interval waits, and then draws everything up to here.
            time.sleep(max(0.0, topic.last_produced + REDRAW_INTERVAL - time.monotonic()))
            topic.last_produced = time.monotonic()
            version = topic.version
            value = produce()
            topic.produced[key] = (version, value)
            return value
