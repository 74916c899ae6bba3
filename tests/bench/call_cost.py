"""Worker CPU of a guest's call that opens a request, against a bare Flask view with one insert."""

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

BATCH = 100
BATCHES = 6
AIM = 3.0


def report() -> None:
    """Print the CPU of both and their ratio; the two take turns, so that a noisy machine is noisy for both."""
    with servers.database() as (environ, folder):
        codes = _tables(environ)
        ours = servers.serve("wsgi:app", environ, folder)
        bare = servers.serve("tests.bench.bare:app", environ, folder)
        inserts = [("/", {"text": "x" * 100})] * BATCH
        spent = {"ours": 0.0, "bare": 0.0}
        try:
            for start in range(0, len(codes), BATCH):
                # Every phone has opened the page before it taps; only the taps are measured.
                calls = [_open_page(ours, code) for code in codes[start : start + BATCH]]
                this_batch = {"ours": _post(ours, calls, 303), "bare": _post(bare, inserts, 200)}
                if start:  # the first batch warms up
                    spent = {name: spent[name] + this_batch[name] for name in spent}
        finally:
            ours.stop()
            bare.stop()
    count = BATCH * BATCHES
    print(
        f"worker CPU per accepted call: {spent['ours'] / count * 1000:.2f} ms, "
        f"bare view with one insert: {spent['bare'] / count * 1000:.2f} ms, "
        f"ratio {spent['ours'] / spent['bare']:.2f} (aim ≤ {AIM})"
    )


def _tables(environ: dict[str, str]) -> list[str]:
    """A restaurant with as many tables as calls are made, one warm-up batch included; their codes."""
    app = create_app(servers.config(environ))
    with app.app_context():
        schema.build(app.extensions["mongo"].database)
        restaurant_id = restaurants.create("Bench", ObjectId(), "Alice", "en", None)
        tables.add_many(restaurant_id, [str(number) for number in range(BATCH * (BATCHES + 1))], None)
        return [table["code"] for table in tables.of_restaurant(restaurant_id)]


def _open_page(server: Gunicorn, code: str) -> tuple[str, dict[str, str]]:
    """Open a table's page; returns where its form goes and what is in it."""
    with urlopen(f"http://127.0.0.1:{server.port}/t/{code}") as page:
        form = re.search(r'name="form" value="([^"]+)"', page.read().decode())
    if form is None:
        raise RuntimeError("the page has no form")
    return f"/t/{code}/call", {"form": form[1], "kind": "waiter"}


def _post(server: Gunicorn, posts: list[tuple[str, dict[str, str]]], expected: int) -> float:
    """Send these over one connection; returns the CPU seconds that the worker used."""
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
