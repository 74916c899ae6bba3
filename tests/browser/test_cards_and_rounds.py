"""The dashboard with many calls: order of cards, zones and rounds, taking and passing on, ageing, keys, kiosk mode."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.axe import complaints
from tests.support.cast import Person
from tests.support.visitors import Visitors, card, comes_true, is_live, press, remember, was_not_reloaded
from waitercaller.db import clock
from waitercaller.model import restaurants, tables
from waitercaller.model.requests import transitions as requests
from waitercaller.model.tables import Table

pytestmark = [pytest.mark.browser, pytest.mark.chromium_only("most of it the server decides")]

PHONE = {"width": 390, "height": 780}
ZONES = {"Terrace": ["4", "5", "10"], "Hall": ["20"]}
# Counts the bell's strokes. Browsers play no sound before the first user gesture.
BELL = """
window.strokes = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (when) { window.strokes += 1; return start.call(this, when); };
"""


@pytest.fixture
def tables_by_name(app: Flask, alice: Person) -> dict[str, Table]:
    """The tables of Alice's restaurant by name, in two zones."""
    with app.app_context():
        for zone, names in ZONES.items():
            tables.add_many(alice.restaurant_id, names, restaurants.ensure_zone(alice.restaurant_id, zone))
        return {table["name"]: table for table in tables.of_restaurant(alice.restaurant_id)}


@pytest.fixture
def call(app: Flask, alice: Person, tables_by_name: dict[str, Table]) -> Callable[..., None]:
    """`call("5", "bill", seconds=50, level=1)`: table 5 called for the bill 50 seconds ago."""

    def called(name: str, kind: str = "waiter", seconds: float = 0, **values: Any) -> None:
        with app.app_context():
            restaurant = restaurants.get(alice.restaurant_id)
            assert restaurant is not None
            wanted = next(each for each in restaurant["kinds"] if each["id"] == kind)
            request = requests.open_request(restaurant, tables_by_name[name], wanted, f"{name} {kind} {clock.now()}")
            age(app, request["_id"], seconds, **values)

    return called


def age(app: Flask, request_id: Any, seconds: float, **values: Any) -> None:
    """Backdate a request by so many seconds, and set `values` in its document."""
    since = {"first_at": clock.now() - timedelta(seconds=seconds), **values}
    app.extensions["mongo"].database.requests.update_one({"_id": request_id}, {"$set": since})


def order(dashboard: Page, *names: str) -> None:
    """Expect exactly the cards of these tables, in this order."""
    on_view = dashboard.locator("article.table-card:visible h2")
    expect(on_view).to_have_text(list(names))


def level(dashboard: Page, table: str, expected: str) -> None:
    expect(card(dashboard, table)).to_have_attribute("data-level", expected)


def zone(dashboard: Page, name: str) -> Any:
    return dashboard.locator("#zones button").filter(has_text=name)


def choose(dashboard: Page, table: str, words: str) -> None:
    """Open a card's menu and press this item."""
    card(dashboard, table).locator(".more summary").click()
    card(dashboard, table).get_by_role("button", name=words).click()


def pass_on(dashboard: Page, table: str, name: str) -> None:
    choose(dashboard, table, "Pass on to somebody")
    dashboard.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


def headline(guest: Page, words: str) -> None:
    expect(guest.locator("#headline")).to_have_text(words)


