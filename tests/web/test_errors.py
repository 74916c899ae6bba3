"""Error responses: the page, its request id, and no hang while the database is unavailable."""

import json
import logging
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from flask_babel import lazy_gettext
from pymongo.errors import DuplicateKeyError

from tests.support import databases
from tests.support.cast import hire
from waitercaller import jobs, ops
from waitercaller.web import access, errors

CODE = "A" * 26
# The limit is 2 s, a hang takes at least 16 s; the value leaves room for a slow machine.
SOON = 5.0


def failing(app: Flask, fail: Callable[[], object]) -> FlaskClient:
    """A browser for an application whose page /fail fails like this."""

    @access.anyone
    def view() -> str:
        fail()
        return "no fault"

    app.add_url_rule("/fail", view_func=view, endpoint="fail", methods=["GET", "POST"])
    return app.test_client()


def refuse() -> None:
    raise errors.DomainError(lazy_gettext("Anna has it."))


def abort_with(status: int) -> Callable[[], object]:
    return lambda: abort(status)


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 413, 429, 500, 503])
def test_every_status_has_a_page_with_the_id_of_the_request(app: Flask, status: int) -> None:
    answer = failing(app, abort_with(status)).get("/fail")
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert answer.headers["X-Request-Id"] in answer.text
    assert f"Error {status}" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("Retry-After" in answer.headers) == (status in (429, 503))


def test_a_fault_of_ours_tells_the_log_and_not_the_visitor(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    answer = failing(app, lambda: {"known": 1}["secret"]).get("/fail")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "KeyError: 'secret'" in caplog.text


def test_what_the_database_refuses_is_our_fault_and_its_words_stay_out_of_the_log(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise DuplicateKeyError(f"dup key: {CODE}", 11000)

    assert failing(app, fail).get("/fail").status_code == 500
    assert "DuplicateKeyError, code 11000" in caplog.text
    assert CODE not in caplog.text


def test_a_refusal_says_why(app: Flask) -> None:
    answer = failing(app, refuse).get("/fail")
    assert answer.status_code == 409
    assert "Anna has it." in answer.text


@pytest.mark.parametrize(
    ("fail", "status", "message"),
    [
        (refuse, 409, "Anna has it."),
        (abort_with(404), 404, "This page does not exist, or not any more."),
        (lambda: 1 // 0, 500, "That was our fault."),
    ],
)
def test_scripts_get_json(app: Flask, fail: Any, status: int, message: str) -> None:
    answer = failing(app, fail).get("/fail", headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert answer.json is not None
    assert answer.json["ok"] is False
    assert answer.json["message"].startswith(message)
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]


def test_pages_are_in_the_visitors_language(client: FlaskClient) -> None:
    answer = client.get("/nowhere", headers={"Accept-Language": "de"})
    assert 'lang="de"' in answer.text


@pytest.mark.parametrize(
    "path", ["/nowhere", "/r/1/dashboard", "/r/" + "f" * 25 + "/dashboard", "/t/short", "/t/" + "1" * 26, "/t/" + CODE]
)
def test_what_is_unknown_or_malformed_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_method_that_a_page_has_not_is_told_which_it_has(client: FlaskClient) -> None:
    answer = client.post("/healthz", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code in (400, 405)
    answer = client.delete("/")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_a_form_without_its_token_is_refused(client: FlaskClient) -> None:
    answer = client.post("/login", data={"email": "alice@example.org", "password": "x"})
    assert answer.status_code == 400
    assert "is missing or too old" in answer.text


@pytest.mark.parametrize(
    ("referrer", "back"),
    [
        ("http://localhost/t/ABC?r=receipt&lang=de", "/t/ABC?r=receipt&amp;lang=de"),
        ("http://evil.example/path", "/path"),
        ("http://evil.example//evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("http://[", "/"),
        ("", "/"),
    ],
)
def test_the_way_back_leads_to_where_the_form_stood_on_this_site(client: FlaskClient, referrer: str, back: str) -> None:
    answer = client.post("/login", headers={"Referer": referrer})
    assert answer.status_code == 400
    assert re.findall(r'<a href="([^"]*)"', answer.text) == [back]


def test_a_body_that_is_too_large_is_refused(client: FlaskClient) -> None:
    answer = client.post("/login", data={"email": "x" * 70_000})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "evil.example:80"]
)
@pytest.mark.parametrize("path", ["/", "/healthz", "/t/" + CODE, "/nowhere"])
def test_an_unknown_host_is_refused(client: FlaskClient, host: str, path: str) -> None:
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 400
    assert "evil" not in answer.text
    assert "Location" not in answer.headers


# --- the request's id, and the log ------------------------------------------------------------------------------------


def test_a_request_id_from_the_proxy_is_kept(client: FlaskClient) -> None:
    answer = client.get("/healthz", headers={"X-Request-Id": "proxy-4711-abcdef"})
    assert answer.headers["X-Request-Id"] == "proxy-4711-abcdef"


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "<script>alert(1)</script>", "id with spaces", "ünïcödé-id"])
def test_a_request_id_that_is_none_is_replaced(client: FlaskClient, given: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-Id": given.encode("latin-1", "replace").decode("latin-1")})
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])


