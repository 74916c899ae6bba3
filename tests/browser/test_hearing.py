"""Trying who can hear, in browsers: a screen that is rung, and a test call; the manager has a phone."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.test_drawing import TONES, rings, tones
from tests.browser.test_screen import are
from tests.support.axe import complaints
from tests.support.cast import Person
from tests.support.visitors import Visitors, card, press
from tests.support.website import Website
from waitercaller.model import restaurants

pytestmark = [
    pytest.mark.browser,
    pytest.mark.whole_chromium,
    pytest.mark.chromium_only("a sound device, which Firefox lacks in tests"),
]


@pytest.fixture
def screen(website: Website, visitors: Visitors, bob: Person) -> Page:
    """Bob's dashboard, which may ring."""
    page = visitors.touched_dashboard(bob, TONES)
    are(website, bob, ("Bob", True, True))
    return page


@pytest.fixture
def patient(app: Flask, alice: Person) -> None:
    """Alice's restaurant has so long times that a test call lives for minutes, however slow the machine is."""
    with app.app_context():
        slow = {"nag": 3000, "all_zones": 3200, "alert": 3400, "remind_taker": 3400, "tell_colleagues": 3500}
        restaurants.set_setting(alice.restaurant_id, "escalation", {**slow, "give_back": 3600})


@pytest.fixture(params=[True, False], ids=["with scripts", "without"])
def phone(request: pytest.FixtureRequest, visitors: Visitors, alice: Person, screen: Page) -> Page:
    """Alice's phone with the page "Who can hear", where Bob's screen rings."""
    page = visitors.logged_in(alice, viewport={"width": 390, "height": 780}, java_script_enabled=request.param)
    page.goto(f"{alice.home}/staff/hearing")
    expect(page.get_by_text("1 screen rings")).to_be_visible()
    return page


def test_a_screen_that_is_rung_says_for_whom_and_the_page_says_when(screen: Page, phone: Page) -> None:
    before = tones(screen)
    expect(screen.locator(".toast-note")).to_have_count(0)
    press(phone, "Ring the screen of Bob")
    rings(screen, before)
    expect(screen.locator(".toast-note")).to_have_text("Test: asked for by Alice")
    expect(phone.get_by_text(re.compile(r"^Rang at \d\d:\d\d:\d\d$"))).to_be_visible()  # it loads itself again
    expect(screen.locator(".toast-note")).to_have_count(0)  # after a moment
    assert tones(screen) - before == 6, "it rings once"


@pytest.mark.usefixtures("patient")
def test_a_test_call_is_taken_and_its_page_says_what_happened(
    screen: Page, phone: Page, bob: Person, dana: Page, request: pytest.FixtureRequest
) -> None:
    press(phone, "Try it with my whole house")
    expect(phone.get_by_role("heading", name="Test call")).to_be_visible()
    test = card(screen, "Test call")
    expect(test.get_by_text("Asked for by Alice")).to_be_visible()
    rings(screen)
    test.get_by_role("button", name="I’m going").click()
    test.get_by_role("button", name="Done").click()
    expect(test).to_have_count(0)
    expect(dana.locator("body")).not_to_contain_text(re.compile("test", re.IGNORECASE))
    expect(phone.get_by_text(re.compile(r"^Bob took it after [\d.]+ s\.$"))).to_be_visible()
    expect(phone.get_by_text("1 screen showed it")).to_be_visible()
    expect(phone.get_by_role("button", name="Try it again")).to_be_visible()  # nothing can change any more
    expect(phone.get_by_text(re.compile(r"^Showed it after [\d.]+ s"))).to_be_visible()
    if "without" not in request.node.name:
        assert complaints(phone) == []


def test_a_test_call_that_nobody_takes_walks_all_steps(screen: Page, visitors: Visitors, alice: Person) -> None:
    owner = visitors.logged_in(alice)
    owner.goto(f"{alice.home}/staff/hearing")
    press(owner, "Try it with my whole house")
    expect(card(screen, "Test call").get_by_text("The managers have been alerted")).to_be_visible()
    expect(card(screen, "Test call")).to_have_count(0)
    expect(owner.get_by_text("Nobody took it, so it has gone through all steps.")).to_be_visible()
    steps = owner.locator("li", has=owner.locator(".rehearsal-at"))
    expect(steps).to_have_count(6)
    expect(steps.last).to_contain_text("The test is over.")
