"""The report and the day's history in a browser."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.test_pages import HOSTILE, PHONE, too_small
from tests.support.axe import complaints
from tests.support.cast import Person, wait_until
from tests.support.past_calls import keep, past_call
from tests.support.visitors import Visitors
from waitercaller.db import clock
from waitercaller.model import restaurants
from waitercaller.model.restaurants import Zone
from waitercaller.model.rollups import store, times
from waitercaller.model.tables import Table

pytestmark = [
    pytest.mark.browser,
    pytest.mark.moments,
    pytest.mark.chromium_only("figures of the server, drawn as SVG"),
]

PATHS = ("report?days=28", "report?days=1", "report/unreached?days=28", "my-calls?days=7", "history")


@pytest.fixture
def busy(app: Flask, alice: Person, table: Table) -> Person:
    """Alice, whose restaurant had two calls in each of the last 24 hours, and one before, in zones with long names."""
    zones: list[Zone] = [
        {"id": "z1", "name": "A roof terrace beyond the winter garden", "key": "a"},
        {"id": "z2", "name": HOSTILE, "key": "b"},
    ]
    database = app.extensions["mongo"].database
    with app.app_context():
        restaurant = restaurants.get(alice.restaurant_id)
        assert restaurant is not None
        restaurant["zones"] = zones
        at = clock.now() - timedelta(minutes=10)
        calls = [
            past_call(
                restaurant, {**table, "zone_id": zone["id"]}, at - timedelta(hours=hour), kind=hour % 3, accepted=wait
            )
            for hour in range(24)
            for zone, wait in zip(zones, (30, 150), strict=True)
        ]
        calls[0]["pushed"] = [{"member_id": "b", "name": HOSTILE, "at": at}]
        keep(database, *calls, past_call(restaurant, table, at - 20 * times.DAY, state="cancelled", cancelled=70))
        wait_until(lambda: _counted(alice) == len(calls))
    return alice


def _counted(person: Person) -> int:
    """Update the rollups and return the number of counted calls; the website's jobs may do so concurrently."""
    store.run_now()
    now = clock.now()
    rollups = store.of_period(person.restaurant_id, now - 3 * times.DAY, now)
    return sum(cell["calls"] for rollup in rollups for cell in rollup["cells"])


@pytest.fixture(params=["light", "dark"])
def pages(request: pytest.FixtureRequest, visitors: Visitors, busy: Person) -> Iterator[Page]:
    """Opens the pages one after the other, on a phone."""

    def opened() -> Iterator[Page]:
        page = visitors.logged_in(busy, viewport=PHONE, color_scheme=request.param)
        for path in PATHS:
            page.goto(f"{busy.home}/{path}")
            for folded in page.locator("main summary").all():
                folded.click()
            yield page
        page.locator(".calls-past a").first.click()
        expect(page.locator(".story")).to_be_visible()
        yield page

    return opened()


def test_everybody_can_read_and_use_them(pages: Iterator[Page]) -> None:
    for page in pages:
        assert complaints(page) == [], page.url
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], page.url
        assert not too_small(page.locator("main a, main button, main summary")), page.url
        assert page.locator("svg[onload]").count() == 0


def test_bars_are_as_long_as_their_figures_without_any_script(visitors: Visitors, busy: Person) -> None:
    page = visitors.logged_in(busy, java_script_enabled=False)
    page.goto(f"{busy.home}/dashboard")
    page.goto(f"{busy.home}/report?days=7")
    drawing = page.locator(".spans svg").first.bounding_box()
    median = page.locator(".spans .span-median").first.bounding_box()
    assert drawing is not None
    assert median is not None
    assert abs(median["width"] / drawing["width"] - 30 / 150) < 0.05  # the waits of the two zones
    page.get_by_role("link", name="Today, call by call").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Today’s calls")
    page.get_by_role("link", name="To the calls").click()
    expect(page).to_have_url(f"{visitors.website.url}{busy.home}/dashboard")


@pytest.mark.firefox_too
def test_the_file_is_saved_under_its_name(visitors: Visitors, busy: Person) -> None:
    page = visitors.logged_in(busy)
    page.goto(f"{busy.home}/report?days=28")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Figures as CSV").click()
    assert waiting.value.suggested_filename.startswith("waiter-caller-")
    assert waiting.value.suggested_filename.endswith(".csv")
