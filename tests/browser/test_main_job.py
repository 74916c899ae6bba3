"""The main job from registration to a finished call, in several browsers that are open at the same time."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support import paper
from tests.support.cast import PASSWORD, Person, wait_until
from tests.support.visitors import Visitors, card, fill, is_live, is_waiting, press, remember, visit, was_not_reloaded
from tests.support.website import Website

pytestmark = pytest.mark.browser

ALICE = "alice@example.org"
NOBODY = "Nobody is waiting"


def register(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Register your restaurant").first.click()
    fill(page, restaurant="Trattoria Lucia", name="Alice", email=ALICE, password=PASSWORD)
    press(page, "Register")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your mail")


def log_in(page: Page, email: str = ALICE, password: str = PASSWORD) -> None:
    page.goto("/login")
    fill(page, email=email, password=password)
    press(page, "Log in")


def log_out(page: Page) -> None:
    page.locator(".menu:not(#bell) > summary").click()
    press(page, "Log out")
    expect(page.get_by_role("status")).to_have_text("You are logged out.")


def add_tables(page: Page, names: str) -> None:
    page.get_by_role("link", name="Tables").click()
    fill(page, names=names)
    press(page, "Add")


def sentence(dashboard: Page, words: str | re.Pattern[str]) -> None:
    expect(dashboard.locator("#sentence")).to_have_text(words)


def printed_address(page: Page, table: str, folder: Path) -> str:
    """The address in the code on the printed card of this table; the PDF is kept in `folder`."""
    page.get_by_role("link", name="Print the codes").click()
    page.locator("[name=tables]").select_option(label=table)
    used, form = page.get_by_label("Labels already used"), page.locator("[name=format]")
    expect(used).to_be_hidden()
    card = form.input_value()
    form.select_option("a4-label-3x7")
    expect(used).to_be_visible()
    form.select_option(card)
    with page.expect_download() as download:
        press(page, "Make the PDF")
    file = folder / "cards.pdf"
    download.value.save_as(file)
    (address,) = paper.codes_on(paper.pictures_of(file), 1)
    return address


def test_from_registration_to_a_call_that_is_done_on_all_screens(
    website: Website, visitors: Visitors, tmp_path: Path
) -> None:
    # Firefox shows the PDF that it saves, and says so; a page says goodbye after its login has ended.
    visitors.tolerate("docBaseUrl", "/screens")
    alice, tablet, dana = visitors.come(), visitors.come(), visitors.come(viewport={"width": 390, "height": 780})

    register(alice)
    alice.goto(website.mail_to(ALICE).links[0])
    press(alice, "Confirm my address")
    expect(alice.get_by_text("Your address is confirmed")).to_be_visible()
    log_out(alice)
    log_in(alice)
    sentence(alice, NOBODY)

    add_tables(alice, "1–12")
    expect(alice.get_by_text("12 tables added.")).to_be_visible()
    expect(alice.locator(".table-card .qr img")).to_have_count(12)
    address = printed_address(alice, "7", tmp_path)
    scheme, host = website.url.split("://")
    assert address.startswith(f"{scheme}://{host.upper()}/T/")

    log_in(tablet)
    visit(alice, tablet.url)
    for dashboard in (alice, tablet):
        is_live(dashboard)
        remember(dashboard)

    dana.goto(address)
    expect(dana.get_by_role("heading", name="Table 7", exact=True)).to_be_visible()
    press(dana, "Call a waiter")
    is_waiting(dana)
    remember(dana)
    for dashboard in (alice, tablet):
        sentence(dashboard, re.compile("^1 table waiting · oldest 0:"))
        expect(card(dashboard, "7").get_by_text("Waiter", exact=True)).to_be_visible()

    card(alice, "7").get_by_role("button", name="I’m going").click()
    expect(dana.locator("#headline")).to_have_text("Alice is on the way")
    expect(card(tablet, "7").get_by_text("You are on the way")).to_be_visible()

    card(tablet, "7").get_by_role("button", name="Done").click()
    for dashboard in (alice, tablet):
        sentence(dashboard, NOBODY)
    expect(dana.locator("#headline")).to_have_text("Done")
    was_not_reloaded(dana)

    press(dana, "Not yet?")
    is_waiting(dana)
    for dashboard in (alice, tablet):
        sentence(dashboard, re.compile("^1 table waiting"))

    press(dana, "Never mind, cancel my call")
    expect(dana.locator("#headline")).to_have_text("Your call is cancelled")
    for dashboard in (alice, tablet):
        sentence(dashboard, NOBODY)
        was_not_reloaded(dashboard)


def test_one_card_holds_all_that_a_table_wants_and_a_second_tap_reminds(
    visitors: Visitors, alice: Person, dana: Page
) -> None:
    dashboard = visitors.dashboard(alice)
    press(dana, "Call a waiter")
    dana.get_by_role("button", name="The bill, please").click()
    dana.get_by_role("button", name="Call a waiter Called — remind them").click()
    expect(dana.get_by_text("The staff has been reminded.")).to_be_visible()
    expect(card(dashboard, "7").locator(".kinds li")).to_have_text(["Waiter", "Bill"])
    expect(card(dashboard, "7").get_by_text("asked again 1×")).to_be_visible()

    card(dashboard, "7").get_by_role("button", name="I’m going").click()
    expect(dana.locator("#headline")).to_have_text("Alice is on the way")
    card(dashboard, "7").get_by_role("button", name="Done").click()
    sentence(dashboard, NOBODY)
    expect(dana.locator("#headline")).to_have_text("Done")


def test_of_two_waiters_who_tap_at_once_the_slower_one_reads_who_has_it(
    visitors: Visitors, alice: Person, bob: Person, dana: Page
) -> None:
    visitors.tolerate("status of 409")
    alices, bobs = visitors.dashboard(alice), visitors.dashboard(bob)
    press(dana, "Call a waiter")
    held: list[Route] = []
    bobs.route("**/accept", lambda route: held.append(route))  # Bob's HTTP request is held back …
    card(bobs, "7").get_by_role("button", name="I’m going").click()
    card(alices, "7").get_by_role("button", name="I’m going").click()
    expect(card(alices, "7").get_by_text("You are on the way")).to_be_visible()
    held[0].continue_()  # … and arrives when Alice's has been taken
    expect(bobs.get_by_text("Alice has it.")).to_be_visible()
    expect(card(bobs, "7").get_by_text("Alice is on the way")).to_be_visible()
    expect(dana.locator("#headline")).to_have_text("Alice is on the way")

    bobs.unroute("**/accept")
    card(bobs, "7").get_by_role("button", name="Take over").click()
    expect(dana.locator("#headline")).to_have_text("Bob is on the way")
    expect(card(alices, "7").get_by_text("Bob is on the way")).to_be_visible()


def test_done_and_nobody_there_can_be_undone(visitors: Visitors, alice: Person, dana: Page) -> None:
    dashboard = visitors.dashboard(alice)
    press(dana, "Call a waiter")
    for act in ("Done", "Nobody at the table"):
        if act != "Done":
            card(dashboard, "7").locator(".more summary").click()
        card(dashboard, "7").get_by_role("button", name=act).click()
        sentence(dashboard, NOBODY)
        dashboard.locator("#toasts").get_by_role("button", name="Undo").click()
        sentence(dashboard, re.compile("^1 table waiting"))
    is_waiting(dana)
    card(dashboard, "7").get_by_role("button", name="Done").click()
    dashboard.get_by_text("Just ended").click()
    dashboard.locator("#recent").get_by_role("button", name="Undo").click()
    expect(card(dashboard, "7")).to_be_visible()


@pytest.mark.chromium_only("a dozen pages for what two processes do")
def test_a_call_shows_on_the_screens_of_both_workers(
    website: Website, visitors: Visitors, alice: Person, dana: Page
) -> None:
    dana.goto("about:blank")  # whose connection would be counted
    screens: list[Page] = []

    def idle_ones_are_closed() -> bool:
        return sum(website.gunicorn.streams().values()) == len(screens)

    while not screens or 0 in website.gunicorn.streams().values():
        assert len(screens) < 12, "one worker holds all screens"
        screens += [visitors.dashboard(alice) for _ in range(4)]
        wait_until(idle_ones_are_closed)
    dana.go_back()
    press(dana, "Call a waiter")
    for screen in screens:
        expect(card(screen, "7")).to_be_visible()