def test_two_staff_and_three_guests_at_once(
    visitors: Visitors, alice: Person, bob: Person, tables_by_name: dict[str, Table]
) -> None:
    alices, bobs = visitors.dashboard(alice), visitors.dashboard(bob, viewport=PHONE)
    guests = {name: visitors.come(viewport=PHONE) for name in ("4", "5", "20")}
    for name, guest in guests.items():
        guest.goto(f"/t/{tables_by_name[name]['code']}")
    for page in (alices, bobs):
        remember(page)

    guests["4"].locator('button[value="waiter"]').click()
    headline(guests["4"], "Your call is on 2 staff screens")
    guests["5"].locator('button[value="bill/card"]').click()
    headline(guests["5"], "Your call is on 2 staff screens")
    guests["20"].locator('button[value="water"]').click()
    headline(guests["20"], "Your call is on 2 staff screens")
    guests["4"].locator('button[value="water"]').click()
    for dashboard in (alices, bobs):
        order(dashboard, "4", "5", "20")
        expect(card(dashboard, "4").locator(".kinds li")).to_have_text(["Waiter", "Water"])
        expect(card(dashboard, "5").locator(".kinds li")).to_have_text("Bill · Card")
        expect(dashboard.locator("#sentence")).to_contain_text("3 tables waiting")

    card(bobs, "4").get_by_role("button", name="I’m going").click()
    headline(guests["4"], "Bob is on the way")
    card(alices, "5").get_by_role("button", name="I’m going").click()
    headline(guests["5"], "Alice is on the way")
    pass_on(bobs, "4", "Alice")
    headline(guests["4"], "Alice is on the way")
    expect(card(alices, "4").get_by_text("Passed on by Bob")).to_be_visible()
    expect(card(alices, "4").get_by_text("You are on the way")).to_be_visible()
    card(bobs, "5").get_by_role("button", name="Take over").click()
    headline(guests["5"], "Bob is on the way")

    choose(alices, "20", "Nobody at the table")
    order(bobs, "4", "5")
    alices.locator("#toasts").get_by_role("button", name="Undo").click()
    order(bobs, "4", "5", "20")
    for name, dashboard in (("4", alices), ("5", bobs), ("20", bobs)):
        card(dashboard, name).get_by_role("button", name="Done").click()
        headline(guests[name], "Done")
    for dashboard in (alices, bobs):
        order(dashboard)
        expect(dashboard.locator("#sentence")).to_have_text("Nobody is waiting")
        was_not_reloaded(dashboard)


def test_a_screen_shows_its_zones_and_remembers_them(visitors: Visitors, alice: Person, bob: Person, call: Any) -> None:
    alices, bobs = visitors.dashboard(alice), visitors.dashboard(bob)
    zone(bobs, "Terrace").click()
    for name in ("20", "4"):
        call(name)
    order(alices, "20", "4")
    order(bobs, "4")
    expect(bobs.locator("#elsewhere")).to_have_text("1 more in other zones")
    bobs.reload()
    order(bobs, "4")
    card(bobs, "4").get_by_role("button", name="Done").click()
    expect(bobs.locator("#sentence")).to_have_text("Nobody is waiting in your zones")
    bobs.locator("#elsewhere").click()
    order(bobs, "20")


def test_a_zone_that_is_new_can_be_chosen_without_loading_the_page(app: Flask, visitors: Visitors, bob: Person) -> None:
    dashboard = visitors.dashboard(bob)
    remember(dashboard)
    expect(dashboard.locator("#zones")).to_be_hidden()
    with app.app_context():
        for name in ("Roof", "Cellar"):
            restaurants.ensure_zone(bob.restaurant_id, name)
    zone(dashboard, "Cellar").click()
    expect(zone(dashboard, "Cellar")).to_have_attribute("aria-pressed", "true")
    was_not_reloaded(dashboard)


def test_no_filter_hides_an_overdue_call(visitors: Visitors, bob: Person, call: Any) -> None:
    dashboard = visitors.dashboard(bob)
    call("5")
    order(dashboard, "5")
    zone(dashboard, "Hall").click()
    order(dashboard)
    call("20")
    call("10", level=2)  # raised by the escalation
    order(dashboard, "20", "10")
    call("4", seconds=78)  # becomes overdue by the screen's clock
    order(dashboard, "4", "20", "10")
    for name in ("4", "10"):
        level(dashboard, name, "late")
        expect(card(dashboard, name).locator(".where bdi")).to_have_text("Terrace")
    card(dashboard, "4").get_by_role("button", name="I’m going").click()
    order(dashboard, "20", "10")


