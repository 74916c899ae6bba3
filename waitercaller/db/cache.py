"""In-process cache of documents that are read on every request and rarely change.

The watcher invalidates changed documents; entries expire after MAX_AGE_SECONDS in any case.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar, cast

from waitercaller.db.once import Once

T = TypeVar("T", bound=Mapping[str, object])

MAX_AGE_SECONDS = 30.0
MAX_ENTRIES = 10_000


class Cache:
    """Documents by arbitrary keys, evicted oldest first. Misses are not cached, so that guesses use no memory."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Hashable, tuple[float, Mapping[str, object]]] = OrderedDict()
        self._loads: dict[tuple[Hashable, int], Once[Mapping[str, object] | None]] = {}  # by key and generation
        self._generation = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, load: Callable[[], T | None]) -> T | None:
        """The document under `key`, loaded by `load()` if it is absent or expired. One type of document per key.

        Who asks for a document that is being loaded waits for it, and gets the same document or the same exception.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and time.monotonic() - entry[0] < MAX_AGE_SECONDS:
                return cast(T, entry[1])
            # An invalidation during a load may concern this document: who asks afterwards must not get that load's.
            loading = key, self._generation
            if loading not in self._loads:
                self._loads[loading] = Once(lambda: self._load(loading, load))
            once = self._loads[loading]
        return cast(T | None, once.get())

    def _load(self, loading: tuple[Hashable, int], load: Callable[[], T | None]) -> T | None:
        """Load a document and store it, unless something was invalidated meanwhile."""
        key, generation = loading
        document = None
        try:
            document = load()
        finally:
            with self._lock:
                self._loads.pop(loading, None)  # already gone where a second caller repeats a failed load
                if document is not None and generation == self._generation:
                    self._entries[key] = (time.monotonic(), document)
                    if len(self._entries) > MAX_ENTRIES:
                        self._entries.popitem(last=False)
        return document

    def forget(self, document_id: object) -> None:
        """Invalidate the document with this _id under all its keys."""
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
pauses = Cache()  # by restaurant
