"""Random walks: a fault is found, happens again from its seed, and is made shorter."""

import random

from tests.support import walks

WEIGHTS = {"fill": 1, "empty": 1, "look": 8}


class Bucket:
    """Breaks when it holds three."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.number = 0

    def act(self, name: str, choose: random.Random) -> None:
        self.number = {"fill": self.number + 1, "empty": 0, "look": self.number}[name]
        self.log.append(f"{name} {choose.randrange(100)}")
        assert self.number < 3


def test_a_walk_is_the_same_for_the_same_seed() -> None:
    assert walks.chosen(WEIGHTS, 7, 50) == walks.chosen(WEIGHTS, 7, 50)
    assert walks.chosen(WEIGHTS, 7, 50) != walks.chosen(WEIGHTS, 8, 50)


def test_a_walk_that_fails_is_made_as_short_as_it_can_be() -> None:
    fault = walks.fault_of(Bucket, walks.chosen(WEIGHTS, 0, 400))
    assert fault
    assert len(fault.walk) > 10
    shorter = walks.shortened(Bucket, fault)
    assert [name for name, _ in shorter.walk] == ["fill", "fill", "fill"]
    assert all(each in fault.walk for each in shorter.walk), "with the choices that they made"
    assert "AssertionError" in str(shorter)


def test_a_walk_on_which_nothing_fails_is_no_fault() -> None:
    assert walks.fault_of(Bucket, walks.chosen({"look": 1}, 0, 50)) is None
