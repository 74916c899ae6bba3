"""The three sounds of calls: by kind, growing with age, and to be heard in the settings."""

from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.test_cards_and_rounds import age
from tests.browser.test_drawing import TONES, rings, tones
from tests.browser.test_drawing import call as call  # a fixture
from tests.support.cast import Person, wait_until
from tests.support.visitors import Visitors, card, comes_true, press, visit

pytestmark = [
    pytest.mark.browser,
    pytest.mark.whole_chromium,
    pytest.mark.chromium_only("a sound device, which Firefox lacks in tests"),
]

LOWEST = {"Call a waiter": 1568, "The bill, please": 784, "Some water": 520}  # Hz, of the first stroke


@pytest.fixture
def screen(visitors: Visitors, bob: Person) -> Page:
    return visitors.touched_dashboard(bob, TONES)


def taken(page: Page, name: str) -> Any:
    """What was recorded under this name since it was last taken."""
    return page.evaluate(f"window.{name}.splice(0)")


def test_each_kind_rings_in_its_own_way(screen: Page, dana: Page) -> None:
    for button, frequency in LOWEST.items():
        if button == "The bill, please":
            dana.locator('button[value="bill/card"]').click()
        else:
            press(dana, button)
        wait_until(lambda: screen.evaluate("heard.length") >= 6)
        assert taken(screen, "heard")[0] == frequency
    expect(card(screen, "7").locator(".kinds li")).to_have_count(3)


def test_a_call_rings_louder_and_longer_the_longer_it_waits(app: Flask, screen: Page, call: Any) -> None:
    waiting = call("4")
    rings(screen)
    count, loudness = [tones(screen)], [max(taken(screen, "loudness"))]
    for level, seconds in ((1, 50), (2, 95), (3, 150)):
        before = tones(screen)
        age(app, waiting, seconds, level=level)
        rings(screen, before)
        count.append(tones(screen) - before)
        loudness.append(max(taken(screen, "loudness")))
    assert count == [6, 12, 18, 24]
    assert loudness == sorted(set(loudness))
    assert sum([0.3, 0.12, 0.06]) * loudness[-1] / loudness[0] < 1  # else it is distorted


def test_each_sound_can_be_heard_in_the_settings(visitors: Visitors, alice: Person) -> None:
    page = visitors.logged_in(alice)
    page.add_init_script(f"{TONES} navigator.audioSession = {{ type: 'auto' }};")
    page.clock.install()
    page.goto(f"{alice.home}/settings/kinds/water")
    expect(page.get_by_role("radio", name="Knock")).to_be_checked()
    for name, frequency in (("Bell", 1568), ("Chime", 784), ("Knock", 520)):
        press(page, f"Listen: {name}")
        comes_true(page, "heard.length > 0")
        assert taken(page, "heard")[0] == frequency
        quiet = max(taken(page, "loudness"))
        page.clock.run_for(3_000)  # then as one that is late
        assert taken(page, "heard")[0] == frequency
        assert max(taken(page, "loudness")) > quiet
    assert page.evaluate("navigator.audioSession.type") == "playback"  # with an iPhone's ringer off, too
    page.get_by_role("radio", name="Chime").check()
    press(page, "Save")
    expect(page.get_by_text("Saved.")).to_be_visible()
    visit(page, f"{alice.home}/settings/kinds/water")
    expect(page.get_by_role("radio", name="Chime")).to_be_checked()
