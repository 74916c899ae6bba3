"""The commands that an application sends to its database, counted by a listener in the driver."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from pymongo import MongoClient, monitoring

from tests.support import patience


class Commands(monitoring.CommandListener):
    """What was sent, in order: "find requests"."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.sent.append(f"{event.command_name} {event.command[event.command_name]}")

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """Those that are sent within; to be read afterwards."""
        before, within = len(self.sent), list[str]()
        yield within
        within[:] = self.sent[before:]


def listen(app: Flask) -> Commands:
    """Let the application go on with a client that is listened to."""
    commands, mongo = Commands(), app.extensions["mongo"]
    mongo.close()
    mongo._clients["pages"] = MongoClient(
        app.extensions["config"].mongodb_uri,
        tz_aware=True,
        w="majority",
        journal=True,
        timeoutMS=round(patience.SECONDS * 1000),
        event_listeners=[commands],
    )
    return commands
