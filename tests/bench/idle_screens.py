"""Worker CPU of a screen that is open while nobody calls: its heartbeats, its presence, and the renewal of its line."""

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

HOUSES = 20
SCREENS = 10  # of each
MINUTE = 60.0
LINE_MINUTES = 10  # how long a line lasts; see requests/streams.py
SETTLED = 5.0  # seconds


class Screens:
    """Open streams, and what is heard on them."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self._sockets: list[socket.socket] = []
        self.heard = 0
        threading.Thread(target=self._read, daemon=True).start()

    def open(self, path: str, cookie: str) -> None:
        line = socket.create_connection(self._address, timeout=10)
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: session={cookie}\r\n\r\n".encode())
        status = line.recv(12)
        if not status.endswith(b"200"):
            raise RuntimeError(f"{path}: {status!r}")
        self._sockets.append(line)

    def close(self) -> None:
        lines, self._sockets = self._sockets, []
        for line in lines:
            line.close()

    def _read(self) -> None:
        while True:
            lines = list(self._sockets)
            if not lines:
                time.sleep(0.1)
                continue
            with suppress(OSError, ValueError):  # they are being closed
                for line in select.select(lines, [], [], 0.5)[0]:
                    self.heard += len(re.findall(b"event: ", line.recv(65_536)))


def report() -> None:
    """Print what a screen costs in a minute, with presence and without."""
    with servers.database() as (environ, folder):
        environ |= {"TRUSTED_HOSTS": "127.0.0.1,localhost", "ARGON2_MEMORY_KIB": "8192", "ARGON2_ROUNDS": "1"}
        paths = _houses(create_app(servers.config(environ)))
        nobody, _, _ = _measure(environ, folder, [])
        plain, _, _ = _measure(environ, folder, paths)
        number = iter(range(len(paths)))
        present = [(f"{path}?screen={next(number):032x}&visible=1&audible=1", cookie) for path, cookie in paths]
        watched, opening, heard = _measure(environ, folder, present)
    count = len(paths)
    each = {"present": (watched - nobody) / count, "not counted": (plain - nobody) / count}
    print(
        f"worker CPU per idle screen and minute: {each['present'] * 1000:.2f} ms with presence and receipts on, "
        f"{each['not counted'] * 1000:.2f} ms without presence; renewing its line every {LINE_MINUTES} minutes adds "
        f"{opening / count / LINE_MINUTES * 1000:.2f} ms ({count} screens in {HOUSES} houses, {heard / count:.1f} "
        f"events heard on each; the worker alone {nobody * 1000:.0f} ms a minute)"
    )


def _houses(app: Flask) -> list[tuple[str, str]]:
    """The addresses of all streams, with the session of each."""
    with app.app_context():
        schema.build(app.extensions["mongo"].database)
    app.test_client_class = cast.Browser
    owners = [cast.hire(app, f"Owner{number}") for number in range(HOUSES)]
    return [(f"{owner.home}/live", owner.client.cookie("session")) for owner in owners for _ in range(SCREENS)]


def _measure(environ: dict[str, str], folder: Path, paths: list[tuple[str, str]]) -> tuple[float, float, int]:
    """CPU seconds of a quiet minute with these streams open, those of opening them, and the events of the minute."""
    server = servers.serve("wsgi:app", environ, folder)
    screens = Screens(server.port)
    try:
        time.sleep(SETTLED)
        before = servers.cpu_seconds(server)
        for path, cookie in paths:
            screens.open(path, cookie)
        time.sleep(SETTLED)
        opened, heard = servers.cpu_seconds(server), screens.heard
        time.sleep(MINUTE)
        return servers.cpu_seconds(server) - opened, opened - before, screens.heard - heard
    finally:
        screens.close()
        server.stop()
