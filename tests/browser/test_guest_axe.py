"""axe finds nothing on the guest's page in any state, in light and dark, left-to-right and right-to-left."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support import axe
from tests.support.cast import Person
from tests.support.visitors import Visitors
from waitercaller.db import clock
from waitercaller.db.client import Document
from waitercaller.model import pauses, restaurants, tables
from waitercaller.model.requests import seen, transitions
from waitercaller.model.service_request import Scope
from waitercaller.model.tables import Table
from waitercaller.requests.guest import links as guest_links

pytestmark = [pytest.mark.browser, pytest.mark.chromium_only("axe reads the same elements in every engine")]

PHONE = {"width": 360, "height": 740}
SCREEN = "a" * 32
STATES = {  # states of a table's call, and their headlines
    "sent": "Your call is sent",
    "overlooked": "Nobody has seen it yet — please wave",
    "seen": "Your call is on 1 staff screen",
    "coming": "Alice is on the way",
    "done": "Done",
    "not found": "They did not find you",
    "cancelled": "Your call is cancelled",
}


@pytest.fixture
def addresses(app: Flask, alice: Person) -> dict[str, str]:
    """The paths of tables' pages, each in the state of its name, of its own phone; one screen is visible."""
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["idle", "paused", "replaced", *STATES], None)
        laid = {table["name"]: table for table in tables.of_restaurant(alice.restaurant_id)}
        _present(app, alice)
        pauses.pause_table(laid["paused"])
        tables.rotate(alice.restaurant_id, laid["replaced"]["_id"])
        for state in STATES:
            called = _call(app, alice, laid[state], state)
            receipt = guest_links.sign_receipt(laid[state], guest_links.Receipt(state, [called]))
            laid[state]["code"] += f"?r={receipt}"
    return {name: f"/t/{table['code']}" for name, table in laid.items()}


def _present(app: Flask, alice: Person) -> None:
    now = clock.now()
    screen = {"id": SCREEN, "member_id": None, "name": "Bar", "visible": True, "audible": True, "since": now}
    app.extensions["mongo"].database.screens.insert_one(
        {
            "_id": "elsewhere",
            "process": "elsewhere",
            "restaurant_id": alice.restaurant_id,
            "screens": [screen],
            "seen_at": now + timedelta(hours=1),
            "purge_at": now + timedelta(hours=1),
        }
    )


def _call(app: Flask, alice: Person, table: Table, becomes: str) -> ObjectId:
    """Call for the bill by card, and bring the request into this state."""
    restaurant = restaurants.get(alice.restaurant_id)
    assert restaurant is not None
    bill: Any = restaurant["kinds"][1]
    request = transitions.open_request(
        restaurant, table, bill, "key", choice=bill["choices"][0], note="Now", device=becomes
    )
    where: Scope = {"restaurant_id": alice.restaurant_id, "table_id": table["_id"]}
    ids = [request["_id"]]
    by: restaurants.Actor = {"id": alice.member_id, "name": "Alice"}
    acts: dict[str, Callable[[], object]] = {
        "sent": lambda: _date(
            app, request["_id"], timedelta(hours=1)
        ),  # dated ahead, so that it stays new during the test
        "overlooked": lambda: _date(app, request["_id"], timedelta(minutes=-3)),
        "seen": lambda: seen.record(alice.restaurant_id, ids, SCREEN),
        "coming": lambda: transitions.accept(alice.restaurant_id, ids, by),
        "done": lambda: transitions.resolve(alice.restaurant_id, ids, by),
        "not found": lambda: transitions.dismiss(alice.restaurant_id, ids, by),
        "cancelled": lambda: transitions.cancel(where, ids, [becomes]),
    }
    acts[becomes]()
    return request["_id"]


def _date(app: Flask, request_id: ObjectId, by: timedelta) -> None:
    at = clock.now() + by
    changed = {"first_at": at, "steps.0.at": at}
    app.extensions["mongo"].database.requests.update_one({"_id": request_id}, {"$set": changed})


def finds_nothing(page: Page, state: str) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = axe.complaints(page)
        assert not found, f"{state}, {scheme}:\n" + "\n".join(found)


def test_axe_finds_nothing_whatever_became_of_a_call(visitors: Visitors, addresses: dict[str, str]) -> None:
    guest = visitors.come(viewport=PHONE)
    for state, address in addresses.items():
        guest.goto(address)
        if state in STATES:
            expect(guest.locator("#headline")).to_have_text(STATES[state])
        finds_nothing(guest, state)


def test_axe_finds_nothing_where_the_page_is_read_from_the_right(visitors: Visitors, addresses: dict[str, str]) -> None:
    guest = visitors.come(viewport=PHONE)
    guest.goto(f"{addresses['overlooked']}&lang=ar")
    guest.locator("#languages summary").click()
    finds_nothing(guest, "in Arabic, choosing another language")


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"settings.notes": True}, "#note"),
        ({"opening": {"state": "closed", "until": None}}, "[data-tone=closed]"),
    ],
)
def test_axe_finds_nothing_with_a_note_and_where_it_is_closed(
    app: Flask, visitors: Visitors, alice: Person, table: Table, values: Document, shown: str
) -> None:
    app.extensions["mongo"].database.restaurants.update_one({"_id": alice.restaurant_id}, {"$set": values})
    guest = visitors.come(viewport=PHONE)
    guest.goto(f"/t/{table['code']}")
    expect(guest.locator(shown)).to_be_visible()
    finds_nothing(guest, shown)


def test_axe_finds_nothing_while_a_tap_is_not_sent_and_when_it_is_given_up(visitors: Visitors, table: Table) -> None:
    visitors.tolerate("net::ERR_")
    guest = visitors.come(viewport=PHONE)
    guest.clock.install()
    guest.goto(f"/t/{table['code']}")
    guest.context.set_offline(True)
    guest.locator('button[value="waiter"]').click()
    expect(guest.locator("#unsent")).to_be_visible()
    finds_nothing(guest, "not sent yet")
    guest.clock.fast_forward(600_000)
    expect(guest.locator("#failed")).to_be_visible()
    finds_nothing(guest, "not sent")


def test_axe_finds_a_fault_that_is_there(dana: Page) -> None:
    dana.evaluate("document.documentElement.removeAttribute('lang')")
    assert "html-has-lang" in axe.complaints(dana)[0]
