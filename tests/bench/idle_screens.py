"""Worker CPU of an idle open screen: heartbeats, presence, and the renewal of its stream."""

import re
import select
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

from flask import Flask

from tests.bench import servers
from tests.support import cast
from waitercaller import create_app
from waitercaller.db import schema

RESTAURANTS = 20
SCREENS_PER_RESTAURANT = 10
MEASURED_SECONDS = 60.0
STREAM_MINUTES = 10  # until a stream is renewed: live/streams.py
SETTLE_SECONDS = 5.0


class Screens:
    """Open streams, and the number of events received on them."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self._sockets: list[socket.socket] = []
        self.events = 0
        threading.Thread(target=self._read, daemon=True).start()

    def open(self, path: str, cookie: str) -> None:
        connection = socket.create_connection(self._address, timeout=10)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: session={cookie}\r\n\r\n".encode())
        status = connection.recv(12)
        if not status.endswith(b"200"):
            raise RuntimeError(f"{path}: {status!r}")
        self._sockets.append(connection)

    def close(self) -> None:
        open_sockets, self._sockets = self._sockets, []
        for connection in open_sockets:
            connection.close()

    def _read(self) -> None:
        while True:
            open_sockets = list(self._sockets)
            if not open_sockets:
                time.sleep(0.1)
                continue
            with suppress(OSError, ValueError):  # they are being closed
                for connection in select.select(open_sockets, [], [], 0.5)[0]:
                    self.events += len(re.findall(b"event: ", connection.recv(65_536)))


def report() -> None:
    """Print a screen's CPU per minute, with and without presence."""
    with servers.database() as (environ, folder):
        environ |= {"TRUSTED_HOSTS": "127.0.0.1,localhost", "ARGON2_MEMORY_KIB": "8192", "ARGON2_ROUNDS": "1"}
        paths = _streams(create_app(servers.config(environ)))
        nobody, _, _ = _measure(environ, folder, [])
        plain, _, _ = _measure(environ, folder, paths)
        number = iter(range(len(paths)))
        present = [(f"{path}?screen={next(number):032x}&visible=1&audible=1", cookie) for path, cookie in paths]
        watched, opening, received = _measure(environ, folder, present)
    count = len(paths)
    each = {"present": (watched - nobody) / count, "not counted": (plain - nobody) / count}
    print(
        f"worker CPU per idle screen and minute: {each['present'] * 1000:.2f} ms with presence and receipts on, "
        f"{each['not counted'] * 1000:.2f} ms without presence; renewing its stream every {STREAM_MINUTES} minutes "
        f"adds {opening / count / STREAM_MINUTES * 1000:.2f} ms ({count} screens in {RESTAURANTS} restaurants, "
        f"{received / count:.1f} events received on each; the worker alone {nobody * 1000:.0f} ms a minute)"
    )


def _streams(app: Flask) -> list[tuple[str, str]]:
    """The URL path and the session cookie of each stream."""
    with app.app_context():
        schema.build(app.extensions["mongo"].database)
    app.test_client_class = cast.Browser
    owners = [cast.hire(app, f"Owner{number}") for number in range(RESTAURANTS)]
    return [
        (f"{owner.home}/live", owner.client.cookie("session"))
        for owner in owners
        for _ in range(SCREENS_PER_RESTAURANT)
    ]


def _measure(environ: dict[str, str], folder: Path, paths: list[tuple[str, str]]) -> tuple[float, float, int]:
    """CPU seconds of an idle minute with these streams, CPU seconds of opening them, events received in the minute."""
    server = servers.serve("wsgi:app", environ, folder)
    screens = Screens(server.port)
    try:
        time.sleep(SETTLE_SECONDS)
        before = servers.cpu_seconds(server)
        for path, cookie in paths:
            screens.open(path, cookie)
        time.sleep(SETTLE_SECONDS)
        opened, received = servers.cpu_seconds(server), screens.events
        time.sleep(MEASURED_SECONDS)
        return servers.cpu_seconds(server) - opened, opened - before, screens.events - received
    finally:
        screens.close()
        server.stop()
