"""Browsers without a login, for the tests of accounts."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.cast import Browser


@pytest.fixture
def open_browser(app: Flask) -> Callable[[], Browser]:
    """`open_browser()`: a browser without a login."""

    def opened() -> Browser:
        client = app.test_client()
        assert isinstance(client, Browser)
        return client

    return opened


@pytest.fixture
def visitor(open_browser: Callable[[], Browser]) -> Browser:
    """A browser without a login."""
    return open_browser()
