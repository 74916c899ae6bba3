"""What a phone loads when it first opens a guest's page: HTML, styles, scripts, icons, each as gzip -6 makes it."""

import gzip
import re

from bson import ObjectId

from tests.bench import servers
from waitercaller import create_app, restaurants, schema
from waitercaller.i18n import LANGUAGES
from waitercaller.tables import store as tables

LIMIT = 14_336  # bytes: what a server sends in the first round trip (TCP's initial window of ten segments)


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
        client = app.test_client()
        for language in LANGUAGES:
            html = client.get(f"/t/{code}?lang={language}", base_url=environ["PUBLIC_URL"]).data
            assets = re.findall(rb'(?:href|src)="(/static/[^"]+)"', html)
            bodies = [html, *(client.get(asset.decode(), base_url=environ["PUBLIC_URL"]).data for asset in assets)]
            total = sum(len(gzip.compress(body, 6)) for body in bodies)
            print(f"guest's page in {language}: {total:,} bytes in {len(bodies)} files (limit {LIMIT:,})")
