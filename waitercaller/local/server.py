"""The local run: the embedded database and gunicorn as child processes, supervised until a signal or a failure."""

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
START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 10.0
# Until the server of a killed run has released the port: gunicorn gives requests in flight 10 s (graceful_timeout).
RELEASE_TIMEOUT_SECONDS = 20.0
READY_CHECK_SECONDS = 5.0  # between two looks at /readyz
UNREADY_SECONDS = 30.0  # until a database that fails is started again


@dataclass(frozen=True)
class Address:
    """Host and port to listen on, and the host in the public URL."""

    host: str
    port: int
    public_host: str  # in mails and QR codes

    @property
    def own_host(self) -> str:
        """The host for requests from this computer."""
        return "127.0.0.1" if self.host == network.ANY else self.host

    @property
    def is_shared(self) -> bool:
        """Whether other devices in the network can open it."""
        return not self.public_host.startswith("127.") and self.public_host != "localhost"

    @property
    def url(self) -> str:
        return f"http://{self.public_host}:{self.port}"


def run(environ: Mapping[str, str], data: Path, demo: bool = False) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP. Raises LocalError if starting fails or a child process ends."""
    _exit_on_signals()
    address = _address(environ)
    with contextlib.ExitStack() as stack:
        instance.prepare(data)
        was_killed = stack.enter_context(instance.only_one(data, address.url))
        database, note = EmbeddedDatabase(data / "database"), data / "server.pid"
        if was_killed:
            processes.end_leftover(note)
            processes.end_leftover(database.note)
        _check(address, timeout=RELEASE_TIMEOUT_SECONDS if was_killed else 0)
        stack.enter_context(database)
        settings = _settings(environ, address, data, database.uri())
        _build(database)
        words = _make_demo(settings) if demo else ""
        server = _start_server(address, settings, note)
        stack.callback(processes.stop, server, STOP_TIMEOUT_SECONDS)
        _wait_until_it_answers(address, server)
        if demo:
            play = [sys.executable, "-m", "waitercaller", "play-demo"]
            stack.callback(processes.stop, processes.start(play, folder=ROOT, environ=settings), STOP_TIMEOUT_SECONDS)
        _print_summary(address, data, words)
        _supervise(address, server, database)


def _address(environ: Mapping[str, str]) -> Address:
    host = environ.get("HOST", "").strip() or "127.0.0.1"
    port = environ.get("PORT", "").strip() or "8000"
    if ":" in host:
        raise LocalError(f"HOST must be an IPv4 address or a name, as in HOST=0.0.0.0, not {host!r}.")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise LocalError(f"PORT must be a number from 1 to 65535, not {port!r}.")
    if host == network.ANY:
        return Address(host, int(port), network.local_network_address() or "127.0.0.1")
    return Address(host, int(port), host)


def _check(address: Address, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while problem := network.problem_with(address.host, address.port):
        if time.monotonic() >= deadline:
            raise LocalError(problem)
        time.sleep(0.2)


def _settings(environ: Mapping[str, str], address: Address, data: Path, mongodb_uri: str) -> dict[str, str]:
    """The environment of the application; settings of another installation are dropped."""
    foreign = ("MAIL_", "SECRET_KEY", "VAPID_", "GUNICORN_CMD_ARGS", "FLASK_")
    kept = {name: value for name, value in environ.items() if not name.startswith(foreign)}
    hosts = dict.fromkeys((address.public_host, address.own_host, "127.0.0.1", "localhost"))
    settings = kept | {
        "MONGODB_URI": mongodb_uri,
        "PUBLIC_URL": address.url,
        "TRUSTED_HOSTS": ",".join(hosts),
        "PROXY_COUNT": "0",
        "SECRET_KEY": instance.secret_key(data),
        "VAPID_PRIVATE_KEY": instance.vapid_private_key(data),
        "MAIL_FOLDER": str(data / "mail"),
        "MAIL_SENDER": "Waiter Caller <hello@waitercaller.example>",
        "LOG_FORMAT": "text",
        "WEB_CONCURRENCY": "2",
        "PYTHONUNBUFFERED": "1",  # mails appear at once, also through a pipe
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
    """Create the demo in a child process (its MongoClient must not be forked); returns the text for the terminal."""
    made = subprocess.run(
        [sys.executable, "-m", "waitercaller", "make-demo"], cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True
    )
    if made.returncode:
        raise LocalError("The demo restaurant could not be made; the reason is above.")
    return made.stdout


def _start_server(address: Address, settings: dict[str, str], note: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        "deploy/gunicorn.conf.py",
        "--log-level",
        "warning",
    ]
    command += ["--bind", f"{address.host}:{address.port}", "wsgi:app"]
    return processes.start(command, folder=ROOT, environ=settings, note=note)


def _wait_until_it_answers(address: Address, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not _answers(address):
        if server.poll() is not None:
            raise LocalError("The web server could not start; the reason is above.")
        if time.monotonic() > deadline:
            raise LocalError(f"The web server does not answer at {address.url}/healthz.")
        time.sleep(0.1)


def _answers(address: Address) -> bool:
    return _status_of("/healthz", address) == http.HTTPStatus.OK


def _status_of(path: str, address: Address) -> int | None:
    """The status of the web server's answer; None if there is none."""
    connection = http.client.HTTPConnection(address.own_host, address.port, timeout=2)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _print_summary(address: Address, data: Path, words: str) -> None:
    if address.host == network.ANY and not address.is_shared:
        print("This computer is on no local network: only it can open the address below.")
    print(f"Open {address.url} here" + (" or on a phone in this network." if address.is_shared else "."))
    print(f"Mails are shown here and kept in {_short(data / 'mail')}.")
    print(f"Ctrl-C stops Waiter Caller; its data stays in {_short(data)}.")
    print(words, end="", flush=True)


def _short(path: Path) -> str:
    return f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}/"


def _supervise(address: Address, server: subprocess.Popen[bytes], database: EmbeddedDatabase) -> NoReturn:
    """Watch both children. A database that has failed, as on a full disk, refuses everything until it starts anew."""
    fine_at = checked_at = time.monotonic()
    while True:
        for name, child in {"web server": server, "database": database.process}.items():
            if child and child.poll() is not None:
                raise LocalError(f"The {name} ended unexpectedly (code {child.returncode}); everything is stopped.")
        now = time.monotonic()
        if now - checked_at >= READY_CHECK_SECONDS:
            checked_at = now
            if _status_of("/readyz", address) in (None, http.HTTPStatus.OK):  # None: this computer is busy
                fine_at = now
            elif now - fine_at >= UNREADY_SECONDS:
                _restart(database)
                fine_at = time.monotonic()
        time.sleep(0.2)


def _restart(database: EmbeddedDatabase) -> None:
    print(f"The database has not worked for {UNREADY_SECONDS:.0f} seconds ({database.fault()}).", flush=True)
    try:
        database.restart()
    except LocalError as error:
        print(f"It cannot be started again, and is tried again in {UNREADY_SECONDS:.0f} seconds. {error}", flush=True)
    else:
        print("It was started again.", flush=True)


def _exit_on_signals() -> None:
    """Turn the first signal into SystemExit, so that children are stopped in order; ignore further signals."""
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # started with nohup
        signals.append(signal.SIGHUP)

    def leave(*_: object) -> NoReturn:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        raise SystemExit(0)

    for number in signals:
        signal.signal(number, leave)
