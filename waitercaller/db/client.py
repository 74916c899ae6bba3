"""The way to MongoDB: one client for each process, and transactions.

The client is made at its first use, which is after gunicorn's fork (PyMongo is not fork-safe). Every write is
acknowledged by a majority and by the journal: a call that was answered is on disk.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import pymongo
from flask import Flask, current_app
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database

Document = dict[str, Any]
T = TypeVar("T")

# A page answers "please try again" within two seconds when the database is away.
OPERATION_TIMEOUT_MS = 1500
# The driver would go on with conflicts, and with commits of which nothing is known, for two minutes.
TRANSACTION_SECONDS = 10


class Mongo:
    """The client of this process, made when first asked for."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client: MongoClient[Document] | None = None

    @property
    def client(self) -> MongoClient[Document]:
        if self._client is None:
            self._client = MongoClient(
                self._uri, tz_aware=True, w="majority", journal=True, timeoutMS=OPERATION_TIMEOUT_MS
            )
        return self._client

    @property
    def database(self) -> Database[Document]:
        return self.client.get_default_database()

    def transaction(self, work: Callable[[ClientSession | None], T]) -> T:
        with pymongo.timeout(TRANSACTION_SECONDS), self.client.start_session() as session:
            return session.with_transaction(work)


def init_app(app: Flask) -> None:
    app.extensions["mongo"] = Mongo(app.extensions["config"].mongodb_uri)


def db() -> Database[Document]:
    """The application's database. Needs an application context."""
    mongo: Mongo = current_app.extensions["mongo"]
    return mongo.database


def transaction(work: Callable[[ClientSession | None], T]) -> T:
    """Run `work(session)` so that all its writes happen or none; returns what it returns.

    `work` is a callback because the driver runs it again after a write conflict, so it must do nothing but database
    work and must pass the session to each operation.
    """
    mongo: Mongo = current_app.extensions["mongo"]
    return mongo.transaction(work)
