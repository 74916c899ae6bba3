"""Shared fixtures: databases, the application, HTTP clients, mails, and the named people.

Tests run on the embedded server, or on the one that TEST_MONGODB_URI names, but for those that stop, freeze or fail a
server: they start their own. On the embedded server those of stores, streams, alerts and outboxes run behind the strict
proxy of tests.wire, with authentication and retryable writes. The quick run (`--quick`) is on mongomock, without those
that are marked `needs_wire`. Alice owns "Trattoria Lucia", Bob is a waiter there, Charlie owns another restaurant, Dana
is a guest.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pymongo
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from pymongo import MongoClient
from pymongo.database import Database

from config import Config
from tests.support import applications, cast, databases, patience, schedule, settings, timeshift
from tests.support.cast import WAIT_SECONDS, Browser, Mail, Person, read_mail, wait_until
from waitercaller import create_app
from waitercaller.db import cache, clock, schema
from waitercaller.db.client import Mongo
from waitercaller.live import watcher as watcher_module
from waitercaller.live.hub import Hub
from waitercaller.mail import outbox
from waitercaller.model import restaurants, tables
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.tables import Table
from waitercaller.web import limits

MakeApp = Callable[[Config], Flask]

pytest_plugins = ["tests.wire.plugin"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick",
        action="store_true",
        help="leave out what is marked browser, deploy, slow or needs_wire; the others on mongomock",
    )
    parser.addoption("--mongomock", action="store_true", help="tests that are not marked needs_wire run on mongomock")
    parser.addoption(
        "--engines",
        choices=("all", "chromium", "others"),
        default="all",
        help="'chromium' leaves out the tests in Firefox, WebKit and an old Chromium; 'others' runs them alone",
    )


def pytest_configure() -> None:
    timeshift.begin()
    patience.begin()
    applications.compute_once()


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    schedule.mark(items)
    items.sort(key=schedule.position)
    chosen = [item for item in items if schedule.is_chosen(item, config)]
    if len(chosen) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if not schedule.is_chosen(item, config)])
        items[:] = chosen


def pytest_report_collectionfinish(items: list[pytest.Item]) -> list[str]:
    """With TEST_MONGODB_URI, how many tests use that server, and why the others do not."""
    if not databases.given_uri():
        return []
    return [f"{number} tests {where}" for where, number in Counter(map(schedule.server_of, items)).most_common()]


# --- databases and the application --------------------------------------------------------------------------


@pytest.fixture(scope="session")
def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[databases.Server]:
    """The embedded database server of this run. Tests that stop or freeze one start their own."""
    server = databases.Server(tmp_path_factory.mktemp("database"))
    server.start()
    yield server
    server.kill()  # a clean stop takes two seconds, and its data is not needed


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> databases.Server | databases.GivenServer:
    """The server of TEST_MONGODB_URI, or else the embedded one."""
    given = databases.given_uri()
    if given:
        return databases.GivenServer(given)
    embedded: databases.Server = request.getfixturevalue("embedded_server")
    return embedded


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    option = request.config.option
    is_enough = option.quick or (option.mongomock and request.node.get_closest_marker("needs_wire") is None)
    return "mongomock" if is_enough else "wire"


@pytest.fixture(scope="session")
def shared_database(server: databases.Server | databases.GivenServer) -> Iterator[databases.SharedDatabase]:
    shared = databases.SharedDatabase(server.uri)
    yield shared
    shared.close()


@pytest.fixture
def mongodb_uri(
    database_uri: str, database_kind: str, is_proxied: bool, request: pytest.FixtureRequest
) -> Iterator[str]:
    """`database_uri`, behind the proxy for a test that is `proxied`."""
    if database_kind != "wire" or not is_proxied:
        yield database_uri
        return
    with request.getfixturevalue("cluster").standing_for(database_uri) as uri:
        yield uri


@pytest.fixture
def is_shared(database_kind: str, is_proxied: bool, request: pytest.FixtureRequest) -> bool:
    """Whether this test gets `shared_database`, which has the schema already."""
    is_elsewhere = is_proxied and databases.given_uri()  # the proxy stands before the embedded server
    return database_kind == "wire" and not is_elsewhere and request.node.get_closest_marker("fresh_database") is None


@pytest.fixture
def database_uri(
    database_kind: str, is_shared: bool, is_proxied: bool, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The URI of an empty database for this test alone."""
    if database_kind == "mongomock":
        yield "mongodb://127.0.0.1:9/mongomock"  # never connected to: the application gets mongomock
        return
    if is_shared:
        shared: databases.SharedDatabase = request.getfixturevalue("shared_database")
        yield shared.take()
        shared.give_back()
        return
    server_uri = request.getfixturevalue("embedded_server" if is_proxied else "server").uri
    name = databases.fresh_name()
    yield databases.with_name(server_uri, name)
    with MongoClient[dict[str, Any]](server_uri) as client:
        client.drop_database(name)


@pytest.fixture
def config(mongodb_uri: str, tmp_path: Path) -> Config:
    """A valid configuration, with cheap password hashing and mails written into a folder."""
    environ = settings.environ(mongodb_uri, "http://localhost", tmp_path / "mail", TRUSTED_HOSTS="localhost")
    return Config.from_env(environ)


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Compiles templates once per run, not for each of the thousands of applications."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # shared by all workers
    folder /= "templates"
    folder.mkdir(exist_ok=True)
    return FileSystemBytecodeCache(str(folder))


