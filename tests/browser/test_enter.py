"""Staff enter a call for a guest who waved: a sheet over the live dashboard, and pages without scripts or dialogs."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.cast import Person
from tests.support.visitors import Visitors, card, is_live, press, remember, was_not_reloaded
from waitercaller.db.client import Document
from waitercaller.model.tables import Table

pytestmark = pytest.mark.browser


@pytest.fixture
def requests_in(app: Any) -> Callable[[], list[Document]]:
    return lambda: list(app.extensions["mongo"].database.requests.find())


def open_sheet(dashboard: Page) -> Any:
    dashboard.get_by_role("link", name="Enter a call").click()
    sheet = dashboard.get_by_role("dialog", name="Enter a call")
    expect(sheet.get_by_role("heading", name="Who waved?")).to_be_focused()
    return sheet


def test_two_taps_on_the_sheet_call_and_the_dashboard_stays_live_beneath(
    visitors: Visitors, bob: Person, dana: Page, requests_in: Any
) -> None:
    dashboard = visitors.dashboard(bob)
    remember(dashboard)
    sheet = open_sheet(dashboard)
    sheet.get_by_role("link", name="7").click()
    expect(sheet.get_by_role("heading", name="Table 7")).to_be_focused()
    sheet.get_by_role("button", name="Bill: Card").click()
    expect(sheet).to_be_hidden()
    expect(card(dashboard, "7")).to_contain_text("Bill · Card")
    expect(dashboard.locator(".toast-note")).to_contain_text("Table 7: Bill.")
    expect(dana.get_by_role("button", name="Never mind, cancel my call")).to_have_count(0)  # it is not this phone's
    was_not_reloaded(dashboard)
    assert requests_in()[0]["steps"][0]["by"]["name"] == "Bob"


def test_the_sheet_closes_on_the_way_back_and_by_the_escape_key(visitors: Visitors, bob: Person, table: Table) -> None:
    dashboard = visitors.dashboard(bob)
    remember(dashboard)
    sheet = open_sheet(dashboard)
    sheet.get_by_role("link", name="7").click()
    sheet.get_by_role("link", name="Another table").click()
    sheet.get_by_role("link", name="Back to the calls").click()
    expect(sheet).to_be_hidden()
    open_sheet(dashboard)
    dashboard.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    is_live(dashboard)
    was_not_reloaded(dashboard)


@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_a_tap_whose_answer_is_lost_says_so_and_is_one_call_when_it_is_tapped_again(
    visitors: Visitors, bob: Person, table: Table, requests_in: Any
) -> None:
    visitors.tolerate("ERR_FAILED", "net::")
    dashboard = visitors.dashboard(bob)

    def lose(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        route.fetch()  # it arrives, and the answer does not
        return route.abort()

    dashboard.route("**/enter", lose)
    sheet = open_sheet(dashboard)
    sheet.get_by_role("link", name="7").click()
    sheet.get_by_role("button", name="Waiter").click()
    expect(sheet.get_by_role("alert")).to_have_text("Not sent — try again")
    dashboard.unroute("**/enter")
    sheet.get_by_role("button", name="Waiter").click()
    expect(sheet).to_be_hidden()
    assert [request["reminders"] for request in requests_in()] == [0]


@pytest.mark.chromium_only("Playwright cannot switch scripts off in Firefox")
def test_without_scripts_the_pages_do_it(visitors: Visitors, bob: Person, table: Table, requests_in: Any) -> None:
    page = visitors.logged_in(bob, java_script_enabled=False)
    page.goto(f"{bob.home}/dashboard")
    page.get_by_role("link", name="Enter a call").click()
    page.get_by_role("link", name="7").click()
    press(page, "Water")
    expect(page.get_by_role("status").filter(has_text="Table 7: Water.")).to_be_visible()
    assert len(requests_in()) == 1


@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_back_in_five_minutes_is_read_by_the_guest_at_once(visitors: Visitors, bob: Person, dana: Page) -> None:
    press(dana, "Call a waiter")
    dashboard = visitors.dashboard(bob)
    seven = card(dashboard, "7")
    seven.get_by_role("button", name="I’m going").click()
    seven.get_by_role("group", name="More").or_(seven.locator(".more summary")).first.click()
    seven.get_by_role("button", name="Back in 5 minutes").click()
    expect(seven.locator(".mine")).to_contain_text("You are back at")
    expect(dana.locator("#headline")).to_have_text("Bob will be back in 5 minutes")
