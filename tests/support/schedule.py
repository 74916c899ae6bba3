"""Scheduling of tests: groups for parallel runs, order, and the selection of the quick run."""

import pytest

# Tests that share expensive programs or depend on their order run in one worker. Groups start in this order: those that
# wait for browsers and other programs first, so that the other workers use the CPU meanwhile.
GROUPS = ("install", "browser 0", "browser 1", "examined", "deploy", "firefox 0", "firefox 1", "firefox 2", "webkit")
GROUPS_PER_ENGINE = {"browser": 2, "firefox": 3}
NOT_QUICK = ("browser", "deploy", "slow", "needs_wire")
# Fixtures and markers of tests that need MongoDB's wire protocol, or that start processes.
WIRE_FIXTURES = {"server", "embedded_server", "cluster", "watcher", "own_server"}
WIRE_MARKERS = ("proxied", "fresh_database")
SLOW_FIXTURES = {"own_server", "gunicorn"}


def mark(items: list[pytest.Item]) -> None:
    """Add markers and groups to tests by their folder and fixtures."""
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
            group(item, browser_group(item, modules))
        elif item.path.name == "test_examined.py":
            group(item, "examined")  # thousands of requests are written once
        elif "deploy" in folders:
            item.add_marker("deploy")
            # One after the other: the tests of an installation build on each other, the others share an Apache.
            group(item, "install" if item.path.name == "test_install.py" else "deploy")


def browser_group(item: pytest.Item, modules: list[str]) -> str:
    """The group of a test in a browser; `modules` are those before it."""
    if item.path.parent.name == "webkit":
        return "webkit"
    if item.path.name not in modules:
        modules.append(item.path.name)
    engine = "firefox" if in_firefox(item) else "browser"
    return f"{engine} {modules.index(item.path.name) % GROUPS_PER_ENGINE[engine]}"


def in_firefox(item: pytest.Item) -> bool:
    """Whether this test of a browser runs in Firefox."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return bool(parameters.get("browser") == "firefox")


def in_another_engine(item: pytest.Item) -> bool:
    """Whether this test runs in Firefox, WebKit or an old Chromium."""
    return in_firefox(item) or item.path.parent.name == "webkit" or item.path.name == "test_old_chromium.py"


def is_for_another_engine(item: pytest.Item) -> bool:
    """Whether this run of a test is none: by its marks, or those of its module, only the other engine has it."""
    if not in_firefox(item):
        return item.get_closest_marker("firefox_only") is not None
    return bool(item.get_closest_marker("chromium_only")) and not item.get_closest_marker("firefox_too")


def group(item: pytest.Item, name: str) -> None:
    item.add_marker(pytest.mark.xdist_group(name))


def position(item: pytest.Item) -> tuple[int, bool]:
    """Sort key: groups, then slow tests, then all others, each in order of collection."""
    marker = item.get_closest_marker("xdist_group")
    rank = GROUPS.index(marker.args[0]) if marker else len(GROUPS)
    return rank, item.get_closest_marker("slow") is None


def is_chosen(item: pytest.Item, config: pytest.Config) -> bool:
    """Whether the options `--quick` and `--engines` let this test run."""
    if config.option.quick and any(item.get_closest_marker(name) for name in NOT_QUICK):
        return False
    engines = config.option.engines
    return bool(engines == "all" or in_another_engine(item) == (engines == "others"))


def server_of(item: pytest.Item) -> str:
    """The database server of this test, in a run with TEST_MONGODB_URI."""
    fixtures = set(getattr(item, "fixturenames", ()))
    if fixtures & {"own_server", "faulty"} or item.path.match("browser/test_live.py"):
        return "stop, freeze or fail a server of their own"
    if "cluster" in fixtures:
        return "inject faults or try what is refused, by the proxy before the embedded server"
    if item.path.name == "test_examined.py":
        return "are about what the embedded server examines"
    if fixtures & {"mongodb_uri", "server", "website", "site", "pair"}:
        return "use the server of TEST_MONGODB_URI"
    return "use no database, or the one of the program that they start"
