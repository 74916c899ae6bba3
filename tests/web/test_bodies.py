"""Bodies that gunicorn cannot read, or that never come, are answered with 400, and are no fault of ours."""

import io
import runpy
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gevent import socket as green
from gunicorn.config import Config as GunicornConfig
from gunicorn.http import RequestParser

from config import Config
from tests.support import ROOT, databases, settings
from tests.support.cast import WAIT_SECONDS
from tests.support.gunicorn import Gunicorn
from waitercaller.model.tables import Table

HEAD = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
)
BODIES = {
    "a length that is no number": "zz\r\nabc\r\n0\r\n\r\n",
    "a negative length": "-5\r\nabc\r\n0\r\n\r\n",
    "no length": "\r\nabc\r\n0\r\n\r\n",
    "a length that is too small": "3\r\nabcdef\r\n0\r\n\r\n",
    "an end before the end": "5\r\nab",
    "nothing": "",
}


@pytest.fixture
def gunicorn(app: Flask, config: Config, tmp_path: Path) -> Iterator[Gunicorn]:
    """A worker of production, on the database of `app`."""
    environ = settings.environ(config.mongodb_uri, "http://127.0.0.1", tmp_path / "mail", TMPDIR=str(tmp_path))
    gunicorn = Gunicorn(f"127.0.0.1:{databases.free_port()}", environ, tmp_path / "gunicorn.log", workers=1)
    try:
        gunicorn.start()
        yield gunicorn
    finally:
        gunicorn.stop()


def status(gunicorn: Gunicorn, path: str, body: str) -> int:
    """The status of the answer to a body after which nothing more is sent."""
    with socket.create_connection(("127.0.0.1", gunicorn.port), timeout=WAIT_SECONDS) as connection:
        connection.sendall((HEAD.format(path=path) + body).encode())
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            return int(answer.readline().split()[1])


@pytest.mark.slow
@pytest.mark.needs_wire
def test_a_malformed_chunk_is_the_senders_fault(gunicorn: Gunicorn, table: Table) -> None:
    paths = ("/login", "/forgot", f"/t/{table['code']}/call")
    found = {(path, name): status(gunicorn, path, body) for path in paths for name, body in BODIES.items()}
    assert found == dict.fromkeys(found, 400)
    assert "unexpected fault" not in gunicorn.log


@pytest.mark.parametrize("length", ["Transfer-Encoding: chunked", "Content-Length: 500"])
def test_a_body_that_never_comes_is_not_waited_for(length: str) -> None:
    hooks = runpy.run_path(str(ROOT / "deploy" / "gunicorn.conf.py"))
    hooks["pre_request"].__globals__["BODY_SECONDS"] = 0.01
    ours, theirs = green.socketpair()
    with ours, theirs:
        theirs.sendall(f"POST /login HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n1".encode())
        parser = RequestParser(GunicornConfig(), ours, ("127.0.0.1", 1))
        request = next(parser)
        hooks["pre_request"](None, request)
        with pytest.raises(TimeoutError):
            request.body.read()
        assert not parser.finish_body()  # so gunicorn closes the connection


@pytest.mark.parametrize("how", [{"CONTENT_LENGTH": "500"}, {"wsgi.input_terminated": True}])
def test_a_body_that_does_not_come_in_time_is_answered_with_400(client: FlaskClient, how: dict[str, Any]) -> None:
    class Late(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: object) -> int:
            raise TimeoutError

    form = "application/x-www-form-urlencoded"
    environ = {"wsgi.input": Late(), **how}
    assert client.post("/login", content_type=form, environ_overrides=environ).status_code == 400
