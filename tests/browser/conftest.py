"""Fixtures of the tests in a real browser: Chromium, the running website, and browsers that record every error.

The people and tables of tests/conftest.py are created in the website's database here.
"""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.support import browser
from tests.support.visitors import TIMEOUT_MS, Visitors
from tests.support.website import Website
from waitercaller.model.tables import Table

# Package scope, not session: Playwright keeps an event loop running, which would disturb other tests.


@pytest.fixture(scope="package")
def executable() -> str:
    """The path of Chromium."""
    path = browser.executable()
    if path is None:
        pytest.skip("Chromium is missing: sudo apt-get install chromium")
    return path


@pytest.fixture(scope="package")
def playwright(executable: str) -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=TIMEOUT_MS)
        yield playwright


@pytest.fixture(scope="package")
def headless_shell(playwright: Playwright) -> Iterator[Browser]:
    shell = browser.launch_shell(playwright)
    yield shell
    shell.close()


@pytest.fixture(scope="package")
def whole_chromium(playwright: Playwright) -> Iterator[Browser]:
    chromium = browser.launch(playwright)
    yield chromium
    chromium.close()


@pytest.fixture(scope="module")
def chromium(request: pytest.FixtureRequest) -> Browser:
    """Chromium's headless shell; Chromium itself for a module that is marked `whole_chromium`."""
    is_whole = request.node.get_closest_marker("whole_chromium")
    found: Browser = request.getfixturevalue("whole_chromium" if is_whole else "headless_shell")
    return found


@pytest.fixture(scope="package")
def shared_website(executable: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Website]:
    website = Website(tmp_path_factory.mktemp("website"))
    website.open()
    yield website
    website.close()


@pytest.fixture
def website(shared_website: Website) -> Iterator[Website]:
    """The website with an empty database."""
    yield shared_website
    shared_website.empty()


@pytest.fixture
def app(website: Website) -> Flask:
    """The application that people and tables are created with."""
    return website.app


@pytest.fixture
def visitors(website: Website, chromium: Browser) -> Iterator[Visitors]:
    """Browsers; fails at the end if a page reported an error."""
    visitors = Visitors(website, chromium)
    yield visitors
    visitors.leave()


@pytest.fixture
def dana(visitors: Visitors, table: Table) -> Page:
    """Dana, a guest, has scanned the code of table 7 with her phone."""
    page = visitors.come(viewport={"width": 390, "height": 780})
    page.goto(f"/t/{table['code']}")
    return page
