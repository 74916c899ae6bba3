"""Staff in several open browsers: joining, the counter tablet, removing a member."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect

from tests.support.cast import PASSWORD, Person
from tests.support.visitors import Visitors, card, fill, is_live, is_waiting, press, visit
from tests.support.website import Website
from waitercaller.model import restaurants, tables

pytestmark = pytest.mark.browser

ANNA = "anna@example.org"


@pytest.fixture
def anna(app: Flask, alice: Person) -> str:
    """Anna is a waiter without an account; returns her member id."""
    with app.app_context():
        return str(restaurants.add_member(alice.restaurant_id, "Anna", "waiter", None))


@pytest.fixture
def counter(visitors: Visitors, alice: Person, anna: str) -> Page:
    """The counter tablet, logged in as a device by the code that Alice's browser shows."""
    alices = visitors.logged_in(alice)
    alices.goto(f"{alice.home}/staff")
    alices.get_by_text("Add a screen").click()
    press(alices, "Show a code")
    tablet = visitors.come(viewport={"width": 1024, "height": 768})
    tablet.goto(alices.locator(".scan-address").text_content() or "")
    fill(tablet, device_name="Bar")
    press(tablet, "Show the calls here")
    is_live(tablet)
    return tablet


def who(tablet: Page, name: str) -> None:
    tablet.locator("#who").get_by_role("button", name=name, exact=True).click()


def test_an_invited_waiter_joins_in_a_browser_of_her_own(website: Website, visitors: Visitors, alice: Person) -> None:
    alices = visitors.logged_in(alice)
    alices.goto(f"{alice.home}/dashboard")
    alices.get_by_role("link", name="People").click()
    alices.get_by_text("Invite by e-mail").click()
    fill(alices, email=ANNA)
    press(alices, "Send the invitation")
    expect(alices.get_by_text(f"The invitation to {ANNA} is on its way.")).to_be_visible()

    annas = visitors.come(viewport={"width": 390, "height": 780})
    annas.goto(website.mail_to(ANNA).links[0])
    expect(annas.get_by_role("heading", name="Trattoria Lucia")).to_be_visible()
    fill(annas, name="Anna", password=PASSWORD)
    press(annas, "Join the team")
    expect(annas.get_by_text("Welcome to the team.")).to_be_visible()
    is_live(annas)
    alices.reload()
    expect(alices.locator("summary").filter(has_text=ANNA)).to_be_visible()


@pytest.mark.firefox_too
def test_the_counter_asks_who_and_the_guest_reads_it(visitors: Visitors, counter: Page, dana: Page) -> None:
    press(dana, "Call a waiter")
    card(counter, "7").get_by_role("button", name="I’m going").click()
    expect(counter.get_by_role("dialog", name=re.compile("Who"))).to_be_visible()
    box = counter.locator("#who .name").first.bounding_box()
    assert box
    assert box["height"] >= 56
    who(counter, "Anna")
    expect(dana.locator("#headline")).to_have_text("Anna is on the way")
    expect(card(counter, "7").get_by_text("Anna is on the way")).to_be_visible()
    expect(counter.get_by_text("Table 7: Anna is on the way.")).to_be_visible()

    card(counter, "7").get_by_role("button", name="Take over").click()
    who(counter, "Alice")
    expect(dana.locator("#headline")).to_have_text("Alice is on the way")
    card(counter, "7").get_by_role("button", name="Done").click()  # Alice had accepted it: no question
    expect(dana.locator("#headline")).to_have_text("Done")
    counter.locator("#toasts").get_by_role("button", name="Undo").click()
    card(counter, "7").get_by_role("button", name="Done").click()  # nobody has accepted it: the tablet asks
    who(counter, "Anna")
    expect(counter.locator("#sentence")).to_have_text("Nobody is waiting")


@pytest.mark.firefox_too
def test_two_questions_at_once_are_asked_one_after_the_other(
    app: Flask, visitors: Visitors, alice: Person, anna: str, counter: Page, dana: Page
) -> None:
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["8"], None)
        eight = next(each for each in tables.of_restaurant(alice.restaurant_id) if each["name"] == "8")
    other = visitors.come()
    other.goto(f"/t/{eight['code']}")
    for guest in (dana, other):
        press(guest, "Call a waiter")
    expect(card(counter, "8")).to_be_visible()
    late: list[Route] = []
    counter.route("**/resolve", lambda route: route.continue_() if late else late.append(route))
    card(counter, "7").get_by_role("button", name="Done").click()  # the response, which asks for a name, comes late
    card(counter, "8").get_by_role("button", name="I’m going").click()
    expect(counter.locator("#who-table")).to_have_text("Table 8")
    with counter.expect_response("**/resolve"):
        late[0].continue_()
    expect(counter.locator("#who-table")).to_have_text("Table 8")
    counter.wait_for_timeout(400)  # the dialog ignores taps at first
    who(counter, "Anna")
    expect(counter.locator("#who-table")).to_have_text("Table 7")
    expect(other.locator("#headline")).to_have_text("Anna is on the way")
    counter.wait_for_timeout(400)
    who(counter, "Alice")
    expect(dana.locator("#headline")).to_have_text("Done")
    expect(card(counter, "8").get_by_text("Anna is on the way")).to_be_visible()


