"""What a drill found: one line of the table."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Row:
    """A fault, how often it was caused, what was counted, and what did not hold (none: all did)."""

    fault: str
    rounds: int
    counts: Mapping[str, object]
    slowest: str  # what, and how many seconds
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = ", ".join(f"{number} {name}" for name, number in self.counts.items())
        verdict = "BROKEN: " + "; ".join(self.broken) if self.broken else "holds"
        return f"| {self.fault} | {self.rounds} | {counts} | {self.slowest} | {verdict} |"


HEADER = "| fault | rounds | counts | slowest | verdict |\n|---|---|---|---|---|"


def number(name: str, default: int) -> int:
    """How often, from the environment: ROUNDS of each fault, N requests or guesses."""
    return int(os.environ.get(name) or default)


def broken(**holds: bool) -> list[str]:
    """The names, with spaces, of what does not hold."""
    return [name.replace("_", " ") for name, good in holds.items() if not good]
