"""Guests at a table."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.requests.guest.test_page import Phone
from waitercaller.model.tables import Table


@pytest.fixture
def come(app: Flask, table: Table) -> Callable[[], Phone]:
    """`come()`: another phone scans the code."""

    def scanned() -> Phone:
        phone = Phone(app.test_client(), table["code"])
        phone.scan()
        return phone

    return scanned
