"""Fixtures of the tests of the steps of requests and of the messages about them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from tests.support.cast import Person
from waitercaller.model import restaurants, tables
from waitercaller.model.tables import Table


@pytest.fixture
def here(app: Flask) -> Iterator[Any]:
    """The database, in an application context."""
    with app.app_context():
        yield app.extensions["mongo"].database


@pytest.fixture
def evening(here: Any, alice: Person, hire: Callable[..., Person], table: Table) -> Person:
    """Alice's restaurant with a manager and a waiter, and with mails about waiting guests switched on."""
    hire("Maria", role="manager", at=alice)
    hire("Bob", role="waiter", at=alice)
    restaurants.set_setting(alice.restaurant_id, "alert_mail", True)
    tables.add_many(alice.restaurant_id, ["Terrace 3"], None)
    return alice
