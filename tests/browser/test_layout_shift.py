"""Nothing moves under a finger when the scripts of a page start: what they show has its room from the start."""

from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, Route

from tests.support.cast import Person
from tests.support.visitors import Visitors, comes_true, is_live
from waitercaller.model import restaurants, tables
from waitercaller.model.requests import transitions

pytestmark = [pytest.mark.browser, pytest.mark.chromium_only("Firefox measures no layout shifts")]

MOST = 0.02  # of the sum of layout shifts
SMALL = {"width": 360, "height": 740}
NOTE_SHIFTS = """
  window.shifts = [];
  const observer = new PerformanceObserver((list) => shifts.push(...list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
"""
A_FRAME_LATER = "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"


def painted_before_its_scripts(page: Page, path: str) -> list[Route]:
    """Open this page; returns its scripts, which have not arrived."""
    held: list[Route] = []
    page.add_init_script(NOTE_SHIFTS)
    page.route("**/static/**/*.js", lambda route: held.append(route))
    page.goto(path, wait_until="commit")
    comes_true(page, "performance.getEntriesByType('paint').length > 0 && document.querySelector('main') !== null")
    return held


def shift(page: Page) -> Any:
    """The sum of the layout shifts."""
    page.evaluate(A_FRAME_LATER)
    return page.evaluate("shifts.reduce((sum, { value }) => sum + value, 0)")


def let_go(page: Page, held: list[Route]) -> None:
    """Let these scripts arrive, and those that they ask for."""
    page.unroute("**/static/**/*.js")
    for route in held:
        route.continue_()


def test_the_buttons_of_the_dashboard_stay_where_they_are(app: Flask, visitors: Visitors, alice: Person) -> None:
    with app.app_context():
        for zone, name in (("Terrace", "7"), ("Garden", "8")):
            tables.add_many(alice.restaurant_id, [name], restaurants.ensure_zone(alice.restaurant_id, zone))
        restaurant, table = restaurants.get(alice.restaurant_id), tables.of_restaurant(alice.restaurant_id)[0]
        assert restaurant is not None
        transitions.open_request(restaurant, table, restaurant["kinds"][0], "a tap")
    page = visitors.logged_in(alice, viewport=SMALL)
    held = painted_before_its_scripts(page, f"{alice.home}/dashboard")
    going = page.locator("[data-act=accept]")
    before = going.bounding_box()
    let_go(page, held)
    is_live(page)
    assert shift(page) <= MOST
    assert going.bounding_box() == before
