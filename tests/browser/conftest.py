"""Fixtures of the tests in a real browser: Chromium, the running website, and visitors who note every complaint.

The cast is that of tests/conftest.py; here its people and tables live in the website's database.
"""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.support import browser
from tests.support.visitors import PATIENCE_MS, Visitors
from tests.support.website import Website
from waitercaller.model.tables import Table

# Of a package, not of the session: Playwright keeps an event loop running, which other tests need not meet.


@pytest.fixture(scope="package")
def executable() -> str:
    """Where Chromium is."""
    path = browser.executable()
    if path is None:
        pytest.skip("Chromium is missing: sudo apt-get install chromium")
    return path


@pytest.fixture(scope="package")
def playwright(executable: str) -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        yield playwright


@pytest.fixture(scope="package")
def chromium(playwright: Playwright, executable: str) -> Iterator[Browser]:
    chromium = browser.launch(playwright)
    yield chromium
    chromium.close()


@pytest.fixture(scope="package")
def shared_website(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Website]:
    website = Website(tmp_path_factory.mktemp("website"))
    website.open()
    yield website
    website.close()


@pytest.fixture
def website(shared_website: Website) -> Iterator[Website]:
    """The website, without anybody in it."""
    yield shared_website
    shared_website.empty()


@pytest.fixture
def app(website: Website) -> Flask:
    """The application that the cast and their tables are made with."""
    return website.app


@pytest.fixture
def visitors(website: Website, chromium: Browser) -> Iterator[Visitors]:
    """Browsers; at the end none of their pages may have complained."""
    visitors = Visitors(website, chromium)
    yield visitors
    visitors.leave()


@pytest.fixture
def dana(visitors: Visitors, table: Table) -> Page:
    """Dana, a guest, has scanned the code of table 7 with her phone."""
    page = visitors.come(viewport={"width": 390, "height": 780})
    page.goto(f"/t/{table['code']}")
    return page
