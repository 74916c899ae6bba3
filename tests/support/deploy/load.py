"""Continuous load: concurrent visitors that send requests, and the counts of their responses."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PAUSE_SECONDS = 0.05  # of a visitor between two requests: tests of faults need steady requests, not as many as possible


@dataclass
class Load:
    answered: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def total(self) -> int:
        with self.lock:
            return sum(self.answered.values())

    @property
    def lost(self) -> int:
        """The number of requests without a response, or with an unexpected one."""
        return self.total - self.answered["200"]

    def note(self, answer: str) -> None:
        with self.lock:
            self.answered[answer] += 1


@contextmanager
def load(ask: Callable[[], int], visitors: int = 6) -> Iterator[Load]:
    """This many threads call `ask`, which returns a status, repeatedly until the block ends."""
    result = Load()
    ended = threading.Event()

    def visit() -> None:
        while not ended.is_set():
            try:
                result.note(str(ask()))
            except OSError as error:
                result.note(type(error).__name__)
            ended.wait(PAUSE_SECONDS)

    threads = [threading.Thread(target=visit) for _ in range(visitors)]
    for thread in threads:
        thread.start()
    try:
        yield result
    finally:
        ended.set()
        for thread in threads:
            thread.join()
