"""Drawing the list: under a finger, together with a nag, after a fault, and with overdue cards among others."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.test_cards_and_rounds import age
from tests.support.cast import Person, wait_until
from tests.support.visitors import Visitors, card, is_live, press
from waitercaller.db import clock
from waitercaller.model import restaurants, tables
from waitercaller.model.requests import transitions

pytestmark = [
    pytest.mark.browser,
    pytest.mark.whole_chromium,
    pytest.mark.chromium_only("Firefox has no sound device here"),
]

TONES = """
window.tones = 0;
window.heard = []; // the frequency of each tone
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (when) {
  window.tones += 1;
  window.heard.push(Math.round(this.frequency.value));
  return start.call(this, when);
};
window.loudness = []; // the gain of each tone
const ramp = AudioParam.prototype.exponentialRampToValueAtTime;
AudioParam.prototype.exponentialRampToValueAtTime = function (value, at) {
  if (value > 0.001) window.loudness.push(value);
  return ramp.call(this, value, at);
};
"""
NO_PLURALS = "window.Rules = Intl.PluralRules; delete Intl.PluralRules;"
HOLD_MS = 2_000


@pytest.fixture
def call(app: Flask, alice: Person) -> Callable[..., Any]:
    """`call("5", seconds=50, level=1)`: table 5 called 50 seconds ago; returns the request's id."""

    def called(name: str, seconds: float = 0, **values: Any) -> Any:
        with app.app_context():
            tables.add_many(alice.restaurant_id, [name], None)
            restaurant = restaurants.get(alice.restaurant_id)
            assert restaurant is not None
            table = next(each for each in tables.of_restaurant(alice.restaurant_id) if each["name"] == name)
            request = transitions.open_request(restaurant, table, restaurant["kinds"][0], f"{name} {clock.now()}")
            age(app, request["_id"], seconds, **values)
            return request["_id"]

    return called


def ringing(visitors: Visitors, person: Person, script: str = "", **options: Any) -> Page:
    """A live dashboard that counts its tones and may ring."""
    page = visitors.logged_in(person, **options)
    page.add_init_script(TONES + script)
    visitors.tolerate("PluralRules")
    page.goto(f"{person.home}/dashboard")
    return page


def tones(page: Page) -> int:
    return int(page.evaluate("window.tones"))


def rings(page: Page, more_than: int = 0) -> None:
    wait_until(lambda: tones(page) > more_than)


def is_not_calm(page: Page) -> None:
    """The page says loudly that it cannot show the calls."""
    expect(page.locator("#live-words")).to_contain_text("cannot show the calls")
    expect(page.locator("body")).to_have_attribute("data-live", "broken")
    expect(page).to_have_title(re.compile("^⚠"))


# --- a finger that stays --------------------------------------------------------------------------------------


def test_a_held_finger_delays_the_list_for_two_seconds_and_the_ring_not_at_all(
    visitors: Visitors, bob: Person, call: Any
) -> None:
    call("4")
    page = visitors.logged_in(bob)
    page.add_init_script(TONES)
    page.clock.install()
    page.goto(f"{bob.home}/dashboard")
    is_live(page)
    page.locator("#sentence").click()
    page.clock.pause_at(page.evaluate("Date.now() / 1_000 + 1"))
    before = tones(page)
    card(page, "4").get_by_role("button", name="Done").hover()
    page.mouse.down()
    call("5")
    rings(page, before)  # while the page's clock stands still
    expect(card(page, "5")).to_have_count(0)
    page.clock.run_for(HOLD_MS - 500)
    expect(card(page, "5")).to_have_count(0)
    once = tones(page)
    page.clock.run_for(1_000)
    expect(card(page, "5")).to_be_visible()
    assert page.locator("#calls button:active").count() == 1  # it is still held
    assert tones(page) == once  # a call rings once
    page.mouse.up()


# --- nags and new calls ---------------------------------------------------------------------------------------


def test_a_nag_that_falls_together_with_a_redraw_is_no_new_call(
    visitors: Visitors, app: Flask, bob: Person, call: Any
) -> None:
    waiting = call("4", seconds=20)
    page = ringing(visitors, bob)
    is_live(page)
    age(app, waiting, 50, level=1)  # the list that arrives is the first to show this age
    expect(page.locator("#said")).to_have_text("Still waiting: Table 4")
    call("5")
    expect(page.locator("#said")).to_have_text("New call: Table 5")


# --- what is thrown while drawing -----------------------------------------------------------------------------


