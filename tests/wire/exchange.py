"""One command as rules see it, and what a rule may decide about it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.wire.protocol import Document

WRITES = {"insert", "update", "delete", "findAndModify", "bulkWrite"}
FINISHES = {"commitTransaction", "abortTransaction"}
# What every client says before it is somebody, and what ends what it began: mongod asks no right for them.
FREE = {"hello", "ismaster", "isMaster", "ping", "buildInfo", "endSessions", "killCursors", "saslStart", "saslContinue",
        "connectionStatus", "logout", *FINISHES}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """A command that a client has sent."""

    name: str
    body: Document
    user: str | None  # who has authenticated on this connection

    @property
    def database(self) -> str:
        return str(self.body.get("$db", ""))

    @property
    def collection(self) -> str:
        """The collection it is about, "" for those about none."""
        about = self.body.get("collection") if self.name == "getMore" else self.body.get(self.name)
        return about if isinstance(about, str) else ""

    @property
    def in_transaction(self) -> bool:
        return self.body.get("autocommit") is False

    @property
    def pipeline(self) -> list[Document]:
        return list(self.body.get("pipeline", ())) if self.name == "aggregate" else []

    @property
    def is_retryable_write(self) -> bool:
        return self.name in WRITES and "txnNumber" in self.body and not self.in_transaction

    def statements(self) -> list[Document]:
        """The single updates or deletes of it."""
        kept = {"update": "updates", "delete": "deletes"}.get(self.name)
        return list(self.body.get(kept, ())) if kept else []


@dataclass(frozen=True)
class Answer:
    """The command does not run; the client reads this."""

    document: Document
    after_seconds: float = 0.0


@dataclass(frozen=True)
class Close:
    """The command does not run; the connection ends."""


@dataclass(frozen=True)
class LoseAnswer:
    """The command runs; the connection ends before its answer."""


@dataclass(frozen=True)
class Change:
    """The command runs; the client reads its answer changed by this."""

    change: Callable[[Document], Document]
    after_seconds: float = 0.0


Outcome = Answer | Close | LoseAnswer | Change
Rule = Callable[[Request], Outcome | None]


@dataclass(frozen=True)
class Refusal(Answer):
    """What mongod would refuse, with its code and name of the error."""


def words(text: str) -> set[str]:
    """The words of a list that is written as a text."""
    return set(text.split())


def refuse(code: int, name: str, words: str, **more: Any) -> Refusal:
    return Refusal({"ok": 0.0, "errmsg": words, "code": code, "codeName": name, **more})
