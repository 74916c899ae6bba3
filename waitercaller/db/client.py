"""The way to MongoDB: the clients of a process, and transactions.

A client is made at its first use, which is after gunicorn's fork (PyMongo is not fork-safe). Every write is
acknowledged by a majority and by the journal: a call that was answered is on disk.

There are two clients. Pages and most jobs use one whose every operation ends after OPERATION_SECONDS. Long work (index
builds, backup, restore, erasure, writes without an upper limit) runs `with patiently():` on one without that limit;
pymongo.timeout(None) would not do, it falls back to the client's own limit.
"""

import contextlib
import contextvars
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, cast

import pymongo
from flask import Flask, current_app
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, ExecutionTimeout, PyMongoError

from waitercaller.db.config import config

Document = dict[str, Any]  # any document; whoever knows which one says so with the TypedDict of its collection
Filter = Mapping[str, object]  # which documents, in MongoDB's query language
Changes = Mapping[str, object]  # fields and their new values
T = TypeVar("T")

# A page answers "please try again" within two seconds when the database is away.
OPERATION_SECONDS = 1.5
# Of the patient client: how long a server may be silent within one command. An index build is one command.
PATIENT_SOCKET_SECONDS = 3600.0

# From the start of a transaction: until then it is repeated after a write conflict, and after a lost connection.
CONFLICT_SECONDS = 10.0
RECONNECT_SECONDS = 1.5
# For the message that ends a transaction, also past the deadline of the page: a server that does not hear it keeps the
# documents locked for up to a minute (transactionLifetimeLimitSeconds).
ABORT_SECONDS = 0.4
FIRST_BACKOFF_SECONDS = 0.005
LONGEST_BACKOFF_SECONDS = 0.5

_is_patient = contextvars.ContextVar("is_patient", default=False)


class Mongo:
    """The clients of this process, each made when first asked for."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._clients: dict[bool, MongoClient[Document]] = {}  # by whether it is patient
        self._lock = threading.Lock()

    @property
    def client(self) -> MongoClient[Document]:
        """The client of this context, see `patiently`."""
        is_patient = _is_patient.get()
        if is_patient not in self._clients:
            with self._lock:  # greenlets would make several: resolving the URI yields
                if is_patient not in self._clients:
                    self._clients[is_patient] = self._make(is_patient)
        return self._clients[is_patient]

    @property
    def database(self) -> Database[Document]:
        return self.client.get_default_database()

    def close(self) -> None:
        """Close the clients that were made."""
        for client in self._clients.values():
            client.close()

    def _make(self, is_patient: bool) -> MongoClient[Document]:
        limits: dict[str, Any] = {"timeoutMS": round(OPERATION_SECONDS * 1000)}
        if is_patient:
            limits = {"timeoutMS": None, "socketTimeoutMS": round(PATIENT_SOCKET_SECONDS * 1000)}
        # The name appears in mongod's log and currentOp.
        return MongoClient(self._uri, appname="waitercaller", tz_aware=True, w="majority", journal=True, **limits)

    def transaction(self, work: Callable[[ClientSession | None], T]) -> T:
        """See the function `transaction`."""
        began, backoff = time.monotonic(), FIRST_BACKOFF_SECONDS
        with self.client.start_session() as txn:
            while True:
                txn.start_transaction()
                try:
                    result = work(txn)
                    _commit(txn)
                except BaseException as error:
                    if txn.in_transaction:
                        _abort(txn)
                    if not _can_be_repeated(error, time.monotonic() - began):
                        raise
                else:
                    return result
                time.sleep(backoff * random.random())
                backoff = min(backoff * 1.5, LONGEST_BACKOFF_SECONDS)


def init_app(app: Flask) -> None:
    app.extensions["mongo"] = Mongo(config(app).mongodb_uri)


def mongo() -> Mongo:
    """The application's client. Needs an application context."""
    return cast(Mongo, current_app.extensions["mongo"])


def db() -> Database[Document]:
    """The application's database. Needs an application context."""
    return mongo().database


@contextlib.contextmanager
def patiently() -> Iterator[None]:
    """In this context db() and transaction() have no time limit for an operation. Not for pages."""
    token = _is_patient.set(True)
    try:
        yield
    finally:
        _is_patient.reset(token)


def transaction(work: Callable[[ClientSession | None], T]) -> T:
    """Run `work(txn)` so that all its writes happen or none; returns what it returns. Raises PyMongoError.

    `work` is a callback because it is run again after a write conflict, for up to CONFLICT_SECONDS, and after a lost
    connection, for up to RECONNECT_SECONDS; so it must do nothing but database work and pass `txn` to each operation.
    PyMongo's own with_transaction goes on for two minutes, and sends no abort once a deadline has passed.
    """
    return mongo().transaction(work)


def _commit(txn: ClientSession) -> None:
    """Commit; whether a commit whose answer was lost has happened is asked again for up to RECONNECT_SECONDS."""
    began = time.monotonic()
    while True:
        try:
            txn.commit_transaction()
        except PyMongoError as error:
            is_unknown = error.has_error_label("UnknownTransactionCommitResult")
            is_late = time.monotonic() - began >= RECONNECT_SECONDS or isinstance(error, ExecutionTimeout)
            if is_late or not is_unknown:
                raise
        else:
            return


def _abort(txn: ClientSession) -> None:
    """Tell the server that the transaction has ended, with a time limit of its own: the caller's may have passed."""

    def abort() -> None:
        with pymongo.timeout(ABORT_SECONDS):
            txn.abort_transaction()

    contextvars.Context().run(abort)


def _can_be_repeated(error: BaseException, elapsed: float) -> bool:
    """Whether a transaction that failed with this error, so many seconds after its start, is to be run again."""
    if not isinstance(error, PyMongoError) or not error.has_error_label("TransientTransactionError"):
        return False
    return elapsed < (RECONNECT_SECONDS if isinstance(error, ConnectionFailure) else CONFLICT_SECONDS)