def test_a_card_that_waits_shows_its_age_larger_and_rings_again(visitors: Visitors, bob: Person, call: Any) -> None:
    call("4", seconds=36)
    call("20")
    dashboard = visitors.logged_in(bob)
    dashboard.add_init_script(BELL)
    dashboard.goto(f"{bob.home}/dashboard")
    is_live(dashboard)
    dashboard.locator("#sentence").click()  # a user gesture, which allows sound
    comes_true(dashboard, "window.strokes > 0")  # at 40 s, without a new call
    expect(dashboard.locator("#said")).to_have_text("Still waiting: Table 4")
    level(dashboard, "4", "warn")
    size = "clock => parseFloat(getComputedStyle(clock).fontSize)"
    sizes = {name: card(dashboard, name).locator(".clock").evaluate(size) for name in ("4", "20")}
    assert sizes["4"] > 1.25 * sizes["20"]
    card(dashboard, "4").get_by_role("button", name="I’m going").click()
    level(dashboard, "4", "coming")
    assert card(dashboard, "4").locator(".clock").evaluate(size) == sizes["20"]


def test_that_the_managers_were_alerted_stands_on_the_card(visitors: Visitors, bob: Person, call: Any) -> None:
    dashboard = visitors.dashboard(bob)
    call("4", seconds=121, level=3)
    expect(card(dashboard, "4").get_by_text("The managers have been alerted")).to_be_visible()
    card(dashboard, "4").get_by_role("button", name="I’m going").click()
    expect(card(dashboard, "4").get_by_text("The managers have been alerted")).to_have_count(0)


def test_a_zone_is_walked_as_one_round(visitors: Visitors, alice: Person, bob: Person, call: Any) -> None:
    alices, dashboard = visitors.dashboard(alice), visitors.dashboard(bob, viewport=PHONE)
    call("20", "bill", seconds=10)
    for name, kind in (("10", "water"), ("5", "bill"), ("4", "waiter")):
        call(name, kind)
    press(dashboard, "Rounds")
    terrace = dashboard.locator(".round").filter(has=dashboard.get_by_role("heading", name="Terrace"))
    expect(terrace.locator("article h2")).to_have_text(["4", "5", "10"])
    expect(terrace.locator(".kinds li")).to_have_text(["Waiter", "Bill", "Water"])
    expect(terrace.locator(".round-count")).to_have_text("1 Waiter · 1 Bill · 1 Water")
    order(dashboard, "20", "4", "5", "10")  # the zone of the oldest call comes first
    dashboard.reload()
    order(dashboard, "20", "4", "5", "10")

    terrace.get_by_role("button", name="I’m going to all").click()
    expect(dashboard.get_by_text("3 tables: you are on the way.")).to_be_visible()
    for name in ZONES["Terrace"]:
        expect(card(alices, name).get_by_text("Bob is on the way")).to_be_visible()
    expect(card(alices, "20").get_by_role("button", name="I’m going")).to_be_visible()
    expect(terrace.get_by_role("button", name="I’m going to all")).to_be_hidden()
    card(dashboard, "5").get_by_role("button", name="Done").click()
    expect(terrace.locator("article h2")).to_have_text(["4", "10"])
    press(dashboard, "Rounds")
    order(dashboard, "20", "10", "4")


@pytest.mark.firefox_too
def test_cards_are_worked_through_by_keys(visitors: Visitors, bob: Person, call: Any) -> None:
    for name, seconds in (("4", 30), ("5", 20), ("20", 10)):
        call(name, seconds=seconds)
    dashboard = visitors.dashboard(bob)
    keys = dashboard.keyboard
    keys.press("a")  # no card has the focus: focuses the first one, and does nothing else
    expect(card(dashboard, "4")).to_be_focused()
    keys.press("j")
    expect(card(dashboard, "5")).to_be_focused()
    keys.press("a")
    expect(card(dashboard, "5").get_by_text("You are on the way")).to_be_visible()
    expect(card(dashboard, "4").get_by_role("button", name="I’m going")).to_be_visible()
    expect(card(dashboard, "5")).to_be_focused()
    expect(dashboard.locator(".cards")).not_to_have_class(re.compile("settling"))
    keys.press("r")
    order(dashboard, "4", "20")
    expect(card(dashboard, "20")).to_be_focused()
    keys.press("k")
    expect(card(dashboard, "4")).to_be_focused()

    keys.press("?")
    help_ = dashboard.get_by_role("dialog", name="Keyboard")
    expect(help_).to_be_visible()
    keys.press("r")  # must not act on the cards behind the dialog
    help_.get_by_label("These keys are on").uncheck()
    help_.get_by_role("button", name="Close").click()
    dashboard.reload()
    is_live(dashboard)
    keys.press("j")
    expect(card(dashboard, "4")).not_to_be_focused()
    order(dashboard, "4", "20")


