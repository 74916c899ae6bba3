"""Very long texts are refused before any processing of superlinear cost."""

import unicodedata
from typing import Any

import pytest
from flask import Flask

from tests.support.asvs import hidden_fields
from tests.support.cast import PASSWORD, Browser, Person, visit
from waitercaller.db import cache
from waitercaller.model.tables import Table

# NFC normalisation of these takes quadratic time.
ACCENTS = "\N{COMBINING ACUTE ACCENT}\N{COMBINING CEDILLA}" * 750
DECOMPOSED = "e\N{COMBINING ACUTE ACCENT}" * 100  # a hundred letters


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The length of the longest text that was normalised."""
    seen, normalize = [0], unicodedata.normalize

    def spy(form: Any, text: str) -> str:
        seen[0] = max(seen[0], len(text))
        return normalize(form, text)

    monkeypatch.setattr(unicodedata, "normalize", spy)
    return seen


@pytest.mark.parametrize(
    ("page", "fields"),
    [
        ("/login", ("email", "password")),
        ("/forgot", ("email",)),
        ("/register", ("email", "password", "name")),
        ("/register", ("email", "name", "restaurant")),
        ("/account/password", ("current", "password")),
        ("/account/verify", ("password",)),
        ("/r/{home}/tables", ("names",)),
        ("/r/{home}/settings/house", ("name",)),
        ("/r/{home}/settings/zones", ("zone_name",)),
    ],
)
def test_a_form_refuses_them(app: Flask, alice: Person, longest: list[int], page: str, fields: tuple[str, ...]) -> None:
    address = page.format(home=alice.restaurant_id)
    browser: Any = alice.client if address.startswith(("/account", "/r/")) else visit(app)
    usual = {"email": "dana@example.org", "password": PASSWORD, "current": PASSWORD, "name": "Dana", "restaurant": "Da"}
    long = dict.fromkeys(fields, f"a{ACCENTS}")
    assert browser.submit(address, {**usual, **long}).status_code == 400
    assert longest[0] <= 1000


def test_a_guests_note_is_refused(app: Flask, alice: Person, table: Table, longest: list[int]) -> None:
    app.extensions["mongo"].database.restaurants.update_one(
        {"_id": alice.restaurant_id}, {"$set": {"settings.notes": True}}
    )
    cache.restaurants.clear()
    guest, address = visit(app), f"/t/{table['code']}"
    form = {**hidden_fields(guest.get(address).text), "kind": "waiter", "note": f"a{ACCENTS}"}
    assert guest.post(f"{address}/call", data=form).status_code == 400
    assert longest[0] <= 1000


def test_a_password_counts_its_letters_however_a_keyboard_sends_them(app: Flask, alice: Person) -> None:
    form = {"current": PASSWORD, "password": DECOMPOSED}
    assert alice.client.submit("/account/password", form).status_code == 303
    login = {"email": alice.email, "password": DECOMPOSED}
    browser: Browser = visit(app)
    assert browser.submit("/login", login).status_code == 303
    assert browser.submit("/account/verify", {"password": unicodedata.normalize("NFC", DECOMPOSED)}).status_code == 303
