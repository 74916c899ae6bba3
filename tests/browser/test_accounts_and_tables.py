"""Password reset, repeated registration mails, and changes of tables, through the pages."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.cast import PASSWORD, Person
from tests.support.visitors import Visitors, fill, is_live, is_waiting, press, visit
from tests.support.website import Website
from waitercaller.model.tables import Table

pytestmark = pytest.mark.browser

NEW_PASSWORD = "a short sentence does well"


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def log_in(page: Page, person: Person, password: str) -> None:
    page.goto("/login")
    fill(page, email=person.email, password=password)
    press(page, "Log in")


@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_a_forgotten_password_is_replaced_and_every_login_with_it_ends(
    website: Website, visitors: Visitors, alice: Person
) -> None:
    visitors.tolerate("status of 400", "status of 410")
    dashboard, phone = visitors.dashboard(alice), visitors.come()
    phone.goto("/login")
    phone.get_by_role("link", name="Forgotten your password?").click()
    fill(phone, email=alice.email)
    press(phone, "Send me the link")
    heading(phone, "Check your mail")

    link = website.mail_to(alice.email).links[0]
    phone.goto(link)
    heading(phone, "Choose a new password")
    assert link.rpartition("/")[2] not in phone.url, "the token stays in the address"
    fill(phone, password=NEW_PASSWORD)
    press(phone, "Save the password")
    expect(phone.get_by_text("Your password is changed.")).to_be_visible()
    expect(dashboard.locator("#live")).to_contain_text("You are logged out.")
    assert "password" in website.mail_to(alice.email).subject.lower()

    log_in(phone, alice, PASSWORD)
    expect(phone.get_by_role("alert")).to_contain_text("No account has this address with this password.")
    log_in(phone, alice, NEW_PASSWORD)
    is_live(phone)
    phone.goto(link)
    heading(phone, "This link has been used")


@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_the_mail_of_a_registration_is_sent_again(website: Website, visitors: Visitors) -> None:
    visitors.tolerate("status of 410")
    alice, address = visitors.come(), "alice@example.org"
    alice.goto("/register")
    fill(alice, restaurant="Trattoria Lucia", name="Alice", email=address, password=PASSWORD)
    press(alice, "Register")
    first = website.mail_to(address)
    alice.get_by_text("No mail after a few minutes?").click()
    press(alice, "Send it again")
    expect(alice.get_by_role("status")).to_contain_text("its link is on its way once more")
    second = website.mail_to(address)

    alice.goto(first.links[0])
    heading(alice, "This link has been used")
    alice.goto(second.links[0])
    heading(alice, "One more tap")
    press(alice, "Confirm my address")
    expect(alice.get_by_role("heading", name="Your first call")).to_be_visible()


def test_a_new_restaurant_is_in_the_time_zone_of_its_owners_browser(website: Website, visitors: Visitors) -> None:
    alice, address = visitors.come(timezone_id="America/New_York"), "alice@example.org"
    alice.goto("/register")
    fill(alice, restaurant="Trattoria Lucia", name="Alice", email=address, password=PASSWORD)
    press(alice, "Register")
    expect(alice.get_by_role("heading", level=1)).to_have_text("Check your mail")
    visit(alice, website.mail_to(address).links[0])
    press(alice, "Confirm my address")
    expect(alice.get_by_role("heading", name="Your first call")).to_be_visible()
    visit(alice, alice.url.replace("/first-call", "/settings/house"))
    expect(alice.get_by_label("Time zone")).to_have_value("America/New_York")


@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_a_link_opened_on_another_device_asks_for_the_password(website: Website, visitors: Visitors) -> None:
    visitors.tolerate("status of 400")
    laptop, phone, address = visitors.come(), visitors.come(), "alice@example.org"
    laptop.goto("/register")
    fill(laptop, restaurant="Trattoria Lucia", name="Alice", email=address, password=PASSWORD)
    press(laptop, "Register")
    phone.goto(website.mail_to(address).links[0])
    fill(phone, password="not that one, surely")
    press(phone, "Confirm my address")
    expect(phone.get_by_text("This is not the password of the registration.")).to_be_visible()
    fill(phone, password=PASSWORD)
    press(phone, "Confirm my address")
    expect(phone.get_by_role("heading", name="Your first call")).to_be_visible()


def test_what_is_wrong_with_a_form_is_said_at_the_field_and_the_words_are_kept(visitors: Visitors) -> None:
    visitors.tolerate("status of 400")
    alice = visitors.come()
    alice.goto("/register")
    fill(alice, restaurant="Trattoria Lucia", name="Alice", email="alice@example", password="short")
    press(alice, "Register")
    field = alice.get_by_label("Password")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(
        "At least 10 characters. A short sentence does well. Please use at least 10 characters."
    )
    expect(alice.get_by_label("Restaurant")).to_have_value("Trattoria Lucia")


@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_renaming_a_table_shows_to_its_guests(visitors: Visitors, alice: Person, dana: Page) -> None:
    office = visitors.logged_in(alice)
    office.goto(f"{alice.home}/tables")
    office.get_by_role("link", name="Edit 7").click()
    fill(office, name="Window", zone="Terrace")
    press(office, "Save")
    expect(office.locator(".zone-head h2")).to_have_text("Terrace")
    dana.reload()
    heading(dana, "Window")


@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_a_new_code_ends_what_the_old_card_can_do(visitors: Visitors, alice: Person, dana: Page) -> None:
    old_address = dana.url
    press(dana, "Call a waiter")
    is_waiting(dana)
    office = visitors.logged_in(alice)
    office.goto(f"{alice.home}/tables")
    office.get_by_role("link", name="Edit 7").click()
    office.get_by_text("Give it a new code").click()
    press(office, "Make the new code")
    expect(office.get_by_role("status")).to_contain_text("The table has a new code.")

    dana.reload()
    expect(dana.get_by_role("note")).to_contain_text("please scan the new code on the table")
    expect(dana.get_by_role("button", name="Call a waiter")).to_have_count(0)
    press(dana, "Never mind, cancel my call")
    expect(dana.locator("#headline")).to_have_text("Your call is cancelled")
    stranger = visitors.come()
    stranger.goto(old_address)
    expect(stranger.get_by_role("note")).to_be_visible()
    expect(stranger.get_by_role("main")).not_to_contain_text("Tap once")
    office.get_by_role("link", name="Open as a guest").click()
    press(office, "Call a waiter")
    is_waiting(office)


@pytest.mark.chromium_only("the server decides this; how Firefox shows and sends it, other tests see")
def test_a_removed_table_takes_its_call_along(visitors: Visitors, alice: Person, table: Table, dana: Page) -> None:
    visitors.tolerate("status of 404")
    dashboard, office = visitors.dashboard(alice), visitors.logged_in(alice)
    press(dana, "Call a waiter")
    expect(dashboard.locator("article.table-card")).to_have_count(1)
    office.goto(f"{alice.home}/tables/{table['_id']}")
    office.get_by_text("Remove this table").click()
    press(office, "Remove the table")
    heading(office, "Add your tables")
    expect(dashboard.locator("#sentence")).to_have_text("Nobody is waiting")
    heading(dana, "Nothing here")
