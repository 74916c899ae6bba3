"""Pages that are open while an operator suspends their restaurant, and restores it."""

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.cast import Person, wait_until
from tests.support.visitors import Visitors
from waitercaller.model import tables
from waitercaller.model.tables import Table

pytestmark = [pytest.mark.browser, pytest.mark.chromium_only("in Firefox not each time on a busy machine")]


def reloads(page: Page) -> bool:
    """Reload the page; False if the answer is an error."""
    response = page.reload()
    return response is not None and response.ok


def test_open_pages_say_so_by_themselves(app: Flask, visitors: Visitors, alice: Person, dana: Page) -> None:
    visitors.tolerate("status of 403")
    dashboard = visitors.dashboard(alice)
    run = app.test_cli_runner().invoke
    assert run(args=["restaurants", "suspend", "Trattoria Lucia", "--yes"]).exit_code == 0
    expect(dana.get_by_role("heading", level=1)).to_have_text("Please wave to the staff")
    expect(dashboard.get_by_role("heading", level=1)).to_have_text("Suspended")
    assert run(args=["restaurants", "restore", "Trattoria Lucia", "--yes"]).exit_code == 0
    wait_until(lambda: reloads(dana) and reloads(dashboard))  # each worker hears of it by its change stream
    expect(dana.get_by_role("button", name="Call a waiter")).to_be_visible()


@pytest.mark.parametrize("change", ["suspended", "removed"])
def test_a_page_whose_stream_missed_it_says_so(
    app: Flask, visitors: Visitors, alice: Person, table: Table, change: str
) -> None:
    """The page comes from a worker that does not know yet, and its stream is refused."""
    visitors.tolerate("status of 403", "status of 404", "net::ERR_FAILED")
    dana = visitors.come()
    dana.route("**/live?*", lambda route: route.abort())
    dana.goto(f"/t/{table['code']}")
    if change == "suspended":
        run = app.test_cli_runner().invoke
        assert run(args=["restaurants", "suspend", "Trattoria Lucia", "--yes"]).exit_code == 0
    else:
        with app.app_context():
            tables.remove(alice.restaurant_id, table["_id"])
    dana.unroute("**/live?*")
    title = "Please wave to the staff" if change == "suspended" else "Nothing here"
    expect(dana.locator("main h1")).to_have_text(title)
