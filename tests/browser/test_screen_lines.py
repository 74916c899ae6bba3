"""A screen's event stream: a hanging one is detected and replaced, a refused one is retried with backoff, and one event
brings the screen up to date."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.cast import Person
from tests.support.proxy import Proxy
from tests.support.visitors import Visitors, card, is_live, is_not_live, press, remember, was_not_reloaded
from tests.support.website import Website

pytestmark = pytest.mark.browser

# The delay before each attempt after the first, without jitter.
BACKOFF = """async () => {
  const page = document.querySelector("script[type=module][src*=dashboard]").src;
  const source = await (await fetch(page)).text();
  const address = new URL(source.match(/from "([^"]*stream[^"]*)"/)[1], page);
  const { EventStream } = await import(address);
  const waited = [];
  const later = window.setTimeout;
  Math.random = () => 0.5;
  window.setTimeout = (work, milliseconds) => (work.name === "" && waited.push(milliseconds), 0);
  window.EventSource = class { addEventListener() {} close() {} };
  const nothing = () => {};
  const handlers = { onEvent: nothing, onLive: nothing, onDown: nothing, onGone: nothing };
  const options = { url: () => "/nowhere", eventName: "calls", heartbeatMs: 15_000, inBackground: true };
  const stream = new EventStream({ ...options, ...handlers });
  waited.length = 0;
  stream.isDownTold = true;
  for (let time = 0; time < 6; time++) stream.lost(0);
  stream.hear("ping", { data: "{}" });
  stream.isDownTold = true;
  stream.lost(0);
  stream.end();
  window.setTimeout = later;
  return waited;
}"""


@pytest.fixture
def proxy(website: Website) -> Iterator[Proxy]:
    with Proxy(website.gunicorn.port) as proxy:
        yield proxy


def looking(proxy: Proxy, visitors: Visitors, person: Person) -> Page:
    """A live dashboard that connects through the proxy; its clock can be fast-forwarded."""
    dashboard = visitors.logged_in(person)
    dashboard.clock.install()
    dashboard.goto(f"{proxy.url}{person.home}/dashboard")
    is_live(dashboard)
    return dashboard


def cut(dashboard: Page, proxy: Proxy, visitors: Visitors) -> None:
    """Make the stream hang, and refuse further ones."""
    visitors.tolerate("net::ERR_FAILED")
    dashboard.route("**/live?*", lambda route: route.abort())
    assert proxy.hang() == 1


def test_a_line_that_hangs_is_told_of_within_20_seconds_and_replaced(
    proxy: Proxy, visitors: Visitors, alice: Person, dana: Page
) -> None:
    dashboard = looking(proxy, visitors, alice)
    remember(dashboard)
    dashboard.clock.pause_at(dashboard.evaluate("Date.now() / 1_000 + 1"))
    cut(dashboard, proxy, visitors)
    press(dana, "Call a waiter")  # this screen receives nothing of it
    expect(dana.locator("#headline")).to_be_visible()
    dashboard.clock.run_for(9_000)
    is_live(dashboard)
    dashboard.clock.run_for(11_000)  # checks are a second apart, and a last event may have come while the clock stood
    is_not_live(dashboard)
    dashboard.unroute("**/live?*")
    dashboard.clock.resume()
    is_live(dashboard)
    expect(card(dashboard, "7")).to_be_visible()
    was_not_reloaded(dashboard)


def test_a_line_that_is_refused_is_asked_for_until_it_is_there(visitors: Visitors, alice: Person, dana: Page) -> None:
    refusals: list[str] = []

    def refuse(route: Route) -> None:
        refusals.append(route.request.url)
        if len(refusals) <= 2:
            route.fulfill(status=503, body="")
        else:
            route.continue_()

    visitors.tolerate("status of 503")
    dashboard = visitors.logged_in(alice)
    dashboard.route("**/live?*", refuse)
    dashboard.goto(f"{alice.home}/dashboard")
    press(dana, "Call a waiter")
    is_live(dashboard)
    expect(card(dashboard, "7")).to_be_visible()
    assert len(refusals) == 3


def test_attempts_come_later_each_time_and_at_once_after_an_event(visitors: Visitors, alice: Person) -> None:
    dashboard = visitors.dashboard(alice)
    assert dashboard.evaluate(BACKOFF) == [1000, 2000, 4000, 8000, 8000, 8000, 1000]


def test_coming_back_to_a_page_that_slept_shows_no_old_list_as_live(
    proxy: Proxy, visitors: Visitors, alice: Person
) -> None:
    """The browser has suspended the page for a while, and its stream hangs."""
    dashboard = looking(proxy, visitors, alice)
    cut(dashboard, proxy, visitors)
    dashboard.evaluate("""() => {
      const now = Date.now;
      Date.now = () => now() + 60_000;
      document.dispatchEvent(new Event("visibilitychange"));
    }""")
    is_not_live(dashboard)
    dashboard.unroute("**/live?*")
    is_live(dashboard)
