"""What only a replica set does to its clients, and a network: injected into what passes the proxy.

A fault is a rule that counts what it did. `proxy.injecting(fault)` lets one loose for the length of a `with` block.
Codes and labels: error_codes.yml of mongodb/mongo, and the drivers' specifications of retries and transactions.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import bson

from tests.wire.exchange import WRITES, Answer, Change, Close, LoseAnswer, Outcome, Request, refuse
from tests.wire.protocol import Document

INTERRUPTED_BY_STEP_DOWN, SHUTTING_DOWN, NOT_PRIMARY = 11602, 91, 10107
STEPPED_DOWN = 189  # PrimarySteppedDown
WRITE_CONCERN_FAILED, MAX_TIME_EXPIRED = 64, 50
WRITE_CONFLICT, NO_SUCH_TRANSACTION, SNAPSHOT_TOO_OLD = 112, 251, 239
NAMES = {10107: "NotWritablePrimary", 189: "PrimarySteppedDown", 11602: "InterruptedDueToReplStateChange",
         91: "ShutdownInProgress", 11600: "InterruptedAtShutdown", 13435: "NotPrimaryNoSecondaryOk"}  # fmt: skip
READS = {"find", "aggregate", "count", "distinct", "getMore"}
ACKNOWLEDGED = WRITES | {"commitTransaction"}


@dataclass
class Fault:
    """Gives `outcome` to every `every`-th command that is one of `commands`, at most `times` times."""

    outcome: Callable[[Request], Outcome | None]
    commands: set[str]
    times: int | None = None
    every: int = 1
    collection: str | None = None
    only: Callable[[Request], bool] = lambda _request: True
    met: int = 0
    injected: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Outcome | None:
        if request.name not in self.commands or self.collection not in (None, request.collection):
            return None
        if not self.only(request):
            return None
        with self._lock:
            self.met += 1
            if self.met % self.every or (self.times is not None and self.injected >= self.times):
                return None
            outcome = self.outcome(request)
            self.injected += outcome is not None
        return outcome


def is_retried(request: Request) -> bool:
    """Whether the driver sends this again by itself when its connection is lost."""
    return request.is_retryable_write or request.name == "commitTransaction"


def lost_answers(*commands: str, **more: Any) -> Fault:
    """The command takes effect, the connection ends before its answer: retryable writes are for this."""
    return Fault(lambda _: LoseAnswer(), set(commands) or ACKNOWLEDGED, **more)


def closed_connections(*commands: str, **more: Any) -> Fault:
    """The connection ends before the command arrives."""
    return Fault(lambda _: Close(), set(commands) or ACKNOWLEDGED | READS, **more)


def not_primary(*commands: str, code: int = NOT_PRIMARY, **more: Any) -> Fault:
    """Another member has been elected: what is not a read of a secondary is refused, and hello does not know it yet."""
    return Fault(lambda request: _refused(request, code), set(commands) or ACKNOWLEDGED | READS, **more)


def _refused(request: Request, code: int) -> Outcome:
    labels = ["RetryableWriteError"] if request.is_retryable_write or request.name == "commitTransaction" else []
    if request.in_transaction and request.name not in ("commitTransaction", "abortTransaction"):
        labels = ["TransientTransactionError"]
    return refuse(code, NAMES[code], "injected: not primary", errorLabels=labels)


def steps_down(*commands: str, code: int = STEPPED_DOWN, **more: Any) -> Fault:
    """The write is applied here, and the primary steps down (189) or shuts down (91) before a majority has it."""

    def change(answer: Document) -> Document:
        concern = {"code": code, "codeName": NAMES[code], "errmsg": "injected: stepping down"}
        return {**answer, "writeConcernError": concern, "errorLabels": ["RetryableWriteError"]}

    return Fault(lambda _: Change(change), set(commands) or ACKNOWLEDGED, **more)


def delayed_majority(seconds: float, *commands: str, **more: Any) -> Fault:
    """The other members lag: a write is answered so much later, or as one of which the majority does not know yet."""

    def outcome(request: Request) -> Outcome:
        allowed = request.body.get("maxTimeMS", 0) / 1000
        timeout = request.body.get("writeConcern", {}).get("wtimeout", 0) / 1000
        limits = [limit for limit in (allowed, timeout) if 0 < limit < seconds]
        if not limits:
            return Change(lambda answer: answer, after_seconds=seconds)
        code = WRITE_CONCERN_FAILED if timeout == min(limits) else MAX_TIME_EXPIRED
        return Change(lambda answer: _unknown_to_majority(answer, code), after_seconds=min(limits))

    return Fault(outcome, set(commands) or ACKNOWLEDGED, **more)


def _unknown_to_majority(answer: Document, code: int) -> Document:
    concern: Document = {"code": code, "errmsg": "injected: waiting for replication timed out"}
    if code == WRITE_CONCERN_FAILED:
        concern["errInfo"] = {"wtimeout": True}
    return {**answer, "writeConcernError": concern}


class Deaf:
    """A primary cut off by a partition answers a change stream's getMore with nothing, for ever, at its last token.

    It listens from the beginning, for the tokens; after `begin` no stream that is open hears anything any more.
    """

    def __init__(self) -> None:
        self.injected = 0
        self._is_deaf = False
        self._tokens: dict[int, Any] = {}

    def begin(self) -> None:
        self._is_deaf = True

    def __call__(self, request: Request) -> Outcome | None:
        if request.name not in ("aggregate", "getMore"):
            return None
        cursor = request.body.get("getMore")
        if not self._is_deaf or cursor not in self._tokens:
            return None if self._is_deaf else Change(self._remember)
        self.injected += 1
        empty = {"id": cursor, "ns": f"{request.database}.{request.collection}", "nextBatch": []}
        document = {"cursor": empty | {"postBatchResumeToken": self._tokens[cursor]}, "ok": 1.0}
        return Answer(document, after_seconds=request.body.get("maxTimeMS", 0) / 1000)

    def _remember(self, answer: Document) -> Document:
        cursor = answer.get("cursor", {})
        if "postBatchResumeToken" in cursor:
            self._tokens[cursor["id"]] = cursor["postBatchResumeToken"]
        return answer


class StaleReads:
    """An old primary that does not know yet of its successor answers reads from its own past.

    It listens from the beginning; after `begin`, a question that was asked before is answered as the first time.
    """

    def __init__(self) -> None:
        self.injected = 0
        self._stale = False
        self._answers: dict[bytes, Document] = {}

    def begin(self) -> None:
        self._stale = True

    def __call__(self, request: Request) -> Outcome | None:
        if request.name not in ("find", "aggregate") or request.in_transaction:
            return None
        asked = {key: value for key, value in request.body.items() if key not in ("lsid", "$clusterTime", "maxTimeMS")}
        question = bson.encode(asked)
        if not self._stale:
            return Change(lambda answer: self._remember(question, answer))
        answer = self._answers.get(question)
        if answer is None:
            return None
        self.injected += 1
        return Answer(answer)

    def _remember(self, question: bytes, answer: Document) -> Document:
        if answer.get("cursor", {}).get("id") == 0:
            self._answers[question] = answer
        return answer


def lost_aborts(**more: Any) -> Fault:
    """The abort of a transaction never arrives: its documents stay locked until the server ends it."""
    return closed_connections("abortTransaction", **more)


def snapshot_too_old(*commands: str, **more: Any) -> Fault:
    """What a read of a snapshot wants is no longer kept (minSnapshotHistoryWindowInSeconds)."""
    document = refuse(SNAPSHOT_TOO_OLD, "SnapshotTooOld", "injected: read timestamp is older than the oldest available")
    return Fault(lambda _: document, set(commands) or READS, **more)


def conflicts(**more: Any) -> Fault:
    """Another transaction has changed a document first: this one is over, and all of it is to be done again."""
    conflict = refuse(
        WRITE_CONFLICT, "WriteConflict", "injected: write conflict", errorLabels=["TransientTransactionError"]
    )
    return Fault(lambda _: conflict, WRITES | {"find", "aggregate"}, only=lambda each: each.in_transaction, **more)


def forgotten_transactions(**more: Any) -> Fault:
    """At its commit the server does not know the transaction any more: a new primary, or it took too long."""
    unknown = refuse(
        NO_SUCH_TRANSACTION,
        "NoSuchTransaction",
        "injected: no such transaction",
        errorLabels=["TransientTransactionError"],
    )
    return Fault(lambda _: unknown, {"commitTransaction"}, **more)


def answers(code: int, *commands: str, name: str = "Injected", labels: tuple[str, ...] = (), **more: Any) -> Fault:
    """The command does not run and fails with this code."""
    document = refuse(code, name, f"injected: {code}", errorLabels=list(labels))
    return Fault(lambda _: document, set(commands), **more)
