"""The staff's pages as an installed app in Chromium: installability, the offline page, push messages while closed."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_layout_shift import MOST, SMALL, painted_before_its_scripts, shift
from tests.support import axe, icons
from tests.support.cast import Person, wait_until
from tests.support.hostile_pictures import bell, saved
from tests.support.push.service import PushService, push_service
from tests.support.push.worker import delivery_to, shown_by, worker_of
from tests.support.smtp import AUTHORITY
from tests.support.visitors import Visitors, comes_true, is_live
from tests.support.website import Website
from waitercaller.model import face, restaurants
from waitercaller.model.requests import transitions as requests
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.tables import Table
from waitercaller.push import encryption

pytestmark = [
    pytest.mark.browser,
    pytest.mark.whole_chromium,
    pytest.mark.chromium_only("Playwright does not reach service workers in Firefox"),
]

PRIVATE = encryption.new_private_key()
# Chromium would request an endpoint from Google's push service, which cannot be reached here. Its subscription is
# replaced by one of the push service on this machine; the rest is Chromium's own.
SUBSCRIBES_HERE = """(() => {
  const kept = () => JSON.parse(localStorage.getItem("test.subscription"));
  const made = (form) => form && {
    endpoint: form.endpoint,
    options: { applicationServerKey: Uint8Array.from(atob(form.key), (c) => c.charCodeAt(0)).buffer },
    toJSON: () => ({ endpoint: form.endpoint, keys: { p256dh: form.p256dh, auth: form.auth } }),
  };
  PushManager.prototype.getSubscription = async () => made(kept());
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly) throw new DOMException("silent", "NotAllowedError");
    const base64 = applicationServerKey.replaceAll("-", "+").replaceAll("_", "/");
    localStorage.setItem("test.subscription", JSON.stringify({ ...PHONE, key: base64 + "=" }));
    return made(kept());
  };
})()"""

MESSAGES_DENIED = "Object.defineProperty(Notification, 'permission', { get: () => 'denied' })"


@pytest.fixture(scope="module")
def service() -> Iterator[PushService]:
    with push_service(encryption.public_key(PRIVATE)) as service:
        yield service


@pytest.fixture(scope="module")
def telling_website(
    service: PushService, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Website]:
    """A website with push messages enabled."""
    settings = {"VAPID_PRIVATE_KEY": PRIVATE, "PUSH_SERVICES": service.host, "SSL_CERT_FILE": str(AUTHORITY)}
    website = Website(tmp_path_factory.mktemp("telling"), **settings)
    website.open()
    yield website
    website.close()


@pytest.fixture
def website(telling_website: Website, service: PushService) -> Iterator[Website]:
    service.forget()
    yield telling_website
    telling_website.empty()


@pytest.fixture
def call(app: Flask, table: Table, alice: Person) -> Callable[[], None]:
    """A guest at table 7 calls; the website's processes tell the phones."""

    def called() -> None:
        with app.app_context():
            restaurants.forget(alice.restaurant_id)  # which may know of no phone yet
            restaurant = cast(Restaurant, restaurants.get(alice.restaurant_id))
            requests.open_request(restaurant, table, restaurant["kinds"][0], "a key")

    return called


def notes(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(
        """navigator.serviceWorker.ready.then(async (worker) => (await worker.getNotifications()).map(
             ({ title, body, tag, silent, lang, icon, data }) => ({ title, body, tag, silent, lang, icon, data })))"""
    )
    return found


# --- an app -----------------------------------------------------------------------------------------------------------


def test_chromium_would_install_it_with_the_restaurants_logo(app: Flask, visitors: Visitors, bob: Person) -> None:
    logo = saved(bell((512, 512), "RGB"), "WEBP")
    with app.app_context():
        face.set_logo(bob.restaurant_id, face.Pictures(small=logo, large=logo))
    page = visitors.dashboard(bob, service_workers="allow")
    devtools = page.context.new_cdp_session(page)
    manifest = devtools.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert re.search(r"/manifest\.webmanifest\?.*logo=", manifest["url"])
    errors = devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [
        each["errorId"] for each in errors if each["errorId"] != "in-incognito"
    ] == []  # the tests' browser contexts are incognito


def test_its_icons_are_our_mark(browser: Browser) -> None:
    """The committed files equal a new rendering, except for anti-aliasing."""
    difference = """async ([one, other]) => {
      const pixels = async (base64) => {
        const picture = await createImageBitmap(await (await fetch("data:image/png;base64," + base64)).blob());
        const paper = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
        paper.drawImage(picture, 0, 0);
        return paper.getImageData(0, 0, picture.width, picture.height).data;
      };
      const [a, b] = [await pixels(one), await pixels(other)];
      return a.length === b.length ? a.reduce((sum, value, at) => sum + Math.abs(value - b[at]), 0) / a.length : 255;
    }"""
    page = browser.new_page()
    for name, (size, svg) in icons.drawings().items():
        pictures = [(icons.FOLDER / name).read_bytes(), icons.draw(browser, size, svg)]
        assert page.evaluate(difference, [icons.base64_of(each) for each in pictures]) < 2, name
    page.close()


# --- without a connection ---------------------------------------------------------------------------------------------


@pytest.mark.moments
def test_without_a_connection_it_says_so_and_since_when_and_comes_back_by_itself(
    visitors: Visitors, bob: Person, call: Callable[[], None]
) -> None:
    visitors.tolerate("ERR_INTERNET_DISCONNECTED", "Failed to load resource")
    page = visitors.dashboard(bob, service_workers="allow")
    worker_of(page)
    call()
    expect(page.locator(".table-card")).to_have_count(1)
    heard = page.evaluate("Number(localStorage.getItem('waitercaller.heard'))")
    page.add_init_script("delete AbortSignal.timeout")  # as before Safari 16 and Chrome 103
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_role("heading", name="Not connected")).to_be_visible()
    time = page.evaluate("(at) => new Date(at).toLocaleTimeString([], { timeStyle: 'short' })", heard)
    # With the date, if midnight has passed since.
    expect(page.locator("#since")).to_have_text(re.compile(rf"^Nothing has been heard since ([\d/]+, )?{time}\.$"))
    expect(page.locator("body")).to_contain_text("Calls are not shown here")
    assert page.locator(".table-card").count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(168, 32, 26)"
    page.context.set_offline(False)
    is_live(page)
    expect(page.locator(".table-card")).to_have_count(1)


