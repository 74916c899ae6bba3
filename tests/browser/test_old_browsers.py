"""Browsers of the stated minimum: the main job with what they lack taken away before the page's scripts run."""

import re
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Error, Page, Route, expect

from tests.browser.test_cards_and_rounds import choose
from tests.browser.test_drawing import call as call  # a fixture
from tests.support.cast import Person
from tests.support.visitors import Visitors, card, fill, is_live, is_waiting, press
from waitercaller.model import restaurants
from waitercaller.model.tables import Table

pytestmark = [
    pytest.mark.browser,
    pytest.mark.whole_chromium,
    pytest.mark.chromium_only("what old engines lack is taken away once; Firefox has no sound device here"),
]

# What Safari 14, Chrome 83 or Firefox 78 lack.
OLD = """
for (const [owner, names] of [
  [AbortSignal, ["timeout", "any"]],
  [Array.prototype, ["at", "findLast", "findLastIndex", "toSorted", "toReversed", "with"]],
  [String.prototype, ["at", "replaceAll"]],
  [Element.prototype, ["replaceChildren", "checkVisibility"]],
  [Document.prototype, ["replaceChildren"]],
  [DocumentFragment.prototype, ["replaceChildren"]],
  [HTMLDialogElement.prototype, ["show", "showModal", "close"]],
  [HTMLFormElement.prototype, ["requestSubmit"]],
  [SubmitEvent.prototype, ["submitter"]],
  [Object, ["hasOwn", "groupBy", "fromEntriesOf"]],
  [Promise, ["any", "withResolvers"]],
  [Crypto.prototype, ["randomUUID"]],
  [Navigator.prototype, ["userActivation", "wakeLock", "getBattery"]],
  [window, ["structuredClone", "WeakRef", "AggregateError", "navigation", "CSSContainerRule"]],
]) for (const name of names) delete owner[name];
"""
NEW_SELECTORS = re.compile(r"[^{}]*:(?:has|is|where)\([^{}]*\{[^{}]*\}")


def forget_new_selectors(page: Page) -> None:
    """As a browser that drops each rule with a selector that it does not know."""

    def answer(route: Route) -> None:
        with suppress(Error):  # the page may be closed meanwhile, at the end of its test
            response = route.fetch()
            css = re.sub(r"/\*.*?\*/", "", response.text(), flags=re.DOTALL)
            route.fulfill(response=response, body=NEW_SELECTORS.sub("", css))

    page.route(re.compile(r"/css/[^/]+\.css"), answer)


def old(page: Page) -> Page:
    page.add_init_script(OLD)
    forget_new_selectors(page)
    return page


@pytest.fixture
def dashboard(visitors: Visitors, alice: Person, bob: Person) -> Page:
    page = old(visitors.logged_in(alice))
    page.goto(f"{alice.home}/dashboard")
    is_live(page)
    return page


def test_the_main_job_in_browsers_of_the_stated_minimum(visitors: Visitors, dashboard: Page, table: Table) -> None:
    guest = old(visitors.come())
    guest.goto(f"/t/{table['code']}")
    press(guest, "Call a waiter")
    is_waiting(guest)
    expect(dashboard.locator("dialog").filter(visible=True)).to_have_count(0)
    expect(dashboard).to_have_title(re.compile(r"^\(1\)"))
    card(dashboard, "7").get_by_role("button", name="I’m going").click()
    expect(guest.locator("#headline")).to_have_text("Alice is on the way")
    choose(dashboard, "7", "Pass on to somebody")  # without dialogs a page of its own asks
    press(dashboard, "Bob")
    expect(guest.locator("#headline")).to_have_text("Bob is on the way")
    is_live(dashboard)
    card(dashboard, "7").get_by_role("button", name="Done").click()
    expect(guest.locator("#headline")).to_have_text("Done")
    expect(dashboard.locator("#sentence")).to_have_text("Nobody is waiting")
    expect(dashboard).to_have_title(re.compile("^Calls"))


def test_a_counter_asks_who_in_browsers_of_the_stated_minimum(
    visitors: Visitors, app: Flask, alice: Person, bob: Person, call: Any
) -> None:
    call("4")
    page = old(visitors.logged_in(alice))
    page.goto(f"{alice.home}/staff")
    page.get_by_text("Add a screen").click()
    fill(page, device_name="Bar")
    press(page, "Log me out and make it a screen")
    is_live(page)
    card(page, "4").get_by_role("button", name="I’m going").click()
    press(page, "Bob")
    expect(card(page, "4").get_by_text("Bob is on the way")).to_be_visible()


