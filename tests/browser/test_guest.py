"""The guest's page reports the true state of a call while screens open and close and the staff acts."""

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, Request, expect

from tests.support.cast import Person
from tests.support.visitors import Visitors, card, press, remember, was_not_reloaded
from tests.support.website import Website
from waitercaller.db import clock
from waitercaller.db.client import Document
from waitercaller.model import tables
from waitercaller.model.tables import Table
from waitercaller.model.tokens import serializer
from waitercaller.requests.guest import links as guest_links

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 780}
OVERLOOKED = "Nobody has seen it yet — please wave"
SILENCE_MS = 60_000  # a screen that could not report its end is removed at its process's next heartbeat


def headline(guest: Page, words: str) -> None:
    expect(guest.locator("#headline")).to_have_text(words)


def tap(guest: Page, button: str) -> None:
    """Press the button with this value, whatever its text."""
    guest.locator(f'button[value="{button}"]').click()


@pytest.fixture
def settle(app: Flask, alice: Person) -> Callable[[Document], None]:
    """`settle({"settings.notes": True})`: change Alice's restaurant."""

    def change(values: Document) -> None:
        app.extensions["mongo"].database.restaurants.update_one({"_id": alice.restaurant_id}, {"$set": values})

    return change


@pytest.fixture
def requests_in(app: Flask) -> Callable[[], list[Document]]:
    return lambda: list(app.extensions["mongo"].database.requests.find().sort("created_at"))