def test_a_page_of_the_staff_that_was_never_open_before_is_not_made_up(visitors: Visitors, bob: Person) -> None:
    visitors.tolerate("ERR_INTERNET_DISCONNECTED", "Failed to load resource")
    page = visitors.dashboard(bob, service_workers="allow")
    worker_of(page)
    page.context.set_offline(True)
    page.goto(f"{bob.home}/notifications")
    expect(page.get_by_role("heading", name="Not connected")).to_be_visible()


def test_nothing_but_the_offline_page_is_kept(visitors: Visitors, bob: Person, call: Callable[[], None]) -> None:
    call()
    page = visitors.dashboard(bob, service_workers="allow")
    worker_of(page)
    page.reload()
    is_live(page)
    kept = page.evaluate(
        """(async () => (await Promise.all((await caches.keys()).map(async (name) =>
             (await (await caches.open(name)).keys()).map((each) => new URL(each.url).pathname)))).flat())()"""
    )
    assert kept[0] == "/offline"
    assert all(path.startswith("/static/") for path in kept[1:])
    assert len(kept) == 9  # /offline and what it loads: see SHELL in static/js/service-worker.js


def test_a_guests_page_has_no_service_worker(visitors: Visitors, bob: Person, table: Table, website: Website) -> None:
    page = visitors.dashboard(bob, service_workers="allow")
    worker_of(page)
    page.goto(f"/t/{table['code']}")
    assert page.evaluate("navigator.serviceWorker.controller") is None


# --- messages ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def bobs_phone(visitors: Visitors, bob: Person, service: PushService) -> Page:
    """Bob's phone on the notifications page, with the permission to show notifications."""
    page = visitors.logged_in(
        bob, viewport={"width": 360, "height": 740}, permissions=["notifications"], service_workers="allow"
    )
    form = json.dumps(service.phone("Bob").form)
    page.add_init_script(SUBSCRIBES_HERE.replace("PHONE", form))
    page.goto(f"{bob.home}/notifications")
    worker_of(page)
    return page


def choose(page: Page, words: str) -> None:
    here = page.locator("#here")
    here.get_by_label(words).check()
    with page.expect_navigation():
        here.get_by_role("button", name="Save").click()


def test_a_phone_is_told_of_a_call_while_its_page_is_closed(
    bobs_phone: Page, bob: Person, service: PushService, call: Callable[[], None]
) -> None:
    page = bobs_phone
    expect(page.locator("#here-words")).to_have_text("This device gets no messages yet.")
    choose(page, "All calls in my zones")
    expect(page.locator("#here-words")).to_have_text("This device gets messages.")
    call()
    wait_until(lambda: service.messages)
    delivery_to(page)(service.messages[0].text)
    (note,) = notes(page)
    time = page.evaluate(
        "(at) => new Date(at).toLocaleTimeString([], { timeStyle: 'short' })", service.messages[0].text["at"]
    )
    assert (note["title"], note["body"]) == ("Table 7: Waiter", f"Called at {time}")
    assert not note["silent"]
    worker = worker_of(page)
    worker.evaluate("self.clients.openWindow = async (url) => { self.opened = url; }")
    worker.evaluate(
        """async () => self.dispatchEvent(new NotificationEvent("notificationclick",
             { notification: (await self.registration.getNotifications())[0] }))"""
    )
    wait_until(lambda: worker.evaluate("self.opened") == f"{bob.home}/dashboard")
    assert notes(page) == []


