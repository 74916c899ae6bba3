"""An open screen: sound, notifications, warnings, presence (visible, audible) and its seen reports."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.axe import complaints
from tests.support.cast import Person, device, wait_until
from tests.support.visitors import Visitors, card, comes_true, is_live, press
from tests.support.website import Website
from waitercaller.model import presence, restaurants, tables

pytestmark = [pytest.mark.browser, pytest.mark.chromium_only("most of it replaces the APIs that engines differ in")]

# Replaces the device's APIs (sound, notifications, wake lock) by recorders.
DEVICE = """
window.done = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (when) { window.done.push("tone"); return start.call(this, when); };
navigator.vibrate = () => window.done.push("shake");
Object.defineProperty(navigator, "wakeLock", { value: { request: async () => {
  window.done.push("awake");
  const lock = new EventTarget();
  window.fallAsleep = () => lock.dispatchEvent(new Event("release"));
  return lock;
} } });
window.Notification = class extends EventTarget {
  static permission = "default";
  static requestPermission = async () => (Notification.permission = window.answer ?? "granted");
  constructor(text, { body, tag }) { super(); window.done.push(`notice: ${text} · ${body}`); window.tag = tag; }
};
"""
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def hide(page: Page, hidden: bool = True) -> None:
    """Make the page hidden or visible."""
    page.evaluate(HIDE, hidden)


def done(page: Page, what: str) -> int:
    """The number of times the page used this API."""
    return int(page.evaluate("what => window.done.filter((each) => each === what).length", what))


def has_done(page: Page, what: str, times: int = 1) -> None:
    wait_until(lambda: done(page, what) >= times)


@pytest.fixture
def screen(visitors: Visitors, bob: Person) -> Page:
    """Bob's live dashboard, with the recorders."""
    page = visitors.logged_in(bob)
    page.add_init_script(DEVICE)
    page.goto(f"{bob.home}/dashboard")
    is_live(page)
    return page


def screens(website: Website, person: Person) -> list[presence.Screen]:
    with website.app.app_context():
        return presence.watching(person.restaurant_id)


def are(website: Website, person: Person, *expected: tuple[str, bool, bool]) -> None:
    """Wait until exactly these screens are present: (name, visible, audible)."""

    def watching() -> bool:
        found = [(each["name"], each["visible"], each["audible"]) for each in screens(website, person)]
        return sorted(found) == sorted(expected)

    wait_until(watching)


def receipts(website: Website) -> list[list[str]]:
    """The screens that have reported each request as seen."""
    # Not sorted by _id: ids of two processes are not in order of time within a second.
    requests = website.app.extensions["mongo"].database.requests.find().sort("created_at")
    return [[each["screen"] for each in request["shown"]] for request in requests]


def signed(website: Website, *counts: int) -> None:
    """Wait until this many screens have reported each request as seen."""
    wait_until(lambda: [len(set(each)) for each in receipts(website)] == list(counts))
    assert all(len(set(each)) == len(each) for each in receipts(website))


# --- who is watching ----------------------------------------------------------------------------------------


def test_who_is_watching_is_known_and_whether_they_see_and_hear(
    website: Website, visitors: Visitors, alice: Person, bob: Person
) -> None:
    till, phone = visitors.dashboard(alice), visitors.dashboard(bob)
    are(website, alice, ("Alice", True, False), ("Bob", True, False))
    phone.locator("#sentence").click()  # the first user gesture allows sound
    are(website, alice, ("Alice", True, False), ("Bob", True, True))
    hide(phone)
    are(website, alice, ("Alice", True, False), ("Bob", False, True))
    hide(till)
    are(website, alice, ("Bob", False, True))
    hide(till, False)
    phone.close()
    are(website, alice, ("Alice", True, False))


def test_the_goodbye_of_a_page_with_a_service_worker_arrives(website: Website, visitors: Visitors, bob: Person) -> None:
    """Otherwise a closed screen counts for half a minute, and guests read that it shows their call."""
    page = visitors.dashboard(bob, service_workers="allow")
    comes_true(page, "navigator.serviceWorker.controller !== null")
    wait_until(lambda: screens(website, bob))  # with a slow database it is recorded at the next heartbeat
    devtools = page.context.new_cdp_session(page)
    devtools.send("ServiceWorker.enable")
    devtools.send("ServiceWorker.stopAllWorkers")  # as browsers do when it is idle
    # The change stream is opened before: a heartbeat also removes the screen some seconds later.
    with website.app.extensions["mongo"].database.screens.watch() as changes:
        page.reload()
        wait_until(lambda: _says_goodbye(changes.try_next()))


def _says_goodbye(change: Any) -> bool:
    fields = ((change or {}).get("updateDescription") or {}).get("updatedFields", {})
    return any(name.endswith(".visible") and not value for name, value in fields.items())


