"""What a phone loads when it first opens a guest's page: HTML, styles, scripts, icons, each as gzip -6 makes it."""

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

LIMIT = 14_336  # bytes: what a server sends in the first round trip (TCP's initial window of ten segments)


def bodies(client: FlaskClient, path: str, **options: str) -> dict[str, bytes]:
    """The page at `path` and whatever it loads, modules that scripts import included, by their addresses."""
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
    """Bytes on the line."""
    return sum(len(gzip.compress(body, 6)) for body in loaded.values())


def _loaded_by(origin: str, text: str) -> Iterator[str]:
    if origin.endswith(".js"):
        code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)  # comments import types, for tsc
        imported = re.findall(r'\b(?:from|import)\s*\(?\s*"(\.[^"]+)"', code)
        yield from (urljoin(origin, address) for address in imported)
    elif not origin.startswith("/static/"):
        yield from re.findall(r'(?:href|src)="(/static/[^"]+)"', text)


def report() -> None:
    """Print the sum for each language."""
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
