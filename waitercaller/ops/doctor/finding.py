"""What the doctor found."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from config import Config


@dataclass(frozen=True)
class Finding:
    """What was looked at and how it is; what to do, where it is not good."""

    state: Literal["good", "note", "BAD"]
    what: str
    advice: str = ""


Check = Callable[[Config], Iterable[Finding]]


def good(what: str) -> Finding:
    return Finding("good", what)


def note(what: str, advice: str) -> Finding:
    """Works, but should not stay so in production."""
    return Finding("note", what, advice)


def bad(what: str, advice: str) -> Finding:
    return Finding("BAD", what, advice)