def test_the_bar_of_a_deaf_screen_is_red_without_new_selectors(visitors: Visitors, dashboard: Page) -> None:
    visitors.tolerate("net::ERR_")
    calm = bar(dashboard)
    dashboard.context.set_offline(True)
    expect(dashboard.locator("#live-words")).to_contain_text("Not live")
    assert bar(dashboard) != calm
    expect(dashboard.locator("#unknown")).to_be_visible()
    expect(dashboard.locator(".nobody")).to_be_hidden()


def bar(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.querySelector('.bar')).backgroundColor"))


@pytest.mark.parametrize(("path", "box"), [("opening", ".day-box"), ("kinds/waiter", ".picture")])
def test_chosen_days_and_pictures_look_chosen_without_new_selectors(
    visitors: Visitors, alice: Person, path: str, box: str
) -> None:
    page = visitors.logged_in(alice)
    forget_new_selectors(page)
    page.goto(f"{alice.home}/settings/{path}")
    if path == "opening":
        page.locator("summary", has_text="Add").first.click()
    label = page.locator(box).nth(3)
    before = label.screenshot()
    label.click()
    expect(label.locator("input")).to_be_checked()
    page.mouse.move(0, 0)
    assert label.screenshot() != before


# --- forced colours -------------------------------------------------------------------------------------------

