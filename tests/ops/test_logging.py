"""Log format and contents, and the response to a failure."""

import ast
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from pymongo.errors import ServerSelectionTimeoutError

from tests.support import ROOT
from tests.support.asvs import call_waiter, calls, everything, sources
from tests.support.cast import PASSWORD, Browser, Mail, Person
from waitercaller import ops
from waitercaller.db import clock
from waitercaller.db.client import Document
from waitercaller.model import counters, restaurants, tokens
from waitercaller.model.tables import Table
from waitercaller.web import access

RULES = ROOT / "docs/security-rules.md"
Mails = Callable[[], list[Mail]]
Lines = Callable[[], list[dict[str, Any]]]
WRONG = "a wrong guess of mine"


@pytest.fixture
def written(app: Flask) -> Iterator[io.StringIO]:
    """The log in its production format."""
    stream, logger = io.StringIO(), logging.getLogger("waitercaller")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ops.LogFormatter(as_json=True))
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


@pytest.fixture
def lines(written: io.StringIO) -> Lines:
    """`lines()`: the lines of the log, parsed."""
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def browser(app: Flask) -> Browser:
    client = app.test_client()
    assert isinstance(client, Browser)
    return client


def log_in(app: Flask, email: str, password: str) -> Browser:
    client = browser(app)
    client.submit("/login", {"email": email, "password": password})
    return client


def audited(app: Flask, event: str) -> list[Document]:
    return [entry for entry in everything(app)["audit"] if entry["event"] == event]


@pytest.fixture
def failing(app: Flask) -> Callable[[Exception], Any]:
    """`failing(fault)`: the response of a view that raises this."""
    faults: list[Exception] = []

    @access.anyone
    def fail() -> str:
        raise faults[-1]

    app.add_url_rule("/fail", view_func=fail)

    def answer(fault: Exception) -> Any:
        faults.append(fault)
        return app.test_client().get("/fail")

    return answer


# --- V16.1 documentation ----------------------------------------------------------------------------------------------


@pytest.mark.asvs("16.1.1")
def test_the_rules_name_every_event() -> None:
    section = RULES.read_text().partition("### Logs")[2].partition("\n## ")[0]
    events = {
        str(call.args[0].value)
        for _, tree in sources()
        for name, call in calls(tree)
        if name == "audit.record" and call.args and isinstance(call.args[0], ast.Constant)
    }
    assert "login_failed" in events
    assert [event for event in sorted(events) if f"`{event}`" not in section] == []


# --- V16.2 general logging --------------------------------------------------------------------------------------------


@pytest.mark.asvs("16.2.1")
def test_an_entry_says_when_where_who_and_what(app: Flask, alice: Person) -> None:
    second, before = timedelta(seconds=1), clock.now()  # the clock follows the database's, also back by milliseconds
    answer = browser(app).submit("/login", {"email": alice.email, "password": PASSWORD})
    [entry] = audited(app, "login_ok")
    assert before - second <= entry["at"] <= clock.now() + second
    assert (entry["address"], entry["user_id"]) == ("127.0.0.1", alice.user_id)
    assert entry["actor"]["name"] == "Alice"
    assert entry["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.asvs("16.2.2")
def test_times_are_in_utc(app: Flask, alice: Person, lines: Lines) -> None:
    log_in(app, alice.email, WRONG)
    assert lines()
    for line in lines():
        assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)
    assert "utcnow" not in "".join(path.read_text() for path, _ in sources())


@pytest.mark.asvs("16.2.3")
def test_logs_go_to_the_standard_error_only(app: Flask) -> None:
    handlers = logging.getLogger("waitercaller").handlers
    assert {type(handler) for handler in handlers} == {logging.StreamHandler}
    made = {name for _, tree in sources() for name, _ in calls(tree) if "Handler" in name or name.startswith("syslog")}
    assert made <= {"logging.StreamHandler"}


@pytest.mark.asvs("16.2.4")
def test_every_line_is_json_with_the_same_names(app: Flask, alice: Person, lines: Lines, failing: Any) -> None:
    log_in(app, alice.email, WRONG)
    failing(RuntimeError("no"))
    assert len(lines()) >= 2
    assert all({"time", "level", "logger", "message", "request_id", "route"} <= set(line) for line in lines())


