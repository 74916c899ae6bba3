"""Never calm while deaf: pages whose scripts do not arrive, or whose browser lacks an API, say so or go on."""

import re
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from playwright.sync_api import Page, Route, expect

from tests.browser.test_cards_and_rounds import choose
from tests.browser.test_drawing import TONES, rings, tones
from tests.browser.test_drawing import call as call  # a fixture
from tests.support.cast import Person, wait_until
from tests.support.visitors import Visitors, card, comes_true, is_live, is_not_live, press, remember
from tests.support.website import Website
from waitercaller.model import restaurants
from waitercaller.model.requests import queries, transitions
from waitercaller.model.tables import Table

pytestmark = [
    pytest.mark.browser,
    pytest.mark.whole_chromium,
    pytest.mark.chromium_only("minutes of pages; Firefox tries one of each kind"),
]

STATIC = Path(__file__).parents[2] / "static"
IMPORT = re.compile(r'^import [^"]*"([^"]+)";$', re.MULTILINE)
PORTAL = "<!doctype html><title>Hotel</title><p>Please log in."
SILENT_MS = 6_000
RELOAD_MS = 11_000
STREAM_LOST_MS = 20_000  # a heartbeat and a margin


def modules_of(script: str) -> list[str]:
    """The script and all that it imports."""
    found: list[str] = []

    def add(path: Path) -> None:
        if str(path) not in found:
            found.append(str(path))
            for each in IMPORT.findall(path.read_text()):
                add((path.parent / each).resolve())

    add(STATIC / "js" / script)
    return [Path(each).relative_to(STATIC).as_posix() for each in found]


DASHBOARD, GUEST = modules_of("dashboard.js"), modules_of("guest.js")


@pytest.fixture
def called(website: Website, alice: Person, table: Table) -> ObjectId:
    """The request of table 7, which has just called."""
    with website.app.app_context():
        restaurant = restaurants.get(alice.restaurant_id)
        assert restaurant
        return transitions.open_request(restaurant, table, restaurant["kinds"][0], "a key")["_id"]


def accept(website: Website, alice: Person, *ids: ObjectId) -> None:
    with website.app.app_context():
        transitions.accept(alice.restaurant_id, list(ids), {"id": alice.member_id, "name": "Alice"})


@pytest.fixture(autouse=True)
def _complaints(visitors: Visitors) -> None:
    visitors.tolerate("ERR_FAILED", "MIME type", "broken on purpose", "is not a constructor", "is not defined")


def break_file(page: Page, name: str, how: str) -> None:
    def answer(route: Route) -> None:
        route.abort() if how == "abort" else route.fulfill(body=PORTAL, content_type="text/html")

    page.route(re.compile(rf"/{re.escape(name)}(\?|$)"), answer)


def is_red(page: Page) -> None:
    """The dashboard says loudly that it is not live, and not that nobody waits."""
    expect(page.locator("#unstarted")).to_be_visible()
    expect(page.locator("#unstarted")).to_contain_text("not live")
    expect(page.locator("#sentence, .nobody").filter(visible=True)).to_have_count(0)
    expect(page.locator("#unknown")).to_be_visible()
    late = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--late-bg')")
    assert page.evaluate("getComputedStyle(document.querySelector('.bar')).getPropertyValue('--bar-bg')") == late


# --- (a), (b): a file does not arrive -------------------------------------------------------------------------


def test_the_modules_of_the_pages_are_found() -> None:
    assert {"js/dashboard.js", "js/sound.js", "js/dom.js", "vendor/morphdom/morphdom-esm.js"} < set(DASHBOARD)
    assert {"js/guest.js", "js/guest-outbox.js", "js/event-stream.js"} < set(GUEST)


def test_a_dashboard_without_one_of_its_modules_is_red(visitors: Visitors, bob: Person) -> None:
    """Each file of the page in turn, and the parts in English, in one context whose clock is moved."""
    page = visitors.logged_in(bob)
    page.clock.install()
    visitors.tolerate("No HTML", "Unexpected token")
    for name, how in zip([*DASHBOARD, "en.js"], cycle(["abort", "portal"]), strict=False):
        break_file(page, name, how)
        page.goto(f"{bob.home}/dashboard", wait_until="load")
        page.clock.run_for(SILENT_MS)
        is_red(page)
        page.unroute_all()


