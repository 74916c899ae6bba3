"""What many ask for at the same time is read once."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """The result of `read()`. Who asks while it is read waits for it, and gets the same result or the same exception.

    An exception is not kept: who asks afterwards has it read again.
    """

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._result: Future[T] | None = None
        self._lock = threading.Lock()

    def get(self) -> T:
        with self._lock:
            is_first = self._result is None
            result = self._result = self._result or Future()
        if is_first:
            try:
                result.set_result(self._read())
            except BaseException as error:
                self._result = None
                result.set_exception(error)
                raise
        return result.result()
