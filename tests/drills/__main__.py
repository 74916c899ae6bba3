"""`make drills`: run each drill and print what it counted; `make drills ARGS=kills` runs only that one."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.drills import crowds, frozen, inputs, kills, mails, pushes
from tests.drills.house import drill as house
from tests.drills.row import HEADER, Row

DRILLS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "kills": kills.rows,
    "frozen": frozen.rows,
    "inputs": inputs.rows,
    "mails": mails.rows,
    "pushes": pushes.rows,
    "crowds": crowds.rows,
    "house": house.rows,
}
ONLY_BY_NAME = {"house"}  # it wants a machine that does nothing else, and Apache


def main(names: list[str]) -> int:
    """Run these drills, or all but ONLY_BY_NAME. Returns 1 if something does not hold, 2 for an unknown name."""
    if unknown := [name for name in names if name not in DRILLS]:
        print(f"Unknown drill {unknown[0]}; there are {', '.join(DRILLS)}.", file=sys.stderr)
        return 2
    print(HEADER, flush=True)
    failed = False
    for name in names or [each for each in DRILLS if each not in ONLY_BY_NAME]:
        with tempfile.TemporaryDirectory() as folder:
            for row in DRILLS[name](Path(folder)):
                print(row, flush=True)
                failed |= bool(row.broken)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
