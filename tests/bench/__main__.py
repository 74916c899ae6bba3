"""`make bench`: print each figure with its baseline or limit; `make bench ARGS="call_cost"` measures only that."""

import sys

from tests.bench import (
    backup,
    call_cost,
    dashboard,
    idle_screens,
    idle_streams,
    many_tables,
    page_size,
    pages,
    steady_load,
    tap_to_screen,
    tap_to_signature,
    timing,
    waiting_guests,
)

FIGURES = {
    "page_size": page_size.report,
    "call_cost": call_cost.report,
    "pages": pages.report,
    "dashboard": dashboard.report,
    "many_tables": many_tables.report,
    "timing": timing.report,
    "idle_screens": idle_screens.report,
    "idle_streams": idle_streams.report,
    "waiting_guests": waiting_guests.report,
    "tap_to_screen": tap_to_screen.report,
    "tap_to_signature": tap_to_signature.report,
    "steady_load": steady_load.report,
    "backup": backup.report,
}


def main(names: list[str]) -> int:
    """Print these figures, or all of them; returns 2 for an unknown name."""
    if unknown := [name for name in names if name not in FIGURES]:
        print(f"Unknown benchmark {unknown[0]}; there are {', '.join(FIGURES)}.", file=sys.stderr)
        return 2
    for name in names or FIGURES:
        FIGURES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
