"""A worker of gunicorn that is told to stop serves whom it has accepted."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

from config import Config
from tests.support import settings
from tests.support.databases import free_port
from tests.support.gunicorn import Gunicorn
from tests.support.visits import visit

pytestmark = [pytest.mark.slow, pytest.mark.needs_wire]

VISITORS = 20


@pytest.fixture
def gunicorn(app: Flask, config: Config, tmp_path: Path) -> Iterator[Gunicorn]:
    """A worker of production's that can be kept busy, on the database of `app`."""
    environ = settings.environ(config.mongodb_uri, "http://127.0.0.1", tmp_path / "mail", TMPDIR=str(tmp_path))
    log, target = tmp_path / "gunicorn.log", "tests.support.busy_wsgi:app"
    gunicorn = Gunicorn(f"127.0.0.1:{free_port()}", environ, log, workers=1, target=target)
    try:
        gunicorn.start()
        yield gunicorn
    finally:
        gunicorn.stop()


def test_whoever_is_accepted_before_a_worker_stops_is_served(gunicorn: Gunicorn) -> None:
    """It begins with them when its listener is closed, whose name gunicorn's own worker asks for then."""
    visit(gunicorn.bind, "/stop")
    with ThreadPoolExecutor(VISITORS) as visitors:
        statuses = Counter(visitors.map(lambda _: _status(gunicorn), range(VISITORS)))
    assert statuses == {200: VISITORS}, gunicorn.log


def _status(gunicorn: Gunicorn) -> int:
    """0: no answer."""
    try:
        return visit(gunicorn.bind, "/healthz").status
    except OSError:
        return 0