@pytest.mark.firefox_too
def test_what_changes_on_a_card_leaves_the_focus_and_open_menus_alone(
    visitors: Visitors, bob: Person, call: Any
) -> None:
    """The list is morphed: unchanged things keep their DOM elements."""
    call("4", seconds=20)
    call("5", seconds=10)
    dashboard = visitors.dashboard(bob)
    done = card(dashboard, "4").get_by_role("button", name="Done")
    done.focus()
    card(dashboard, "5").locator(".more").evaluate("menu => menu.open = true")
    dashboard.evaluate("window.before = [...document.querySelectorAll('.table-card')]")
    call("5", "water")
    call("4", "bill")
    expect(card(dashboard, "4").locator(".kinds li")).to_have_text(["Waiter", "Bill"])
    expect(card(dashboard, "5").locator(".kinds li")).to_have_text(["Waiter", "Water"])
    assert dashboard.evaluate("[...document.querySelectorAll('.table-card')].every((card, i) => card === before[i])")
    expect(done).to_be_focused()
    expect(card(dashboard, "5").get_by_text("Nobody at the table")).to_be_visible()


@pytest.mark.firefox_too
def test_a_button_never_turns_into_another_one(visitors: Visitors, alice: Person, bob: Person, call: Any) -> None:
    """A second Enter or tap after a change must not press another button."""
    call("4", seconds=20)
    call("5", seconds=10)
    dashboard = visitors.dashboard(bob)
    dashboard.evaluate("""() => {
      const meaning = (button) => `${button.closest(".table-card").dataset.table} ${button.dataset.act}`;
      const buttons = [...document.querySelectorAll(".table-card [data-act]")].map((each) => [each, meaning(each)]);
      window.changed = () => buttons.filter(([each, before]) => each.isConnected && meaning(each) !== before).length;
    }""")
    card(dashboard, "4").get_by_role("button", name="I’m going").focus()
    card(visitors.dashboard(alice), "4").get_by_role("button", name="Done").click()
    dashboard.bring_to_front()  # of Firefox's windows one alone has the focus
    order(dashboard, "5")
    expect(card(dashboard, "5")).to_be_focused()
    card(dashboard, "5").get_by_role("button", name="I’m going").focus()
    dashboard.keyboard.press("Enter")
    expect(card(dashboard, "5").get_by_text("You are on the way")).to_be_visible()
    expect(card(dashboard, "5")).to_be_focused()
    press(dashboard, "Rounds")
    assert dashboard.evaluate("changed()") == 0


def test_a_browser_of_2020_does_all_that_a_waiter_needs(
    visitors: Visitors, alice: Person, bob: Person, call: Any
) -> None:
    """Without the APIs that Safari 14, Chrome 83 or Firefox 78 lack; passing on then uses the server's page."""
    for name in ("4", "5", "20"):
        call(name)
    dashboard = visitors.logged_in(bob)
    dashboard.add_init_script("""
      delete HTMLDialogElement.prototype.showModal;
      delete SubmitEvent.prototype.submitter;
      delete AbortSignal.timeout;
      delete Array.prototype.at;
      delete String.prototype.replaceAll;
      for (const type of [Element, Document, DocumentFragment]) delete type.prototype.replaceChildren;
      delete Element.prototype.checkVisibility;
    """)
    dashboard.goto(f"{bob.home}/dashboard")
    is_live(dashboard)
    expect(dashboard.locator("#help-open")).to_be_hidden()
    card(dashboard, "4").get_by_role("button", name="I’m going").click()
    expect(card(dashboard, "4").get_by_text("You are on the way")).to_be_visible()
    for name in ("4", "5"):
        card(dashboard, name).get_by_role("button", name="Done").click()
        expect(card(dashboard, name)).to_have_count(0)
    choose(dashboard, "20", "Pass on to somebody")
    expect(dashboard.get_by_role("heading", name="Pass on to")).to_be_visible()
    dashboard.get_by_role("button", name="Alice", exact=True).click()
    expect(card(dashboard, "20").get_by_text("Alice is on the way")).to_be_visible()
    card(dashboard, "20").get_by_role("button", name="Done").click()
    order(dashboard)
    expect(dashboard).to_have_title(re.compile("^Calls"))