def test_the_guest_reads_whose_phone_shows_the_call_and_its_button_accepts(
    bobs_phone: Page, service: PushService, call: Callable[[], None], visitors: Visitors, table: Table
) -> None:
    page = bobs_phone
    choose(page, "All calls in my zones")
    guest = visitors.come(viewport={"width": 390, "height": 780})
    call()
    guest.goto(f"/t/{table['code']}")
    wait_until(lambda: service.messages)
    delivery_to(page)(service.messages[0].text)
    expect(guest.locator("main")).to_contain_text("Your call is on Bob’s phone")
    worker = worker_of(page)
    worker.evaluate(
        """async () => self.dispatchEvent(new NotificationEvent("notificationclick",
             { action: "accept", notification: (await self.registration.getNotifications())[0] }))"""
    )
    expect(guest.locator("main")).to_contain_text("Bob is on the way")
    wait_until(lambda: shown_by(worker) == 2)
    assert [(note["body"], note["silent"]) for note in notes(page)] == [("You are on the way.", True)]


def test_whoever_sees_the_calls_hears_no_second_bell_and_the_note_goes(
    bobs_phone: Page, bob: Person, service: PushService, call: Callable[[], None]
) -> None:
    page = bobs_phone
    choose(page, "All calls in my zones")
    page.goto(f"{bob.home}/dashboard")
    is_live(page)
    assert notes(page) == []  # asked after the page's script has: what that closes when it starts is closed
    call()
    wait_until(lambda: service.messages)
    delivery_to(page)(service.messages[0].text)
    assert [note["silent"] for note in notes(page)] == [True]
    page.reload()
    wait_until(lambda: notes(page) == [])


def test_a_phone_can_be_told_less_and_nothing(bobs_phone: Page) -> None:
    page = bobs_phone
    for choice in ("Only calls that nobody answers", "Nothing", "All calls in my zones"):
        choose(page, choice)
        expect(page.locator("#here").get_by_label(choice)).to_be_checked()
        assert page.locator("#devices").is_hidden()


def test_the_page_can_show_how_a_message_looks(bobs_phone: Page, service: PushService) -> None:
    page = bobs_phone
    choose(page, "All calls in my zones")
    page.locator("#here").get_by_role("button", name="Send a test message").click()
    expect(page.get_by_role("status").filter(has_text="on its way")).to_be_visible()
    wait_until(lambda: service.texts("Bob") == [("Trattoria Lucia", "This is how calls reach this phone.")])


def test_a_phone_that_does_not_allow_messages_says_what_to_do(visitors: Visitors, bob: Person) -> None:
    page = visitors.logged_in(bob, service_workers="allow")
    page.add_init_script(MESSAGES_DENIED)
    page.goto(f"{bob.home}/notifications")
    expect(page.locator("#here-words")).to_contain_text("blocked in this browser")
    expect(page.locator("#here-form")).to_be_hidden()


def test_a_browser_that_takes_no_service_worker_says_so(visitors: Visitors, bob: Person) -> None:
    page = visitors.logged_in(bob, service_workers="block")
    page.goto(f"{bob.home}/notifications")
    expect(page.locator("#here-words")).to_contain_text("This browser cannot show messages while it is closed.")


def test_the_page_of_notifications_stays_where_it_is_when_its_script_starts(
    app: Flask, visitors: Visitors, alice: Person
) -> None:
    with app.app_context():
        for zone in ("Terrace", "Garden"):
            restaurants.ensure_zone(alice.restaurant_id, zone)
    page = visitors.logged_in(alice, viewport=SMALL)
    page.add_init_script(MESSAGES_DENIED)
    let_go = painted_before_its_scripts(page, f"{alice.home}/notifications")
    let_go()
    comes_true(page, "document.querySelector('#here').dataset.state !== undefined")
    assert shift(page) <= MOST


def test_after_a_new_login_the_phone_is_told_again(
    bobs_phone: Page, visitors: Visitors, bob: Person, app: Flask, service: PushService, call: Callable[[], None]
) -> None:
    page = bobs_phone
    choose(page, "All calls in my zones")
    page.goto("/account")
    page.locator("main").get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    page.get_by_label("E-mail").fill(bob.email)
    page.get_by_label("Password", exact=True).fill(bob.password)
    with page.expect_response(lambda answer: answer.url.endswith("/notifications") and answer.request.method == "POST"):
        page.get_by_role("button", name="Log in").click()
    call()
    wait_until(lambda: service.texts("Bob"))


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_axe_finds_nothing(bobs_phone: Page, bob: Person, visitors: Visitors, mode: Any) -> None:
    visitors.tolerate("ERR_INTERNET_DISCONNECTED", "Failed to load resource")
    page = bobs_phone
    page.emulate_media(color_scheme=mode)
    expect(page.locator("#here-words")).to_have_text("This device gets no messages yet.")
    assert axe.complaints(page) == []
    choose(page, "All calls in my zones")
    expect(page.locator("#here-words")).to_have_text("This device gets messages.")
    assert axe.complaints(page) == []
    page.context.set_offline(True)
    page.reload()
    expect(page.locator("#since")).not_to_be_empty()
    assert axe.complaints(page) == []
