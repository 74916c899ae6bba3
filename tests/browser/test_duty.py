"""Duty in browsers of two staff: tables for tonight, a break with a deputy, the counter; also without scripts."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.axe import complaints
from tests.support.cast import Person, device
from tests.support.visitors import Visitors, follow, press
from waitercaller.model import restaurants, tables

pytestmark = pytest.mark.browser
NO_SCRIPTS = pytest.mark.chromium_only("Playwright cannot switch scripts off in Firefox")


@pytest.fixture
def nina(hire: object, alice: Person) -> Person:
    return hire("Nina", role="waiter", at=alice)  # type: ignore[operator,no-any-return]


@pytest.fixture
def terrace(app: Flask, alice: Person) -> None:
    """Six tables on the terrace and two at the bar."""
    with app.app_context():
        tables.add_many(alice.restaurant_id, list("123456"), restaurants.ensure_zone(alice.restaurant_id, "Terrace"))
        tables.add_many(alice.restaurant_id, ["Bar 1", "Bar 2"], restaurants.ensure_zone(alice.restaurant_id, "Bar"))


def counter_of(app: Flask, visitors: Visitors, owner: Person) -> Page:
    cookie = device(app, owner).get_cookie("session")
    assert cookie
    page = visitors.come(viewport={"width": 1024, "height": 768})
    page.context.add_cookies([{"name": "session", "value": cookie.value, "url": visitors.website.url}])
    return page


@pytest.mark.parametrize("scripts", [True, pytest.param(False, marks=NO_SCRIPTS)])
def test_two_waiters_share_the_house_for_tonight(
    visitors: Visitors, bob: Person, nina: Person, terrace: None, scripts: bool
) -> None:
    phone = {"viewport": {"width": 390, "height": 780}, **({} if scripts else {"java_script_enabled": False})}
    bobs, ninas = visitors.logged_in(bob, **phone), visitors.logged_in(nina, **phone)
    bobs.goto(f"{bob.home}/dashboard")
    bobs.locator(".menu:not(#bell) > summary").click()
    follow(bobs.get_by_role("link", name="Duty and tables"))
    press(bobs, "I’m on duty")
    expect(bobs.get_by_text(re.compile("You are on duty until .* only the phones of those on duty"))).to_be_visible()
    ninas.goto(f"{nina.home}/duty")
    press(ninas, "I’m on duty")
    for table in ("1", "2"):
        bobs.get_by_label(table, exact=True).check()
    ninas.get_by_label("1", exact=True).check()
    ninas.locator("fieldset").filter(has_text="Bar").get_by_label("Whole zone").check()
    press(bobs, "Save")
    press(ninas, "Save")  # her page is older than Bob's choice
    expect(ninas.get_by_text("Table 1: Bob has it.")).to_be_visible()
    expect(ninas.get_by_label("1 Bob")).to_be_disabled()
    expect(ninas.get_by_text("Tables 1, 2")).to_be_visible()
    if scripts:
        assert complaints(bobs) == []

    press(bobs, "Nina")
    expect(bobs.get_by_role("heading", name="On a break")).to_be_visible()
    ninas.reload()
    expect(ninas.get_by_text("Also those of Bob, during the break: Tables 1, 2")).to_be_visible()
    press(bobs, "Take them back")
    expect(bobs.get_by_text("You have your tables again.")).to_be_visible()
    press(bobs, "Off duty")
    expect(bobs.get_by_role("button", name="I’m on duty")).to_be_visible()
    ninas.reload()
    ninas.get_by_label("1", exact=True).check()
    press(ninas, "Save")
    expect(ninas.get_by_label("1", exact=True)).to_be_checked()


def test_at_the_counter_everybody_taps_a_name(
    app: Flask, visitors: Visitors, alice: Person, bob: Person, nina: Person, terrace: None
) -> None:
    counter = counter_of(app, visitors, alice)
    counter.goto(f"{alice.home}/dashboard")
    counter.locator(".menu:not(#bell) > summary").click()
    follow(counter.get_by_role("link", name="Who is here?"))
    for name in ("Bob", "Nina"):
        counter.get_by_role("switch", name=name).click()
        expect(counter.get_by_role("switch", name=name)).to_be_checked()
    follow(counter.get_by_role("link", name="Tables of Bob"))
    counter.get_by_label("3", exact=True).check()
    press(counter, "Save")
    follow(counter.get_by_role("link", name="Who is here"))
    assert complaints(counter) == []
    follow(counter.get_by_role("link", name="Bob Table 3"))  # what becomes of his table?
    press(counter, "Nina")
    press(counter, "Off duty")
    expect(counter.get_by_role("switch", name="Bob")).not_to_be_checked()
    expect(counter.get_by_role("link", name="Nina Table 3")).to_be_visible()
    counter.get_by_role("switch", name="Alice").click()
    expect(counter.get_by_role("switch", name="Alice")).to_be_checked()
