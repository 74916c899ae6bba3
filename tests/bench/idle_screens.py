"""Worker CPU of an idle open screen: heartbeats, presence, signs of life, and the renewal of its stream."""

import http.client
import re
import secrets
import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from flask import Flask

from tests.bench import servers
from tests.support import cast
from tests.support.gunicorn import Gunicorn
from waitercaller import create_app
from waitercaller.db import schema

RESTAURANTS = 20
SCREENS_PER_RESTAURANT = 10
MEASURED_SECONDS = 60.0
ANSWER_SECONDS = 30.0  # from one sign of life to the next: static/js/presence.js
ATTEMPTS = 5
STREAM_MINUTES = 10  # until a stream is renewed: live/streams.py
SETTLE_SECONDS = 5.0


@dataclass
class Screen:
    """What an open dashboard knows of itself."""

    home: str  # the prefix of the restaurant's paths
    cookie: str
    token: str  # against CSRF
    id: str


class Streams:
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
        screens = open_screens(create_app(servers.config(environ)))
        nobody, _, _ = _measure(environ, folder, [])
        plain, _, _ = _measure(environ, folder, screens)
        watched, opening, received = _measure(environ, folder, screens, present=True)
    count = len(screens)
    each = {"present": (watched - nobody) / count, "not counted": (plain - nobody) / count}
    print(
        f"worker CPU per idle screen and minute: {each['present'] * 1000:.2f} ms with presence and a sign of life "
        f"every {ANSWER_SECONDS:g} s, {each['not counted'] * 1000:.2f} ms with neither; renewing its stream every "
        f"{STREAM_MINUTES} minutes adds {opening / count / STREAM_MINUTES * 1000:.2f} ms ({count} screens in "
        f"{RESTAURANTS} restaurants, {received / count:.1f} events received on each; the worker alone "
        f"{nobody * 1000:.0f} ms a minute)"
    )


def open_screens(app: Flask) -> list[Screen]:
    """The same number in each restaurant, with their cookies."""
    with app.app_context():
        schema.build(app.extensions["mongo"].database)
    app.test_client_class = cast.Browser
    screens = []
    for number in range(RESTAURANTS):
        owner = cast.hire(app, f"Owner{number}")
        token = owner.client.csrf_token(f"{owner.home}/dashboard")
        cookie = owner.client.cookie("session")
        screens += [Screen(owner.home, cookie, token, secrets.token_hex(16)) for _ in range(SCREENS_PER_RESTAURANT)]
    return screens


def _measure(
    environ: dict[str, str], folder: Path, screens: list[Screen], present: bool = False
) -> tuple[float, float, int]:
    """CPU seconds of an idle minute with these streams, CPU seconds of opening them, events received in the minute.

    With `present` they are counted as screens, and tell every ANSWER_SECONDS that they are alive.
    """
    server = servers.serve("wsgi:app", environ, folder)
    streams = Streams(server.port)
    query = "?screen={id}&visible=1&audible=1&answers=1" if present else ""
    try:
        time.sleep(SETTLE_SECONDS)
        before = servers.cpu_seconds(server)
        for each in screens:
            streams.open(f"{each.home}/live{query.format(id=each.id)}", each.cookie)
        time.sleep(SETTLE_SECONDS)
        opened, received = servers.cpu_seconds(server), streams.events
        began = time.monotonic()
        for number in range(1, round(MEASURED_SECONDS / ANSWER_SECONDS) + 1):
            if present:
                _answer(server, screens)
            time.sleep(max(0.0, began + number * ANSWER_SECONDS - time.monotonic()))
        return servers.cpu_seconds(server) - opened, opened - before, streams.events - received
    finally:
        streams.close()
        server.stop()


def _answer(server: Gunicorn, screens: list[Screen]) -> None:
    """Each of these screens says that it is alive."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for each in screens:
        form = {"visible": "1", "audible": "1", "trouble": "", "screen": each.id, "csrf_token": each.token}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"session={each.cookie}"}
        for _ in range(ATTEMPTS):  # as pages do where the database answers late
            connection.request("POST", f"{each.home}/screens", urlencode(form), headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 503:
                break
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {body[:200]!r}")
    connection.close()
