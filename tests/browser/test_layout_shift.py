"""Nothing moves under a finger when the scripts of a page start: what they show has its room from the start."""

from collections.abc import Callable
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


def painted_before_its_scripts(page: Page, path: str) -> Callable[[], None]:
    """Open this page, whose scripts do not arrive until what this returns is called."""
    held: list[Route] = []
    is_over = False

    def hold(route: Route) -> None:
        if is_over:
            route.continue_()
        else:
            held.append(route)

    def let_go() -> None:
        nonlocal is_over
        is_over = True
        for route in held:
            route.continue_()

    page.add_init_script(NOTE_SHIFTS)
    page.route("**/static/**/*.js", hold)
    page.goto(path, wait_until="commit")
    comes_true(page, "performance.getEntriesByType('paint').length > 0 && document.querySelector('main') !== null")
    return let_go


def shift(page: Page) -> Any:
    """The sum of the layout shifts."""
    page.evaluate(A_FRAME_LATER)
    return page.evaluate("shifts.reduce((sum, { value }) => sum + value, 0)")


def test_the_buttons_of_the_dashboard_stay_where_they_are(app: Flask, visitors: Visitors, alice: Person) -> None:
    with app.app_context():
        for zone, name in (("Terrace", "7"), ("Garden", "8")):
            tables.add_many(alice.restaurant_id, [name], restaurants.ensure_zone(alice.restaurant_id, zone))
        restaurant, table = restaurants.get(alice.restaurant_id), tables.of_restaurant(alice.restaurant_id)[0]
        assert restaurant is not None
        transitions.open_request(restaurant, table, restaurant["kinds"][0], "a tap")
    page = visitors.logged_in(alice, viewport=SMALL)
    let_go = painted_before_its_scripts(page, f"{alice.home}/dashboard")
    going = page.locator(".table-card .acts .strong")
    before = going.bounding_box()
    let_go()
    is_live(page)
    assert shift(page) <= MOST
    assert going.bounding_box() == before
