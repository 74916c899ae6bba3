"""Random walks: acts that are chosen by chance from a seed, and a walk that fails, made shorter.

Every act has a seed of its own for what it chooses, so it still makes sense when acts before it are left out.
"""

import random
import traceback
from collections.abc import Callable
from typing import NamedTuple, Protocol

DEPTH = 3  # frames of an error that are shown
TRIES = 60  # walks that are run to make a failing one shorter


class Act(NamedTuple):
    """An act of a walk: its name, and the seed of its choices."""

    name: str
    seed: int


Walk = list[Act]


class Machine(Protocol):
    """What walks: raises AssertionError, or whatever the product raises, when something is wrong."""

    log: list[str]  # what the acts have done, for the report

    def act(self, name: str, choose: random.Random) -> None: ...


class Fault(NamedTuple):
    """Where a walk went wrong."""

    walk: Walk  # up to and with the act that failed
    error: Exception
    log: list[str]

    def __str__(self) -> str:
        lines = traceback.format_exception(self.error, limit=-DEPTH)
        return "\n".join(["", *self.log, repr([*map(tuple, self.walk)]), *lines])


def chosen(weights: dict[str, int], seed: int, length: int) -> Walk:
    """A walk of this many acts."""
    choose = random.Random(seed)
    names = choose.choices(list(weights), list(weights.values()), k=length)
    return [Act(name, choose.getrandbits(32)) for name in names]


def fault_of(begin: Callable[[], Machine], walk: Walk) -> Fault | None:
    """Where this walk goes wrong; None if it does not."""
    machine = begin()
    for number, (name, seed) in enumerate(walk, 1):
        try:
            machine.act(name, random.Random(seed))
        except Exception as error:  # noqa: BLE001 (it is returned)
            return Fault(walk[:number], error, machine.log)
    return None


def shortened(begin: Callable[[], Machine], fault: Fault) -> Fault:
    """The same fault with acts left out that it does not need: halves first, then ever smaller pieces."""
    tries, size = TRIES, len(fault.walk) // 2
    while size:
        start = 0
        while start < len(fault.walk) - 1 and tries:
            tries -= 1
            shorter = fault_of(begin, fault.walk[:start] + fault.walk[start + size :])
            if shorter and type(shorter.error) is type(fault.error):
                fault = shorter
            else:
                start += size
        size //= 2
    return fault
