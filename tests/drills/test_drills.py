"""The smallest form of two drills; `make drills` runs all of them, longer."""

import traceback
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, got_request_exception

from tests.drills import kills, walk
from tests.drills.scene import Scene, opened
from tests.support.cast import Person
from waitercaller.model.tables import Table

REQUESTS = 300


@pytest.mark.slow
def test_a_killed_worker_loses_no_call(tmp_path: Path) -> None:
    with opened(Scene(tmp_path / "scene")) as scene:
        row = kills.run(scene, "worker killed", kills.kill_worker, rounds=1, guests=3, screens=2)
    # How long it takes is for `make drills`: a busy machine says nothing about it.
    assert [each for each in row.broken if each != kills.LATE] == [], row


@pytest.mark.usefixtures("fresh_limits")
def test_hostile_requests_are_refused_and_write_nothing(app: Flask, alice: Person, table: Table) -> None:
    token, cookie = alice.client.csrf_token("/account"), alice.client.cookie("session")
    raised: list[str] = []

    def note(_: Flask, exception: Exception, **__: Any) -> None:
        raised.append("".join(traceback.format_exception(exception)))

    def send(method: str, path: str, headers: dict[str, str], body: bytes) -> int:
        headers = {"Cookie": f"session={cookie}", **headers}
        browser = app.test_client(use_cookies=False)
        with browser.open(path, method=method, headers=headers, data=body) as answer:
            return answer.status_code

    got_request_exception.connect(note, app)
    app.testing = False  # an exception becomes a 500, as in production
    with app.app_context():
        walker = walk.Walker(app, alice, table, token)
        row = walk.run(walker, send, lambda: walk.stored(app), lambda: len(raised), REQUESTS)
    assert row.broken == [], "\n".join(map(str, [row, *raised]))
