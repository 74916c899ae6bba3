"""Pages that are open while an operator suspends their restaurant, and restores it."""

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.cast import Person
from tests.support.visitors import Visitors

pytestmark = [pytest.mark.browser, pytest.mark.chromium_only("in Firefox not each time on a busy machine")]


def test_open_pages_say_so_by_themselves(app: Flask, visitors: Visitors, alice: Person, dana: Page) -> None:
    visitors.tolerate("status of 403")
    dashboard = visitors.dashboard(alice)
    run = app.test_cli_runner().invoke
    assert run(args=["restaurants", "suspend", "Trattoria Lucia", "--yes"]).exit_code == 0
    expect(dana.get_by_role("heading")).to_have_text("Please wave to the staff")
    expect(dashboard.get_by_role("heading", level=1)).to_have_text("Suspended")
    assert run(args=["restaurants", "restore", "Trattoria Lucia", "--yes"]).exit_code == 0
    for page in (dana, dashboard):
        page.reload()
    expect(dana.get_by_role("button", name="Call a waiter")).to_be_visible()