def test_a_guest_without_one_of_the_modules_is_told_that_the_page_may_be_old(visitors: Visitors, table: Table) -> None:
    page = visitors.come()
    page.clock.install()
    for name, how in zip(GUEST, cycle(["portal", "abort"]), strict=False):
        break_file(page, name, how)
        page.goto(f"/t/{table['code']}", wait_until="load")
        expect(page.locator("#unconnected")).to_be_hidden()
        page.clock.run_for(SILENT_MS)
        expect(page.locator("#unconnected")).to_be_visible()
        page.unroute_all()


@pytest.mark.firefox_too
def test_a_dashboard_whose_script_did_not_start_loads_itself_anew_once_it_can(visitors: Visitors, bob: Person) -> None:
    page = visitors.logged_in(bob)
    page.clock.install()
    break_file(page, "js/cards.js", "abort")
    page.goto(f"{bob.home}/dashboard", wait_until="load")
    page.clock.run_for(SILENT_MS)
    is_red(page)
    page.unroute_all()
    page.route("**/dashboard", lambda route: route.abort())  # the server is away: what stands there stays
    page.clock.run_for(RELOAD_MS)
    is_red(page)
    page.unroute_all()
    page.clock.run_for(RELOAD_MS)
    is_live(page)
    expect(page.locator("#unstarted")).to_be_hidden()


@pytest.mark.firefox_too
def test_a_guest_whose_script_did_not_start_reads_who_is_on_the_way(
    website: Website, visitors: Visitors, alice: Person, table: Table, called: ObjectId
) -> None:
    guest = visitors.come()
    guest.clock.install()
    break_file(guest, "js/storage.js", "abort")
    guest.goto(f"/t/{table['code']}", wait_until="load")
    accept(website, alice, called)
    guest.clock.run_for(RELOAD_MS)
    expect(guest.locator("#headline")).to_have_text("Alice is on the way")


@pytest.mark.firefox_too
def test_a_dashboard_that_stops_working_later_is_red(visitors: Visitors, bob: Person) -> None:
    page = visitors.logged_in(bob)
    page.clock.install()
    page.goto(f"{bob.home}/dashboard")
    is_live(page)
    page.evaluate("document.dispatchEvent = () => {}")  # no sign of life arrives any more
    page.route("**/dashboard", lambda route: route.abort())
    page.clock.run_for(SILENT_MS)
    is_red(page)


@pytest.mark.firefox_too
def test_a_page_without_the_watchdog_says_so_by_its_style_alone(visitors: Visitors, bob: Person) -> None:
    page = visitors.logged_in(bob)
    for name in ("js/watchdog.js", "js/cards.js"):
        break_file(page, name, "abort")
    page.goto(f"{bob.home}/dashboard")
    expect(page.locator("#unstarted")).to_be_hidden()
    page.evaluate("document.getAnimations().forEach((each) => each.finish())")  # eleven seconds
    expect(page.locator("#unstarted")).to_be_visible()
    expect(page.locator("#sentence, .nobody").filter(visible=True)).to_have_count(0)


# --- (a): an API is missing or throws -------------------------------------------------------------------------

THROWS = "throw new Error('broken on purpose');"
GET_THROWS = f"get() {{ {THROWS} }}"
APIS = {
    "AudioContext throws": f"window.AudioContext = class {{ constructor() {{ {THROWS} }} }};",
    "no AudioContext": "delete window.AudioContext; delete window.webkitAudioContext;",
    "EventSource throws": f"window.EventSource = class {{ constructor() {{ {THROWS} }} }};",
    "no EventSource": "delete window.EventSource;",
    "MutationObserver throws": f"window.MutationObserver = class {{ constructor() {{ {THROWS} }} }};",
    "Notification throws": f"Object.defineProperty(Notification, 'permission', {{ {GET_THROWS} }});",
    "no Notification": "delete window.Notification;",
    "no Collator": "delete Intl.Collator;",
    "PluralRules throws": f"Intl.PluralRules = class {{ constructor() {{ {THROWS} }} }};",
    "dates throw": f"Date.prototype.toLocaleTimeString = () => {{ {THROWS} }};",
    "wake locks throw": f"WakeLock.prototype.request = () => {{ {THROWS} }};",
    "vibration throws": f"navigator.vibrate = () => {{ {THROWS} }};",
    "no storage": f"Object.defineProperty(window, 'localStorage', {{ {GET_THROWS} }});",
    "no full screen": "delete Element.prototype.requestFullscreen;",
}
DEAF = {"AudioContext throws", "no AudioContext"}  # and say so


