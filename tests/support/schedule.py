"""Which tests belong together in a parallel run, which begin first, and which the quick run leaves out."""

import pytest

# Tests that share expensive programs, or that must keep their order, run in one worker, in this order: what waits for
# browsers and other programs begins first, so that the other workers compute meanwhile.
GROUPS = ("install", "deploy", "browser 0", "browser 1")
BROWSER_GROUPS = 2
NOT_QUICK = ("browser", "deploy", "slow")


def mark(items: list[pytest.Item]) -> None:
    """Mark tests by their folder, and give them their group."""
    modules: list[str] = []
    for item in items:
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
