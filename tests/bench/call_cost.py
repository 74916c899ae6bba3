"""Worker CPU of a guest's call that opens a request, compared with a minimal Flask view with one insert."""

import http.client
import re
from urllib.parse import urlencode
from urllib.request import urlopen

from bson import ObjectId

from tests.bench import servers
from tests.support.gunicorn import Gunicorn
from waitercaller import create_app
from waitercaller.db import schema
from waitercaller.model import restaurants, tables

BATCH_SIZE = 100
BATCHES = 6
MAX_RATIO = 2.0


def report() -> None:
    """Print the CPU time of both and their ratio. Batches alternate, so that noise affects both alike."""
    with servers.database() as (environ, folder):
        codes = _tables(environ)
        ours = servers.serve("wsgi:app", environ, folder)
        bare = servers.serve("tests.bench.bare:app", environ, folder)
        inserts = [("/", {"text": "x" * 100})] * BATCH_SIZE
        spent = {"ours": 0.0, "bare": 0.0}
        try:
            for start in range(0, len(codes), BATCH_SIZE):
                # The pages are opened beforehand; only the calls are measured.
                calls = [_open_page(ours, code) for code in codes[start : start + BATCH_SIZE]]
                this_batch = {"ours": _post(ours, calls, 303), "bare": _post(bare, inserts, 200)}
                if start:  # the first batch is the warm-up
                    spent = {name: spent[name] + this_batch[name] for name in spent}
        finally:
            ours.stop()
            bare.stop()
    count = BATCH_SIZE * BATCHES
    print(
        f"worker CPU per accepted call: {spent['ours'] / count * 1000:.2f} ms, "
        f"bare view with one insert: {spent['bare'] / count * 1000:.2f} ms, "
        f"ratio {spent['ours'] / spent['bare']:.2f} (aim ≤ {MAX_RATIO})"
    )


def _tables(environ: dict[str, str]) -> list[str]:
    """Create a restaurant with one table per call, including the warm-up; returns the tables' codes."""
    app = create_app(servers.config(environ))
    with app.app_context():
        schema.build(app.extensions["mongo"].database)
        restaurant_id = restaurants.create("Bench", ObjectId(), "Alice", "en", None)
        tables.add_many(restaurant_id, [str(number) for number in range(BATCH_SIZE * (BATCHES + 1))], None)
        return [table["code"] for table in tables.of_restaurant(restaurant_id)]


def _open_page(server: Gunicorn, code: str) -> tuple[str, dict[str, str]]:
    """Open a table's page; returns the action and the fields of its form."""
    with urlopen(f"http://127.0.0.1:{server.port}/t/{code}") as page:
        form = re.search(r'name="form" value="([^"]+)"', page.read().decode())
    if form is None:
        raise RuntimeError("the page has no form")
    return f"/t/{code}/call", {"form": form[1], "kind": "waiter"}


def _post(server: Gunicorn, posts: list[tuple[str, dict[str, str]]], expected: int) -> float:
    """Send these over one connection; returns the worker's CPU seconds."""
    before = servers.cpu_seconds(server)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for path, form in posts:
        connection.request("POST", path, urlencode(form), headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != expected:
            raise RuntimeError(f"{answer.status} instead of {expected}: {body[:200]!r}")
    connection.close()
    return servers.cpu_seconds(server) - before
