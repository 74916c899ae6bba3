"""The guest's page fits into one round trip in every language, and its files are cached."""

import pytest
from flask import Flask

from tests.bench.page_size import LIMIT, bodies, weight
from tests.requests.guest.test_page import Phone
from tests.support.cast import Person
from waitercaller.db import cache
from waitercaller.model.languages import LANGUAGES
from waitercaller.model.tables import Table


@pytest.fixture
def phone(app: Flask, alice: Person, table: Table) -> Phone:
    """A phone whose table has called for every kind, in a restaurant that takes notes and has a face."""
    links = [{"label": f"{number} {'Ä' * 22}", "url": f"https://restaurant.example/{number}/menu"} for number in (1, 2)]
    face = {"logo": "6a0f3c91d27be845f1903ab7c86d52e4", "colour": "#7a4f01", "links": links}
    app.extensions["mongo"].database.restaurants.update_one(
        {"_id": alice.restaurant_id}, {"$set": {"settings.notes": True, "settings.face": face}}
    )
    cache.restaurants.clear()
    phone = Phone(app.test_client(), table["code"])
    phone.scan()
    for kind in ("waiter", "bill/split", "water"):
        phone.tap(kind, note="Three of us pay together, the other two each on their own. Thank you!")
    return phone


def test_the_page_comes_in_one_round_trip_in_every_language(phone: Phone) -> None:
    sizes = {}
    for language in LANGUAGES:
        loaded = bodies(phone.client, f"{phone.address}&lang={language}")
        assert len(loaded) == 12  # the page, three styles, seven scripts, one icon
        sizes[language] = weight(loaded)
    assert max(sizes.values()) <= LIMIT, sizes


def test_all_but_the_page_may_be_kept_for_a_year(phone: Phone) -> None:
    for address in bodies(phone.client, phone.address):
        with phone.client.get(address) as answer:
            kept = answer.headers["Cache-Control"]
        assert kept == "no-store" if address == phone.address else "immutable" in kept and "max-age=31536000" in kept
