"""Audit and log: recorded events, and no secrets in either."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from flask.testing import FlaskClient
from pymongo.database import Database

from tests.support import databases
from tests.support.cast import PASSWORD, Mail, Person, device
from waitercaller import ops
from waitercaller.db import clock
from waitercaller.db.client import Document
from waitercaller.model import audit_trail
from waitercaller.model.tables import Table
from waitercaller.web import access, audit

# Characters for log injection: they end a line in some log readers.
BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x1b[2K", "\0"]
WRONG_PASSWORD = "a wrong guess, 8Rk2vQ"


def last(database: Database[dict[str, Any]]) -> Document:
    entry = database.audit.find_one(sort=[("_id", -1)])
    assert entry is not None
    return entry


@pytest.fixture
def log_lines(app: Flask, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[str]]]:
    """`log_lines()`: lines of the log since the previous call, as formatted in production."""
    ops._configure_logs("json")  # on the standard error of this test
    yield lambda: capsys.readouterr().err.split("\n")[:-1]
    ops._configure_logs("text")


# --- what an entry says -----------------------------------------------------------------------------------------------


def test_an_entry_says_who_did_what_to_whom_when_and_from_where(
    app: Flask, database: Database[dict[str, Any]], alice: Person
) -> None:
    visitor = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_REQUEST_ID": "proxy-4711"}
    with app.test_request_context("/", environ_base=visitor):
        app.preprocess_request()
        actor: Any = {"id": alice.member_id, "name": "Alice"}
        audit.record(
            "removed", user_id=alice.user_id, restaurant_id=alice.restaurant_id, actor=actor, name="Bob", role="waiter"
        )
    entry = last(database)
    assert entry.pop("at").astimezone(UTC) - clock.now() < timedelta(minutes=1)
    assert entry.pop("_id")
    assert entry == {
        "event": "removed",
        "user_id": alice.user_id,
        "restaurant_id": alice.restaurant_id,
        "actor": actor,
        "address": "192.0.2.1",
        "request_id": "proxy-4711",
        "details": {"name": "Bob", "role": "waiter"},
    }


def test_a_person_and_a_restaurant_have_their_own_the_newest_first(
    database: Database[dict[str, Any]], later: Callable[..., None]
) -> None:
    person, restaurant = ObjectId(), ObjectId()
    for number in range(25):
        later(seconds=1)
        audit.record("login_ok", user_id=person, restaurant_id=restaurant, number=number)
        audit.record("login_ok", user_id=ObjectId(), restaurant_id=ObjectId())
    assert [entry["details"]["number"] for entry in audit_trail.of_person(person)] == list(range(24, 4, -1))
    assert [entry["details"]["number"] for entry in audit_trail.of_restaurant(restaurant, 3)] == [24, 23, 22]


def test_tries_of_strangers_push_nothing_out_that_a_person_reads(
    database: Database[dict[str, Any]], later: Callable[..., None]
) -> None:
    person = ObjectId()
    for number in range(30):
        later(seconds=1)
        audit.record("login_ok" if number < 3 else "login_failed", user_id=person)
    events = audit_trail.of_person(person)
    assert [entry["event"] for entry in events] == ["login_failed"] * audit_trail.FAILED_LOGINS_SHOWN + ["login_ok"] * 3
    assert events == sorted(events, key=lambda entry: entry["at"], reverse=True)


@pytest.mark.parametrize("name", ["password", "token", "code", "cookie", "secret"])
def test_a_secret_cannot_be_kept_by_mistake(app: Flask, name: str) -> None:
    details: dict[str, Any] = {name: "hunter2"}
    with app.app_context(), pytest.raises(ValueError, match=name):
        audit.record("login_failed", **details)


@pytest.mark.usefixtures("database")
def test_of_a_person_who_has_gone_only_that_it_happened_is_kept(database: Database[dict[str, Any]]) -> None:
    gone, other = ObjectId(), ObjectId()
    actor: Any = {"id": "m-gone", "name": "Bob Gone"}
    audit.record("login_ok", user_id=gone, actor={"id": str(gone), "name": "Bob Gone"}, browser="Bob's")
    audit.record("removed", user_id=other, actor=actor, name="Otto")
    audit_trail.forget_person(gone, ["m-gone"])
    kept = list(database.audit.find().sort("_id", 1))
    assert [entry["event"] for entry in kept] == ["login_ok", "removed"]
    assert "Bob" not in str(kept)
    assert str(gone) not in str(kept)
    assert (kept[1]["user_id"], kept[1]["details"]) == (other, {"name": "Otto"})


def test_a_denial_is_kept_of_who_is_logged_in_and_not_of_strangers(app: Flask, bob: Person) -> None:
    database = app.extensions["mongo"].database
    assert bob.client.get(f"{bob.home}/tables").status_code == 403
    entry = last(database)
    assert (entry["event"], entry["user_id"], entry["restaurant_id"]) == ("denied", bob.user_id, bob.restaurant_id)
    assert entry["actor"] == {"id": bob.member_id, "name": "Bob"}
    assert entry["details"] == {"route": "GET /r/<objectid:restaurant_id>/tables"}
    stranger = app.test_client()
    assert stranger.post(f"/t/{'A' * 26}/call", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert database.audit.count_documents({"event": "denied"}) == 1


def test_denials_without_end_push_nothing_out_of_the_history(app: Flask, alice: Person, bob: Person) -> None:
    for _ in range(30):
        assert bob.client.get(f"{bob.home}/tables").status_code == 403
    assert app.extensions["mongo"].database.audit.count_documents({"event": "denied"}) == 10


def test_a_denial_of_a_screen_names_the_screen(app: Flask, alice: Person) -> None:
    screen = device(app, alice, "Counter")
    assert screen.get(f"{alice.home}/tables").status_code == 403
    entry = last(app.extensions["mongo"].database)
    assert (entry["event"], entry["restaurant_id"]) == ("denied", alice.restaurant_id)
    assert entry["actor"]["name"] == "Counter"


def test_without_the_database_the_deed_stands_and_the_log_has_both(
    frail_app: Flask, own_server: databases.Server, caplog: pytest.LogCaptureFixture
) -> None:
    own_server.kill()
    with frail_app.app_context():
        audit.record("password_changed", user_id=ObjectId())
    assert "password_changed" in caplog.text
    assert "audit could not be written" in caplog.text


# --- the log ----------------------------------------------------------------------------------------------------------


@pytest.mark.asvs("16.4.1")
@pytest.mark.parametrize("as_json", [True, False])
def test_no_name_can_break_a_line(
    app: Flask, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    monkeypatch.setattr(audit_trail, "write", lambda entry: None)  # which logs a line of its own where it is too slow
    ops._configure_logs("json" if as_json else "text")
    for breaking in BREAKS:
        name = f"Bob{breaking}2026-01-01 info waitercaller.web.audit login_ok"
        with app.test_request_context():
            audit.record("joined", actor={"id": "m", "name": name}, name=name)
            logging.getLogger("waitercaller.x").warning("hello %s", name)
        logged = capsys.readouterr().err
        assert len(logged.splitlines()) == 2, breaking
        assert "\x1b" not in logged, breaking
        assert "\0" not in logged, breaking
        if as_json:
            assert json.loads(logged.splitlines()[1])["message"] == f"hello {name}"


@pytest.mark.asvs("16.4.1")
def test_no_error_can_pass_for_a_line_of_its_own(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    ops._configure_logs("text")
    for breaking in BREAKS:
        try:
            raise ValueError(f"bad{breaking}2026-01-01 info login_ok")
        except ValueError:
            logging.getLogger("waitercaller.x").exception("fault")
        first, *others = capsys.readouterr().err.splitlines()
        assert first.endswith("fault"), breaking
        assert others, breaking
        assert all(line.startswith("    ") for line in others), breaking


@pytest.mark.needs_wire
def test_no_secret_is_in_any_log_or_in_the_audit(
    app: Flask,
    alice: Person,
    table: Table,
    mails: Callable[[], list[Mail]],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("pymongo", "mongomock"):  # at DEBUG they log every command; not used in production
        caplog.set_level(logging.INFO, name)
    reset_token = _ask_for_reset(app, alice, mails)
    capfd.readouterr()  # the mail, which a run without a mail server prints
    secrets = {PASSWORD, WRONG_PASSWORD, table["code"], table["code"].lower(), reset_token, "forged-token-7Qm2"}
    browser = alice.client
    cookie = browser.get_cookie("session")
    assert cookie is not None
    secrets |= {cookie.value, _secret_of(browser)}
    statuses = _visit_everything(app, browser, table["code"], reset_token)
    assert {200, 303, 400, 404, 405, 413, 500} <= statuses
    logged = "".join(capfd.readouterr()) + caplog.text
    assert "login_failed" in logged
    assert "unexpected fault" in logged
    kept = str(list(app.extensions["mongo"].database.audit.find()))
    assert not [secret for secret in secrets if secret in logged or secret in kept]


def test_no_secret_is_in_the_log_while_the_database_is_away(
    frail_app: Flask, own_server: databases.Server, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    code, token = "B" * 26, "forged-token-7Qm2"
    client = frail_app.test_client()
    csrf_token = client.csrf_token("/login")  # type: ignore[attr-defined]
    own_server.kill()
    form = {"csrf_token": csrf_token, "email": "alice@example.org", "password": WRONG_PASSWORD}
    answers = [
        client.get(f"/t/{code}"),
        client.post(f"/t/{code}/call", data={"kind": "waiter"}),
        client.post("/login", data=form),
        client.get(f"/reset/{token}"),
    ]
    assert [answer.status_code for answer in answers] == [503, 503, 503, 303]
    logged = "".join(capfd.readouterr()) + caplog.text
    assert "the database is away" in logged
    cookie = client.get_cookie("session")
    assert cookie is not None
    secrets = {code, token, WRONG_PASSWORD, csrf_token, cookie.value}
    assert not [secret for secret in secrets if secret in logged]


def _secret_of(browser: FlaskClient) -> str:
    with browser.session_transaction() as session:
        return str(session["_user_id"])


def _ask_for_reset(app: Flask, person: Person, mails: Callable[[], list[Mail]]) -> str:
    browser: Any = app.test_client()
    browser.submit("/forgot", {"email": person.email})
    (mail,) = mails()
    return mail.path.removeprefix("/reset/")


def _visit_everything(app: Flask, browser: FlaskClient, code: str, reset_token: str) -> set[int]:
    """Send HTTP requests with each kind of secret and each kind of response; returns the statuses."""

    @access.anyone
    def fail(code: str) -> str:
        raise RuntimeError("a fault")

    app.view_functions["requests.guest.printed"] = fail
    stranger: Any = app.test_client()
    form = {"csrf_token": stranger.csrf_token("/login"), "email": "alice@example.org", "password": WRONG_PASSWORD}
    answers = [
        stranger.post("/login", data=form),
        stranger.post("/login", data={**form, "password": PASSWORD}),
        stranger.post("/login", data={"email": "x", "password": PASSWORD}),  # without its token
        stranger.post("/login", data={"password": PASSWORD * 3000}),
        stranger.get(f"/t/{code}"),
        stranger.get(f"/t/{code[::-1]}"),
        stranger.put(f"/t/{code}"),
        stranger.post(f"/t/{code}/call", data={"kind": "waiter", "form": reset_token}),
        stranger.get(f"/nowhere/{code}/{reset_token}?password={PASSWORD}"),
        stranger.get(f"/t/{code}", headers={"Host": f"{code}.example"}),
        stranger.get(f"/t/{code}", headers={"X-Request-Id": f"{reset_token} {code}"}),
        stranger.get("/reset/forged-token-7Qm2", follow_redirects=True),
        stranger.get(f"/confirm/{reset_token}", follow_redirects=True),
        stranger.get(f"/reset/{reset_token}", follow_redirects=True),
        browser.get(f"/T/{code}?token={reset_token}"),
        browser.get("/account"),
        browser.get(f"/r/{ObjectId()}/tables?code={code}"),
    ]
    answers.append(stranger.submit("/reset", {"password": PASSWORD + WRONG_PASSWORD}))
    return {answer.status_code for answer in answers}
