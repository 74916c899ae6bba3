"""Google Analytics in a real browser: consent, what is sent, and what must not be sent.

Google's script is replaced by a fake that sends everything it can read in its document, and the commands it was given.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.support.cast import Person
from tests.support.visitors import Visitors, is_waiting, press
from tests.support.website import Website
from waitercaller.model.tables import Table

pytestmark = [
    pytest.mark.browser,
    pytest.mark.chromium_only("a website of its own, and nothing that engines do differently"),
]

PHONE = {"width": 360, "height": 740}
SCRIPT = "www.googletagmanager.com"
COLLECTOR = "region1.google-analytics.com"
STAND_IN = """
const orders = dataLayer.map((order) => [...order]);
const config = orders.find(([name]) => name === "config");
const seen = {
  orders,
  dl: config[2].page_location ?? location.href,
  dt: config[2].page_title ?? document.title,
  dr: config[2].page_referrer ?? document.referrer,
  location: location.href,
  title: document.title,
  referrer: document.referrer,
  links: [...document.querySelectorAll("[href], [action], [formaction]")].map((each) => each.outerHTML),
  cookies: document.cookie,
};
document.cookie = "_ga=GA1.1.1.1; path=/; max-age=1000";
document.cookie = "_ga_1A2B3C4D5E=GS1; path=/; max-age=1000";
const tell = (what) => window[`ga-disable-${config[1]}`]
  || navigator.sendBeacon("https://region1.google-analytics.com/g/collect", JSON.stringify(what));
