"""Work that would block the event loop of a worker, in a thread pool: hashing of passwords, reading of pictures."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

from gevent import monkey
from gevent.threadpool import ThreadPool

T = TypeVar("T")

# Per process; others wait. Limits memory (a hash takes ARGON2_MEMORY_KIB), however many visitors log in at once.
MAX_THREADS = 2


def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call `function`; under gevent in the thread pool. Raises what it raises.

    What it calls must release the GIL for others to go on.
    """
    if not monkey.is_module_patched("threading"):
        return function(*arguments)
    result, error = _pool().apply(_outcome, (function, arguments))
    if error is not None:
        raise error
    return cast(T, result)


def _outcome(function: Callable[..., T], arguments: tuple[Any, ...]) -> tuple[T | None, Exception | None]:
    """What came of the call. gevent logs a traceback of each exception that leaves a thread, of expected ones too."""
    try:
        return function(*arguments), None
    except Exception as error:  # noqa: BLE001 (in_thread raises it)
        return None, error


@cache
def _pool() -> ThreadPool:
    """A separate pool, created after the fork: gevent's default pool also resolves host names."""
    return ThreadPool(MAX_THREADS)