@pytest.mark.parametrize("name", APIS)
def test_a_dashboard_without_an_api_shows_a_call_and_rings_or_says_that_it_does_not(
    visitors: Visitors, bob: Person, call: Any, name: str
) -> None:
    visitors.tolerate("PluralRules", "Collator")
    page = visitors.logged_in(bob)
    page.add_init_script(TONES + APIS[name])
    page.clock.install()
    page.goto(f"{bob.home}/dashboard")
    page.locator(".room").click(position={"x": 2, "y": 2})
    if "EventSource" in name:
        page.clock.run_for(4_000)  # the time for which a connection may be away
        is_not_live(page)
    elif "PluralRules" not in name:
        is_live(page)
    before = tones(page)
    call("4")
    if "EventSource" in name:
        page.clock.run_for(RELOAD_MS)  # it asks
    if "PluralRules" in name:
        expect(page.locator("#live-words")).to_contain_text("cannot show the calls")
    else:
        expect(card(page, "4")).to_be_visible()
    if name in DEAF:
        expect(page.locator("#unheard p")).to_contain_text("The sound does not play")
    else:
        rings(page, before)


GUEST_APIS = {
    "EventSource throws": f"window.EventSource = class {{ constructor() {{ {THROWS} }} }};",
    "no EventSource": "delete window.EventSource;",
    "no relative times": f"Intl.RelativeTimeFormat = class {{ constructor() {{ {THROWS} }} }};",
    "dates throw": f"Date.prototype.toLocaleTimeString = () => {{ {THROWS} }};",
    "no languages": "Object.defineProperty(navigator, 'languages', { value: undefined });",
    "marking throws": f"DOMTokenList.prototype.toggle = () => {{ {THROWS} }};",
    "no history": f"history.replaceState = () => {{ {THROWS} }};",
    "no storage": f"Object.defineProperty(window, 'localStorage', {{ {GET_THROWS} }});",
}


@pytest.mark.parametrize("name", GUEST_APIS)
def test_a_guest_without_an_api_calls_and_reads_who_is_on_the_way(
    website: Website, visitors: Visitors, alice: Person, table: Table, name: str
) -> None:
    visitors.tolerate("reading 'find'")
    page = visitors.come()
    page.add_init_script(GUEST_APIS[name])
    page.clock.install()
    page.goto(f"/t/{table['code']}")
    press(page, "Call a waiter")
    expect(page.locator(".live")).to_be_visible()
    with website.app.app_context():
        live = [each["_id"] for each in queries.live_of_restaurant(alice.restaurant_id)]
    accept(website, alice, *live)
    if "EventSource" in name:
        page.clock.run_for(15_000)
    expect(page.locator("#headline")).to_have_text("Alice is on the way")


def test_a_guest_whose_page_cannot_be_drawn_is_told_within_20_seconds(
    website: Website, visitors: Visitors, alice: Person, table: Table, called: ObjectId
) -> None:
    page = visitors.come()
    page.clock.install()
    page.goto(f"/t/{table['code']}")
    expect(page.locator(".live")).to_be_visible()
    page.evaluate("void (DOMParser.prototype.parseFromString = () => { throw new Error('broken on purpose'); })")
    accept(website, alice, called)
    page.clock.run_for(20_000)
    said = page.locator("#headline, #unconnected").filter(visible=True)
    expect(said.filter(has_text=re.compile("on the way|may be out of date"))).to_have_count(1)


def test_a_question_that_fails_does_not_end_all_later_ones(
    visitors: Visitors, alice: Person, bob: Person, called: ObjectId
) -> None:
    page = visitors.dashboard(alice)
    expect(card(page, "7")).to_be_visible()
    page.evaluate("""() => {
      const show = HTMLDialogElement.prototype.showModal;
      HTMLFormElement.prototype.submit = () => {};
      HTMLDialogElement.prototype.showModal = function () {
        HTMLDialogElement.prototype.showModal = show;
        throw new Error("broken on purpose");
      };
    }""")
    for _ in range(2):
        choose(page, "7", "Pass on to somebody")
    expect(page.locator("#who")).to_be_visible()


