"""Browser contexts of Playwright, each with its own cookies, and the actions of staff and guests."""

import re
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Error, Locator, Page, WebError, expect

from tests.support import timeshift
from tests.support.cast import Person, wait_until
from tests.support.website import Website

TIMEOUT_MS = 60_000  # for what normally takes milliseconds, and on a busy machine has taken more than 15 seconds
# Options of a context that Playwright ignores in Firefox.
UNKNOWN_TO_FIREFOX = {"forced_colors", "has_touch", "is_mobile", "java_script_enabled", "reduced_motion"}
# Firefox says so of a stream that is refused, or cannot be opened; the page asks again by itself.
REFUSED_STREAM = re.compile("can’t establish a connection to the server at .*/live[?]")
NO_WORKER = "Service Worker registration blocked by Playwright"  # an expected console message


class Visitors:
    """Opens browser contexts and records console errors, CSP violations and dialogs of their pages."""

    def __init__(self, website: Website, browser: Browser) -> None:
        self.website = website
        self.browser = browser
        self.is_firefox = browser.browser_type.name == "firefox"
        self.complaints: list[str] = []
        self.tolerated: list[str] = []
        self._contexts: list[BrowserContext] = []

    def come(self, **options: Any) -> Page:
        """A page of a new context without a login; `options` as for Playwright's new_context.

        Service workers are blocked unless allowed, since requests that pass through one escape a test's routes.
        """
        options = {"locale": "en-GB", "service_workers": "block", **options}
        assert not (self.is_firefox and options.keys() & UNKNOWN_TO_FIREFOX), "mark this test as chromium_only"
        return self.watched(self.browser.new_context(base_url=self.website.url, **options)).new_page()

    def logged_in(self, person: Person, **options: Any) -> Page:
        """A page of a new context with a login of this person."""
        page = self.come(**options)
        cookie = person.client.get_cookie("session")
        assert cookie is not None
        page.context.add_cookies([{"name": "session", "value": cookie.value, "url": self.website.url}])
        return page

    def dashboard(self, person: Person, script: str = "", **options: Any) -> Page:
        """The live dashboard of this person's restaurant; `script` runs before the page's own."""
        page = self.logged_in(person, **options)
        if script:
            page.add_init_script(script)
        page.goto(f"{person.home}/dashboard")
        is_live(page)
        return page

    def touched_dashboard(self, person: Person, script: str) -> Page:
        """The same, after a touch, so that it may ring."""
        page = self.dashboard(person, script)
        page.locator("#sentence").click()
        expect(page.locator("#unheard")).to_be_hidden()
        return page

    def watched(self, context: BrowserContext) -> BrowserContext:
        context.set_default_timeout(TIMEOUT_MS)
        if script := timeshift.page_script():
            context.add_init_script(script)
        context.on("console", self._note_message)
        context.on("weberror", self._note_error)
        context.on("dialog", self._note_dialog)
        self._contexts.append(context)
        return context

    def tolerate(self, *words: str) -> None:
        """Ignore errors that contain one of these texts, since the test provokes them."""
        self.tolerated.extend(words)

    def what_they_see(self) -> str:
        """What each open page shows and has complained of, for the report of a test that failed."""
        pages = [page for context in self._contexts for page in context.pages]
        return "\n\n".join([*(f"{page.url}\n{_shown_by(page)}" for page in pages), *self.complaints])

    def leave(self) -> None:
        """Close all contexts; fails if a page reported an error."""
        for context in self._contexts:
            context.close()
        unexpected = [each for each in self.complaints if not any(words in each for words in self.tolerated)]
        assert not unexpected, "pages complained:\n" + "\n".join(unexpected)

    def _note_message(self, message: ConsoleMessage) -> None:
        url = str(message.location.get("url"))
        # A stream is refused while the database of a busy machine answers late; the page asks again by itself.
        is_refused_stream = "503 (" in message.text and "/live?" in url
        if message.type in ("error", "warning") and message.text != NO_WORKER and not is_refused_stream:
            self.complaints.append(f"{message.type}: {message.text} at {url}")

    def _note_error(self, error: WebError) -> None:
        text = str(error.error)
        if not REFUSED_STREAM.search(text):
            self.complaints.append(f"uncaught: {text}")

    def _note_dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()


def _shown_by(page: Page) -> str:
    try:
        return page.locator("body").aria_snapshot(timeout=2_000)
    except Error as error:
        return f"(cannot be read: {error.message})"


def is_live(page: Page) -> None:
    """Wait until the dashboard shows that it is live."""
    expect(page.locator("#live-words")).to_have_text("Live")


def is_not_live(page: Page) -> None:
    """Wait until the dashboard shows that it is not live."""
    expect(page.locator("#live-words")).to_contain_text("Not live")


def is_waiting(guest: Page) -> None:
    """Wait until a guest's page shows that its call waits, seen or not."""
    said = re.compile(r"^(Your call is sent|Your call is on \d+ staff screens?|Nobody has seen it yet — please wave)$")
    expect(guest.locator("#headline")).to_have_text(said)


def comes_true(page: Page, expression: str, arg: Any = None) -> None:
    """Wait until this JavaScript expression is true in the page.

    Playwright's wait_for_function evaluates within the page, which our CSP forbids; this evaluates from outside.
    """
    wait_until(lambda: page.evaluate(expression, arg))


def press(page: Page, button: str) -> None:
    """Press the button with this name, once the page has loaded: before that a browser may drop the click."""
    found = page.get_by_role("button", name=button, exact=True)
    found.wait_for()
    page.wait_for_load_state()
    found.click()


def follow(link: Locator) -> None:
    """Follow a link; returns when the page that it leads to has loaded, see `press`."""
    with link.page.expect_navigation():
        link.click()


def visit(page: Page, address: str) -> None:
    """Open this address, once the page before has loaded.

    Firefox may give a navigation a new id when the one before it ends late. Playwright then says that it was
    interrupted by another one to the same address: the page has come all the same.
    """
    page.wait_for_load_state()
    before = page.evaluate("performance.timeOrigin")
    try:
        page.goto(address)
    except Error as error:
        if not re.search('"(.+)" is interrupted by another navigation to "\\1"', error.message):
            raise
        wait_until(lambda: _has_come(page, before))
        page.wait_for_load_state()


def _has_come(page: Page, before: float) -> bool:
    """Whether the page is another one than that which began at `before` (performance.timeOrigin)."""
    try:
        return bool(page.evaluate("performance.timeOrigin") != before)
    except Error:
        return False  # it is just coming


def fill(page: Page, **fields: str) -> None:
    """Fill in form fields by name."""
    for name, value in fields.items():
        page.locator(f'[name="{name}"]').fill(value)


def card(dashboard: Page, table: str) -> Any:
    """The card of this table on a dashboard."""
    heading = dashboard.get_by_role("heading", name=table, exact=True)
    return dashboard.locator("article.table-card").filter(has=heading)


def remember(page: Page) -> None:
    """Set a mark in the page that a reload would remove."""
    page.evaluate("window.here = 'since the beginning'")


def was_not_reloaded(page: Page) -> None:
    assert page.evaluate("window.here") == "since the beginning", "the page was loaded anew"