def test_a_tap_costs_one_request(dana: Page) -> None:
    """Its answer is the new state; the line stays open."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if "/static/" not in request.url:  # the icon comes late
            sent.append(f"{request.method} {request.url.rpartition('/')[2]}")

    dana.on("request", note)
    for kind in ("waiter", "water"):
        tap(dana, kind)
        expect(dana.locator(f'.live [value="{kind}"]')).to_be_visible()
    dana.get_by_role("button", name="Never mind").click()
    headline(dana, "Your call is cancelled")
    # A slow page opens its line only now.
    since_the_tap = list(itertools.dropwhile(lambda each: each.startswith("GET live"), sent))
    assert since_the_tap == ["POST call", "POST call", "POST cancel"]


@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_a_call_is_said_to_be_on_the_screens_that_show_it_and_on_no_others(
    visitors: Visitors, alice: Person, bob: Person, dana: Page
) -> None:
    tablet = visitors.dashboard(alice)
    remember(dana)
    tap(dana, "waiter")
    headline(dana, "Your call is on 1 staff screen")
    expect(dana.get_by_text("Nobody has taken it yet.")).to_be_visible()
    expect(dana.locator(".steps .on")).to_have_text(["Sent", "Seen"])
    phone = visitors.dashboard(bob)
    headline(dana, "Your call is on 2 staff screens")
    phone.goto("/account")
    expect(dana.locator("#headline")).to_have_text("Your call is on 1 staff screen", timeout=SILENCE_MS)
    card(tablet, "7").get_by_role("button", name="I’m going").click()
    headline(dana, "Alice is on the way")
    tap(dana, "water")
    expect(dana.get_by_text("Your other call is on 1 staff screen.")).to_be_visible()
    card(tablet, "7").get_by_role("button", name="Done").click()
    headline(dana, "Done")
    expect(dana.locator("#said")).to_have_text("Done")
    was_not_reloaded(dana)


def test_nobody_sees_a_call_without_screens_and_after_they_are_put_away(
    visitors: Visitors, alice: Person, dana: Page
) -> None:
    tap(dana, "waiter")
    headline(dana, "Your call is sent")
    headline(dana, OVERLOOKED)
    tablet = visitors.dashboard(alice)
    headline(dana, "Your call is on 1 staff screen")
    tablet.goto("/account")
    expect(dana.locator("#headline")).to_have_text(OVERLOOKED, timeout=SILENCE_MS)


@pytest.mark.chromium_only("Playwright cannot switch scripts off in Firefox")
def test_a_page_without_scripts_says_so_too(visitors: Visitors, table: Table) -> None:
    guest = visitors.come(java_script_enabled=False)
    guest.goto(f"/t/{table['code']}")
    tap(guest, "bill/card")
    headline(guest, "Your call is sent")
    expect(guest.locator("[aria-current=true]")).to_have_text("Card")
    headline(guest, OVERLOOKED)  # the page reloads itself in time


def test_who_taps_again_reminds_and_the_choice_can_be_changed(dana: Page, requests_in: Any) -> None:
    tap(dana, "bill/card")
    expect(dana.locator(".live [aria-current]")).to_have_text("Card")
    dana.wait_for_timeout(700)  # the page takes two quick taps for one
    tap(dana, "bill/cash")
    expect(dana.locator(".live [aria-current]")).to_have_text("Cash")
    dana.locator('button[value="bill"]').dblclick()
    expect(dana.get_by_text("Called — remind them")).to_be_visible()
    (request,) = requests_in()
    assert (request["choice"], request["kind"]) == ("cash", "bill")


@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_who_cancels_leaves_what_another_phone_asks_for(visitors: Visitors, table: Table, dana: Page) -> None:
    tap(dana, "waiter")
    expect(dana.locator(".live")).to_be_visible()
    other = visitors.come(viewport=PHONE)
    other.goto(f"/t/{table['code']}")
    expect(other.get_by_text("Called — remind them")).to_be_visible()
    expect(other.locator(".cancel")).to_have_count(0)
    tap(other, "waiter")
    expect(other.get_by_text("The staff has been reminded.")).to_be_visible()
    press(dana, "Never mind, cancel my call")
    expect(dana.get_by_text("You have cancelled. Somebody else at your table is still waiting.")).to_be_visible()
    expect(dana.locator(".cancel")).to_have_count(0)
    press(other, "Never mind, cancel my call")
    headline(dana, "Your call is cancelled")
    headline(other, "Your call is cancelled")


@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_not_yet_brings_the_call_back_with_its_first_clock(
    website: Website, visitors: Visitors, alice: Person, dana: Page, requests_in: Any
) -> None:
    tablet = visitors.dashboard(alice)
    tap(dana, "waiter")
    card(tablet, "7").get_by_role("button", name="I’m going").click()
    card(tablet, "7").get_by_role("button", name="Done").click()
    press(dana, "Not yet?")
    headline(dana, "Your call is on 1 staff screen")
    expect(card(tablet, "7")).to_be_visible()
    (request,) = requests_in()
    assert [step["what"] for step in request["steps"]] == ["called", "accepted", "resolved", "reopened"]
    assert request["first_at"] == request["created_at"]


def test_a_note_goes_with_a_tap_where_the_restaurant_takes_notes(
    visitors: Visitors, table: Table, settle: Callable[[Document], None], requests_in: Any
) -> None:
    settle({"settings.notes": True})
    guest = visitors.come(viewport=PHONE)
    guest.goto(f"/t/{table['code']}")
    guest.get_by_label("A note with your next tap").fill("A high chair,\n please")
    tap(guest, "waiter")
    expect(guest.locator("#state-and-kinds .state")).to_contain_text("“A high chair, please”")
    expect(guest.locator("#note")).to_have_value("")
    assert requests_in()[0]["note"] == "A high chair, please"


@pytest.mark.moments
@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_a_closed_restaurant_says_when_it_opens_and_offers_nothing(
    visitors: Visitors, table: Table, settle: Callable[[Document], None]
) -> None:
    whole_week = [{"day": day, "opens": "18:00", "closes": "23:00"} for day in range(7)]
    until = (clock.now() + timedelta(days=2)).replace(hour=12)  # outside the opening hours at any time of day
    settle({"opening": {"state": "closed", "until": until}, "hours": whole_week})
    guest = visitors.come(viewport=PHONE)
    guest.goto(f"/t/{table['code']}")
    headline(guest, "We are closed now")
    expect(guest.get_by_text("We open on")).to_contain_text("6:00")
    expect(guest.locator("main button, textarea:visible, footer:visible")).to_have_count(0)


@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_a_page_left_open_overnight_cannot_call(
    visitors: Visitors, website: Website, dana: Page, table: Table, requests_in: Any
) -> None:
    visitors.tolerate("status of 409")
    with website.app.app_context():
        issued = clock.milliseconds(clock.now() - guest_links.PAGE_LIFETIME) - 60_000
        field = serializer("guest-form").dumps([str(table["_id"]), "yesterday", issued])
    dana.evaluate("field => { document.querySelector('#call [name=form]').value = field }", field)
    tap(dana, "waiter")
    expect(dana.get_by_role("status")).to_contain_text(["This page was open for too long. Please scan the code", ""])
    expect(dana.locator("#unsent")).to_be_hidden()
    assert requests_in() == []


@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_an_open_page_says_that_its_code_has_been_replaced(app: Flask, alice: Person, table: Table, dana: Page) -> None:
    with app.app_context():
        tables.rotate(alice.restaurant_id, table["_id"])
    expect(dana.locator(".notice")).to_contain_text("This code has been replaced.")
    expect(dana.locator("#state-and-kinds button")).to_have_count(0)


def test_a_language_is_kept_and_arabic_is_read_from_the_right(visitors: Visitors, dana: Page) -> None:
    dana.locator("#languages summary").click()
    dana.get_by_role("link", name="العربية").click()
    expect(dana.locator("html[dir=rtl][lang=ar]")).to_have_count(1)
    tap(dana, "waiter")
    expect(dana.locator(".live")).to_be_visible()
    assert "lang=ar" in dana.url
    steps = [step.bounding_box() for step in dana.locator(".steps li").all()]
    assert [box["x"] for box in steps if box] == sorted((box["x"] for box in steps if box), reverse=True)
    assert dana.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_a_held_button_delays_what_the_guest_reads_for_two_seconds_and_no_longer(
    visitors: Visitors, alice: Person, dana: Page
) -> None:
    tap(dana, "waiter")
    tablet = visitors.dashboard(alice)
    headline(dana, "Your call is on 1 staff screen")
    dana.locator('button[value="water"]').hover()
    dana.mouse.down()
    assert dana.locator("button:active").count() == 1
    card(tablet, "7").get_by_role("button", name="I’m going").click()
    headline(dana, "Alice is on the way")
    dana.mouse.up()
    expect(dana.locator(".live")).to_have_count(1)  # the tap was lost, and the guest sees so


def test_keyboard_focus_stays_in_place_when_the_state_changes(dana: Page) -> None:
    water, cancel, menu = dana.locator('button[value="water"]'), dana.locator(".cancel"), dana.locator("#languages")
    water.press("Enter")
    expect(dana.get_by_text("Called — remind them")).to_be_visible()
    expect(water).to_be_focused()
    cancel.press("Enter")
    headline(dana, "Your call is cancelled")
    expect(dana.locator("#headline")).to_be_focused()  # the button has been removed
    menu.locator("summary").press("Enter")
    expect(menu).to_have_attribute("open", "")
    dana.keyboard.press("Escape")
    expect(menu.locator("ul")).to_be_hidden()
    menu.locator("summary").click()
    dana.locator("footer").click()
    expect(menu.locator("ul")).to_be_hidden()


@pytest.mark.chromium_only("a session of Chromium's DevTools")
def test_a_second_visit_fetches_the_page_alone(visitors: Visitors, table: Table) -> None:
    guest = visitors.come()
    network = guest.context.new_cdp_session(guest)
    network.send("Network.enable")
    cached: set[str] = set()
    fetched: Counter[str] = Counter()

    def note(event: Any) -> None:
        if event["requestId"] not in cached and not event["response"].get("fromDiskCache"):
            fetched[event["response"]["url"].partition("?")[0].rpartition("/")[2]] += 1

    network.on("Network.requestServedFromCache", lambda event: cached.add(event["requestId"]))
    network.on("Network.responseReceived", note)
    for _visit in range(2):
        with guest.expect_response("**/live*"):
            guest.goto(f"/t/{table['code']}")
    assert {table["code"], "guest.css", "tokens.css", "guest.js", "guest-outbox.js"} <= set(fetched)
    assert {name for name, times in fetched.items() if times > 1} <= {table["code"], "live"}
