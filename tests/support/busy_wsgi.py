"""wsgi.py, whose worker can be told to stop and at the same time be kept busy for some seconds: GET /stop."""

import os
import signal
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import gevent

from tests.support.patient_wsgi import app as app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PIECES, PIECE_SECONDS = 300, 0.01

_production = app.wsgi_app


def _serve(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/stop":
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(PIECES):
            gevent.spawn(_work)
    return _production(environ, start_response)


def _work() -> None:
    """Between two pieces the worker accepts connections, with which it begins when all pieces are done."""
    until = time.monotonic() + PIECE_SECONDS
    while time.monotonic() < until:
        pass


app.wsgi_app = _serve  # type: ignore[method-assign]
