"""Transactions, where the database does not let them come to an end."""

import itertools

import pytest
from flask import Flask
from pymongo.errors import OperationFailure, PyMongoError

from waitercaller.db import client as way


def test_a_transaction_that_always_conflicts_ends(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver alone would try again for two minutes."""
    monkeypatch.setattr(way, "TRANSACTION_SECONDS", 0.5)
    tries = itertools.count()

    def conflict(_session: object) -> None:
        assert next(tries) < 1000
        raise OperationFailure("conflict", 112, {"errorLabels": ["TransientTransactionError"]})

    with app.app_context(), pytest.raises(PyMongoError):
        way.transaction(conflict)
    assert next(tries) > 1