def test_what_is_posted_goes_past_the_service_worker(visitors: Visitors, bob: Person) -> None:
    """Starting the worker may take too long for a page that is being closed."""
    page = visitors.dashboard(bob, service_workers="allow")
    comes_true(page, "navigator.serviceWorker.controller !== null")
    # What the page told before the worker controlled it may still be under way: only what starts from now on counts.
    now = page.evaluate("performance.now()")
    told = f"performance.getEntriesByName(new URL('screens', location)).filter((each) => each.startTime >= {now})"
    hide(page)
    comes_true(page, f"{told}.length > 0")
    assert set(page.evaluate(f"{told}.map((each) => each.workerMatchedSourceType)")) == {"network"}


def test_a_screen_that_closes_says_goodbye_and_nothing_after_it(website: Website, screen: Page, bob: Person) -> None:
    screen.locator("#sentence").click()
    are(website, bob, ("Bob", True, True))
    said: list[str] = []
    screen.on("request", lambda request: said.append(request.post_data or "") if request.method == "POST" else None)
    screen.evaluate("dispatchEvent(new Event('pagehide'))")
    hide(screen)  # browsers then make the page hidden
    are(website, bob)
    screen.evaluate("fetch('/healthz')")  # earlier reports have been processed by now
    assert [each.partition("&screen=")[0] for each in said] == ["visible=0&audible=0"]


@pytest.mark.firefox_too
def test_a_screen_that_loads_again_is_one_screen(website: Website, visitors: Visitors, bob: Person) -> None:
    page = visitors.dashboard(bob)
    for _ in range(2):
        page.reload()
        is_live(page)
    are(website, bob, ("Bob", True, False))


# --- receipts -----------------------------------------------------------------------------------------------


@pytest.mark.firefox_too
def test_screens_in_front_sign_for_what_they_have_drawn(
    website: Website, visitors: Visitors, alice: Person, bob: Person, dana: Page
) -> None:
    till, phone = visitors.dashboard(alice), visitors.dashboard(bob)
    hide(phone)
    press(dana, "Call a waiter")
    expect(card(till, "7")).to_be_visible()
    expect(card(phone, "7")).to_be_visible()
    signed(website, 1)
    hide(phone, False)
    signed(website, 2)
    press(dana, "Some water")
    signed(website, 2, 2)


def test_a_receipt_says_whether_the_screen_has_rung(
    website: Website, visitors: Visitors, alice: Person, bob: Person, dana: Page
) -> None:
    till, phone = visitors.dashboard(alice), visitors.dashboard(bob)
    phone.locator("#sentence").click()  # the first user gesture allows sound
    are(website, alice, ("Alice", True, False), ("Bob", True, True))
    press(dana, "Call a waiter")
    expect(card(till, "7")).to_be_visible()
    signed(website, 2)
    [request] = website.app.extensions["mongo"].database.requests.find()
    assert {each["name"]: each["rang"] for each in request["shown"]} == {"Alice": False, "Bob": True}


def test_one_receipt_serves_all_that_a_screen_has_drawn(visitors: Visitors, bob: Person, dana: Page) -> None:
    press(dana, "Call a waiter")
    press(dana, "Some water")
    expect(dana.get_by_text("Called — remind them")).to_have_count(2)
    page = visitors.logged_in(bob)
    with page.expect_request("**/shown") as sent:
        page.goto(f"{bob.home}/dashboard")
    body: Any = sent.value.post_data_json
    assert len(body["ids"].split()) == 2
    assert len(body["screen"]) == 32


def test_receipts_that_are_not_taken_are_tried_every_three_seconds(
    visitors: Visitors, website: Website, bob: Person, dana: Page
) -> None:
    visitors.tolerate("ERR_FAILED")
    page = visitors.logged_in(bob)
    tried: list[Route] = []

    def refuse(route: Route) -> None:
        tried.append(route)
        route.abort()

    page.route("**/shown", refuse)
    page.goto(f"{bob.home}/dashboard")
    press(dana, "Call a waiter")
    expect(card(page, "7")).to_be_visible()
    page.wait_for_timeout(7_000)  # the card's clock re-renders it every second
    assert 1 <= len(tried) <= 4
    page.unroute_all()
    signed(website, 1)


def test_receipts_go_on_when_the_browser_has_logged_in_anew(
    visitors: Visitors, website: Website, alice: Person, dana: Page
) -> None:
    visitors.tolerate("status of 400")  # by which the page learns of it
    page = visitors.dashboard(alice)
    login = device(website.app, alice, member_id=alice.member_id).cookie("session")  # in another window
    page.context.add_cookies([{"name": "session", "value": login, "url": website.url}])
    press(dana, "Call a waiter")
    signed(website, 1)
    card(page, "7").get_by_role("button", name="I’m going").click()
    expect(dana.locator("#headline")).to_have_text("Alice is on the way")


@pytest.mark.parametrize("script", ["", "delete Element.prototype.checkVisibility"], ids=["now", "older Safari"])
def test_what_a_screen_filters_out_has_no_receipt(
    website: Website, visitors: Visitors, alice: Person, dana: Page, script: str
) -> None:
    with website.app.app_context():
        for zone, name in (("Bar", "1"), ("Terrace", "20")):
            tables.add_many(alice.restaurant_id, [name], restaurants.ensure_zone(alice.restaurant_id, zone))
        terrace = next(each for each in tables.of_restaurant(alice.restaurant_id) if each["name"] == "20")
    till = visitors.logged_in(alice)
    till.add_init_script(script)
    till.goto(f"{alice.home}/dashboard")
    till.get_by_role("button", name="Bar").click()
    guest = visitors.come()
    guest.goto(f"/t/{terrace['code']}")
    press(guest, "Call a waiter")
    expect(till.locator("#elsewhere")).to_be_visible()
    press(dana, "Call a waiter")
    signed(website, 0, 1)
    till.locator("#elsewhere").click()
    signed(website, 1, 1)


