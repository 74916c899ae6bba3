"""The local run: the embedded database and gunicorn as children, looked after until a signal or a fault ends it."""

import contextlib
import http.client
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from config import Config, ConfigError
from waitercaller.db import schema
from waitercaller.local import LocalError, instance, network, processes
from waitercaller.local.database import EmbeddedDatabase

ROOT = Path(__file__).parents[2]
START_TIMEOUT = 30.0  # seconds
STOP_TIMEOUT = 10.0
RELEASE_TIMEOUT = 5.0  # until the server of a run that was killed has let go of the port


@dataclass(frozen=True)
class Place:
    """Where to listen, and the address that people open."""

    host: str
    port: int
    public_host: str  # goes into mails and codes

    @property
    def own_host(self) -> str:
        """Where we reach ourselves."""
        return "127.0.0.1" if self.host == network.ANY else self.host

    @property
    def is_shared(self) -> bool:
        """Whether other devices can open it."""
        return not self.public_host.startswith("127.") and self.public_host != "localhost"

    @property
    def url(self) -> str:
        return f"http://{self.public_host}:{self.port}"


def run(environ: Mapping[str, str], data: Path, demo: bool = False) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP. Raises LocalError where that is not possible (any more)."""
    _exit_on_signals()
    place = _place(environ)
    with contextlib.ExitStack() as stack:
        instance.prepare(data)
        was_killed = stack.enter_context(instance.only_one(data, place.url))
        _check(place, patience=RELEASE_TIMEOUT if was_killed else 0)
        database = stack.enter_context(EmbeddedDatabase(data / "database"))
        settings = _settings(environ, place, data, database.uri())
        _build(database)
        words = _make_demo(settings) if demo else ""
        server = _start_server(place, settings)
        stack.callback(processes.stop, server, STOP_TIMEOUT)
        _wait_until_it_answers(place, server)
        _say(place, data, words)
        _look_after({"web server": server, "database": database.process})


def _place(environ: Mapping[str, str]) -> Place:
    host = environ.get("HOST", "").strip() or "127.0.0.1"
    port = environ.get("PORT", "").strip() or "8000"
    if ":" in host:
        raise LocalError(f"HOST must be an IPv4 address or a name, as in HOST=0.0.0.0, not {host!r}.")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise LocalError(f"PORT must be a number from 1 to 65535, not {port!r}.")
    if host == network.ANY:
        return Place(host, int(port), network.local_network_address() or "127.0.0.1")
    return Place(host, int(port), host)


def _check(place: Place, patience: float) -> None:
    give_up = time.monotonic() + patience
    while problem := network.problem_with(place.host, place.port):
        if time.monotonic() >= give_up:
            raise LocalError(problem)
        time.sleep(0.2)


def _settings(environ: Mapping[str, str], place: Place, data: Path, mongodb_uri: str) -> dict[str, str]:
    """The environment of the application; settings meant for another installation are not taken over."""
    foreign = ("MAIL_", "SECRET_KEY", "VAPID_", "GUNICORN_CMD_ARGS", "FLASK_")
    kept = {name: value for name, value in environ.items() if not name.startswith(foreign)}
    hosts = dict.fromkeys((place.public_host, place.own_host, "127.0.0.1", "localhost"))
    settings = kept | {
        "MONGODB_URI": mongodb_uri,
        "PUBLIC_URL": place.url,
        "TRUSTED_HOSTS": ",".join(hosts),
        "PROXY_COUNT": "0",
        "SECRET_KEY": instance.secret_key(data),
        "VAPID_PRIVATE_KEY": instance.vapid_private_key(data),
        "MAIL_FOLDER": str(data / "mail"),
        "MAIL_SENDER": "Waiter Caller <hello@localhost>",
        "LOG_FORMAT": "text",
        "WEB_CONCURRENCY": "2",
        "PYTHONUNBUFFERED": "1",  # a mail is on the terminal the moment it is sent, also through a pipe
    }
    try:
        Config.from_env(settings)
    except ConfigError as error:
        raise LocalError(str(error)) from None
    return settings


def _build(database: EmbeddedDatabase) -> None:
    try:
        with MongoClient[dict[str, object]](database.uri()) as client:
            schema.build(client.get_default_database())
    except PyMongoError as error:
        raise LocalError(f"The data in {database.folder} cannot be used: {error}") from None


def _make_demo(settings: dict[str, str]) -> str:
    """Make the demo restaurant in a process of its own, for its database client must not be forked; what it says."""
    made = subprocess.run(
        [sys.executable, "-m", "waitercaller", "make-demo"], cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True
    )
    if made.returncode:
        raise LocalError("The demo restaurant could not be made; the reason is above.")
    return made.stdout


def _start_server(place: Place, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        "deploy/gunicorn.conf.py",
        "--log-level",
        "warning",
    ]
    return processes.start(
        [*command, "--bind", f"{place.host}:{place.port}", "wsgi:app"], folder=ROOT, environ=settings
    )


def _wait_until_it_answers(place: Place, server: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_TIMEOUT
    while not _answers(place):
        if server.poll() is not None:
            raise LocalError("The web server could not start; the reason is above.")
        if time.monotonic() > give_up:
            raise LocalError(f"The web server does not answer at {place.url}/healthz.")
        time.sleep(0.1)


def _answers(place: Place) -> bool:
    connection = http.client.HTTPConnection(place.own_host, place.port, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Connection": "close"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _say(place: Place, data: Path, words: str) -> None:
    if place.host == network.ANY and not place.is_shared:
        print("This computer is on no local network: only it can open the address below.")
    print(f"Open {place.url} here" + (" or on a phone in this network." if place.is_shared else "."))
    print(f"Mails are shown here and kept in {_short(data / 'mail')}.")
    print(f"Ctrl-C stops Waiter Caller; its data stays in {_short(data)}.")
    print(words, end="", flush=True)


def _short(path: Path) -> str:
    return f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}/"


def _look_after(children: Mapping[str, subprocess.Popen[bytes] | None]) -> NoReturn:
    while True:
        for name, child in children.items():
            if child and child.poll() is not None:
                raise LocalError(f"The {name} ended unexpectedly (code {child.returncode}); everything is stopped.")
        time.sleep(0.2)


def _exit_on_signals() -> None:
    """Turn the first signal into SystemExit, so that what was started is stopped in order; ignore further ones."""
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means what it says
        signals.append(signal.SIGHUP)

    def leave(*_: object) -> NoReturn:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        raise SystemExit(0)

    for number in signals:
        signal.signal(number, leave)
