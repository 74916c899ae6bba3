"""Tables joined for tonight, with a guest at each of two tables and one dashboard; also without scripts."""

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.axe import complaints
from tests.support.cast import Person
from tests.support.visitors import Visitors, card, follow, is_waiting, press, remember, was_not_reloaded
from waitercaller.model import restaurants, tables

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 780}
IDLE = "How can we help?"
ON_THE_WAY = "Bob is on the way"


@pytest.fixture
def codes(app: Flask, alice: Person) -> dict[str, str]:
    """The codes of the tables 7 to 9 on the terrace, by name."""
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["7", "8", "9"], restaurants.ensure_zone(alice.restaurant_id, "Terrace"))
        return {table["name"]: table["code"] for table in tables.of_restaurant(alice.restaurant_id)}


def guest(visitors: Visitors, code: str) -> Page:
    page = visitors.come(viewport=PHONE)
    page.goto(f"/t/{code}")
    remember(page)
    return page


def headline(page: Page, words: str) -> None:
    expect(page.locator("#headline")).to_have_text(words)


def join(staff: Page, home: str, *names: str) -> None:
    staff.goto(f"{home}/joined")
    for name in names:
        staff.get_by_label(name, exact=True).check()
    press(staff, "Join")
    expect(staff.get_by_text("they call as one now")).to_be_visible()


def test_guests_at_two_tables_call_as_one_until_they_are_separated(
    visitors: Visitors, bob: Person, codes: dict[str, str]
) -> None:
    dashboard, staff = visitors.dashboard(bob), visitors.logged_in(bob, viewport=PHONE)
    seven, eight = guest(visitors, codes["7"]), guest(visitors, codes["8"])
    join(staff, bob.home, "7", "8")
    assert complaints(staff) == []
    expect(eight.get_by_text("These tables call as one: 7 + 8")).to_be_visible()
    expect(seven.get_by_text("These tables call as one: 7 + 8")).to_be_visible()

    press(seven, "Call a waiter")
    is_waiting(eight)
    assert complaints(eight) == []
    expect(dashboard.locator("article.table-card")).to_have_count(1)
    expect(card(dashboard, "7 + 8")).to_contain_text("Terrace")
    expect(eight.get_by_role("button", name="Never mind, cancel my call")).to_have_count(0)
    eight.get_by_role("button", name="Call a waiter").click()
    expect(card(dashboard, "7 + 8")).to_contain_text("asked again 1×")
    expect(seven.get_by_text("The staff has been reminded.")).to_be_visible()

    card(dashboard, "7 + 8").get_by_role("button", name="I’m going").click()
    headline(seven, ON_THE_WAY)
    headline(eight, ON_THE_WAY)

    card(dashboard, "7 + 8").locator(".more summary").click()
    follow(card(dashboard, "7 + 8").get_by_role("link", name="Separate these tables"))
    press(dashboard, "Separate")
    expect(dashboard.get_by_text("each calls for itself again")).to_be_visible()
    headline(eight, ON_THE_WAY)  # it has reminded of this call, so it is told how it ends
    follow(dashboard.get_by_role("link", name="Back to the calls"))
    card(dashboard, "7 + 8").get_by_role("button", name="Done").click()
    headline(seven, "Done")
    headline(eight, "Done")
    press(eight, "Call a waiter")
    expect(card(dashboard, "8")).to_be_visible()
    headline(seven, "Done")
    for page in (seven, eight):
        was_not_reloaded(page)


def test_what_is_live_when_tables_are_joined_is_seen_by_all_and_stands_on_one_card(
    visitors: Visitors, bob: Person, codes: dict[str, str]
) -> None:
    dashboard, staff = visitors.dashboard(bob), visitors.logged_in(bob)
    eight, nine = guest(visitors, codes["8"]), guest(visitors, codes["9"])
    press(eight, "Call a waiter")
    press(nine, "Some water")
    expect(dashboard.locator("article.table-card")).to_have_count(2)
    card(dashboard, "9").locator(".more summary").click()
    join = card(dashboard, "9").get_by_role("link", name="Join with other tables")
    staff.goto(str(join.evaluate("link => link.href")))
    expect(staff.get_by_label("9", exact=True)).to_be_checked()
    staff.get_by_label("8", exact=True).check()
    press(staff, "Join")
    expect(dashboard.locator("article.table-card")).to_have_count(1)
    expect(card(dashboard, "8 + 9").locator(".kinds li")).to_have_count(2)
    for page in (eight, nine):
        expect(page.get_by_text("Called — remind them")).to_have_count(2)
    card(dashboard, "8 + 9").get_by_role("button", name="Done").click()
    for page in (eight, nine):
        headline(page, "Done")
        was_not_reloaded(page)


def test_the_sheet_of_a_call_that_is_entered_leads_to_the_page(
    visitors: Visitors, bob: Person, codes: dict[str, str]
) -> None:
    dashboard = visitors.dashboard(bob)
    dashboard.get_by_role("link", name="Enter a call").click()
    dashboard.get_by_role("dialog").get_by_role("link", name="Join tables for tonight").click()
    expect(dashboard.get_by_role("heading", name="Joined tables")).to_be_visible()
    expect(dashboard.get_by_role("dialog")).to_have_count(0)


@pytest.mark.chromium_only("Playwright cannot switch scripts off in Firefox")
def test_without_scripts_tables_are_joined_and_separated_too(
    visitors: Visitors, bob: Person, codes: dict[str, str]
) -> None:
    visitors.tolerate("status of 400")  # a choice that makes no group
    staff = visitors.logged_in(bob, viewport=PHONE, java_script_enabled=False)
    phone = visitors.come(viewport=PHONE, java_script_enabled=False)
    staff.goto(f"{bob.home}/duty")
    follow(staff.get_by_role("link", name="Join tables for tonight"))
    staff.get_by_label("7", exact=True).check()
    press(staff, "Join")
    expect(staff.get_by_role("alert")).to_have_text("Please choose 2 to 12 tables.")
    staff.get_by_label("8", exact=True).check()
    press(staff, "Join")
    expect(staff.get_by_role("heading", name="Tables 7 + 8")).to_be_visible()
    phone.goto(f"/t/{codes['8']}")
    phone.get_by_role("button", name="Call a waiter").click()
    expect(phone.get_by_text("These tables call as one: 7 + 8")).to_be_visible()
    press(staff, "Separate")
    expect(staff.get_by_role("button", name="Separate")).to_have_count(0)
