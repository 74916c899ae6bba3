"""Fixtures of the tests in real browsers: Chromium, Firefox, the running website, and pages that record every error.

A test that asks for a browser runs in both, in Firefox under an id that ends in "firefox]", unless it is marked
`chromium_only("why")`.

The people and tables of tests/conftest.py are created in the website's database here.
"""

from collections.abc import Generator, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.support import browser as browsers
from tests.support import schedule
from tests.support.visitors import TIMEOUT_MS, Visitors
from tests.support.website import Website
from waitercaller.model.tables import Table

ENGINES = [pytest.param("chromium", id=pytest.HIDDEN_PARAM), "firefox"]


@pytest.hookimpl(trylast=True)  # so that the engine comes last in the id
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "browser" in metafunc.fixturenames:
        metafunc.parametrize("browser", ENGINES, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [item for item in items if not schedule.is_for_another_engine(item)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the pages show to the report of a failed test, which may not fail again."""
    report = yield
    visitors = getattr(item, "funcargs", {}).get("visitors")
    if report.when == "call" and report.failed and visitors:
        report.sections.append(("Pages", visitors.what_they_see()))
    return report


# Package scope, not session: Playwright keeps an event loop running, which would disturb other tests.


@pytest.fixture(scope="package")
def executable() -> str:
    """The path of Chromium."""
    path = browsers.executable()
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
    shell = browsers.launch_shell(playwright)
    yield shell
    shell.close()


@pytest.fixture(scope="package")
def whole_chromium(playwright: Playwright) -> Iterator[Browser]:
    chromium = browsers.launch(playwright)
    yield chromium
    chromium.close()


@pytest.fixture(scope="package")
def firefox(playwright: Playwright) -> Iterator[Browser]:
    if browsers.firefox_executable() is None:
        pytest.skip("Firefox is missing: sudo apt-get install firefox-esr")
    firefox = browsers.launch_firefox(playwright)
    yield firefox
    firefox.close()


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Browser:
    """Firefox, or Chromium's headless shell; Chromium itself for a module that is marked `whole_chromium`."""
    name = getattr(request, "param", "chromium")
    if name == "chromium":
        name = "whole_chromium" if request.node.get_closest_marker("whole_chromium") else "headless_shell"
    found: Browser = request.getfixturevalue(name)
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
def visitors(website: Website, browser: Browser) -> Iterator[Visitors]:
    """Browsers; fails at the end if a page reported an error."""
    visitors = Visitors(website, browser)
    yield visitors
    visitors.leave()


@pytest.fixture
def dana(visitors: Visitors, table: Table) -> Page:
    """Dana, a guest, has scanned the code of table 7 with her phone."""
    page = visitors.come(viewport={"width": 390, "height": 780})
    page.goto(f"/t/{table['code']}")
    return page
