"""`make bench`: print each figure with its baseline or limit."""

from tests.bench import call_cost, idle_screens, page_size, tap_to_screen, timing


def main() -> None:
    page_size.report()
    call_cost.report()
    timing.report()
    idle_screens.report()
    tap_to_screen.report()


if __name__ == "__main__":
    main()