CONTRAST = """element => {
  const channel = (value) => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = (colour) => {
    const [red, green, blue] = colour.match(/[\\d.]+/g).map(Number).map(channel);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const { color, backgroundColor } = getComputedStyle(element);
  const [high, low] = [light(color), light(backgroundColor)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_pressed_can_be_read_and_told_from_the_rest_with_forced_colours(
    visitors: Visitors, app: Flask, alice: Person, scheme: str
) -> None:
    with app.app_context():
        for zone in ("Bar", "Terrace"):
            restaurants.ensure_zone(alice.restaurant_id, zone)
    page = visitors.dashboard(alice, forced_colors="active", color_scheme=scheme)
    press(page, "Bar")
    press(page, "Rounds")
    backgrounds = "element => getComputedStyle(element).backgroundColor"
    for pressed in page.locator("#zones [aria-pressed=true], #rounds").all():
        assert pressed.evaluate(CONTRAST) >= 4.5
        assert pressed.evaluate(backgrounds) != page.locator("#kiosk").evaluate(backgrounds)
    page.goto(f"{alice.home}/report")
    assert page.locator(".periods [aria-current]").evaluate(CONTRAST) >= 4.5
    page.goto(f"{alice.home}/duty")
    assert page.locator(".duty-switch").first.evaluate("each => getComputedStyle(each).backgroundImage") != "none"


# --- WebKit's and Firefox's ways -------------------------------------------------------------------------------


def test_keys_after_a_click_mark_the_card_that_they_act_on(visitors: Visitors, bob: Person, call: Any) -> None:
    """In WebKit a focus that a script sets after a click is not marked. So it is here for keys that nobody pressed."""
    for name in ("4", "5"):
        call(name)
    page = visitors.dashboard(bob)
    expect(page.locator("article.table-card")).to_have_count(2)
    key = "key => document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    card(page, "5").locator(".clock").click()
    page.evaluate(key, "r")  # the card has the focus, and nobody sees that
    assert page.evaluate(outline) == "solid"
    page.evaluate(key, "j")
    page.evaluate(key, "k")
    assert page.evaluate(outline) == "solid"
    expect(card(page, "4")).to_be_focused()
    expect(page.locator("article.table-card")).to_have_count(2)
    page.evaluate(key, "r")
    expect(page.locator("article.table-card")).to_have_count(1)


def test_a_sound_that_a_touch_does_not_start_is_said_to_be_dead(visitors: Visitors, bob: Person) -> None:
    """Firefox without a sound device: resume() never answers."""
    page = visitors.dashboard(
        bob,
        """
        window.hasDevice = false;
        const resume = AudioContext.prototype.resume;
        AudioContext.prototype.resume = function () { return hasDevice ? resume.call(this) : new Promise(() => {}); };
        Object.defineProperty(BaseAudioContext.prototype, "state", {
          get() { return hasDevice ? "running" : "suspended"; },
        });
        """,
    )
    expect(page.locator("#unheard p")).to_contain_text("waits for a tap")
    page.locator("#unheard button").click()
    expect(page.locator("#unheard p")).to_contain_text("The sound does not play")
    page.evaluate("window.hasDevice = true")
    page.locator("#unheard button").click()
    expect(page.locator("#unheard")).to_be_hidden()


def test_an_error_of_the_sound_is_noticed_and_a_touch_makes_another(visitors: Visitors, bob: Person) -> None:
    page = visitors.touched_dashboard(
        bob,
        """
        window.contexts = [];
        window.AudioContext = class extends AudioContext {
          constructor() { super(); contexts.push(this); }
          get currentTime() { return this.isStill ? 1 : super.currentTime; }
        };
        """,
    )
    count = page.evaluate("contexts.length")
    page.evaluate("contexts.forEach((each) => { each.isStill = true; each.dispatchEvent(new Event('error')); })")
    expect(page.locator("#unheard")).to_be_hidden()  # another one plays
    assert page.evaluate("contexts.length") > count


def test_a_context_that_was_closed_is_replaced_by_a_touch(visitors: Visitors, bob: Person) -> None:
    page = visitors.dashboard(
        bob,
        """
        window.contexts = [];
        window.AudioContext = class extends AudioContext { constructor() { super(); contexts.push(this); } };
        """,
    )
    page.evaluate("contexts[0].close()")
    expect(page.locator("#unheard")).to_be_visible()
    page.locator("#unheard button").click()
    expect(page.locator("#unheard")).to_be_hidden()


def test_the_sound_is_said_to_be_playback_where_a_ringer_would_silence_it(visitors: Visitors, bob: Person) -> None:
    page = visitors.dashboard(bob, "navigator.audioSession = { type: 'auto' };")
    assert page.evaluate("navigator.audioSession.type") == "playback"
    expect(page.locator("#ringer")).to_be_hidden()


def test_an_older_iphone_is_said_to_obey_its_ringer(visitors: Visitors, bob: Person) -> None:
    page = visitors.dashboard(bob, "navigator.standalone = false;", has_touch=True)
    page.locator("#bell summary").click()
    expect(page.locator("#ringer")).to_be_visible()


REFUSED = """
Object.defineProperty(navigator, "wakeLock", { value: { request: async () => { throw new DOMException("no"); } } });
"""


@pytest.mark.parametrize("is_phone", [True, False], ids=["phone", "tablet"])
def test_a_refused_wake_lock_is_said_on_screens_that_are_no_phones(
    visitors: Visitors, bob: Person, is_phone: bool
) -> None:
    size = {"width": 390, "height": 780} if is_phone else {"width": 1024, "height": 768}
    page = visitors.dashboard(bob, REFUSED, viewport=size, screen=size, has_touch=True, is_mobile=True)
    page.locator("#unheard button").click()
    tired = page.locator("#unheard p", has_text="may fall asleep")
    expect(tired).to_have_count(0 if is_phone else 1)


def test_menus_close_by_a_touch_on_plain_text(visitors: Visitors, bob: Person, call: Any) -> None:
    """An iPhone sends no click to plain text."""
    call("4")
    page = visitors.dashboard(
        bob, "addEventListener('click', (event) => window.noClicks && event.stopImmediatePropagation(), true);"
    )
    for menu in ("#bell", ".table-card .more"):
        page.evaluate("window.noClicks = false")
        page.locator(f"{menu} > summary").click()
        expect(page.locator(menu)).to_have_attribute("open", "")
        page.evaluate("window.noClicks = true")
        page.locator("#sentence").click()
        expect(page.locator(menu)).not_to_have_attribute("open", "")


def test_the_bars_of_the_steps_are_drawn_on_all_sides(dana: Page) -> None:
    """A border on one side alone that ends in round corners is a wedge in Firefox."""
    press(dana, "Call a waiter")
    expect(dana.locator(".steps")).to_be_visible()
    sides = """["Top", "Right", "Bottom", "Left"].map((side) =>
      getComputedStyle(document.querySelector(".steps li"), "::before")[`border${side}Width`])"""
    assert dana.evaluate(sides) == ["3px"] * 4
