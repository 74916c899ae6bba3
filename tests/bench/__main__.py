"""`make bench`: each figure with its floor or its limit."""

from tests.bench import call_cost, page_size, timing


def main() -> None:
    page_size.report()
    call_cost.report()
    timing.report()


if __name__ == "__main__":
    main()