def test_the_counter_passes_a_call_on(visitors: Visitors, bob: Person, counter: Page, dana: Page) -> None:
    bobs = visitors.dashboard(bob)
    press(dana, "Call a waiter")
    card(counter, "7").locator(".more summary").click()
    card(counter, "7").get_by_role("button", name="Pass on to somebody").click()
    who(counter, "Bob")
    expect(card(bobs, "7").get_by_text("Passed on by Bar")).to_be_visible()
    expect(dana.locator("#headline")).to_have_text("Bob is on the way")


@pytest.mark.firefox_too
def test_who_is_not_answered_by_accident(counter: Page, dana: Page) -> None:
    """A second tap, a second Enter and Escape choose nobody."""
    press(dana, "Call a waiter")
    going = card(counter, "7").get_by_role("button", name="I’m going")
    counter.bring_to_front()  # of Firefox's windows one alone has the focus
    going.focus()
    counter.keyboard.press("Enter")
    dialog = counter.locator("#who")
    expect(dialog).to_be_visible()
    counter.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    counter.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(going).to_be_focused()
    counter.keyboard.press("Enter")
    expect(dialog).to_be_visible()  # it waits for the close event of the one before
    counter.keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="Alice", exact=True)).to_be_focused()
    press(counter, "Never mind")
    expect(dialog).to_be_hidden()
    expect(dana.locator("#headline")).to_have_text("Your call is on 1 staff screen")


@pytest.mark.chromium_only("Playwright cannot switch scripts off in Firefox")
def test_without_scripts_the_question_is_a_page(visitors: Visitors, counter: Page, dana: Page) -> None:
    tablet = visitors.come(java_script_enabled=False)
    tablet.context.add_cookies(counter.context.cookies())  # type: ignore[arg-type]
    press(dana, "Call a waiter")
    is_waiting(dana)
    tablet.goto(counter.url)
    card(tablet, "7").get_by_role("button", name="I’m going").click()
    expect(tablet.get_by_role("heading", name="Who?")).to_be_visible()
    press(tablet, "Anna")
    expect(card(tablet, "7").get_by_text("Anna is on the way")).to_be_visible()
    expect(dana.locator("#headline")).to_have_text("Anna is on the way")


def test_annas_phone_is_hers_and_ends_with_the_counters_help(
    visitors: Visitors, counter: Page, alice: Person, dana: Page
) -> None:
    alices = visitors.logged_in(alice)
    alices.goto(f"{alice.home}/staff")
    alices.locator("summary").filter(has_text="Anna").click()
    press(alices, "A phone for Anna")
    expect(alices.locator(".qr-scan svg")).to_be_visible()
    counter.locator(".menu:not(#bell) > summary").click()
    counter.get_by_role("link", name="Use your own phone").click()
    press(counter, "Anna")
    phone = visitors.come(viewport={"width": 390, "height": 780})
    phone.goto(counter.locator(".scan-address").text_content() or "")
    press(phone, "I am Anna, show me the calls")
    is_live(phone)
    expect(alices.get_by_role("heading", name="Done")).to_be_visible()  # the page with the code polls
    press(dana, "Call a waiter")
    card(phone, "7").get_by_role("button", name="I’m going").click()
    expect(dana.locator("#headline")).to_have_text("Anna is on the way")

    visit(alices, f"{alice.home}/staff")
    alices.locator("summary").filter(has_text="Anna").click()
    press(alices, "Log out Anna’s phone")
    expect(phone.locator("#live-words")).to_have_text("You are logged out.")


def test_whoever_is_let_go_reads_it_on_the_open_dashboard(visitors: Visitors, alice: Person, bob: Person) -> None:
    bobs, alices = visitors.dashboard(bob), visitors.logged_in(alice)
    alices.goto(f"{alice.home}/staff")
    alices.locator("summary").filter(has_text="Bob").click()
    alices.get_by_text("Remove from the team").locator("visible=true").click()
    press(alices, "Remove Bob")
    expect(bobs.locator("#live-words")).to_have_text("You are logged out.")
    expect(bobs.locator("#live-link")).to_be_visible()
    expect(alices.get_by_text("Bob is no longer in the team")).to_be_visible()


def test_a_device_ended_by_the_owner_goes_dark_and_one_ends_itself(
    visitors: Visitors, counter: Page, alice: Person
) -> None:
    counter.locator(".menu:not(#bell) > summary").click()
    counter.get_by_text("End this screen").click()
    press(counter, "Yes, end it")
    expect(counter.get_by_role("heading", name="Log in")).to_be_visible()
    alices = visitors.logged_in(alice)
    alices.goto(f"{alice.home}/staff")
    alices.get_by_text("Add a screen").click()
    fill(alices, device_name="Counter")
    press(alices, "Log me out and make it a screen")
    is_live(alices)
    expect(alices.locator(".bar-rooms")).to_have_count(0)
