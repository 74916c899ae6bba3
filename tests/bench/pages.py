"""Worker CPU of a guest's page and of an empty answer, compared with minimal Flask views of the same size."""

import re
from collections.abc import Callable
from urllib.request import urlopen

from bson import ObjectId

from tests.bench import servers
from tests.support.gunicorn import Gunicorn
from waitercaller import create_app
from waitercaller.db import schema
from waitercaller.model import restaurants, tables

BATCH_SIZE = 60
BATCHES = 6
MAX_PAGE_RATIO, MAX_EMPTY_RATIO = 1.5, 1.3


def report() -> None:
    """Print the CPU time of each beside that of its floor. Batches alternate, so that noise affects both alike."""
    with servers.database() as (environ, folder):
        idle, waits = _codes(environ)
        ours = servers.serve("wsgi:app", environ, folder)
        bare = servers.serve("tests.bench.bare:app", environ, folder)
        try:
            _print("a guest's page", _compare(ours, idle, bare, _text(ours, idle)), MAX_PAGE_RATIO)
            waiting = _call(ours, waits)
            _print("the same while a call waits", _compare(ours, waiting, bare, _text(ours, waiting)), MAX_PAGE_RATIO)
            _print("GET /healthz", _compare(ours, "/healthz", bare, "/healthz"), MAX_EMPTY_RATIO)
        finally:
            ours.stop()
            bare.stop()


def _codes(environ: dict[str, str]) -> list[str]:
    """The paths of the pages of two tables."""
    app = create_app(servers.config(environ))
    with app.app_context():
        schema.build(app.extensions["mongo"].database)
        restaurant_id = restaurants.create("Bench", ObjectId(), "Alice", "en", None)
        tables.add_many(restaurant_id, ["7", "8"], None)
        return [f"/t/{table['code']}" for table in tables.of_restaurant(restaurant_id)]


def _read(server: Gunicorn, path: str) -> str:
    with urlopen(f"http://127.0.0.1:{server.port}{path}") as page:
        return str(page.read().decode())


def _text(server: Gunicorn, path: str) -> str:
    """The path of a page of the floor that is as large."""
    return f"/text/{len(_read(server, path).encode())}"


def _call(server: Gunicorn, path: str) -> str:
    """Call from this page; returns the path of the page that shows it."""
    form = re.search(r'name="form" value="([^"]+)"', _read(server, path))
    assert form
    body = f"kind=waiter&form={form[1]}".encode()
    with urlopen(f"http://127.0.0.1:{server.port}{path}/call", body) as page:  # follows the redirect
        return str(page.url).partition(str(server.port))[2]


def _compare(ours: Gunicorn, path: str, bare: Gunicorn, floor: str) -> tuple[float, float]:
    """CPU milliseconds of ours and of the floor."""
    ways: list[Callable[[], float]] = [
        lambda: servers.cpu_of_gets(ours, path, BATCH_SIZE),
        lambda: servers.cpu_of_gets(bare, floor, BATCH_SIZE),
    ]
    batches = [[way() for way in ways] for _ in range(BATCHES + 1)][1:]  # the first is the warm-up
    of_ours, of_floor = (sum(each) / BATCH_SIZE / BATCHES * 1000 for each in zip(*batches, strict=True))
    return of_ours, of_floor


def _print(what: str, spent: tuple[float, float], limit: float) -> None:
    ours, floor = spent
    print(
        f"worker CPU of {what}: {ours:.2f} ms, of a bare view of the same size {floor:.2f} ms, "
        f"ratio {ours / floor:.2f} (aim ≤ {limit:g})"
    )
