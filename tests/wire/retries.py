"""Retryable writes as mongod keeps them, so that the embedded server is not asked to.

https://github.com/mongodb/mongo/blob/master/src/mongo/db/repl/README.md (retryable writes): a write is known by its
session and its number in it; sent again, it is not run again but answered as before; a number below the newest is
refused. The embedded server scans its records on every write, and takes a write that was sent again with another
maxTimeMS for a new one.
"""

import threading
from dataclasses import dataclass, replace

from tests.wire.exchange import Outcome, Refusal, Request, refuse
from tests.wire.protocol import Document

TRANSACTION_TOO_OLD, INVALID_OPTIONS = 225, 72


@dataclass(frozen=True)
class _Written:
    number: int
    answer: Document


class Retries:
    """The newest retryable write of each session, and its answer."""

    def __init__(self) -> None:
        self._written: dict[bytes, _Written] = {}
        self._lock = threading.Lock()
        self.repeated = 0

    def known(self, request: Request) -> Document | None:
        """The answer of this write where it has run already; the refusal where it is too old."""
        session, number = _identity(request)
        with self._lock:
            written = self._written.get(session)
            if written is None or number > written.number:
                return None
            if number < written.number:
                return refuse(
                    TRANSACTION_TOO_OLD, "TransactionTooOld", "a later write of this session is known"
                ).document
            self.repeated += 1
            return written.answer

    def keep(self, request: Request, answer: Document) -> None:
        """Remember what came of this write; a command that failed as a whole has written nothing."""
        if answer.get("ok") == 1:
            session, number = _identity(request)
            with self._lock:
                self._written[session] = _Written(number, answer)


def unnumbered(request: Request) -> Request:
    """The write as one that is not retryable."""
    return replace(request, body={key: value for key, value in request.body.items() if key != "txnNumber"})


def only_single_documents(request: Request) -> Outcome | None:
    """A retryable write changes one document by each of its statements. Source: mongod's write_ops_exec.cpp."""
    if not request.is_retryable_write:
        return None
    for each in request.statements():
        if each.get("multi") or each.get("limit") == 0:
            return _many(request.name)
    return None


def _many(name: str) -> Refusal:
    return refuse(INVALID_OPTIONS, "InvalidOptions", f"Cannot use retryable writes with an {name} of many documents")


def _identity(request: Request) -> tuple[bytes, int]:
    return bytes(request.body["lsid"]["id"]), int(request.body["txnNumber"])
