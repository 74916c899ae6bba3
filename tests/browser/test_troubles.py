"""A screen asks for help before it falls silent: what it says itself, and what other screens read of it."""

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_drawing import call as call  # a fixture
from tests.browser.test_screen import HIDE, are
from tests.support.axe import complaints
from tests.support.cast import Person, wait_until
from tests.support.visitors import Visitors, card, comes_true, is_live, is_not_live
from tests.support.website import Website
from waitercaller.model import presence

pytestmark = [
    pytest.mark.browser,
    pytest.mark.whole_chromium,
    pytest.mark.chromium_only("a sound device, which Firefox lacks in tests"),
]

# A battery, a wake lock and sounds that the test can spoil.
DEVICE = """
const battery = Object.assign(new EventTarget(), { charging: true, level: 0.5 });
navigator.getBattery = async () => battery;
window.setBattery = (charging, level) => {
  Object.assign(battery, { charging, level });
  battery.dispatchEvent(new Event("levelchange"));
};
Object.defineProperty(navigator, "wakeLock", { value: { request: async () => {
  if (window.isSavingPower) throw new DOMException("no", "NotAllowedError");
  window.lock = new EventTarget();
  return window.lock;
} } });
window.contexts = [];
window.areAllDead = false;
window.AudioContext = class extends AudioContext {
  constructor() { super(); contexts.push(this); }
  get currentTime() { return this.isDead || areAllDead ? (this.diedAt ??= super.currentTime) : super.currentTime; }
};
"""


@pytest.fixture
def screen(visitors: Visitors, bob: Person) -> Page:
    """Bob's live dashboard that has been touched, on a device that can be spoiled."""
    return visitors.touched_dashboard(bob, DEVICE)


def says(page: Page, words: str) -> None:
    """One line at the lower edge says this."""
    expect(page.locator("#unheard")).to_be_visible()
    expect(page.locator("#unheard p")).to_have_text(words)


def is_calm(page: Page) -> None:
    expect(page.locator("#unheard")).to_be_hidden()


def tells(website: Website, person: Person, *words: str) -> None:
    """Wait until the only screen of the restaurant has told exactly these troubles."""

    def told() -> bool:
        with website.app.app_context():
            return [each.get("trouble") for each in presence.open_screens(person.restaurant_id)] == [list(words)]

    wait_until(told)


LOW = "Battery low: plug this screen in."
TIRED = "This screen may fall asleep: plug it in, or switch power saving off."
DEAD = "The sound does not play: close what else uses it, or load this page again."
BLOCKED = "No sound yet: the browser waits for a tap on this page."


def test_a_battery_that_is_low_and_does_not_charge(website: Website, screen: Page, bob: Person) -> None:
    screen.evaluate("setBattery(true, 0.1)")
    is_calm(screen)
    screen.evaluate("setBattery(false, 0.2)")
    is_calm(screen)
    screen.evaluate("setBattery(false, 0.19)")
    says(screen, LOW)
    expect(screen.locator("#unheard button")).to_be_hidden()  # it would not help
    tells(website, bob, "battery")
    screen.evaluate("setBattery(true, 0.19)")
    is_calm(screen)
    tells(website, bob)


def test_a_wake_lock_that_is_refused_and_granted_again(website: Website, screen: Page, bob: Person) -> None:
    comes_true(screen, "Boolean(window.lock)")
    screen.evaluate("(isSavingPower = true, lock.dispatchEvent(new Event('release')))")  # by the system
    says(screen, TIRED)
    tells(website, bob, "sleep")
    screen.evaluate("isSavingPower = false")
    screen.evaluate(HIDE, False)  # it comes to the front again
    is_calm(screen)
    tells(website, bob)


def test_a_browser_without_wake_lock_battery_and_sound_says_what_it_knows(visitors: Visitors, bob: Person) -> None:
    page = visitors.logged_in(bob)
    page.add_init_script("""
      delete Navigator.prototype.wakeLock;
      delete Navigator.prototype.getBattery;
      delete window.AudioContext;
      delete window.webkitAudioContext;
    """)
    page.goto(f"{bob.home}/dashboard")
    is_live(page)
    says(page, DEAD)


def test_a_sound_that_dies_is_replaced_without_a_touch(website: Website, screen: Page, bob: Person) -> None:
    are(website, bob, ("Bob", True, True))
    screen.evaluate("contexts[0].isDead = true")
    comes_true(screen, "contexts.length === 2 && contexts[0].state === 'closed' && contexts[1].state === 'running'")
    is_calm(screen)
    are(website, bob, ("Bob", True, True))


