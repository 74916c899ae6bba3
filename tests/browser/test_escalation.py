"""The escalation with the background jobs of real processes: screens, mails, presence."""

from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support import axe
from tests.support.cast import Person
from tests.support.visitors import Visitors, card, press
from tests.support.website import Website
from waitercaller.db import clock
from waitercaller.model import restaurants, tables
from waitercaller.model.tables import Table

pytestmark = [
    pytest.mark.browser,
    pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see"),
]

SHORT = {"nag": 2, "all_zones": 4, "alert": 6}  # seconds


@pytest.fixture
def impatient(app: Flask, alice: Person, table: Table) -> Person:
    """Alice, whose open restaurant has short escalation times; table 12 is on the terrace, table 7 inside."""
    database = app.extensions["mongo"].database
    settings = {"settings.escalation": SHORT, "settings.alert_mail": True}
    with app.app_context():
        zones = [restaurants.ensure_zone(alice.restaurant_id, name) for name in ("Inside", "Terrace")]
        tables.add_many(alice.restaurant_id, ["12"], zones[1])
    database.tables.update_one({"_id": table["_id"]}, {"$set": {"zone_id": zones[0]}})
    database.restaurants.update_one(
        {"_id": alice.restaurant_id}, {"$set": {**settings, "opening": {"state": "open", "until": None}}}
    )
    return alice


def test_a_call_to_which_nobody_goes_reaches_all_screens_and_then_its_owner(
    website: Website, visitors: Visitors, impatient: Person, bob: Person, table: Table
) -> None:
    screen = visitors.dashboard(bob)
    screen.get_by_role("button", name="Terrace").click()
    guest = visitors.come(viewport={"width": 390, "height": 780})
    guest.goto(f"/t/{table['code']}")
    press(guest, "Call a waiter")

    waiting = card(screen, "7")
    expect(waiting).to_be_visible()  # although this screen filters for the terrace
    expect(waiting.get_by_text("The managers have been alerted")).to_be_visible()
    expect(waiting).to_have_attribute("data-level", "late")
    mail = website.mail_to(impatient.email)
    assert mail.subject == "1 table is left waiting · Trattoria Lucia"

    owner = visitors.logged_in(impatient)
    owner.goto(mail.links[0])
    press(owner, "I’m going")
    expect(guest.get_by_role("heading", name="Alice is on the way")).to_be_visible()
    expect(waiting.get_by_text("The managers have been alerted")).to_be_hidden()


def test_the_owner_of_an_open_restaurant_without_screens_gets_a_mail(website: Website, impatient: Person) -> None:
    since = clock.now() - timedelta(minutes=2)
    note = {"restaurant_id": impatient.restaurant_id, "unheard_since": since, "told_at": None, "unheeded": 0}
    website.app.extensions["mongo"].database.alerts.insert_one(note)
    mail = website.mail_to(impatient.email)
    assert "no screen has shown its calls" in mail.text


def test_the_page_of_people_says_who_is_watching(visitors: Visitors, impatient: Person, bob: Person) -> None:
    owner = visitors.logged_in(impatient)
    page = f"{impatient.home}/staff"
    owner.goto(page)
    expect(owner.get_by_text("No screen is open")).to_be_visible()
    visitors.dashboard(bob)
    expect(reloaded(owner, page).locator("#watching + .devices")).to_contain_text("Bob")
    assert axe.complaints(owner) == []


def reloaded(page: Page, address: str) -> Page:
    page.goto(address)
    return page