@pytest.fixture
def make_app(database_kind: str, mongodb_uri: str, compiled_templates: FileSystemBytecodeCache) -> Iterator[MakeApp]:
    """Creates applications; several with one configuration act as several processes on one database."""
    apps: list[tuple[Flask, Mongo | databases.Mongomock]] = []  # tests may replace an application's client
    stand_in = databases.Mongomock() if database_kind == "mongomock" else None

    def make(config: Config) -> Flask:
        app = create_app(config)
        app.testing = True
        app.config["PROPAGATE_EXCEPTIONS"] = False  # exceptions become error pages, as in production
        app.test_client_class = Browser
        app.jinja_env.bytecode_cache = compiled_templates
        if stand_in:
            app.extensions["mongo"] = stand_in
        elif config.mongodb_uri == mongodb_uri:
            databases.be_patient(app.extensions["mongo"])
        app.extensions["hub"].listening = True  # as if a watcher were running
        apps.append((app, app.extensions["mongo"]))
        return app

    yield make
    for app, mongo in apps:
        app.extensions["hub"].close()
        with pymongo.timeout(0.5):  # close() ends sessions, and would wait half a minute for an unreachable server
            mongo.close()


@pytest.fixture
def app(make_app: MakeApp, config: Config, database_kind: str, is_shared: bool) -> Flask:
    """The application on a database that has its indexes and validators."""
    app = make_app(config)
    if database_kind == "wire" and not is_shared:
        with MongoClient[dict[str, Any]](config.mongodb_uri) as patient:  # an index build has no time limit
            schema.build(patient.get_default_database())
    return app


@pytest.fixture
def database(app: Flask) -> Iterator[Database[dict[str, Any]]]:
    """The application's database, in an application context."""
    with app.app_context():
        yield app.extensions["mongo"].database


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[databases.Server]:
    """A database server that the test may stop, freeze and restart."""
    server = databases.Server(tmp_path / "own")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def frail_app(own_server: databases.Server, make_app: MakeApp, config: Config) -> Flask:
    """The application on `own_server`."""
    app = make_app(replace(config, mongodb_uri=databases.with_name(own_server.uri, "frail")))
    schema.build(app.extensions["mongo"].database)
    return app


@pytest.fixture
def watcher(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub of `app`, with a watcher of the database's changes."""
    monkeypatch.setattr(watcher_module, "AWAIT_MS", 100)  # how often it checks whether to stop
    monkeypatch.setattr(watcher_module, "REOPEN_DELAY_SECONDS", 0.1)
    hub: Hub = app.extensions["hub"]
    hub.listening = False
    stopped = threading.Event()
    thread = threading.Thread(target=watcher_module.run, args=(app, lambda: not stopped.is_set()), daemon=True)
    thread.start()
    wait_until(lambda: hub.listening)
    yield hub
    stopped.set()
    thread.join(WAIT_SECONDS)


@pytest.fixture(autouse=True)
def _empty_caches() -> None:
    cache.restaurants.clear()
    cache.tables.clear()
    cache.pauses.clear()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`later(minutes=5)`: advance the clock of this process, without sleeping."""

    def forward(**duration: float) -> None:
        monkeypatch.setattr(clock, "_offset", clock._offset + timedelta(**duration))
        cache.restaurants.clear()
        cache.tables.clear()

    return forward


@pytest.fixture
def fresh_limits(later: Callable[..., None]) -> Iterator[None]:
    """All limits are unused, and their windows begin now, so that none ends during the test."""
    now = clock.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    later(seconds=(midnight - now).total_seconds())
    limits.memory.clear()
    yield
    limits.memory.clear()


@pytest.fixture
def fresh_codes(later: Callable[..., None]) -> None:
    """The 30 seconds of a one-time code begin now, so that none expires during the test."""
    later(seconds=30 - clock.now().timestamp() % 30)


# --- browsers -----------------------------------------------------------------------------------------------


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without a login."""
    return app.test_client()


# --- mails --------------------------------------------------------------------------------------------------


@pytest.fixture
def mails(app: Flask, config: Config) -> Callable[[], list[Mail]]:
    """`mails()` sends the due mails and returns those that arrived since the last call, oldest first."""

    def arrived() -> list[Mail]:
        with app.app_context():
            while outbox.send_due(app):
                pass
        files = sorted(Path(config.mail_folder).glob("*.eml"))
        contents = [file.read_bytes() for file in files]
        for file in files:
            file.unlink()
        return [read_mail(content) for content in contents]

    return arrived


# --- the cast -----------------------------------------------------------------------------------------------


@pytest.fixture
def hire(app: Flask) -> Callable[..., Person]:
    """`hire("Bob", role="waiter", at=alice)`: see tests.support.cast.hire."""
    return partial(cast.hire, app)


@pytest.fixture
def alice(hire: Callable[..., Person]) -> Person:
    """Alice owns the Trattoria Lucia."""
    return hire("Alice", restaurant="Trattoria Lucia")


@pytest.fixture
def bob(hire: Callable[..., Person], alice: Person) -> Person:
    """Bob is a waiter at the Trattoria Lucia."""
    return hire("Bob", role="waiter", at=alice)


@pytest.fixture
def charlie(hire: Callable[..., Person]) -> Person:
    """Charlie owns another restaurant."""
    return hire("Charlie", restaurant="Charlie's Diner")


@pytest.fixture
def dana(app: Flask) -> FlaskClient:
    """Dana is a guest: a browser without a login."""
    return app.test_client()


@pytest.fixture
def restaurant(app: Flask, alice: Person) -> Restaurant:
    """The Trattoria Lucia."""
    with app.app_context():
        found = restaurants.get(alice.restaurant_id)
    assert found is not None
    return found


@pytest.fixture
def table(app: Flask, alice: Person) -> Table:
    """Table 7 of the Trattoria Lucia."""
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["7"], None)
        return tables.of_restaurant(alice.restaurant_id)[0]