@pytest.mark.firefox_too
def test_a_kiosk_shows_the_calls_large_and_in_one_column(visitors: Visitors, bob: Person, call: Any) -> None:
    for name in ("4", "5"):
        call(name)
    dashboard = visitors.dashboard(bob, viewport={"width": 1440, "height": 900})
    width = card(dashboard, "4").bounding_box()["width"]
    press(dashboard, "Large")
    comes_true(dashboard, "document.fullscreenElement !== null")
    boxes = [card(dashboard, name).bounding_box() for name in ("4", "5")]
    assert boxes[0]["width"] > 2 * width
    assert boxes[0]["x"] == boxes[1]["x"]
    expect(dashboard.locator("#recent")).to_be_hidden()
    expect(dashboard.locator("#live-words")).to_be_visible()
    dashboard.reload()
    expect(dashboard.locator("body[data-kiosk]")).to_be_visible()
    press(dashboard, "Large")
    expect(dashboard.locator("#recent")).to_be_visible()
    other = visitors.logged_in(bob)
    other.goto(f"{bob.home}/dashboard?kiosk=1")
    expect(other.locator("body[data-kiosk]")).to_be_visible()


def test_an_empty_screen_says_who_would_notice(visitors: Visitors, alice: Person, bob: Person) -> None:
    dashboard = visitors.dashboard(alice)
    expect(dashboard.locator(".watchers li")).to_have_text([re.compile("Alice")])
    visitors.dashboard(bob)
    expect(dashboard.get_by_text("2 screens are open")).to_be_visible()
    expect(dashboard.locator(".watchers bdi")).to_have_text(["Alice", "Bob"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_screen_in_each_of_its_states(
    visitors: Visitors, alice: Person, bob: Person, call: Any, scheme: str
) -> None:
    dashboard = visitors.dashboard(alice, color_scheme=scheme, reduced_motion="reduce")
    found = {"empty": complaints(dashboard)}
    call(
        "4", "bill", seconds=130, level=3, choice="card", choice_labels={"en": "Card"}, note="by the door", reminders=2
    )
    call("5", seconds=50, level=1)
    call("10", state="accepted", by={"id": bob.member_id, "name": "Bob"})
    call("20")
    order(dashboard, "4", "5", "10", "20")
    found["cards"] = complaints(dashboard)
    zone(dashboard, "Hall").click()
    found["overdue of another zone"] = complaints(dashboard)
    press(dashboard, "Rounds")
    found["rounds"] = complaints(dashboard)
    press(dashboard, "Large")
    found["kiosk"] = complaints(dashboard)
    press(dashboard, "Rounds")
    found["kiosk's cards"] = complaints(dashboard)
    press(dashboard, "Large")
    choose(dashboard, "4", "Pass on to somebody")
    found["to whom"] = complaints(dashboard)
    press(dashboard, "Never mind")
    dashboard.keyboard.press("?")
    found["help"] = complaints(dashboard)
    dashboard.keyboard.press("Escape")
    card(dashboard, "4").get_by_role("button", name="Done").click()
    expect(dashboard.locator(".toast-note")).to_be_visible()
    dashboard.get_by_text("Just ended").click()
    found["just ended"] = complaints(dashboard)
    assert not {state: each for state, each in found.items() if each}
