"""Size of a guest's page on its first load: HTML, styles, scripts and icons, each compressed with gzip -6."""

import gzip
import re
from collections.abc import Iterator
from urllib.parse import urljoin

from bson import ObjectId
from flask.testing import FlaskClient

from tests.bench import servers
from waitercaller import create_app
from waitercaller.db import schema
from waitercaller.model import restaurants, tables
from waitercaller.model.languages import LANGUAGES

LIMIT = 14_336  # bytes that fit into the first round trip (TCP's initial window of ten segments, RFC 6928)


def bodies(client: FlaskClient, path: str, **options: str) -> dict[str, bytes]:
    """The bodies of the page at `path` and of everything it loads, including imported modules, by URL."""
    loaded: dict[str, bytes] = {}
    waiting = [path]
    while waiting:
        address = waiting.pop()
        if address not in loaded:
            with client.get(address, **options) as answer:
                loaded[address] = answer.data
            waiting += _loaded_by(address, loaded[address].decode())
    return loaded


def weight(loaded: dict[str, bytes]) -> int:
    """Compressed size in bytes."""
    return sum(len(gzip.compress(body, 6)) for body in loaded.values())


def _loaded_by(origin: str, text: str) -> Iterator[str]:
    if origin.endswith(".js"):
        code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)  # comments import types, for tsc
        imported = re.findall(r'\b(?:from|import)\s*\(?\s*"(\.[^"]+)"', code)
        yield from (urljoin(origin, address) for address in imported)
    elif not origin.startswith("/static/"):  # a logo comes later: without it the page is painted, and one can call
        yield from re.findall(r'(?:href|src)="(/(?:static|colour)/[^"]+)"', text)


def report() -> None:
    """Print the total for each language."""
    with servers.database() as (environ, _folder):
        app = create_app(servers.config(environ))
        app.extensions["hub"].listening = True
        with app.app_context():
            schema.build(app.extensions["mongo"].database)
            restaurant_id = restaurants.create("Trattoria Lucia", ObjectId(), "Alice", "en", None)
            tables.add_many(restaurant_id, ["Terrace 7"], None)
            code = tables.of_restaurant(restaurant_id)[0]["code"]
        for language in LANGUAGES:
            loaded = bodies(app.test_client(), f"/t/{code}?lang={language}", base_url=environ["PUBLIC_URL"])
            print(f"guest's page in {language}: {weight(loaded):,} bytes in {len(loaded)} files (limit {LIMIT:,})")
