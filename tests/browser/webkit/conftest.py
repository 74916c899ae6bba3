"""Fixtures of the tests in WebKit: a display, and windows for a guest's phone and the staff's tablets."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support import webkit
from tests.support.webkit import WebKitWindow
from tests.support.website import Website
from tests.support.windows import Windows
from waitercaller.model.tables import Table
from waitercaller.push import encryption


@pytest.fixture(scope="package")
def display() -> Iterator[str]:
    if not webkit.is_installed():
        pytest.skip(webkit.MISSING)
    with webkit.display() as name:
        yield name


@pytest.fixture(scope="package")
def shared_website(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Website]:
    """A website of these tests alone, since they stop it; it could send push messages."""
    keys = {"VAPID_PRIVATE_KEY": encryption.new_private_key()}
    website = Website(tmp_path_factory.mktemp("website"), **keys)
    website.open()
    yield website
    website.close()


@pytest.fixture
def windows(website: Website, display: str, tmp_path: Path) -> Iterator[Windows[WebKitWindow]]:
    """Opens windows; fails at the end if a page complained."""
    windows = Windows(website, tmp_path, partial(WebKitWindow, display=display))
    yield windows
    windows.leave()


@pytest.fixture
def dana(windows: Windows[WebKitWindow], table: Table) -> WebKitWindow:
    """Dana, a guest, has scanned the code of table 7 with her phone."""
    return windows.guest(table)
