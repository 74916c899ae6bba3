"""Without JavaScript every form works; the guest's page also without cookies."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from bson import ObjectId
from playwright.sync_api import Page, Playwright, expect

from tests.support.browser import FLAGS
from tests.support.cast import PASSWORD, Person
from tests.support.visitors import Visitors, card, fill, is_waiting, press, visit
from tests.support.website import Website
from waitercaller.model import restaurants
from waitercaller.model.requests import queries
from waitercaller.model.requests import transitions as requests
from waitercaller.model.tables import Table

pytestmark = [
    pytest.mark.browser,
    pytest.mark.chromium_only("Playwright cannot switch scripts off in Firefox"),
]

REFRESH_MS = 60_000  # timeout; the pages reload themselves after 10 and 15 seconds


@pytest.fixture
def barren(
    website: Website, visitors: Visitors, playwright: Playwright, executable: str, tmp_path: Path
) -> Iterator[Page]:
    """A phone without scripts and cookies."""
    settings = tmp_path / "profile/Default/Preferences"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"profile": {"default_content_setting_values": {"cookies": 2}}}))
    context = playwright.chromium.launch_persistent_context(
        tmp_path / "profile",
        executable_path=executable,
        args=[*FLAGS, "--headless=new"],
        base_url=website.url,
        locale="en-GB",
        java_script_enabled=False,
        viewport={"width": 390, "height": 780},
    )
    visitors.watched(context)
    page = context.pages[0]
    page.goto("/login")
    assert not context.cookies(), "this phone takes cookies"
    yield page
    context.close()


def headline(guest: Page, words: str) -> None:
    expect(guest.locator("#headline")).to_have_text(words)


def live_ids(person: Person) -> list[ObjectId]:
    return [request["_id"] for request in queries.live_of_restaurant(person.restaurant_id)]


def test_a_guest_with_neither_scripts_nor_cookies(website: Website, barren: Page, alice: Person, table: Table) -> None:
    by: restaurants.Actor = {"id": alice.member_id, "name": "Alice"}
    barren.goto(f"/t/{table['code']}")
    headline(barren, "How can we help?")
    press(barren, "Call a waiter")
    is_waiting(barren)
    press(barren, "Call a waiter Called — remind them")
    expect(barren.get_by_text("The staff has been reminded.")).to_be_visible()

    with website.app.app_context():
        called = live_ids(alice)
        assert len(called) == 1
        requests.accept(alice.restaurant_id, called, by)
    barren.reload()
    headline(barren, "Alice is on the way")
    press(barren, "Never mind, cancel my call")
    headline(barren, "Your call is cancelled")
    press(barren, "The bill, please")
    is_waiting(barren)
    with website.app.app_context():
        requests.resolve(alice.restaurant_id, live_ids(alice), by)
    barren.reload()
    headline(barren, "Done")
    press(barren, "Not yet?")
    is_waiting(barren)
    barren.reload()
    is_waiting(barren)
    with website.app.app_context():
        assert len(live_ids(alice)) == 1
    assert not barren.context.cookies()


def test_an_owner_without_scripts_sets_up_a_restaurant(website: Website, visitors: Visitors) -> None:
    visitors.tolerate("status of 404")
    alice = visitors.come(java_script_enabled=False)
    alice.goto("/register")
    fill(alice, restaurant="Trattoria Lucia", name="Alice", email="alice@example.org", password=PASSWORD)
    press(alice, "Register")
    expect(alice.get_by_role("heading", level=1)).to_have_text("Check your mail")
    visit(alice, website.mail_to("alice@example.org").links[0])
    press(alice, "Confirm my address")
    alice.locator(".menu:not(#bell) > summary").click()
    press(alice, "Log out")
    fill(alice, email="alice@example.org", password=PASSWORD)
    press(alice, "Log in")
    expect(alice.locator("#sentence")).to_have_text("Nobody is waiting")

    alice.get_by_role("link", name="Tables").click()
    fill(alice, names="1-3", zone="Terrace")
    press(alice, "Add")
    expect(alice.get_by_text("3 tables added.")).to_be_visible()

    alice.get_by_role("link", name="Edit 2").click()
    fill(alice, name="Window", zone="Bar")
    press(alice, "Save")
    expect(alice.get_by_role("heading", name="Window")).to_be_visible()

    alice.get_by_role("link", name="Edit Window").click()
    old = alice.get_by_role("link", name="Open as a guest").get_attribute("href")
    alice.get_by_text("Give it a new code").click()
    press(alice, "Make the new code")
    expect(alice.get_by_role("status")).to_contain_text("new code")
    assert alice.get_by_role("link", name="Open as a guest").get_attribute("href") != old

    alice.get_by_text("Remove this table").click()
    press(alice, "Remove the table")
    expect(alice.get_by_text("“Window” was removed.")).to_be_visible()
    expect(alice.locator(".table-card h3")).to_have_text(["1", "3"])


def test_a_waiter_without_scripts_serves(visitors: Visitors, alice: Person, bob: Person, dana: Page) -> None:
    tablet = visitors.logged_in(bob, java_script_enabled=False)
    tablet.goto(f"{bob.home}/dashboard")
    press(dana, "Call a waiter")
    is_waiting(dana)
    tablet.reload()
    card(tablet, "7").get_by_role("button", name="I’m going").click()
    expect(tablet.get_by_text("Table 7: you are on the way.")).to_be_visible()
    headline(dana, "Bob is on the way")

    card(tablet, "7").get_by_role("button", name="Done").click()
    expect(tablet.get_by_text("Table 7: done.")).to_be_visible()
    headline(dana, "Done")
    tablet.get_by_text("Just ended").click()
    tablet.locator("#recent").get_by_role("button", name="Undo").click()
    expect(tablet.get_by_text("Table 7: waiting again.")).to_be_visible()
    is_waiting(dana)

    card(tablet, "7").get_by_role("link", name="More").click()
    press(tablet, "Nobody at the table")
    expect(tablet.get_by_text("Table 7: nobody was there.")).to_be_visible()
    headline(dana, "They did not find you")
    tablet.locator(".menu:not(#bell) > summary").click()
    press(tablet, "Log out")
    expect(tablet.get_by_text("You are logged out.")).to_be_visible()
    visit(tablet, f"{bob.home}/dashboard")
    expect(tablet.get_by_role("heading", level=1)).to_have_text("Log in")


def test_pages_without_scripts_load_themselves_anew(
    website: Website, visitors: Visitors, alice: Person, table: Table
) -> None:
    guest, tablet = visitors.come(java_script_enabled=False), visitors.logged_in(alice, java_script_enabled=False)
    tablet.goto(f"{alice.home}/dashboard")
    expect(tablet.locator(".no-script")).to_contain_text("Scripts are off")
    guest.goto(f"/t/{table['code']}")
    press(guest, "Call a waiter")
    is_waiting(guest)
    with website.app.app_context():
        requests.accept(alice.restaurant_id, live_ids(alice), {"id": alice.member_id, "name": "Alice"})
    expect(card(tablet, "7")).to_be_visible(timeout=REFRESH_MS)
    expect(guest.locator("#headline")).to_have_text("Alice is on the way", timeout=REFRESH_MS)