def test_a_tap_is_sent_though_its_card_cannot_be_marked(
    website: Website, visitors: Visitors, alice: Person, called: ObjectId
) -> None:
    page = visitors.dashboard(alice)
    expect(card(page, "7")).to_be_visible()
    page.evaluate("""() => {
      const set = Element.prototype.setAttribute;
      Element.prototype.setAttribute = function (name, value) {
        if (name === "aria-busy") throw new Error("broken on purpose");
        set.call(this, name, value);
      };
    }""")
    card(page, "7").get_by_role("button", name="I’m going").click()
    requests = website.app.extensions["mongo"].database.requests
    wait_until(lambda: requests.count_documents({"_id": called, "state": "accepted"}) == 1)


def test_a_sheet_that_cannot_be_shown_is_a_page(visitors: Visitors, bob: Person, table: Table) -> None:
    page = visitors.dashboard(bob)
    page.evaluate("void (HTMLDialogElement.prototype.showModal = () => { throw new Error('broken on purpose'); })")
    page.get_by_role("link", name="Enter a call").click()
    expect(page.get_by_role("heading", name="Who waved?")).to_be_visible()


def test_the_list_of_restaurants_says_when_it_may_be_out_of_date(visitors: Visitors, alice: Person) -> None:
    page = visitors.logged_in(alice)
    page.clock.install()
    said, calm = page.get_by_text("may be out of date"), page.get_by_text("Nobody is waiting")
    break_file(page, "js/refreshed-part.js", "portal")
    page.goto("/restaurants", wait_until="load")
    expect(calm).to_be_visible()
    page.clock.run_for(SILENT_MS)
    expect(said).to_be_visible()
    expect(calm).to_be_hidden()
    page.unroute_all()
    page.clock.run_for(RELOAD_MS)  # it loads itself anew
    expect(calm).to_be_visible()
    page.route("**/restaurants", lambda route: route.abort())
    page.clock.run_for(3 * RELOAD_MS)
    expect(said).to_be_visible()


# --- (c): a proxy holds streams back --------------------------------------------------------------------------


# As a proxy that waits for the end of an answer: the stream is open, and nothing comes.
HELD = "window.EventSource = class extends EventTarget { close() {} };"


def test_a_guest_behind_a_proxy_that_holds_streams_back_reads_it_by_asking(
    website: Website, visitors: Visitors, alice: Person, table: Table, called: ObjectId
) -> None:
    page = visitors.come()
    page.add_init_script(HELD)
    page.clock.install()
    page.goto(f"/t/{table['code']}")
    remember(page)
    page.clock.run_for(4_000)
    accept(website, alice, called)
    page.clock.run_for(12_000)
    expect(page.locator("#headline")).to_have_text("Alice is on the way")
    expect(page.locator("#unconnected")).to_be_hidden()  # it is as new as the last question
    page.route("**/t/**", lambda route: route.abort())
    page.clock.run_for(12_000)
    expect(page.locator("#unconnected")).to_be_visible()


def test_a_guest_whose_stream_is_held_back_later_reads_it_within_30_seconds(
    website: Website, visitors: Visitors, alice: Person, table: Table, called: ObjectId
) -> None:
    page = visitors.come()
    page.add_init_script("""
      window.Real = EventSource;
      window.EventSource = class {
        constructor(url) {
          const real = new Real(url);
          const add = real.addEventListener.bind(real);
          real.addEventListener = (name, work) => add(name, (event) => window.isHeld || work(event));
          return real;
        }
      };
    """)
    page.clock.install()
    page.goto(f"/t/{table['code']}")
    comes_true(page, "document.querySelector('#headline') !== null")
    page.evaluate("window.isHeld = true")
    accept(website, alice, called)
    page.clock.run_for(30_000)
    expect(page.locator("#headline")).to_have_text("Alice is on the way")


def test_a_screen_behind_a_proxy_that_holds_streams_back_is_red_shows_the_call_and_rings(
    visitors: Visitors, bob: Person, call: Any
) -> None:
    page = visitors.logged_in(bob)
    page.add_init_script(TONES)
    page.add_init_script(HELD)
    page.clock.install()
    page.goto(f"{bob.home}/dashboard")
    page.locator(".room").click(position={"x": 2, "y": 2})
    page.clock.run_for(4_000)
    is_not_live(page)
    before = tones(page)
    call("4")
    page.clock.run_for(RELOAD_MS)
    expect(card(page, "4")).to_be_visible()
    rings(page, before)
