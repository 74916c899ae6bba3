"""Runs functions concurrently, started at the same moment, as two waiters or fifty phones do."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from flask import Flask

from tests.support.cast import WAIT_SECONDS

Result = TypeVar("Result")


def at_once(*works: Callable[[], Result]) -> list[Result]:
    """Run these in threads that start together; returns their results in order. Raises the first exception."""
    start = threading.Barrier(len(works), timeout=WAIT_SECONDS)

    def run(work: Callable[[], Result]) -> Result:
        start.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def at_once_in(app: Flask, *works: Callable[[], Result]) -> list[Result]:
    """The same, each in its own application context."""

    def in_context(work: Callable[[], Result]) -> Callable[[], Result]:
        def worked() -> Result:
            with app.app_context():
                return work()

        return worked

    return at_once(*map(in_context, works))
