"""Worker CPU of a guest whose page is open while the call waits."""

import re
import time
from contextlib import suppress

from bson import ObjectId
from flask import Flask

from tests.bench import servers
from tests.bench.idle_screens import Streams
from tests.support.gunicorn import Gunicorn
from waitercaller import create_app
from waitercaller.db import schema
from waitercaller.model import restaurants, tables

GUESTS = 40
MEASURED_SECONDS = 60.0
SETTLE_SECONDS = 8.0  # until all read that nobody has seen their calls
MAX_MS = 8.0
ATTEMPTS = 30


def report() -> None:
    """Print the CPU of each guest's minute, beyond that of a worker without guests."""
    with servers.database() as (environ, folder):
        environ |= {"TRUSTED_HOSTS": "127.0.0.1,localhost"}
        paths = _calls(create_app(servers.config(environ)))
        server = servers.serve("wsgi:app", environ, folder)
        streams = Streams(server.port)
        try:
            time.sleep(SETTLE_SECONDS)
            alone = _minute(server)
            for path in paths:
                _open(streams, path)
            time.sleep(SETTLE_SECONDS)
            waited = _minute(server)
        finally:
            streams.close()
            server.stop()
    print(
        f"worker CPU per guest whose call waits, and minute: {(waited - alone) / GUESTS * 1000:.1f} ms "
        f"(aim ≤ {MAX_MS:g}; {GUESTS} guests of one restaurant, the worker alone {alone * 1000:.0f} ms)"
    )


def _calls(app: Flask) -> list[str]:
    """A restaurant with a call at each of GUESTS tables; returns the paths of the phones' streams."""
    with app.app_context():
        schema.build(app.extensions["mongo"].database)
        restaurant_id = restaurants.create("Bench", ObjectId(), "Alice", "en", None)
        tables.add_many(restaurant_id, [str(number) for number in range(GUESTS)], None)
        codes = [table["code"] for table in tables.of_restaurant(restaurant_id)]
    paths = []
    for code in codes:
        client = app.test_client()
        form = re.search(r'name="form" value="([^"]+)"', client.get(f"/t/{code}").text)
        assert form
        answer = client.post(f"/t/{code}/call", data={"form": form[1], "kind": "waiter"})
        paths.append(answer.location.replace("?", "/live?"))
    return paths


def _open(streams: Streams, path: str) -> None:
    """Open a stream, which a worker that hears no changes yet refuses."""
    for _ in range(ATTEMPTS):
        with suppress(RuntimeError):
            return streams.open(path, "")
        time.sleep(1)
    raise RuntimeError(f"{path} was refused")


def _minute(server: Gunicorn) -> float:
    before = servers.cpu_seconds(server)
    time.sleep(MEASURED_SECONDS)
    return servers.cpu_seconds(server) - before
