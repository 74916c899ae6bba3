"""Work that would block the event loop of a worker, in a thread pool: hashing of passwords, reading of pictures."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from gevent import monkey
from gevent.threadpool import ThreadPool

T = TypeVar("T")

# Per process; others wait. Limits memory (a hash takes ARGON2_MEMORY_KIB), however many visitors log in at once.
MAX_THREADS = 2


def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call `function`; under gevent in the thread pool. What it calls must release the GIL for others to go on."""
    if not monkey.is_module_patched("threading"):
        return function(*arguments)
    result: T = _pool().apply(function, arguments)
    return result


@cache
def _pool() -> ThreadPool:
    """A separate pool, created after the fork: gevent's default pool also resolves host names."""
    return ThreadPool(MAX_THREADS)