tell(seen);
dataLayer.push = (order) => tell({ events: [[...order]] });
addEventListener("pagehide", () => tell({ goodbye: location.href }));
"""


@pytest.fixture(scope="module")
def shared_website(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Website]:
    """The website of an operator who has configured Google Analytics."""
    website = Website(tmp_path_factory.mktemp("counted"), GA_MEASUREMENT_ID="G-1A2B3C4D5E")
    website.open()
    yield website
    website.close()


class Google:
    """Records and answers all requests to other hosts, so that nothing leaves this computer."""

    def __init__(self, page: Page, website: Website) -> None:
        self.requests: list[Request] = []
        self._ours = urlsplit(website.url).netloc
        page.context.on("request", self._note)
        page.context.route(lambda url: urlsplit(url).netloc != self._ours, self._answer)

    @property
    def hosts(self) -> set[str]:
        return {urlsplit(request.url).netloc for request in self.requests}

    @property
    def told(self) -> list[dict[str, Any]]:
        """What the collector was sent, in order."""
        return [json.loads(request.post_data or "") for request in self.requests if COLLECTOR in request.url]

    @property
    def everything(self) -> str:
        """Everything that was sent: URLs, headers, bodies."""
        return repr([(each.url, each.all_headers(), each.post_data) for each in self.requests])

    def _note(self, request: Request) -> None:
        if urlsplit(request.url).netloc != self._ours:
            self.requests.append(request)

    def _answer(self, route: Route) -> None:
        is_script = urlsplit(route.request.url).netloc == SCRIPT
        route.fulfill(status=200, content_type="text/javascript", body=STAND_IN if is_script else "")


@pytest.fixture
def visitor(visitors: Visitors) -> Page:
    return visitors.come(viewport=PHONE)


@pytest.fixture
def google(visitor: Page, website: Website) -> Google:
    return Google(visitor, website)


def on(page: Page, table: Table) -> None:
    page.goto(f"/t/{table['code']}")


def wait_for_visits(page: Page, google: Google, number: int) -> None:
    """Wait until the collector has received this many page views."""
    for _ in range(300):
        if len([each for each in google.told if "orders" in each]) >= number:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"the collector was told {google.told}")


def answer(page: Page, button: str) -> None:
    """Press the button, and wait until the consent banner is gone."""
    press(page, button)
    expect(page.locator("#privacy")).to_be_visible()
    expect(page.locator("#consent")).to_be_hidden()


def names_of_cookies(page: Page) -> set[str]:
    return {cookie["name"] for cookie in page.context.cookies()}


def calls(told: list[dict[str, Any]]) -> list[list[Any]]:
    orders = [order for each in told for order in each.get("orders", []) + each.get("events", [])]
    return [order[1:] for order in orders if order[0] == "event"]


def wait_for_calls(page: Page, google: Google, *kinds: str) -> None:
    """Wait until the collector has received calls of exactly these kinds."""
    for _ in range(300):
        if calls(google.told) == [["call", {"kind": kind}] for kind in kinds]:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"the collector was told {google.told}")


# --- nothing without consent ------------------------------------------------------------------------------------------


def test_nothing_is_sent_before_the_answer_nor_after_a_refusal(visitor: Page, google: Google, table: Table) -> None:
    visitor.goto("/")
    on(visitor, table)
    press(visitor, "Call a waiter")
    is_waiting(visitor)
    expect(visitor.locator("#consent")).to_be_visible()
    answer(visitor, "Refuse")
    for path in ("/", f"/t/{table['code']}"):
        visitor.goto(path)
        expect(visitor.locator("#privacy")).to_be_visible()
        expect(visitor.locator("#consent")).to_be_hidden()
    assert google.requests == []
    assert names_of_cookies(visitor) == {"wc_consent", "device"}


def test_a_browser_that_says_gpc_is_not_asked(visitors: Visitors, website: Website, table: Table) -> None:
    by_header = visitors.come(extra_http_headers={"Sec-GPC": "1"})
    by_script = visitors.come()
    by_script.add_init_script("Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { value: true })")
    for page in (by_header, by_script):
        google = Google(page, website)
        page.context.add_cookies([{"name": "wc_consent", "value": "yes", "url": website.url}])
        for path in ("/", f"/t/{table['code']}"):
            page.goto(path, wait_until="networkidle" if path == "/" else "load")
            assert not page.get_by_role("button", name="Privacy settings").is_visible()
            assert not page.get_by_role("button", name="Accept").is_visible()
        page.locator(".kind.first").click()
        page.wait_for_url(re.compile("r="))
        assert google.requests == []


def test_pages_of_staff_and_accounts_send_nothing_even_after_consent(
    visitors: Visitors, website: Website, alice: Person, table: Table
) -> None:
    visitors.tolerate("status of 400")  # pages opened without their token
    page = visitors.logged_in(alice)
    google = Google(page, website)
    page.context.add_cookies([{"name": "wc_consent", "value": "yes", "url": website.url}])
    rooms = ["dashboard", "tables", f"tables/{table['_id']}", "tables/print", "staff", "staff/history"]
    paths = [f"{alice.home}/{room}" for room in rooms] + ["/account", "/account/sessions", "/account/two-factor"]
    for path in [*paths, "/login", "/register", "/forgot", "/confirm", "/reset", "/reset/forged"]:
        page.goto(path)
        page.wait_for_load_state("load")
        assert page.locator("#analytics, iframe").count() == 0, path
    assert google.requests == []


def test_without_scripts_nothing_is_asked_and_nothing_sent(visitors: Visitors, website: Website, table: Table) -> None:
    page = visitors.come(java_script_enabled=False)
    google = Google(page, website)
    for path in ("/", f"/t/{table['code']}"):
        page.goto(path)
        expect(page.get_by_role("button", name="Accept")).to_be_hidden()
        expect(page.get_by_role("button", name="Privacy settings")).to_be_hidden()
    assert google.requests == []


# --- with consent -----------------------------------------------------------------------------------------------------


def test_of_a_guests_visit_nothing_but_the_visit_leaves(visitor: Page, google: Google, table: Table) -> None:
    visitor.goto("/")
    on(visitor, table)
    answer(visitor, "Accept")
    wait_for_visits(visitor, google, 1)
    press(visitor, "Some water")
    is_waiting(visitor)
    wait_for_calls(visitor, google, "water")
    receipt = urlsplit(visitor.url).query.partition("r=")[2]
    assert len(receipt) > 40
    visitor.reload()
    wait_for_visits(visitor, google, 2)
    assert google.hosts == {SCRIPT, COLLECTOR}
    for visit in (each for each in google.told if "orders" in each):
        (config,) = (order for order in visit["orders"] if order[0] == "config")
        address = f"{visitor.evaluate('location.origin')}/t/"
        assert config[2]["page_location"] == visit["dl"] == visit["location"] == address
        assert (visit["dt"], visit["dr"], visit["title"], visit["referrer"], visit["links"]) == ("", "", "", "", [])
    secrets = (table["code"], receipt, receipt[:20], "Trattoria", str(table["_id"]), str(table["restaurant_id"]))
    assert not [secret for secret in secrets if secret.lower() in google.everything.lower()]
    assert "referer" not in google.everything.lower()
    assert all("table" not in str(each).lower() for each in google.told)


def test_a_call_is_told_once_and_by_its_kind_only(visitor: Page, google: Google, table: Table) -> None:
    on(visitor, table)
    answer(visitor, "Accept")
    wait_for_visits(visitor, google, 1)
    press(visitor, "Call a waiter")
    wait_for_calls(visitor, google, "waiter")
    visitor.reload()
    wait_for_visits(visitor, google, 2)
    press(visitor, "Call a waiter Called — remind them")
    expect(visitor.get_by_text("The staff has been reminded.")).to_be_visible()
    press(visitor, "Never mind, cancel my call")
    expect(visitor.locator("#headline")).to_have_text("Your call is cancelled")
    press(visitor, "Card")
    wait_for_calls(visitor, google, "waiter", "bill")


def test_a_kind_of_a_restaurants_own_is_not_told_from_others(
    visitor: Page, google: Google, website: Website, table: Table
) -> None:
    website.app.extensions["mongo"].database.restaurants.update_one(
        {"_id": table["restaurant_id"]}, {"$set": {"kinds.0.id": "0123456789ab"}}
    )
    on(visitor, table)
    answer(visitor, "Accept")
    wait_for_visits(visitor, google, 1)
    press(visitor, "Call a waiter")
    wait_for_calls(visitor, google, "other")
    assert "0123456789ab" not in google.everything


def test_accepting_does_not_load_a_guests_page_anew(visitor: Page, google: Google, table: Table) -> None:
    on(visitor, table)
    visitor.evaluate("window.here = true")
    answer(visitor, "Accept")
    wait_for_visits(visitor, google, 1)
    assert visitor.evaluate("window.here")
    press(visitor, "Privacy settings")
    answer(visitor, "Refuse")
    assert visitor.evaluate("window.here")


def test_of_a_visit_to_the_start_page_google_learns_which_site_it_came_from(visitor: Page, google: Google) -> None:
    visitor.goto("/", referer="https://search.example/")
    press(visitor, "Accept")  # reloads the page: its CSP depends on the consent
    wait_for_visits(visitor, google, 1)
    (visit,) = google.told
    assert (visit["dl"], visit["dr"]) == (f"{visitor.evaluate('location.origin')}/", "https://search.example/")
    assert google.hosts == {SCRIPT, COLLECTOR}


def test_a_guest_who_comes_to_the_start_page_does_not_bring_the_code_along(
    visitor: Page, google: Google, table: Table
) -> None:
    visitor.goto("/")
    press(visitor, "Accept")
    wait_for_visits(visitor, google, 1)
    visitor.goto("/", referer=visitor.evaluate("location.origin") + f"/t/{table['code']}")
    wait_for_visits(visitor, google, 2)
    assert table["code"] in visitor.evaluate("document.referrer")
    assert table["code"] in google.told[-1]["referrer"]  # what Google's script could read by itself
    assert google.told[-1]["dr"] == f"{visitor.evaluate('location.origin')}/"


def test_consent_mode_knows_no_advertising(visitor: Page, google: Google) -> None:
    visitor.goto("/")
    press(visitor, "Accept")
    wait_for_visits(visitor, google, 1)
    consent, _js, config = google.told[0]["orders"]
    assert consent == [
        "consent",
        "default",
        {
            "ad_storage": "denied",
            "ad_user_data": "denied",
            "ad_personalization": "denied",
            "analytics_storage": "granted",
        },
    ]
    assert config[:2] == ["config", "G-1A2B3C4D5E"]
    assert config[2]["allow_google_signals"] is config[2]["allow_ad_personalization_signals"] is False
    assert config[2]["cookie_domain"] == "none"
    assert config[2]["cookie_expires"] == 182 * 24 * 3600
    assert not config[2]["cookie_update"]


# --- taking it back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["home", "guest"])
def test_taking_it_back_ends_it_at_once_and_clears_the_cookies(
    visitor: Page, google: Google, table: Table, where: str
) -> None:
    path = "/" if where == "home" else f"/t/{table['code']}"
    visitor.goto(path)
    press(visitor, "Accept")
    wait_for_visits(visitor, google, 1)
    assert names_of_cookies(visitor) == {"wc_consent", "_ga", "_ga_1A2B3C4D5E"}
    sent = len(google.requests)
    press(visitor, "Privacy settings")
    expect(visitor.get_by_role("button", name="Accept", pressed=True)).to_be_visible()
    answer(visitor, "Refuse")
    visitor.goto("/")
    on(visitor, table)
    expect(visitor.locator("#privacy")).to_be_visible()
    assert names_of_cookies(visitor) == {"wc_consent"}
    assert len(google.requests) == sent


def test_after_six_months_it_is_asked_again(visitor: Page, google: Google, table: Table) -> None:
    on(visitor, table)
    answer(visitor, "Accept")
    wait_for_visits(visitor, google, 1)
    visitor.context.clear_cookies(name="wc_consent")  # as the browser does on expiry
    sent = len(google.told)
    on(visitor, table)
    expect(visitor.locator("#consent")).to_be_visible()
    assert names_of_cookies(visitor) == set()
    assert len([each for each in google.told[sent:] if "orders" in each]) == 0


def test_an_answer_that_does_not_arrive_is_asked_for_again(visitors: Visitors, visitor: Page, table: Table) -> None:
    visitors.tolerate("ERR_FAILED")
    on(visitor, table)
    visitor.route("**/consent", lambda route: route.abort())
    with visitor.expect_event("requestfailed"):
        press(visitor, "Accept")
    expect(visitor.locator("#consent")).to_be_visible()
    assert visitor.locator("iframe").count() == 0


# --- the question on a phone ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_question_never_lies_over_what_the_page_is_for(visitors: Visitors, table: Table, scheme: str) -> None:
    page = visitors.come(viewport=PHONE, color_scheme=scheme)
    on(page, table)
    question = page.locator("#consent")
    expect(question).to_be_visible()
    box = question.bounding_box()
    assert box is not None
    for button in page.locator(".kind").all():
        there = button.bounding_box()
        assert there is not None
        assert there["y"] + there["height"] <= box["y"]
    assert box["y"] + box["height"] <= PHONE["height"]  # both are visible at the same time
    sizes = []
    for name in ("Refuse", "Accept"):
        size = page.get_by_role("button", name=name).bounding_box()
        assert size is not None
        assert size["height"] >= 48
        sizes.append((round(size["width"]), round(size["height"])))
    assert sizes[0] == sizes[1]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    answer(page, "Refuse")
    link = page.locator("#privacy").bounding_box()
    assert link is not None
    assert link["height"] >= 48
