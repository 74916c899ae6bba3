"""Results of the doctor's checks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from config import Config


@dataclass(frozen=True)
class Finding:
    """The result of a check, with advice if it is not good."""

    state: Literal["good", "note", "BAD"]
    what: str
    advice: str = ""


Check = Callable[[Config], Iterable[Finding]]


def good(what: str) -> Finding:
    return Finding("good", what)


def note(what: str, advice: str) -> Finding:
    """A finding that works but is not suitable for production."""
    return Finding("note", what, advice)


def bad(what: str, advice: str) -> Finding:
    return Finding("BAD", what, advice)
