"""Servers for the benchmarks: the application or the baseline under gunicorn with one gevent worker."""

import http.client
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config import Config
from tests.support import databases
from tests.support import settings as for_tests
from tests.support.gunicorn import Gunicorn
from tests.support.visits import visit

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def serve(target: str, environ: dict[str, str], folder: Path) -> Gunicorn:
    """Start gunicorn with one worker on loopback."""
    bind = f"127.0.0.1:{databases.free_port()}"
    options = ["--config", "python:tests.bench.bare_settings"] if target.startswith("tests.") else []
    gunicorn = Gunicorn(bind, environ, folder / f"{bind}.log", workers=1, options=options, target=target)
    gunicorn.start(lambda: _answers(bind))
    return gunicorn


def cpu_seconds(gunicorn: Gunicorn) -> float:
    """The worker's CPU time so far."""
    fields = Path(f"/proc/{gunicorn.workers[0]}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def cpu_of_gets(gunicorn: Gunicorn, path: str, count: int, cookie: str = "") -> float:
    """The worker's CPU seconds for this many GETs of `path` over one connection. Raises RuntimeError if one fails."""
    before = cpu_seconds(gunicorn)
    connection = http.client.HTTPConnection("127.0.0.1", gunicorn.port, timeout=10)
    for _ in range(count):
        connection.request("GET", path, headers={"Cookie": f"session={cookie}"} if cookie else {})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
    connection.close()
    return cpu_seconds(gunicorn) - before


def _answers(bind: str) -> bool:
    try:
        return visit(bind, "/healthz").status > 0
    except OSError:
        return False


@contextmanager
def database(*options: str) -> Iterator[tuple[dict[str, str], Path]]:
    """Start the embedded database; yields the environment of an application on it, and a folder for its files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = databases.Server(folder / "database", *options)
        server.start()
        try:
            yield settings(server, folder), folder
        finally:
            server.stop()


def settings(server: databases.Server, folder: Path) -> dict[str, str]:
    """The environment of an application, with production's cost of password hashing."""
    uri = databases.with_name(server.uri, databases.fresh_name())
    environ = for_tests.environ(uri, "http://127.0.0.1", folder / "mail", SECRET_KEY=secrets.token_urlsafe(48))
    return {name: value for name, value in environ.items() if not name.startswith("ARGON2_")}


def config(environ: dict[str, str]) -> Config:
    return Config.from_env(environ)