@pytest.mark.asvs("16.2.5")
def test_no_secret_is_logged(
    app: Flask, alice: Person, mails: Mails, table: Table, written: io.StringIO, failing: Any
) -> None:
    log_in(app, alice.email, WRONG)
    client = log_in(app, alice.email, PASSWORD)
    with client.session_transaction() as session:
        secret = session["_user_id"]
    client.submit("/forgot", {"email": alice.email})
    [link] = [mail.links[0].rpartition("/")[2] for mail in mails()]
    client.get(f"/reset/{link}")
    call_waiter(client, table)
    client.post(f"/t/{table['code']}/call", headers={"Sec-Fetch-Site": "cross-site"})
    client.post("/logout")
    failing(RuntimeError("no"))
    found = written.getvalue() + repr(everything(app)["audit"])
    with app.app_context():
        token_id = tokens.serializer("token:reset").loads(link)[0]
    assert found
    assert [word for word in (WRONG, PASSWORD, secret, link, token_id, table["code"]) if word in found] == []


# --- V16.3 security events --------------------------------------------------------------------------------------------


@pytest.mark.asvs("16.3.1")
def test_every_login_is_logged(app: Flask, alice: Person, lines: Lines) -> None:
    log_in(app, alice.email, WRONG)
    log_in(app, "nobody@example.org", WRONG)
    client = log_in(app, alice.email, PASSWORD)
    client.submit("/logout", page="/account")
    events = [entry["event"] for entry in everything(app)["audit"]]
    assert events == ["login_failed", "login_failed", "login_ok", "logout"]
    assert [entry["user_id"] for entry in audited(app, "login_failed")] == [alice.user_id, None]
    assert sum("audit: " in line["message"] for line in lines()) == 4


@pytest.mark.asvs("16.3.2")
def test_what_was_denied_is_logged(app: Flask, alice: Person, bob: Person) -> None:
    assert bob.client.get(f"{alice.home}/tables").status_code == 403
    [entry] = audited(app, "denied")
    assert (entry["user_id"], entry["restaurant_id"], entry["address"]) == (
        bob.user_id,
        alice.restaurant_id,
        "127.0.0.1",
    )


@pytest.mark.asvs("16.3.3")
def test_attempts_to_get_round_a_control_are_logged(app: Flask, alice: Person, lines: Lines) -> None:
    alice.client.post("/logout")  # a forged form
    for _ in range(11):
        log_in(app, alice.email, WRONG)
    messages = [line["message"] for line in lines()]
    assert any("form refused" in message for message in messages)
    assert any("limit reached: login" in message for message in messages)


# --- V16.5 error handling ---------------------------------------------------------------------------------------------


@pytest.mark.asvs("16.5.1")
@pytest.mark.parametrize("fault", [KeyError("secret_key"), ServerSelectionTimeoutError("mongodb://user:pass@db")])
def test_a_fault_tells_the_visitor_nothing_of_us(failing: Any, fault: Exception) -> None:
    answer = failing(fault)
    assert answer.status_code >= 500
    assert not re.search(r"Traceback|KeyError|secret_key|mongodb|user:pass|\.py|Werkzeug|gunicorn", answer.text)
    assert "Werkzeug" not in answer.headers.get("Server", "")


@pytest.mark.asvs("16.5.3")
def test_a_check_that_fails_lets_nobody_through(
    app: Flask, alice: Person, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(alice.client, Browser)
    path = f"{alice.home}/tables/{table['_id']}"
    token = alice.client.csrf_token(path)
    before = everything(app)["tables"]

    def fail(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(restaurants, "member_of", fail)
        assert alice.client.post(f"{path}/remove", data={"csrf_token": token}).status_code == 500
    with monkeypatch.context() as patch:
        patch.setattr(counters, "take", fail)
        assert browser(app).submit("/login", {"email": alice.email, "password": PASSWORD}).status_code == 500
    assert everything(app)["tables"] == before
