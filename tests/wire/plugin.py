"""Tests behind the strict proxy, and the inventory of what the application sends.

The tests of stores, streams, alerts and outboxes run behind the proxy, and so does whatever is marked `proxied`; with
`--wire-proxy` every test does. `--wire-faults N` injects faults besides: of every N-th retryable write the answer is
lost, and every N-th statement of a transaction meets a conflict.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import monitoring

from tests.support import databases
from tests.support.databases import Server
from tests.wire import faults, inventory
from tests.wire.cluster import Cluster
from tests.wire.faults import Fault

TESTS = Path(__file__).parents[1]
PROXIED_FOLDERS = {"alerts", "live", "mail", "model", "push"}
_CLUSTERS = pytest.StashKey[list[tuple[Cluster, list[Fault]]]]()
_SEEN_BY_WORKERS = pytest.StashKey[set[inventory.Shape]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("wire", "the strict proxy on MongoDB's wire protocol")
    group.addoption("--wire-proxy", action="store_true", help="run every test behind the proxy")
    group.addoption("--wire-faults", type=int, default=0, metavar="N", help="inject faults, one in N")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_CLUSTERS] = []
    config.stash[_SEEN_BY_WORKERS] = set()
    config.stash[inventory.LISTENER] = inventory.Listener()
    monitoring.register(config.stash[inventory.LISTENER])


# --- the proxy --------------------------------------------------------------------------------------------------------


@pytest.fixture
def is_proxied(request: pytest.FixtureRequest) -> bool:
    """Whether this test runs behind the proxy, which stands before the embedded server."""
    if databases.given_uri():
        return "cluster" in request.fixturenames
    if request.config.getoption("--wire-proxy") or request.config.getoption("--wire-faults"):
        return True
    folder = request.path.relative_to(TESTS).parts[0]
    return folder in PROXIED_FOLDERS or request.node.get_closest_marker("proxied") is not None


@pytest.fixture(scope="session")
def cluster(embedded_server: Server, pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """The embedded server behind the proxy."""
    cluster = Cluster(embedded_server)
    every = pytestconfig.getoption("--wire-faults")
    injected = []
    if every:  # answers only of what the driver sends again by itself
        injected = [faults.lost_answers(every=every, only=faults.is_retried), faults.conflicts(every=every)]
    pytestconfig.stash[_CLUSTERS].append((cluster, injected))
    with cluster.proxy.injecting(*injected), pytest.MonkeyPatch.context() as patch:
        if every:
            patch.setattr("pymongo.common.MIN_HEARTBEAT_INTERVAL", 0.02)
        yield cluster
    cluster.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error the driver looks for the primary at once; else it waits half a second each time."""
    monkeypatch.setattr("pymongo.common.MIN_HEARTBEAT_INTERVAL", 0.02)


# --- the inventory ----------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _only_reviewed_commands(pytestconfig: pytest.Config) -> Iterator[None]:
    """Fails a test in which the application sent a command of a shape that is not in the inventory."""
    listener = inventory.listener_of(pytestconfig)
    known = set(listener.seen)
    yield
    new = {shape: sender for shape, sender in list(listener.seen.items()) if shape not in known}
    assert inventory.not_reviewed(new) == [], f"add it to {inventory.LIST.name}, with why it is right on mongod"


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """A worker of pytest-xdist has ended: take over what it saw."""
    for collection, shape in getattr(node, "workeroutput", {}).get("shapes", []):
        node.config.stash[_SEEN_BY_WORKERS].add((collection, shape))  # type: ignore[attr-defined]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fails a run of all tests that met none of some entry's commands."""
    seen = set(inventory.listener_of(session.config).seen)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["shapes"] = sorted(seen)
    elif exitstatus == pytest.ExitCode.OK and _is_whole(session.config):
        of_workers: set[inventory.Shape] = session.config.stash[_SEEN_BY_WORKERS]
        if unused := sorted(inventory.reviewed() - seen - of_workers):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            for collection, shape in unused:
                print(f"\n{inventory.LIST.name}: no test sends [{collection}] {shape}")


def _is_whole(config: pytest.Config) -> bool:
    """Whether all tests were to run."""
    option = config.option
    chosen = (
        option.keyword
        or option.markexpr
        or option.deselect
        or option.ignore
        or getattr(option, "lf", False)  # pytest's cache may be switched off
        or option.collectonly
        or option.quick
        or option.engines == "others"
    )
    return not chosen and config.args_source is pytest.Config.ArgsSource.TESTPATHS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    of_workers: set[inventory.Shape] = config.stash[_SEEN_BY_WORKERS]
    for line in inventory.not_reviewed(dict.fromkeys(of_workers, "a worker") | inventory.listener_of(config).seen):
        terminalreporter.write_line(f"not in {inventory.LIST.name}: {line}")
    for cluster, injected in config.stash[_CLUSTERS]:
        proxy = cluster.proxy
        counts = [f"{proxy.commands.total()} commands", f"{len(proxy.refused)} refused"]
        counts += [f"{proxy.retries.repeated} writes sent again"]
        names = ("answers lost", "conflicts")
        counts += [f"{fault.injected} {name}" for name, fault in zip(names, injected, strict=False)]
        terminalreporter.write_line(f"strict proxy: {', '.join(counts)}")
