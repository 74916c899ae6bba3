"""A database with data, for backups and restores."""

from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId
from flask import Flask
from pymongo.database import Database

from tests.support.cast import Person
from waitercaller.mail import outbox
from waitercaller.model import restaurants
from waitercaller.model.requests import transitions as requests
from waitercaller.model.tables import Table


@pytest.fixture
def filled(app: Flask, alice: Person, bob: Person, table: Table) -> Database[Any]:
    """A restaurant with members, a request, a due mail, and BSON values that other formats would change."""
    database: Database[Any] = app.extensions["mongo"].database
    with app.app_context():
        restaurant = restaurants.get(alice.restaurant_id)
        assert restaurant is not None
        requests.open_request(restaurant, table, restaurant["kinds"][0], "a key")
        outbox.enqueue("account_deleted", "dana@example.org", closed=["Zum Löwen"])
        odd = {
            "long": Int64(5),
            "exact": Decimal128("0.10"),
            "bytes": b"\x00\xff",
            "none": None,
            "order": {"b": 1, "a": 2},
        }
        database.odds.insert_many([{"_id": ObjectId(), **odd}, {"_id": "a string", "list": [1, 2.0, True]}])
        database.many.insert_many([{"_id": number, "text": "x" * 50} for number in range(1203)])
    return database
