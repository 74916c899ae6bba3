"""What the dashboard weighs with 30 cards, and what is not in the page because browsers keep it: the scripts' parts."""

import json
import re

from flask import Flask

from tests.bench import dashboard
from tests.support.cast import Person, visit
from waitercaller.model import restaurants
from waitercaller.requests.dashboard import cards


def test_the_page_and_an_event_with_thirty_cards_stay_small(app: Flask, alice: Person) -> None:
    dashboard.fill(app, alice)
    page = alice.client.get(f"{alice.home}/dashboard").data
    with app.app_context():
        restaurant = restaurants.get(alice.restaurant_id)
        assert restaurant
        event = json.dumps({"now": 0, "html": cards.calls_fragment(restaurant, "en")})
    assert (page.count(b"<article"), event.count("<article")) == (dashboard.CARDS, dashboard.CARDS)
    assert len(page) <= dashboard.MAX_PAGE_BYTES
    assert len(event) <= dashboard.MAX_EVENT_BYTES


def test_browsers_keep_the_parts_of_the_scripts(app: Flask, alice: Person) -> None:
    page = alice.client.get(f"{alice.home}/dashboard", headers={"Accept-Language": "de"}).text
    address = re.search('"(/dashboard-parts/[^"]+)"', page)
    assert address
    assert address[1].endswith("/de.js")
    parts = visit(app).get(address[1])
    assert (parts.mimetype, parts.cache_control.immutable) == ("text/javascript", True)
    assert "Verbinde" in parts.text
    other = visit(app).get(re.sub("parts/[^/]+", "parts/old", address[1]))
    assert (other.text, other.headers["Cache-Control"]) == (parts.text, "no-store")
