"""What is Firefox's own: no sound device here, a push service that it cannot reach, and borders as it draws them."""

from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, expect

from tests.browser.test_screen import are
from tests.support.cast import Person
from tests.support.visitors import Visitors, comes_true, is_waiting, press
from tests.support.website import Website
from waitercaller.push import encryption

pytestmark = [pytest.mark.browser, pytest.mark.firefox_only]


@pytest.fixture(scope="module")
def shared_website(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Website]:
    """A website with push messages enabled."""
    website = Website(tmp_path_factory.mktemp("telling"), VAPID_PRIVATE_KEY=encryption.new_private_key())
    website.open()
    yield website
    website.close()


def test_a_screen_without_a_sound_device_says_so_after_a_touch_and_goodbye_as_it_closes(
    website: Website, visitors: Visitors, bob: Person
) -> None:
    """There resume() neither succeeds nor fails."""
    page = visitors.dashboard(bob)
    expect(page.locator("#unheard p")).to_contain_text("waits for a tap")
    page.locator("#sentence").click()
    expect(page.locator("#unheard p")).to_contain_text("The sound does not play")
    are(website, bob, ("Bob", True, False))
    page.close()
    are(website, bob)


HOLD_LOCKS = """if (isSecureContext) {
  window.held = [];
  const { request } = WakeLock.prototype;
  WakeLock.prototype.request = async function (kind) { held.push(await request.call(this, kind)); return held.at(-1); };
}"""


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


def test_the_bars_of_the_steps_are_no_wedges(visitors: Visitors, dana: Page) -> None:
    """Firefox draws a border of one side alone as a wedge where its corners are round."""
    press(dana, "Call a waiter")
    is_waiting(dana)
    x, y, width = dana.evaluate(
        "(({ x, y, width }) => [x, y, width])(document.querySelector('.steps li').getBoundingClientRect())"
    )
    clip: FloatRect = {"x": x, "y": y - 2, "width": width, "height": 10}
    visitors.tolerate("style-src-elem")  # Playwright's own, for a picture
    shot = dana.screenshot(clip=clip)
    picture = Image.open(BytesIO(shot)).convert("L")
    shades = picture.tobytes()
    rows = [shades[start : start + picture.width] for start in range(0, len(shades), picture.width)]
    lengths = [length for row in rows if (length := sum(shade < 128 for shade in row))]
    assert len(lengths) >= 6
    assert lengths == pytest.approx(lengths[::-1], abs=1)
