"""The guest's page in engines that lack what is new, and as an iPhone hears taps."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.cast import Person
from tests.support.visitors import Visitors, card, comes_true, press
from waitercaller.model.tables import Table

pytestmark = [
    pytest.mark.browser,
    pytest.mark.chromium_only("what old engines lack is taken away once; Firefox has no touch here"),
]

PHONE = {"width": 360, "height": 640}

# What Safari 14, Chrome 83 or Firefox 78 lack, taken away before the page's scripts run.
OLD = """
for (const [owner, ...names] of [
  [Element.prototype, "replaceChildren", "checkVisibility", "ariaPressed", "ariaExpanded"],
  [Document.prototype, "replaceChildren"],
  [DocumentFragment.prototype, "replaceChildren"],
  [Array.prototype, "at", "findLast", "findLastIndex", "flat", "toSorted", "with"],
  [String.prototype, "at", "replaceAll"],
  [AbortSignal, "timeout", "any"],
  [Object, "hasOwn", "groupBy"],
  [Promise, "any", "withResolvers"],
  [Crypto.prototype, "randomUUID"],
  [HTMLDialogElement.prototype, "showModal", "show", "close"],
  [HTMLFormElement.prototype, "requestSubmit"],
  [SubmitEvent.prototype, "submitter"],
  [Navigator.prototype, "locks", "wakeLock", "userAgentData", "audioSession", "getBattery", "connection"],
  [Intl, "ListFormat", "DurationFormat", "Segmenter"],
  [window, "structuredClone", "requestIdleCallback", "scheduler", "WeakRef", "BroadcastChannel", "crossOriginIsolated"],
]) for (const name of names) { delete owner[name]; owner[name] && (owner[name] = undefined); }
"""

# An iPhone sends a click to plain text only where an element below the body listens, and knows :active only with a
# listener for touches.
IPHONE = """
const listens = new WeakSet();
window.touches = 0;
const { addEventListener: add } = EventTarget.prototype;
EventTarget.prototype.addEventListener = function (kind, ...rest) {
  if (kind === "click" && this instanceof Element) listens.add(this);
  if (kind === "touchstart") window.touches += 1;
  return add.call(this, kind, ...rest);
};
add.call(window, "click", (event) => {
  let at = event.target;
  const isHeard = () => listens.has(at) || at.matches("a, button, summary, input, textarea, label");
  while (at && at !== document.body && !isHeard()) at = at.parentElement;
  if (!at || at === document.body) event.stopImmediatePropagation();
}, true);
"""


def come(visitors: Visitors, table: Table, script: str, **options: Any) -> Page:
    page = visitors.come(viewport=PHONE, **options)
    page.add_init_script(script)
    page.goto(f"/t/{table['code']}")
    return page


def test_the_main_job_goes_on_without_what_is_new(visitors: Visitors, alice: Person, table: Table) -> None:
    guest = come(visitors, table, OLD)
    assert guest.evaluate("[].at || ''.replaceAll || document.body.replaceChildren || AbortSignal.timeout") is None
    screen = visitors.dashboard(alice)
    guest.locator('button[value="bill/card"]').click()
    expect(guest.locator("#headline")).to_have_text("Your call is on 1 staff screen")
    card(screen, "7").get_by_role("button", name="I’m going").click()
    expect(guest.locator("#headline")).to_have_text("Alice is on the way")
    card(screen, "7").get_by_role("button", name="Done").click()
    press(guest, "Not yet?")
    press(guest, "Never mind, cancel my call")
    expect(guest.locator("#headline")).to_have_text("Your call is cancelled")
    visitors.tolerate("net::ERR_INTERNET_DISCONNECTED")
    guest.context.set_offline(True)
    guest.locator('button[value="water"]').click()
    expect(guest.locator("#unsent")).to_contain_text("Not sent yet")
    guest.context.set_offline(False)
    expect(guest.locator("#headline")).to_have_text("Your call is on 1 staff screen")
    expect(guest.locator("#unsent")).to_be_hidden()


def test_a_tap_on_plain_text_closes_the_menu_on_an_iphone(visitors: Visitors, table: Table) -> None:
    guest = come(visitors, table, IPHONE, has_touch=True)
    menu = guest.locator("#languages")
    for text in ("#headline", "footer", "h1"):
        menu.locator("summary").tap()
        expect(menu).to_have_attribute("open", "")
        guest.locator(text).tap()
        expect(menu).not_to_have_attribute("open", "")


def test_a_button_shows_that_it_is_pressed_on_an_iphone(visitors: Visitors, table: Table) -> None:
    """While one is pressed, the page does not replace it: that would lose the tap."""
    guest = come(visitors, table, IPHONE, has_touch=True)
    comes_true(guest, "window.touches > 0")


@pytest.mark.parametrize("width", [320, 360, 768])
def test_the_open_language_menu_covers_nothing(visitors: Visitors, table: Table, width: int) -> None:
    guest = visitors.come(viewport={"width": width, "height": 640}, has_touch=True)
    guest.goto(f"/t/{table['code']}")
    guest.locator("#languages summary").tap()
    for part in guest.locator("main button:visible, #languages a, h1, #headline").all():
        part.scroll_into_view_if_needed()
        on_top = """(part) => {
            const { left, top, width, height } = part.getBoundingClientRect();
            const found = document.elementFromPoint(left + width / 2, top + height / 2);
            return found === part || part.contains(found) || found.contains(part);
        }"""
        assert part.evaluate(on_top), part.inner_text()
