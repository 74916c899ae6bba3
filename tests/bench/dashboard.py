"""The dashboard with 30 cards: bytes of the page and of an event of its stream, and worker CPU, beside the book's."""

import gzip
import re
import socket

from flask import Flask

from tests.bench import servers
from tests.support import cast
from waitercaller import create_app
from waitercaller.db import schema
from waitercaller.model import restaurants, tables
from waitercaller.model.requests import transitions

CARDS = 30
ZONES = ("Terrace", "Garden", "Main room")
BATCH_SIZE = 50
BATCHES = 6
MAX_MS, MAX_PAGE_BYTES, MAX_EVENT_BYTES = 5.0, 25_000, 12_000


def report() -> None:
    """Print both sizes, and the CPU of ours and of the book's dashboard; batches alternate."""
    with servers.database() as (environ, folder):
        environ |= {"TRUSTED_HOSTS": "127.0.0.1,localhost", "ARGON2_MEMORY_KIB": "8192", "ARGON2_ROUNDS": "1"}
        app = create_app(servers.config(environ))
        app.test_client_class = cast.Browser
        path, cookie = _waiting(app)
        ours = servers.serve("wsgi:app", environ, folder)
        book = servers.serve("tests.bench.bare:app", environ, folder)
        spent = {"ours": 0.0, "book": 0.0}
        try:
            page = _get(ours.port, f"{path}/dashboard", cookie)
            event = _first_event(ours.port, f"{path}/live", cookie)
            for batch in range(BATCHES + 1):
                this = {
                    "ours": servers.cpu_of_gets(ours, f"{path}/dashboard", BATCH_SIZE, cookie),
                    "book": servers.cpu_of_gets(book, "/rows", BATCH_SIZE),
                }
                if batch:  # the first is the warm-up
                    spent = {name: spent[name] + this[name] for name in spent}
        finally:
            ours.stop()
            book.stop()
    each = {name: seconds / BATCH_SIZE / BATCHES * 1000 for name, seconds in spent.items()}
    print(
        f"dashboard with {CARDS} cards: {_sizes(page)} (aim ≤ {MAX_PAGE_BYTES:,}); an event: {_sizes(event)} "
        f"(aim ≤ {MAX_EVENT_BYTES:,}); worker CPU of the page {each['ours']:.2f} ms (aim ≤ {MAX_MS:g}), "
        f"of the book's {each['book']:.2f} ms, ratio {each['ours'] / each['book']:.1f}"
    )


def _sizes(body: bytes) -> str:
    return f"{len(body):,} bytes, {len(gzip.compress(body, 6)):,} compressed"


def _waiting(app: Flask) -> tuple[str, str]:
    """A restaurant in which a call waits at each of CARDS tables; returns the prefix of its paths and a cookie."""
    with app.app_context():
        schema.build(app.extensions["mongo"].database)
    alice = cast.hire(app, "Alice", restaurant="Trattoria Lucia")
    fill(app, alice)
    alice.client.get(f"{alice.home}/dashboard")
    return alice.home, alice.client.cookie("session")


def fill(app: Flask, alice: cast.Person) -> None:
    """CARDS tables in three zones of Alice's restaurant, at each of which a call waits."""
    with app.app_context():
        for number, name in enumerate(ZONES):
            zone_id = restaurants.ensure_zone(alice.restaurant_id, name)
            tables.add_many(alice.restaurant_id, [str(each + 1) for each in range(number, CARDS, len(ZONES))], zone_id)
        restaurant = restaurants.get(alice.restaurant_id)
        assert restaurant
        for number, table in enumerate(tables.of_restaurant(alice.restaurant_id)):
            kind = restaurant["kinds"][number % 2]
            transitions.open_request(restaurant, table, kind, str(number), choice=None, note=None, device=str(number))


def _get(port: int, path: str, cookie: str) -> bytes:
    return _read(port, path, cookie, until=b"</html>").partition(b"\r\n\r\n")[2]


def _first_event(port: int, path: str, cookie: str) -> bytes:
    """The first event of the stream, without the framing of HTTP's chunks."""
    found = re.search(rb"event: calls\n.*?\n\n", _read(port, path, cookie, until=b'"}\n\n'), re.DOTALL)
    assert found
    return found[0]


def _read(port: int, path: str, cookie: str, until: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: session={cookie}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        read = b""
        while until not in read:
            more = connection.recv(65_536)
            assert more, read[-200:]
            read += more
    return read
