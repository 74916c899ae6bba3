"""Every shape of command that the application sends is in inventory.toml, with one line of why it is right on mongod.

A listener in the driver sees what the tests make the application send. A shape that is not in the list fails the test
that met it; an entry that nothing sends fails a run of all tests.
"""

import sys
import threading
import tomllib
from functools import cache
from pathlib import Path

import pytest
from pymongo import monitoring

from tests.wire.shapes import ANY, shape_of
from waitercaller.db import schema

LIST = Path(__file__).with_name("inventory.toml")
COLLECTIONS = {ANY, *schema.INDEXES}
Shape = tuple[str, str]  # collection, shape


class Listener(monitoring.CommandListener):
    """Keeps the shapes of what modules of the application send; commands of the tests themselves are no part of it."""

    def __init__(self) -> None:
        self.seen: dict[Shape, str] = {}  # with the module and the line that sent it first
        self._lock = threading.Lock()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        sender = _sender()
        if sender and (shape := shape_of(event.command_name, event.command)):
            if sender.startswith("waitercaller.ops.backup:"):
                shape = (ANY, shape[1])  # it treats all collections alike
            if shape[0] in COLLECTIONS:  # some tests have one of their own
                with self._lock:
                    self.seen.setdefault(shape, sender)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


LISTENER = pytest.StashKey[Listener]()


def listener_of(config: pytest.Config) -> Listener:
    """The listener of this run of tests."""
    return config.stash[LISTENER]


def _sender() -> str | None:
    """The line of the application that sends the present command; None when a test does."""
    frame = sys._getframe(2)
    while frame := frame.f_back:  # type: ignore[assignment]
        module = frame.f_globals.get("__name__", "")
        if module.startswith("waitercaller."):
            return f"{module}:{frame.f_lineno}"
        if module.startswith("tests."):
            return None
    return None


@cache
def reviewed() -> set[Shape]:
    """The shapes of inventory.toml."""
    tables = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return {(collection, shape) for collection, shapes in tables.items() for shape in shapes}


def not_reviewed(seen: dict[Shape, str]) -> list[str]:
    """Those of `seen` that are not in the list, as the list would say them, with who sends them."""
    missing = sorted(seen.keys() - reviewed())
    return [f'[{collection}] "{shape}" = ""  # {seen[collection, shape]}' for collection, shape in missing]