def test_a_screen_whose_sound_stays_dead_counts_as_not_audible_and_says_so(
    website: Website, screen: Page, bob: Person
) -> None:
    are(website, bob, ("Bob", True, True))
    screen.evaluate("areAllDead = true")
    says(screen, DEAD)
    are(website, bob, ("Bob", True, False))
    tells(website, bob, "sound")
    screen.evaluate("areAllDead = false")
    is_calm(screen)
    are(website, bob, ("Bob", True, True))


def test_a_sound_that_is_interrupted_is_resumed(website: Website, screen: Page, bob: Person) -> None:
    """A call on the phone, or another application, has taken it."""
    screen.evaluate("void (window.suspended = 0, contexts[0].addEventListener('statechange', () => suspended++))")
    screen.evaluate("contexts[0].suspend()")
    comes_true(screen, "suspended >= 2 && contexts[0].state === 'running'")
    is_calm(screen)
    are(website, bob, ("Bob", True, True))


def test_a_sound_that_waits_for_a_touch(website: Website, visitors: Visitors, bob: Person) -> None:
    page = visitors.dashboard(bob)
    says(page, BLOCKED)
    tells(website, bob, "blocked")
    page.locator("#unheard button").click()
    is_calm(page)
    tells(website, bob)


def test_two_troubles_are_one_line(screen: Page) -> None:
    screen.evaluate("(setBattery(false, 0.05), areAllDead = true)")
    says(screen, f"{DEAD} {LOW}")
    assert complaints(screen) == []


def test_a_line_that_breaks_off_again_and_again(
    website: Website, visitors: Visitors, bob: Person, alice: Person
) -> None:
    page = visitors.logged_in(bob)
    page.clock.install()
    page.goto(f"{bob.home}/dashboard")
    is_live(page)
    page.locator("#sentence").click()
    for time in range(1, 5):
        is_calm(page)
        page.evaluate("dispatchEvent(new Event('offline'))")
        is_not_live(page)
        page.evaluate("dispatchEvent(new Event('online'))")
        is_live(page)
        assert time < 4 or page.locator("#unheard").is_visible()
    says(page, "The connection keeps breaking off: move this screen nearer to the Wi-Fi.")
    tells(website, bob, "line")
    page.clock.fast_forward(301_000)
    is_calm(page)


def test_other_screens_read_who_wants_help_and_the_screen_itself_does_not(
    visitors: Visitors, screen: Page, alice: Person, call: Any
) -> None:
    other = visitors.dashboard(alice)
    screen.evaluate("setBattery(false, 0.1)")
    expect(other.locator(".watchers")).to_contain_text("battery low")
    call("4")
    expect(card(other, "4")).to_be_visible()
    expect(other.locator("#helpless li")).to_have_text("Bob: battery low")
    expect(card(screen, "4")).to_be_visible()
    expect(screen.locator("#helpless")).to_be_hidden()
    assert complaints(other) == []
    screen.evaluate("setBattery(true, 0.1)")
    expect(other.locator("#helpless")).to_be_hidden()


def test_a_screen_answers_its_stream_from_time_to_time(visitors: Visitors, bob: Person, call: Any) -> None:
    page = visitors.logged_in(bob)
    page.clock.install()
    page.goto(f"{bob.home}/dashboard")
    is_live(page)
    with page.expect_response("**/screens"):  # from then on it counts
        page.locator("#sentence").click()
    answers: list[str | None] = []
    page.clock.pause_at(page.evaluate("Date.now() / 1_000 + 1"))
    page.on("request", lambda request: answers.append(request.post_data) if request.url.endswith("/screens") else None)
    for table in ("4", "5", "6", "7"):
        page.clock.fast_forward(10_000)
        call(table)
        expect(card(page, table)).to_be_visible()
    wait_until(
        lambda: page.evaluate("true") and len(answers) > 0
    )  # if it has told of a trouble, that is an answer, too
    assert sum(answer == before for before, answer in pairwise(answers)) < 2, "not at each event"


def test_a_tab_that_is_frozen_says_goodbye_and_comes_back(website: Website, screen: Page, bob: Person) -> None:
    """By the events: Playwright's Chromium does not freeze a page that is in front."""
    are(website, bob, ("Bob", True, True))
    screen.evaluate("document.dispatchEvent(new Event('freeze'))")
    are(website, bob)
    screen.evaluate("document.dispatchEvent(new Event('resume'))")
    are(website, bob, ("Bob", True, True))