@pytest.mark.parametrize("as_json", [True, False])
def test_a_log_line_names_the_request_and_its_route_but_not_its_path(app: Flask, as_json: bool) -> None:
    record = logging.LogRecord("waitercaller.x", logging.WARNING, "x.py", 1, "two\nlines: %s", ("ü",), None)
    with app.test_request_context(f"/t/{CODE}", headers={"X-Request-Id": "proxy-4711"}):
        app.preprocess_request()
        line = ops.LogFormatter(as_json=as_json).format(record)
    assert "\n" not in line
    assert "proxy-4711" in line
    assert CODE not in line
    if as_json:
        entry = json.loads(line)
        assert (entry["level"], entry["logger"], entry["message"]) == ("warning", "waitercaller.x", "two\nlines: ü")
        assert entry["route"].startswith("/")


@pytest.mark.asvs("16.3.4")
def test_a_fault_is_logged_with_the_id_the_visitor_sees(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    ops._configure_logs("text")  # on the standard error of this test
    answer = failing(app, lambda: 1 // 0).get("/fail")
    logged = capsys.readouterr().err
    assert answer.headers["X-Request-Id"] in logged
    assert "ZeroDivisionError" in logged


# --- a database that is away ------------------------------------------------------------------------------------------


def assert_soon_unavailable(client: FlaskClient, path: str, method: str = "GET", **options: Any) -> None:
    began = time.monotonic()
    answer = client.open(path, method=method, **options)
    assert time.monotonic() - began < SOON
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "cannot reach our database" in answer.text
    is_page = method == "GET" and "Accept" not in options.get("headers", {})
    assert ("Refresh" in answer.headers) == is_page  # a tablet without scripts must reload by itself


@pytest.mark.asvs("16.5.2")
@pytest.mark.parametrize("end", ["kill", "freeze"])
def test_pages_say_so_soon_and_work_again_without_a_restart(
    frail_app: Flask, own_server: databases.Server, end: str
) -> None:
    client = frail_app.test_client()
    assert client.get(f"/t/{CODE}").status_code == 404
    getattr(own_server, end)()
    assert_soon_unavailable(client, f"/t/{CODE}")
    assert_soon_unavailable(client, f"/t/{CODE}", headers={"Accept": "application/json"})
    assert_soon_unavailable(client, f"/t/{CODE}/call", method="POST")
    assert client.get("/healthz").status_code == 200
    own_server.start() if end == "kill" else own_server.thaw()
    assert client.get(f"/t/{CODE}").status_code == 404


@pytest.mark.asvs("16.5.2")
@pytest.mark.parametrize("end", ["kill", "freeze"])
def test_who_is_logged_in_is_told_as_well_and_stays_logged_in(
    frail_app: Flask, own_server: databases.Server, end: str
) -> None:
    client = hire(frail_app, "Charlie").client
    assert client.get("/account").status_code == 200
    getattr(own_server, end)()
    assert_soon_unavailable(client, "/account")
    own_server.start() if end == "kill" else own_server.thaw()
    assert client.get("/account").status_code == 200


def test_readiness_follows_the_database(frail_app: Flask, own_server: databases.Server) -> None:
    client = frail_app.test_client()
    assert client.get("/readyz").json == {"status": "ready"}
    own_server.kill()
    assert_soon_unavailable(client, "/readyz")
    assert client.get("/healthz").status_code == 200


@pytest.mark.needs_wire
def test_a_database_without_its_indexes_is_not_ready(app: Flask, client: FlaskClient) -> None:
    app.extensions["mongo"].database.tables.drop_indexes()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert "tables.code_1" in answer.json["missing_indexes"]


def test_a_worker_has_drawn_the_page_before_its_first_fault(app: Flask) -> None:
    """To compile the template takes a busy machine the half second that is left when the database has not answered."""
    drawn = {"error.html", "bare.html", "_macros.html"}
    jobs.start(app, lambda: False)  # its threads end at once
    assert app.jinja_env.cache is not None
    assert drawn <= {name for _loader, name in app.jinja_env.cache}
