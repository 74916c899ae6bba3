"""The settings in a browser: on a phone, without scripts, two owners at once, and the effect on the guest's page."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.axe import complaints
from tests.support.cast import Person
from tests.support.visitors import Visitors, fill, press
from waitercaller.alerts import webhooks as telling
from waitercaller.model import restaurants, settings, webhooks

pytestmark = pytest.mark.browser

PHONE = {"width": 360, "height": 740}
PAGES = ("", "/opening", "/house", "/kinds", "/kinds/bill", "/kinds/new", "/zones", "/attention", "/face", "/webhook")


@pytest.fixture
def alices(visitors: Visitors, alice: Person) -> Page:
    """Alice's phone without scripts, on the settings page."""
    page = visitors.logged_in(alice, viewport=PHONE, java_script_enabled=False)
    page.goto(f"{alice.home}/settings")
    return page


def closed_everywhere(page: Page, home: str) -> Iterator[str]:
    """Open each page of the settings, with all its <details> opened."""
    for path in PAGES:
        page.goto(f"{home}/settings{path}")
        page.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
        yield path


@pytest.mark.chromium_only("Playwright cannot switch scripts off in Firefox")
def test_an_owner_sets_the_restaurant_up_with_a_phone_and_no_scripts(alices: Page, dana: Page) -> None:
    alices.get_by_role("link", name="What guests can ask for").click()
    alices.get_by_role("link", name="Add another one").click()
    fill(alices, **{"names-en": "A high chair", "choices-en": "Child\nToddler"})
    alices.locator(".picture").filter(has_text="Chair").click()
    press(alices, "Save")
    press(alices, "Move A high chair up")
    expect(alices.locator(".thing").nth(2)).to_contain_text("A high chair")
    dana.reload()
    expect(dana.locator("main")).to_contain_text("A high chair")
    alices.get_by_role("link", name="A high chair").click()
    alices.locator("summary").filter(has_text="No longer offer it").click()
    press(alices, "No longer offer it")
    expect(alices.get_by_role("button", name="Offer A high chair again")).to_be_visible()
    dana.reload()
    expect(dana.locator("main")).not_to_contain_text("A high chair")

    alices.get_by_role("link", name="All settings").click()
    alices.get_by_role("link", name="Zones None").click()
    fill(alices, zone_name="Terrace")
    press(alices, "Add")
    expect(alices.locator(".thing")).to_contain_text("Terrace")
    alices.get_by_role("link", name="All settings").click()
    alices.get_by_role("link", name="When nobody comes").click()
    fill(alices, nag="50")
    press(alices, "Save")
    expect(alices.get_by_text("The screens nag after 0:50")).to_be_visible()


@pytest.mark.chromium_only("Playwright cannot switch scripts off in Firefox")
def test_closing_closes_the_guests_page_and_opening_opens_it(alices: Page, dana: Page) -> None:
    alices.get_by_role("link", name="Opening hours").click()
    for day in ("Mon", "Sun"):
        alices.locator(".day-box").filter(has_text=day).click()
    fill(alices, opens="11:00", closes="22:00")
    alices.locator(".add-hours").get_by_role("button", name="Add").click()
    expect(alices.locator(".week .time")).to_have_count(2)
    alices.get_by_role("button", name="Remove Monday, 11:00–22:00").click()
    expect(alices.locator(".week .time")).to_have_count(1)
    alices.get_by_role("button", name="Remove Sunday, 11:00–22:00").click()
    press(alices, "Close now")
    expect(alices.get_by_role("heading", name="Guests cannot call")).to_be_visible()
    dana.reload()
    expect(dana.get_by_role("button", name="Call a waiter")).to_have_count(0)
    press(alices, "As usual again")
    expect(alices.get_by_role("heading", name="Guests can call")).to_be_visible()
    dana.reload()
    expect(dana.get_by_role("button", name="Call a waiter")).to_be_visible()


@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_two_owners_have_the_same_page_open(
    visitors: Visitors, app: Flask, alice: Person, hire: Callable[..., Person]
) -> None:
    visitors.tolerate("status of 409")
    carol = hire("Carol", role="owner", at=alice)
    alices, carols = visitors.logged_in(alice), visitors.logged_in(carol)
    for page in (alices, carols):
        page.goto(f"{alice.home}/settings/house")
    fill(alices, name="Da Lucia")
    press(alices, "Save")
    expect(alices.get_by_text("Saved.")).to_be_visible()
    carols.locator("#time_zone").select_option("Europe/Rome")
    press(carols, "Save")
    expect(carols.get_by_text("Saved.")).to_be_visible()
    with app.app_context():
        restaurants.forget(alice.restaurant_id)
        restaurant = restaurants.get(alice.restaurant_id)
    assert restaurant
    assert (restaurant["name"], restaurant["time_zone"]) == ("Da Lucia", "Europe/Rome")


def test_the_time_zone_of_the_device_is_offered(visitors: Visitors, alice: Person) -> None:
    page = visitors.logged_in(alice, timezone_id="America/New_York")
    page.goto(f"{alice.home}/settings/house")
    press(page, "This device is in America/New York: take it")
    expect(page.locator("#time_zone")).to_have_value("America/New_York")
    expect(page.locator(".here-zone")).to_be_hidden()
    press(page, "Save")
    expect(page.get_by_text("America/New York")).to_be_visible()


@pytest.mark.chromium_only("axe reads the same elements in every engine")
def test_axe_finds_nothing_on_these_pages(visitors: Visitors, app: Flask, alice: Person) -> None:
    with app.app_context():
        restaurants.ensure_zone(alice.restaurant_id, "Terrace")
        webhooks.put(alice.restaurant_id, "https://hooks.example.org/")
        telling.enqueue_test(settings.get(alice.restaurant_id), "a test")
    page = visitors.logged_in(alice, viewport=PHONE, reduced_motion="reduce")
    found = []
    for path in closed_everywhere(page, alice.home):
        found += [f"{path}: {each}" for each in complaints(page)]
        page.emulate_media(color_scheme="dark")
        found += [f"{path}, dark: {each}" for each in complaints(page, "color-contrast")]
        page.emulate_media(color_scheme="light")
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            found.append(f"{path}: {width} px wide")
        for target in page.locator(
            "main button, main summary, main a.btn, main .box, main .picture, main .day-box"
        ).all():
            box = target.bounding_box()
            if box and min(round(box["width"]), round(box["height"])) < 48:
                found.append(f"{path}: {target.inner_text()!r} is small")
    assert not found