def test_a_call_that_waits_again_rings_again(
    app: Flask, visitors: Visitors, alice: Person, bob: Person, call: Any
) -> None:
    """Whoever went has forgotten it: to the others it is as a new call."""
    page = visitors.touched_dashboard(bob, TONES)
    request_id = call("5")
    rings(page)
    requests = app.extensions["mongo"].database.requests
    with app.app_context():
        transitions.accept(alice.restaurant_id, [request_id], {"id": alice.member_id, "name": "Alice"})
    expect(card(page, "5")).to_have_attribute("data-state", "accepted")
    before = tones(page)
    nine_minutes_ago = clock.now() - timedelta(minutes=9)
    requests.update_one({"_id": request_id}, {"$set": {"since": nine_minutes_ago, "due_at": clock.now()}})
    expect(card(page, "5")).to_have_attribute("data-state", "waiting")
    rings(page, before)


def test_a_page_that_cannot_draw_says_so_and_rings_for_new_calls(visitors: Visitors, bob: Person, call: Any) -> None:
    page = ringing(visitors, bob, NO_PLURALS)
    is_live(page)
    page.locator("#sentence").click()
    call("4")
    is_not_calm(page)
    rings(page)
    before = tones(page)
    call("5")
    rings(page, before)
    is_not_calm(page)


def test_a_page_that_cannot_draw_what_it_came_with_says_so_and_rings(
    visitors: Visitors, bob: Person, call: Any
) -> None:
    call("4")
    page = ringing(visitors, bob, NO_PLURALS)
    is_not_calm(page)
    page.locator("#unheard button").click()
    before = tones(page)
    call("5")
    rings(page, before)


def test_a_page_whose_script_does_not_start_says_so(visitors: Visitors, bob: Person, call: Any) -> None:
    visitors.tolerate("ERR_FAILED")
    call("4")
    page = visitors.logged_in(bob)
    page.route("**/cards.js", lambda route: route.abort())
    page.goto(f"{bob.home}/dashboard")
    expect(page.locator("#unstarted")).to_be_hidden()
    page.evaluate("document.getAnimations().forEach((each) => each.finish())")  # eleven seconds
    expect(page.locator("#unstarted")).to_be_visible()
    page.unroute("**/cards.js")
    page.locator("#unstarted").get_by_role("link").click()
    is_live(page)
    expect(page.locator("#unstarted")).to_be_hidden()


def test_a_page_that_can_draw_again_is_live_again(visitors: Visitors, bob: Person, call: Any) -> None:
    page = ringing(visitors, bob, NO_PLURALS)
    is_live(page)
    call("4")
    is_not_calm(page)
    expect(page.locator("#live-again")).to_be_visible()
    page.evaluate("void (Intl.PluralRules = Rules)")
    is_live(page)
    expect(card(page, "4")).to_be_visible()
    expect(page.locator("#live-again")).to_be_hidden()


# --- age moves nothing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [360, 768, 1024, 1440])
def test_cards_that_become_overdue_move_and_cover_no_other_card(
    visitors: Visitors, app: Flask, bob: Person, call: Any, width: int
) -> None:
    names = [str(number) for number in range(1, 10)]
    ids = [call(name, seconds=10 - number) for number, name in enumerate(names)]
    page = ringing(visitors, bob, viewport={"width": width, "height": 768})
    is_live(page)
    expect(page.locator("article.table-card")).to_have_count(9)
    size = "getComputedStyle(document.querySelector('.table-card .clock')).fontSize"
    before, small = boxes(page, names), page.evaluate(size)
    for number, request in enumerate(ids[:7]):
        age(app, request, 200 - number, level=3)
    expect(page.locator("article.table-card[data-level=late]")).to_have_count(7)
    expect(page.get_by_text("The managers have been alerted")).to_have_count(7)
    assert boxes(page, names) == before
    assert float(page.evaluate(size)[:-2]) > float(small[:-2])
    press(page, "Rounds")
    before = boxes(page, names)
    for request in ids[7:]:
        age(app, request, 190, level=3)
    expect(page.locator("article.table-card[data-level=late]")).to_have_count(9)
    assert [box[2:] for box in boxes(page, names)] == [box[2:] for box in before]


def boxes(page: Page, names: list[str]) -> list[tuple[int, ...]]:
    """Where each card is and how large: x, y, width, height."""
    found = []
    for name in names:
        box = card(page, name).bounding_box()
        found.append(tuple(round(box[side]) for side in ("x", "y", "width", "height")))
    return found
