"""Which tests belong together in a parallel run, which begin first, and which the quick run leaves out."""

import pytest

# Tests that share expensive programs, or that must keep their order, run in one worker, in this order: what waits for
# browsers and other programs begins first, so that the other workers compute meanwhile.
GROUPS = ("install", "deploy", "browser 0", "browser 1")
BROWSER_GROUPS = 2
NOT_QUICK = ("browser", "deploy", "slow")
# Who asks for one of these needs MongoDB's protocol, or waits for processes of its own.
WIRE_FIXTURES = {"server", "cluster", "watcher", "own_server"}
WIRE_MARKERS = ("proxied", "fresh_database")
SLOW_FIXTURES = {"own_server", "gunicorn"}


def mark(items: list[pytest.Item]) -> None:
    """Mark tests by their folder and their fixtures, and give them their group."""
    modules: list[str] = []
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & WIRE_FIXTURES or any(item.get_closest_marker(name) for name in WIRE_MARKERS):
            item.add_marker("needs_wire")
        if fixtures & SLOW_FIXTURES:
            item.add_marker("slow")
        folders = item.path.parts
        if "browser" in folders:
            item.add_marker("browser")
            if item.path.name not in modules:
                modules.append(item.path.name)
            group(item, f"browser {modules.index(item.path.name) % BROWSER_GROUPS}")
        elif "deploy" in folders:
            item.add_marker("deploy")
            group(item, "install" if item.path.name == "test_install.py" else "deploy")


def group(item: pytest.Item, name: str) -> None:
    item.add_marker(pytest.mark.xdist_group(name))


def position(item: pytest.Item) -> tuple[int, bool]:
    """By this they are sorted: the groups, then what is slow, then all others, each as they were collected."""
    marker = item.get_closest_marker("xdist_group")
    rank = GROUPS.index(marker.args[0]) if marker else len(GROUPS)
    return rank, item.get_closest_marker("slow") is None


def is_quick(item: pytest.Item) -> bool:
    return not any(item.get_closest_marker(name) for name in NOT_QUICK)
