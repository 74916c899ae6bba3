"""Tests behind the strict proxy, and the inventory of what the application sends.

Marked `proxied`, a test runs behind the proxy; with `--wire-proxy` every test does. `--wire-faults N` injects faults
besides: of every N-th write the answer is lost, and every N-th statement of a transaction meets a conflict.
"""

from collections.abc import Iterator

import pytest

from tests.support.databases import Server
from tests.wire import faults
from tests.wire.cluster import Cluster
from tests.wire.faults import Fault

_CLUSTERS = pytest.StashKey[list[tuple[Cluster, list[Fault]]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("wire", "the strict proxy on MongoDB's wire protocol")
    group.addoption("--wire-proxy", action="store_true", help="run every test behind the proxy")
    group.addoption("--wire-faults", type=int, default=0, metavar="N", help="inject faults, one in N")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_CLUSTERS] = []


@pytest.fixture
def is_proxied(request: pytest.FixtureRequest) -> bool:
    """Whether this test runs behind the proxy."""
    asked = request.config.getoption("--wire-proxy") or request.config.getoption("--wire-faults")
    return bool(asked) or request.node.get_closest_marker("proxied") is not None


@pytest.fixture(scope="session")
def cluster(server: Server, pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """The embedded server behind the proxy."""
    cluster = Cluster(server)
    every = pytestconfig.getoption("--wire-faults")
    injected = [faults.lost_answers(every=every), faults.conflicts(every=every)] if every else []
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for cluster, injected in config.stash[_CLUSTERS]:
        proxy = cluster.proxy
        counts = [f"{proxy.commands.total()} commands", f"{len(proxy.refused)} refused"]
        counts += [f"{proxy.retries.repeated} writes sent again"]
        counts += [
            f"{fault.injected} {name}" for name, fault in zip(("answers lost", "conflicts"), injected, strict=False)
        ]
        terminalreporter.write_line(f"strict proxy: {', '.join(counts)}")
