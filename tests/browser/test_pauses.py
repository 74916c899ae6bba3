"""Pauses: of a phone that calls where nobody sits, without its table; of a table, by the staff."""

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.axe import complaints
from tests.support.cast import Person, wait_until
from tests.support.visitors import Visitors, card, remember, was_not_reloaded
from waitercaller.db import clock
from waitercaller.model.tables import Table

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 780}
PHONE_PAUSED = "Calls from this phone are paused — please wave"
TABLE_PAUSED = "Calls from this table are paused — please wave"


def headline(guest: Page, words: str) -> None:
    expect(guest.locator("#headline")).to_have_text(words)


def tap(guest: Page, button: str = "Call a waiter") -> None:
    """Press a button; not twice in quick succession, which the page takes for one tap."""
    guest.get_by_role("button", name=button).click()


def choose(dashboard: Page, words: str) -> None:
    """Open the menu of table 7's card and press this item."""
    card(dashboard, "7").locator(".more summary").click()
    card(dashboard, "7").get_by_role("button", name=words).click()
    expect(dashboard.locator(".toast-note")).to_be_visible()


def find_nobody(dashboard: Page) -> None:
    """Dismiss the calls of table 7. Waits until its card is gone, so that the next menu is that of a new card."""
    choose(dashboard, "Nobody at the table")
    expect(card(dashboard, "7")).to_have_count(0)


def anew(page: Page) -> Page:
    """The same URL in another tab: a page without scripts reloads itself, which could collide with a reload by us."""
    tab = page.context.new_page()
    tab.goto(page.url)
    page.close()
    return tab


def pauses_of(dashboard: Page) -> Locator:
    return dashboard.get_by_role("region", name="Paused")


def test_after_nobody_was_there_twice_the_phone_is_paused_and_the_table_is_not(
    visitors: Visitors, alice: Person, bob: Person, table: Table, dana: Page
) -> None:
    tablet, phone = visitors.dashboard(alice), visitors.dashboard(bob, viewport=PHONE)
    remember(dana)
    tap(dana)
    find_nobody(tablet)
    headline(dana, "They did not find you")
    tap(dana, "Some water")
    find_nobody(tablet)
    headline(dana, PHONE_PAUSED)
    expect(pauses_of(tablet)).to_contain_text("One phone, until")

    tap(dana)
    expect(pauses_of(tablet)).to_contain_text("1 tap")
    expect(pauses_of(phone)).to_contain_text("1 tap")
    expect(tablet.locator("#sentence")).to_have_text("Nobody is waiting")
    headline(dana, PHONE_PAUSED)
    assert complaints(dana) == []
    assert complaints(tablet) == []

    other = visitors.come(viewport=PHONE)
    other.goto(f"/t/{table['code']}")
    tap(other)
    expect(card(tablet, "7")).to_be_visible()
    expect(dana.locator(".notice")).to_have_text(PHONE_PAUSED)  # beside the state of the other phone's call
    card(tablet, "7").get_by_role("button", name="Done").click()

    pauses_of(phone).get_by_role("button", name="Let it call again").click()
    expect(pauses_of(tablet)).to_be_hidden()
    expect(dana.get_by_text(PHONE_PAUSED)).to_have_count(0)
    tap(dana, "Some water")
    expect(card(phone, "7")).to_be_visible()
    was_not_reloaded(dana)


def test_undoing_the_second_nobody_there_gives_the_phone_its_call_back(
    visitors: Visitors, alice: Person, dana: Page
) -> None:
    tablet = visitors.dashboard(alice)
    for button in ("Call a waiter", "Some water"):
        tap(dana, button)
        find_nobody(tablet)
    headline(dana, PHONE_PAUSED)
    tablet.locator(".toast-note").get_by_role("button", name="Undo").click()
    expect(card(tablet, "7")).to_be_visible()
    expect(pauses_of(tablet)).to_be_hidden()
    expect(dana.get_by_text("Called — remind them")).to_be_visible()


def test_the_undo_of_an_older_action_is_not_offered_while_a_newer_one_is_on_its_way(
    visitors: Visitors, alice: Person, dana: Page
) -> None:
    tablet = visitors.dashboard(alice)
    tap(dana)
    find_nobody(tablet)
    tap(dana, "Some water")
    held: list[Route] = []
    tablet.route("**/dismiss", lambda route: held.append(route))
    card(tablet, "7").locator(".more summary").click()
    card(tablet, "7").get_by_role("button", name="Nobody at the table").click()
    assert tablet.locator(".toast-note").count() == 0
    wait_until(lambda: tablet.evaluate("true") and held)
    held[0].continue_()
    tablet.locator(".toast-note").get_by_role("button", name="Undo").click()
    expect(card(tablet, "7").locator(".kinds li")).to_have_text("Water")


@pytest.mark.firefox_too
def test_a_table_is_paused_for_a_quarter_of_an_hour_and_calls_again_by_itself(
    app: Flask, visitors: Visitors, alice: Person, table: Table, dana: Page
) -> None:
    tablet = visitors.dashboard(alice)
    guest = visitors.come(viewport=PHONE)
    guest.goto(f"/t/{table['code']}")
    tap(dana)
    choose(tablet, "Pause this table for 15 minutes")
    expect(tablet.locator(".toast-note")).to_contain_text("Table 7: paused for 15 minutes.")
    expect(dana.locator(".notice")).to_have_text(TABLE_PAUSED)  # its call is still live
    expect(card(tablet, "7")).to_be_visible()
    card(tablet, "7").get_by_role("button", name="Done").click()
    headline(guest, TABLE_PAUSED)
    tap(guest)
    expect(pauses_of(tablet)).to_contain_text("The whole table, until")
    expect(pauses_of(tablet)).to_contain_text("1 tap")

    # 15 minutes later; the servers' background job ends the pause and wakes the streams.
    app.extensions["mongo"].database.pauses.update_one({}, {"$set": {"until": clock.now()}})
    expect(pauses_of(tablet)).to_be_hidden()
    headline(guest, "How can we help?")
    tap(guest, "Some water")
    expect(card(tablet, "7")).to_be_visible()


@pytest.mark.chromium_only("Playwright cannot switch scripts off in Firefox")
def test_without_scripts_a_paused_table_is_said_to_be_paused_and_lifted(
    visitors: Visitors, alice: Person, table: Table
) -> None:
    guest = visitors.come(java_script_enabled=False, viewport=PHONE)
    guest.goto(f"/t/{table['code']}")
    tap(guest)
    till = visitors.logged_in(alice, java_script_enabled=False)
    till.goto(f"{alice.home}/dashboard")
    card(till, "7").get_by_role("link", name="More").click()
    till.get_by_role("button", name="Pause this table").click()
    expect(till.get_by_role("status").filter(has_text="Table 7: paused")).to_be_visible()
    guest = anew(guest)
    expect(guest.locator(".notice")).to_have_text(TABLE_PAUSED)
    tap(guest)
    expect(guest.locator(".notice")).to_have_text(TABLE_PAUSED)
    till = anew(till)
    expect(pauses_of(till)).to_contain_text("1 tap")
    pauses_of(till).get_by_role("button", name="Let it call again").click()
    expect(pauses_of(till)).to_be_hidden()
    expect(anew(guest).locator(".notice")).to_have_count(0)
