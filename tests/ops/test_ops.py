"""Health, readiness, draining; operators' commands."""

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo.database import Database

from config import Config
from tests.conftest import MakeApp
from waitercaller import ops
from waitercaller.db import schema
from waitercaller.web import access


@pytest.mark.needs_wire
def test_a_process_that_hears_changes_on_a_built_database_is_ready(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ready"})


@pytest.mark.needs_wire
def test_without_its_indexes_it_is_not_ready_and_says_which(app: Flask, client: FlaskClient) -> None:
    app.extensions["mongo"].database.tables.drop_index("code_1")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"status": "not ready", "missing_indexes": ["tables.code_1"]}


@pytest.mark.needs_wire
def test_a_process_that_hears_no_changes_is_not_ready(app: Flask, client: FlaskClient) -> None:
    app.extensions["hub"].listening = False
    assert client.get("/readyz").status_code == 503
    app.extensions["hub"].listening = True
    assert client.get("/readyz").status_code == 200


def test_a_process_that_is_about_to_stop_is_not_ready_but_still_answers(app: Flask, client: FlaskClient) -> None:
    app.extensions["hub"].close()  # as jobs do when gunicorn's worker is no longer alive
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"status": "draining"})
    assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 200


@pytest.mark.needs_wire
def test_a_machine_is_drained_by_a_file_and_serves_again_without_it(
    make_app: MakeApp, config: Config, tmp_path: Path
) -> None:
    drain_file = tmp_path / "draining"
    app = make_app(replace(config, drain_file=str(drain_file)))
    client = app.test_client()
    assert client.get("/readyz").status_code == 200
    drain_file.touch()
    assert client.get("/readyz").json == {"status": "draining"}
    assert client.get("/").status_code == 200
    drain_file.unlink()
    assert client.get("/readyz").status_code == 200


@pytest.mark.needs_wire
def test_readiness_asks_each_collection_once(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    ask = schema._present_indexes

    def note(database: Database[Any], name: str) -> Any:
        asked.append(name)
        return ask(database, name)

    monkeypatch.setattr(schema, "_present_indexes", note)
    assert client.get("/readyz").status_code == 200
    assert sorted(asked) == sorted(schema.INDEXES)


def test_a_slow_answer_and_a_failed_one_are_worth_a_line_and_others_are_not(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    @app.get("/slow/<code>")
    @access.anyone
    def slow(code: str) -> str:
        time.sleep(0.06)
        return code

    client = app.test_client()
    client.get("/healthz")
    assert caplog.text == ""
    monkeypatch.setattr(ops, "SLOW_SECONDS", 0.05)
    client.get("/slow/a-secret-code")
    assert "answered GET 200 after" in caplog.text
    assert "a-secret-code" not in caplog.text
    app.extensions["hub"].close()
    client.get("/readyz")
    assert "answered GET 503 after" in caplog.text
