"""MongoDB clients of a process, and transactions.

A client is created at its first use, which is after gunicorn's fork (PyMongo is not fork-safe). Every write is
acknowledged by a majority and journaled (w=majority, j=true).

There are three clients, each with connections of its own. Pages use one with a timeout of OPERATION_SECONDS for each
operation; the background threads (`in_background`) another with the same, so that a crowd that keeps all connections of
the pages busy delays neither the change stream nor the next step of a request. Long work (index builds, backup,
restore, erasure, updates of any number of documents) runs `with patiently():` on one without a timeout;
pymongo.timeout(None) is not enough, since it falls back to the client's timeout.
"""

import contextlib
import contextvars
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeVar, cast

import pymongo
from flask import Flask, current_app
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, ExecutionTimeout, PyMongoError

from waitercaller.db.config import config

Document = dict[str, Any]  # any document; where the collection is known, its TypedDict is used instead
Filter = Mapping[str, object]  # a query filter
Changes = Mapping[str, object]  # fields and their new values
T = TypeVar("T")
Use = Literal["pages", "background", "patient"]  # of a client

# Pages must answer 503 within two seconds when the database is unavailable.
OPERATION_SECONDS = 1.5
# Socket timeout of the patient client. An index build is one command.
PATIENT_SOCKET_SECONDS = 3600.0

# Retry limits of a transaction from its start: after write conflicts, and after a lost connection.
CONFLICT_SECONDS = 10.0
RECONNECT_SECONDS = 1.5
# Timeout of the abort command, which is sent even after the page's deadline: a server that does not receive it keeps
# the documents locked for up to a minute (transactionLifetimeLimitSeconds).
ABORT_SECONDS = 0.4
FIRST_BACKOFF_SECONDS = 0.005
LONGEST_BACKOFF_SECONDS = 0.5

_use: contextvars.ContextVar[Use] = contextvars.ContextVar("use", default="pages")


class Mongo:
    """The clients of this process, each created at its first use."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._clients: dict[Use, MongoClient[Document]] = {}
        self._lock = threading.Lock()

    @property
    def client(self) -> MongoClient[Document]:
        """The client for the current context; see `in_background` and `patiently`."""
        use = _use.get()
        if use not in self._clients:
            with self._lock:  # resolving the URI yields, so several greenlets could create one each
                if use not in self._clients:
                    self._clients[use] = self._make(use)
        return self._clients[use]

    @property
    def database(self) -> Database[Document]:
        return self.client.get_default_database()

    def close(self) -> None:
        """Close all clients."""
        for client in self._clients.values():
            client.close()

    def _make(self, use: Use) -> MongoClient[Document]:
        limits: dict[str, Any] = {"timeoutMS": round(OPERATION_SECONDS * 1000)}
        if use == "patient":
            limits = {"timeoutMS": None, "socketTimeoutMS": round(PATIENT_SOCKET_SECONDS * 1000)}
        # `appname` appears in mongod's log and in currentOp.
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
                    if not _is_retryable(error, time.monotonic() - began):
                        raise
                else:
                    return result
                time.sleep(backoff * random.random())
                backoff = min(backoff * 1.5, LONGEST_BACKOFF_SECONDS)


def init_app(app: Flask) -> None:
    app.extensions["mongo"] = Mongo(config(app).mongodb_uri)


def mongo() -> Mongo:
    """The application's clients. Needs an application context."""
    return cast(Mongo, current_app.extensions["mongo"])


def db() -> Database[Document]:
    """The application's database. Needs an application context."""
    return mongo().database


@contextlib.contextmanager
def _used_for(use: Use) -> Iterator[None]:
    token = _use.set(use)
    try:
        yield
    finally:
        _use.reset(token)


def in_background() -> contextlib.AbstractContextManager[None]:
    """A context in which db() and transaction() wait for no connection that a page has."""
    return _used_for("background")


def patiently() -> contextlib.AbstractContextManager[None]:
    """A context in which db() and transaction() have no operation timeout. Not for pages."""
    return _used_for("patient")


def transaction(work: Callable[[ClientSession | None], T]) -> T:
    """Run `work(txn)` in a transaction and return its result. Raises PyMongoError.

    `work` is run again after a write conflict, for up to CONFLICT_SECONDS, and after a lost connection, for up to
    RECONNECT_SECONDS; so it must have no effects beside database operations, and pass `txn` to each of them.
    PyMongo's with_transaction retries for two minutes, and sends no abort once a deadline has passed.
    """
    return mongo().transaction(work)


def _commit(txn: ClientSession) -> None:
    """Commit, retrying a commit with an unknown result (idempotent) for up to RECONNECT_SECONDS."""
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
    """Abort the transaction, with a timeout of its own: the caller's deadline may have passed."""

    def abort() -> None:
        with pymongo.timeout(ABORT_SECONDS):
            txn.abort_transaction()

    contextvars.Context().run(abort)


def _is_retryable(error: BaseException, elapsed: float) -> bool:
    """Whether to retry a transaction that failed with `error`, `elapsed` seconds after its start."""
    if not isinstance(error, PyMongoError) or not error.has_error_label("TransientTransactionError"):
        return False
    return elapsed < (RECONNECT_SECONDS if isinstance(error, ConnectionFailure) else CONFLICT_SECONDS)
