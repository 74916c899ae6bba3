"""A small cache in each process for documents that are read on every request and seldom change.

The watcher forgets what has changed; an entry is never older than MAXIMUM_AGE in any case.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar, cast

T = TypeVar("T", bound=Mapping[str, object])

MAXIMUM_AGE = 30.0  # seconds
MAXIMUM_ENTRIES = 10_000


class Cache:
    """Documents by any key they are asked for with. Misses are not kept: guesses must not cost memory."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Hashable, tuple[float, Mapping[str, object]]] = OrderedDict()
        self._generation = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, load: Callable[[], T | None]) -> T | None:
        """The document under `key`, from here or from `load()`, which tells what kind of document lies there."""
        with self._lock:
            entry = self._entries.get(key)
            generation = self._generation
        if entry is not None and time.monotonic() - entry[0] < MAXIMUM_AGE:
            return cast(T, entry[1])
        document = load()
        with self._lock:
            # What was forgotten while it was being read may be old already.
            if document is not None and generation == self._generation:
                self._entries[key] = (time.monotonic(), document)
                if len(self._entries) > MAXIMUM_ENTRIES:
                    self._entries.popitem(last=False)
        return document

    def forget(self, document_id: object) -> None:
        """Drop the document with this _id, under whatever keys it is kept."""
        with self._lock:
            self._generation += 1
            for key in [key for key, (_, document) in self._entries.items() if document["_id"] == document_id]:
                del self._entries[key]

    def clear(self) -> None:
        with self._lock:
            self._generation += 1
            self._entries.clear()


restaurants = Cache()
tables = Cache()
pauses = Cache()  # of each restaurant, what is paused there
