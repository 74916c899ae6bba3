"""Open dashboards and phones show whether they are live during faults, and recover without a reload."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import databases
from tests.support.cast import Person
from tests.support.visitors import Visitors, card, is_live, is_not_live, is_waiting, press, remember, was_not_reloaded
from tests.support.website import Website
from waitercaller.model.requests import queries
from waitercaller.model.requests import transitions as requests

pytestmark = pytest.mark.browser

SILENCE_MS = 19_000  # a hanging stream is detected after 18 s, checked every second


class FaultyWebsite(Website):
    """With a database server of its own, whatever TEST_MONGODB_URI names, and production's timeout of it."""

    target = "wsgi:app"
    stops_database = True


@pytest.fixture(scope="module")
def shared_website(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Website]:
    """A separate website for this file, since its processes are stopped and frozen."""
    website = FaultyWebsite(tmp_path_factory.mktemp("faults"))
    website.open()
    yield website
    website.close()


def database_of(website: Website) -> databases.Server:
    assert isinstance(website.database, databases.Server)
    return website.database


@pytest.fixture
def faults(visitors: Visitors) -> None:
    """Tolerate the console errors about failed requests."""
    visitors.tolerate("net::ERR_", "status of 503")


def looking(visitors: Visitors, person: Person) -> Page:
    dashboard = visitors.dashboard(person)
    remember(dashboard)
    return dashboard


def shows(dashboard: Page, *tables: str) -> None:
    """The dashboard is live, shows exactly the cards of these tables, and was not reloaded."""
    is_live(dashboard)
    expect(dashboard.locator("article.table-card h2")).to_have_text(list(tables))
    was_not_reloaded(dashboard)


@pytest.mark.usefixtures("faults")
def test_the_database_stops_and_comes_back(website: Website, visitors: Visitors, alice: Person, dana: Page) -> None:
    dashboard = looking(visitors, alice)
    press(dana, "Call a waiter")
    shows(dashboard, "7")
    database_of(website).stop()
    is_not_live(dashboard)
    expect(dana.locator("#unconnected")).to_be_visible()
    expect(card(dashboard, "7")).to_be_visible()

    database_of(website).start()
    shows(dashboard, "7")
    expect(dana.locator("#unconnected")).to_be_hidden()
    card(dashboard, "7").get_by_role("button", name="I’m going").click()
    expect(dana.locator("#headline")).to_have_text("Alice is on the way")


@pytest.mark.usefixtures("faults")
@pytest.mark.chromium_only("to the page it is a server that is away")
def test_the_database_hangs_and_recovers(website: Website, visitors: Visitors, alice: Person, dana: Page) -> None:
    dashboard = looking(visitors, alice)
    database_of(website).freeze()
    try:
        is_not_live(dashboard)
        press(dana, "Call a waiter")
        expect(dana.locator("#unsent")).to_contain_text("Not sent yet")
    finally:
        database_of(website).thaw()
    is_waiting(dana)
    expect(dana.locator("#unsent")).to_be_hidden()
    shows(dashboard, "7")


@pytest.mark.usefixtures("faults")
def test_the_web_server_is_restarted(website: Website, visitors: Visitors, alice: Person, dana: Page) -> None:
    dashboard = looking(visitors, alice)
    press(dana, "Call a waiter")
    shows(dashboard, "7")
    website.gunicorn.stop()
    is_not_live(dashboard)
    with website.app.app_context():  # changes by another process meanwhile
        called = [request["_id"] for request in queries.live_of_restaurant(alice.restaurant_id)]
        requests.resolve(alice.restaurant_id, called, {"id": alice.member_id, "name": "Alice"})
    website.gunicorn.start()
    shows(dashboard)
    expect(dana.locator("#headline")).to_have_text("Done")


@pytest.mark.usefixtures("faults")
def test_a_line_that_hangs_without_closing_is_noticed(website: Website, visitors: Visitors, alice: Person) -> None:
    dashboard = visitors.logged_in(alice)
    dashboard.clock.install()  # the clock runs normally until it is fast-forwarded
    dashboard.goto(f"{alice.home}/dashboard")
    is_live(dashboard)
    remember(dashboard)
    with website.gunicorn.frozen():
        dashboard.clock.fast_forward(SILENCE_MS)
        is_not_live(dashboard)
    shows(dashboard)


@pytest.mark.usefixtures("faults")
@pytest.mark.chromium_only("test_guest_offline.py sees it in Firefox")
def test_a_tap_that_cannot_be_sent_says_so_and_can_be_tried_again(
    visitors: Visitors, alice: Person, dana: Page
) -> None:
    dashboard = looking(visitors, alice)
    press(dana, "Call a waiter")
    shows(dashboard, "7")
    dashboard.route("**/accept", lambda route: route.abort())
    card(dashboard, "7").get_by_role("button", name="I’m going").click()
    unsent = dashboard.get_by_role("alert").filter(has_text="7: Not sent — try again")
    expect(unsent).to_be_visible()
    is_waiting(dana)
    dashboard.unroute("**/accept")
    unsent.get_by_role("button", name="Try again").click()
    expect(dana.locator("#headline")).to_have_text("Alice is on the way")
    expect(unsent).to_have_count(0)


def test_logging_out_in_another_tab_is_said_at_once(visitors: Visitors, alice: Person) -> None:
    dashboard = looking(visitors, alice)
    tab = dashboard.context.new_page()
    tab.goto("/account")
    tab.locator("main").get_by_role("button", name="Log out").click()
    expect(dashboard.locator("#live")).to_contain_text("You are logged out.")
    was_not_reloaded(dashboard)
    dashboard.locator("#live-link").click()
    expect(dashboard.get_by_role("heading", level=1)).to_have_text("Log in")
