"""Tables are dragged and moved by keys into their order; codes are scanned on a walk, which a second screen follows."""

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.axe import complaints
from tests.support.cast import Person
from tests.support.visitors import Visitors, comes_true, press
from waitercaller.model import restaurants, tables
from waitercaller.model.tables import Table

pytestmark = [pytest.mark.browser, pytest.mark.chromium_only("pointers and focus work alike in all engines")]

PHONE = {"width": 390, "height": 780}


@pytest.fixture
def laid(app: Flask, alice: Person) -> list[Table]:
    """1 to 4 on the terrace."""
    with app.app_context():
        tables.add_many(alice.restaurant_id, list("1234"), restaurants.ensure_zone(alice.restaurant_id, "Terrace"))
        return tables.of_restaurant(alice.restaurant_id)


def stand(page: Page, names: str) -> None:
    expect(page.locator(".order b")).to_have_text(list(names))


def drag(page: Page, name: str, to: str) -> None:
    """Drag the handle of a row onto another one."""
    start, end = (page.locator(".order li", has_text=each).locator(".grip").bounding_box() for each in (name, to))
    assert start
    assert end
    page.mouse.move(start["x"] + 20, start["y"] + 20)
    page.mouse.down()
    page.mouse.move(start["x"] + 20, end["y"] + (8 if end["y"] < start["y"] else 40), steps=3)
    page.mouse.up()


def test_tables_are_put_into_an_order_by_dragging_and_by_keys(
    visitors: Visitors, alice: Person, laid: list[Table]
) -> None:
    visitors.tolerate("ERR_INTERNET_DISCONNECTED")
    page = visitors.logged_in(alice, viewport=PHONE, reduced_motion="reduce")
    page.goto(f"{alice.home}/tables")
    page.get_by_role("link", name="Order of the tables").click()
    stand(page, "1234")
    assert complaints(page) == []
    drag(page, "4", to="2")
    stand(page, "1423")
    expect(page.locator("#said")).to_have_text("Table 4 is now number 2 of 4.")
    down = page.get_by_role("button", name="Move 1 down")
    down.press("Enter")
    down.press("Enter")  # before the first move is answered, perhaps
    stand(page, "4213")
    expect(down).to_be_focused()
    expect(page.locator("#said")).to_have_text("Table 1 is now number 3 of 4.")
    down.press("Enter")
    expect(page.get_by_role("button", name="Move 1 up")).to_be_focused()  # it has no way down any more
    expect(page.locator("#said")).to_have_text("Table 1 is now number 4 of 4.")
    page.context.set_offline(True)
    drag(page, "1", to="4")
    expect(page.get_by_role("alert")).to_contain_text("This was not saved")
    stand(page, "4231")
    page.context.set_offline(False)
    page.reload()
    stand(page, "4231")


def test_a_code_is_scanned_on_a_walk_and_another_screen_shows_it(
    visitors: Visitors, alice: Person, laid: list[Table]
) -> None:
    phone, office = visitors.logged_in(alice, viewport=PHONE), visitors.logged_in(alice)
    phone.goto(f"{alice.home}/tables")
    phone.get_by_role("link", name="Walk past the tables").click()
    press(phone, "Begin the walk")
    phone.wait_for_url("**/tables/walk*")
    office.goto(f"{alice.home}/tables/walk")
    phone.goto(f"/T/{laid[1]['code']}")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Table 2")
    press(phone, "Yes")
    expect(phone.get_by_text("Ticked off")).to_be_visible()
    phone.goto(f"/T/{laid[2]['code']}")
    phone.get_by_text("No, at another one").click()
    press(phone, "4")
    expect(phone.get_by_text("The code of Table 3 is at Table 4.")).to_be_visible()
    office.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    comes_true(office, "document.body.textContent.includes('1 of 4 codes are at their tables.')")
    expect(office.locator(".walk-tables li")).to_have_text(["1", "4"])
    phone.goto(f"{alice.home}/tables")
    phone.get_by_role("link", name="Open 2 as a guest").click()
    expect(phone.locator("#headline")).to_have_text("How can we help?")
