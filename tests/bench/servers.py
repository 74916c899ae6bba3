"""What the benchmarks measure: the application and a bare Flask view, each under gunicorn with one gevent worker."""

import http.client
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config import Config
from tests.support import ROOT, databases

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Gunicorn:
    """One gunicorn with one worker, on loopback."""

    def __init__(self, target: str, settings: dict[str, str], folder: Path) -> None:
        self.port = databases.free_port()
        options = ["--config", "deploy/gunicorn.conf.py", "--workers", "1", "--bind", f"127.0.0.1:{self.port}"]
        if target.startswith("tests."):
            options[1] = "python:tests.bench.bare_settings"
        with (folder / f"{self.port}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *options, target],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **settings},
                stdout=log,
                stderr=log,
            )
        self._wait()

    def cpu_seconds(self) -> float:
        """What the worker has used so far."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        fields = Path(f"/proc/{children[0]}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)

    def _wait(self) -> None:
        for _ in range(300):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            try:
                connection.request("GET", "/healthz")
                connection.getresponse().read()
            except OSError:
                time.sleep(0.1)
            else:
                return
            finally:
                connection.close()
        raise RuntimeError("gunicorn did not start")


@contextmanager
def database() -> Iterator[tuple[dict[str, str], Path]]:
    """The embedded database; gives the environment of an application on it, and a folder for what is written."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = databases.Server(folder / "database")
        server.start()
        try:
            yield settings(server, folder), folder
        finally:
            server.stop()


def settings(server: databases.Server, folder: Path) -> dict[str, str]:
    return {
        "MONGODB_URI": databases.with_name(server.uri, databases.fresh_name()),
        "PUBLIC_URL": "http://127.0.0.1",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "TRUSTED_HOSTS": "127.0.0.1",
        "MAIL_SENDER": "Waiter Caller <hello@waitercaller.test>",
        "MAIL_FOLDER": str(folder / "mail"),
        "LOG_FORMAT": "text",
    }


def config(environ: dict[str, str]) -> Config:
    return Config.from_env(environ)