# --- sound --------------------------------------------------------------------------------------------------


def test_a_screen_that_nobody_hears_says_so(screen: Page, dana: Page) -> None:
    unheard = screen.locator("#unheard")
    expect(unheard).to_contain_text("No sound yet")
    press(dana, "Call a waiter")
    expect(card(screen, "7")).to_be_visible()
    assert done(screen, "tone") == 0
    unheard.get_by_role("button").click()
    expect(unheard).to_be_hidden()
    has_done(screen, "tone", 6)  # two strokes of three partials each: the sample sound
    press(dana, "Some water")
    has_done(screen, "tone", 12)
    has_done(screen, "shake")


def test_a_muted_screen_says_so_and_remembers(website: Website, screen: Page, bob: Person, dana: Page) -> None:
    screen.locator("#sentence").click()
    expect(screen.locator("#unheard")).to_be_hidden()
    are(website, bob, ("Bob", True, True))
    screen.locator("#bell summary").click()
    switch = screen.get_by_role("switch", name="Sound on this screen")
    expect(switch).to_be_checked()
    switch.click()
    expect(switch).not_to_be_checked()
    expect(screen.locator("#unheard")).to_contain_text("Sound is off")
    are(website, bob, ("Bob", True, False))
    screen.reload()
    is_live(screen)
    screen.locator("#sentence").click()
    expect(screen.locator("#unheard")).to_contain_text("Sound is off")
    press(dana, "Call a waiter")
    expect(card(screen, "7")).to_be_visible()
    assert done(screen, "tone") == 0


def test_the_bell_can_be_tried(screen: Page) -> None:
    screen.locator("#bell summary").click()
    press(screen, "Ring once, to try")
    has_done(screen, "tone", 6)
    screen.keyboard.press("Escape")
    expect(screen.locator("#sound-test")).to_be_hidden()


# --- notices, the tab, sleep --------------------------------------------------------------------------------


def test_a_hidden_screen_shows_a_notice_once_that_is_allowed(screen: Page, bob: Person, dana: Page) -> None:
    screen.locator("#bell summary").click()
    switch = screen.get_by_role("switch", name="Notices while other windows are in front")
    expect(switch).not_to_be_checked()
    switch.click()
    expect(switch).to_be_checked()
    press(dana, "Call a waiter")
    expect(card(screen, "7")).to_be_visible()
    notice = "notice: New call: Table 7 · Trattoria Lucia"
    assert done(screen, notice) == 0  # it is visible
    hide(screen)
    press(dana, "Some water")
    has_done(screen, notice)
    assert bob.home in screen.evaluate("window.tag")  # one of another restaurant does not take its place


def test_a_browser_that_refuses_notices_is_not_asked_again(screen: Page) -> None:
    screen.evaluate("window.answer = 'denied'")
    screen.locator("#bell summary").click()
    screen.get_by_role("switch", name="Notices while other windows are in front").click()
    expect(screen.locator("#notices-switch")).to_be_hidden()
    expect(screen.locator("#notices-blocked")).to_contain_text("This browser shows no notices")


@pytest.mark.firefox_too
def test_the_tab_counts(screen: Page, dana: Page) -> None:
    icon = screen.locator("link[rel=icon]")
    plain = icon.get_attribute("href")
    assert plain is not None
    press(dana, "Call a waiter")
    expect(screen).to_have_title("(1) Calls · Trattoria Lucia")
    expect(icon).to_have_attribute("href", re.compile("^data:image/svg.*%3E1%3C%2Ftext%3E"))
    card(screen, "7").get_by_role("button", name="Done").click()
    expect(screen).to_have_title("Calls · Trattoria Lucia")
    assert str(icon.evaluate("icon => new URL(icon.href).pathname")).endswith("/favicon.svg")


def test_a_screen_in_front_stays_awake(screen: Page) -> None:
    has_done(screen, "awake", 1)
    hide(screen)
    screen.evaluate("fallAsleep()")
    assert done(screen, "awake") == 1
    hide(screen, False)
    has_done(screen, "awake", 2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_bell_and_its_warnings(visitors: Visitors, bob: Person, scheme: str) -> None:
    page = visitors.dashboard(bob, color_scheme=scheme, viewport={"width": 360, "height": 740})
    expect(page.locator("#unheard")).to_be_visible()
    assert complaints(page) == []
    page.locator("#unheard button").click()
    page.locator("#bell summary").click()
    assert complaints(page) == []
    page.locator("#sound-switch").click()
    expect(page.locator("#unheard")).to_contain_text("Sound is off")
    assert complaints(page) == []
