"""What is Firefox's own: no sound device here, a push service that it cannot reach, and borders as it draws them."""

from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.test_screen import are
from tests.support.browser import launch_firefox
from tests.support.cast import Person
from tests.support.visitors import Visitors, comes_true, is_waiting, press
from tests.support.website import Website
from waitercaller.model.tables import Table
from waitercaller.push import encryption

pytestmark = [pytest.mark.browser, pytest.mark.firefox_only]


@pytest.fixture(scope="module")
def shared_website(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Website]:
    """A website with push messages enabled."""
    website = Website(tmp_path_factory.mktemp("telling"), VAPID_PRIVATE_KEY=encryption.new_private_key())
    website.open()
    yield website
    website.close()


def test_a_screen_without_a_sound_device_says_after_a_touch_that_it_is_silent(
    website: Website, visitors: Visitors, bob: Person
) -> None:
    """There resume() neither succeeds nor fails."""
    page = visitors.dashboard(bob)
    expect(page.locator("#unheard p")).to_contain_text("waits for a tap")
    page.locator("#sentence").click()
    expect(page.locator("#unheard p")).to_contain_text("The sound does not play")
    are(website, bob, ("Bob", True, False))


HOLD_LOCKS = """
window.held = [];
const request = WakeLock.prototype.request;
WakeLock.prototype.request = async function (kind) { held.push(await request.call(this, kind)); return held.at(-1); };
"""


def test_a_screen_holds_a_wake_lock_and_knows_of_no_battery(visitors: Visitors, bob: Person) -> None:
    page = visitors.dashboard(bob, HOLD_LOCKS)
    comes_true(page, "held.length === 1 && !held[0].released")
    assert not page.evaluate("'getBattery' in navigator")
    expect(page.locator("#unheard p")).not_to_contain_text("may fall asleep")


def test_a_phone_whose_push_service_does_not_answer_is_told_so(visitors: Visitors, bob: Person) -> None:
    page = visitors.logged_in(bob, service_workers="allow", permissions=["notifications"])
    page.goto(f"{bob.home}/notifications")
    expect(page.locator("#here-words")).to_have_text("This device gets no messages yet.")
    press(page, "Save")
    expect(page.locator("#here-words")).to_contain_text("The browser’s own push service did not answer.")


def test_the_bars_of_the_steps_are_no_wedges(dana: Page) -> None:
    """Firefox draws a border of one side alone as a wedge where its corners are round."""
    press(dana, "Call a waiter")
    is_waiting(dana)
    bar = dana.locator(".steps li").first.bounding_box()
    assert bar
    shot = dana.screenshot(clip={"x": bar["x"], "y": bar["y"], "width": bar["width"], "height": 6})
    picture = Image.open(BytesIO(shot)).convert("L")
    lengths = [sum(picture.getpixel((x, y)) < 128 for x in range(picture.width)) for y in range(6)]
    assert lengths == pytest.approx(lengths[::-1], abs=1)


@pytest.fixture
def scriptless(website: Website, playwright: Playwright) -> Iterator[Visitors]:
    """Firefox with scripts switched off for the whole program."""
    browser = launch_firefox(playwright, **{"javascript.enabled": False})
    visitors = Visitors(website, browser)
    yield visitors
    visitors.leave()
    browser.close()


def click(page: Page, button: str) -> None:
    """At once: whether a button stays in its place is found out by a script."""
    page.get_by_role("button", name=button, exact=True).first.click(force=True)


def test_without_scripts_a_guest_calls_and_a_waiter_goes(scriptless: Visitors, bob: Person, table: Table) -> None:
    guest, screen = scriptless.come(), scriptless.logged_in(bob)
    guest.goto(f"/t/{table['code']}")
    click(guest, "Call a waiter")
    is_waiting(guest)
    screen.goto(f"{bob.home}/dashboard")
    click(screen, "I’m going")
    expect(screen.get_by_text("You are on the way")).to_be_visible()
    guest.reload()
    expect(guest.locator("#headline")).to_have_text("Bob is on the way")
    click(screen, "Done")
    expect(screen.locator("article.table-card")).to_have_count(0)
