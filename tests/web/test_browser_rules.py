"""Response headers, HTTP message framing, and which files are served."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from email.message import Message
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, jsonify, request
from flask.testing import FlaskClient

from config import Config
from tests.support import databases, settings
from tests.support.asvs import UNKNOWN_CODE, address, everything, routes, texts
from tests.support.cast import PASSWORD, WAIT_SECONDS, Browser, Person, hire
from tests.support.gunicorn import Gunicorn
from waitercaller.model.tables import Table
from waitercaller.web import access

HTTPS = "https://localhost"
EVIL = "https://evil.example"
ALIVE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
# JavaScript that parses text as HTML; guest.js inserts server-rendered fragments.
MAKES_MARKUP = re.compile(r"\.(inner|outer)HTML\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc")


@pytest.fixture
def secure(make_app: Any, config: Config) -> Flask:
    """The application behind a TLS proxy."""
    app: Flask = make_app(replace(config, public_url=HTTPS, proxy_count=1))
    return app


@pytest.fixture
def cookies(secure: Flask) -> list[str]:
    """All cookies set by a login over https."""
    zoe, client = hire(secure, "Zoe"), secure.test_client()
    https = {"X-Forwarded-Proto": "https", "Referer": f"{HTTPS}/login"}
    form = client.get("/login", base_url=HTTPS, headers=https)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form.text)
    assert token
    words = {"email": zoe.email, "password": PASSWORD, "csrf_token": token[1]}
    entered = client.post("/login", base_url=HTTPS, headers=https, data=words)
    assert entered.status_code == 303
    page = client.get(entered.location, base_url=HTTPS, headers=https)
    assert page.status_code == 200
    return [each for answer in (form, entered, page) for each in answer.headers.getlist("Set-Cookie")]


@pytest.fixture
def answers(app: Flask, alice: Person, table: Table) -> Callable[[], Iterator[Any]]:
    """`answers()`: Alice's responses of every GET route, and of an unknown path."""

    def asked() -> Iterator[Any]:
        for path in [*(address(app, rule, alice, table) for rule in routes(app, "GET")), "/nowhere"]:
            with closing(alice.client.get(path, buffered=False)) as answer:
                yield answer

    return asked


def policy(answer: Any) -> dict[str, list[str]]:
    """The directives of a response's Content-Security-Policy."""
    directives = answer.headers["Content-Security-Policy"].split(";")
    return {words[0]: words[1:] for words in (directive.split() for directive in directives)}


# --- V3.2 unintended content interpretation ---------------------------------------------------------------------------


@pytest.mark.asvs("3.2.1")
def test_what_is_no_page_is_not_shown_as_one(app: Flask, alice: Person, table: Table) -> None:
    picture = f"{alice.home}/tables/{table['_id']}/qr"
    for path in (f"{picture}.svg", f"{picture}.png", "/healthz"):
        answer = alice.client.get(path)
        assert answer.mimetype in ("image/svg+xml", "image/png", "application/json")
        assert policy(answer)["default-src"] == ["'none'"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert alice.client.get(f"{picture}.png").headers["Content-Disposition"].startswith("attachment")
    assert "<script" not in alice.client.get(f"{picture}.svg").text


@pytest.mark.asvs("3.2.2")
def test_scripts_write_text_as_text() -> None:
    found = {
        (path, match[0]) for path, text in texts("static", "*.js").items() for match in MAKES_MARKUP.finditer(text)
    }
    assert found == set()


# --- V3.3 cookie setup ------------------------------------------------------------------------------------------------


@pytest.mark.asvs("3.3.1")
def test_cookies_are_secure(cookies: list[str]) -> None:
    assert len(cookies) >= 2
    assert all("Secure" in cookie.split("; ") for cookie in cookies)


@pytest.mark.asvs("3.3.2")
def test_cookies_say_same_site(cookies: list[str]) -> None:
    assert all({"SameSite=Lax", "SameSite=Strict"} & set(cookie.split("; ")) for cookie in cookies)


@pytest.mark.asvs("3.3.3")
def test_cookies_are_for_this_host_only(cookies: list[str]) -> None:
    assert all(cookie.startswith("__Host-") and "Path=/" in cookie for cookie in cookies)
    assert not any("domain=" in cookie.lower() for cookie in cookies)


@pytest.mark.asvs("3.3.4")
def test_no_script_reads_the_login(cookies: list[str], alice: Person) -> None:
    assert all("HttpOnly" in cookie.split("; ") for cookie in cookies)
    with alice.client.session_transaction() as session:
        secret = session["_user_id"]
    for path in ("/account", f"{alice.home}/dashboard"):
        assert secret not in alice.client.get(path).text


# --- V3.4 browser security mechanism headers --------------------------------------------------------------------------


@pytest.mark.asvs("3.4.2")
def test_no_other_origin_may_read(answers: Any, alice: Person) -> None:
    alice.client.environ_base["HTTP_ORIGIN"] = EVIL
    for answer in answers():
        assert [name for name in answer.headers.keys() if name.startswith("Access-Control-")] == []  # noqa: SIM118


@pytest.mark.asvs("3.4.3")
def test_every_answer_says_what_may_be_loaded(answers: Any) -> None:
    for answer in answers():
        allowed = policy(answer)
        assert allowed["default-src"] == ["'none'"]
        assert allowed.get("object-src", ["'none'"]) == ["'none'"]
        assert allowed["base-uri"] == ["'none'"]
        assert allowed["script-src"] == ["'self'"]
        assert allowed["style-src"] == ["'self'"]


@pytest.mark.asvs("3.4.4")
def test_no_answer_is_sniffed(answers: Any) -> None:
    assert {answer.headers.get("X-Content-Type-Options") for answer in answers()} == {"nosniff"}


@pytest.mark.asvs("3.4.5")
def test_no_address_is_told_to_others(answers: Any) -> None:
    assert {answer.headers.get("Referrer-Policy") for answer in answers()} <= {"same-origin", "no-referrer"}


@pytest.mark.asvs("3.4.6")
def test_no_answer_is_framed(answers: Any) -> None:
    assert all(policy(answer)["frame-ancestors"] == ["'none'"] for answer in answers())


# --- V3.5 browser origin separation -----------------------------------------------------------------------------------


@pytest.mark.asvs("3.5.1")
def test_forms_of_other_sites_are_refused(app: Flask, alice: Person, table: Table) -> None:
    before = everything(app)
    headers = {"Origin": EVIL, "Referer": f"{EVIL}/", "Sec-Fetch-Site": "cross-site"}
    answers = {
        rule.rule: alice.client.post(address(app, rule, alice, table), headers=headers).status_code
        for rule in routes(app, "POST")
    }
    assert len(answers) > 10
    assert {rule: status for rule, status in answers.items() if status not in (400, 403)} == {}
    assert everything(app) == before


@pytest.mark.needs_wire
@pytest.mark.asvs("3.5.3")
def test_what_only_asks_changes_nothing(app: Flask, answers: Any, alice: Person, table: Table) -> None:
    before = everything(app)
    assert all(answer.status_code < 500 for answer in answers())
    for rule in routes(app, "POST"):
        alice.client.head(address(app, rule, alice, table))
        alice.client.options(address(app, rule, alice, table))
    after = everything(app)
    noted = {"audit", "limits"}  # that it was asked, and how often
    assert {name: documents for name, documents in after.items() if name not in noted} == {
        name: documents for name, documents in before.items() if name not in noted
    }


# --- V3.7 other browser security considerations -----------------------------------------------------------------------


@pytest.mark.asvs("3.7.1")
def test_no_plugins() -> None:
    for text in texts("templates", "*.html").values():
        assert not re.search(r"<(object|embed|applet|marquee|frame|iframe)\b", text)


@pytest.mark.asvs("3.7.2")
@pytest.mark.parametrize("target", [EVIL, "//evil.example", "/\\evil.example", "\t//evil.example", "/\t/evil.example"])
def test_no_redirect_leads_elsewhere(alice: Person, target: str) -> None:
    assert isinstance(alice.client, Browser)
    words = {"email": alice.email, "password": PASSWORD}
    token = alice.client.csrf_token("/account")
    answer = alice.client.post("/login", query_string={"next": target}, data={**words, "csrf_token": token})
    assert answer.location == f"{alice.home}/dashboard"


# --- V4.1 generic web service security --------------------------------------------------------------------------------


@pytest.mark.asvs("4.1.1")
def test_every_answer_says_what_it_is(answers: Any, client: FlaskClient, app: Flask) -> None:
    for answer in answers():
        kind = answer.headers["Content-Type"]
        textual = kind.startswith("text/") or "xml" in kind
        assert (
            kind.endswith("; charset=utf-8")
            if textual
            else kind in ("application/json", "application/manifest+json", "application/pdf", "image/png")
        ), kind
    with app.test_request_context():
        script = app.url_for("static", filename="js/guest.js")
    assert client.get(script, buffered=True).headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.asvs("4.1.3")
@pytest.mark.parametrize(
    "header", ["X-Forwarded-Host", "X-Forwarded-Prefix", "X-Real-IP", "X-Original-URL", "X-User-ID"]
)
def test_what_a_proxy_sets_cannot_be_forged(secure: Flask, header: str) -> None:
    @access.anyone
    def seen() -> Any:
        return jsonify(request.remote_addr, request.scheme, request.host, request.path, request.script_root)

    secure.add_url_rule("/seen", view_func=seen)
    forged = {header: "192.0.2.66", "X-Forwarded-For": "192.0.2.66, 192.0.2.7", "X-Forwarded-Proto": "http, https"}
    answer = secure.test_client().get("/seen", headers=forged)
    assert answer.json == ["192.0.2.7", "https", "localhost", "/seen", ""]


# --- V4.2 HTTP message structure validation ---------------------------------------------------------------------------


@pytest.fixture
def gunicorn(config: Config, tmp_path: Any, app: Flask) -> Iterator[int]:
    """The port of a gunicorn with production settings."""
    environ = settings.environ(config.mongodb_uri, config.public_url, Path(config.mail_folder))
    bind = f"127.0.0.1:{databases.free_port()}"
    gunicorn = Gunicorn(bind, environ, tmp_path / "gunicorn.log", workers=1)
    try:
        gunicorn.start(lambda: b'"alive"' in _raw(gunicorn.port, ALIVE))
        yield gunicorn.port
    finally:
        gunicorn.stop()


def _raw(port: int, message: bytes) -> bytes:
    """The complete response to these bytes, until the server closes the connection."""
    answer = b""
    with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS) as line:
        line.sendall(message)
        while part := line.recv(65536):
            answer += part
    return answer


@pytest.mark.asvs("4.2.1")
def test_one_request_is_not_taken_for_two(gunicorn: int) -> None:
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\n"
    framings = [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(ALIVE),
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: +0\r\n\r\n",
    ]
    for framing in framings:
        answer = _raw(gunicorn, head + framing + ALIVE)
        assert answer.count(b"HTTP/1.1 ") == 1, framing
        assert answer.split()[1] in (b"400", b"501"), framing
        assert b'"alive"' not in answer, framing


# --- V5 file handling -------------------------------------------------------------------------------------------------


@pytest.mark.asvs("5.2.1")
def test_what_is_too_large_is_refused(app: Flask, alice: Person) -> None:
    assert isinstance(alice.client, Browser)
    token = alice.client.csrf_token("/account")
    data = {"csrf_token": token, "names": (BytesIO(b"x" * 70_000), "menu.pdf")}
    before = everything(app)
    assert alice.client.post(f"{alice.home}/tables", data=data).status_code == 413
    assert everything(app) == before


@pytest.mark.asvs("5.3.2")
@pytest.mark.parametrize(
    "name",
    ["../config.py", "%2e%2e/config.py", "..%2fconfig.py", "css/../../config.py", "/etc/passwd", "..\\config.py"],
)
def test_no_path_leads_out_of_the_folder(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/static/0/{name}")
    assert answer.status_code in (404, 308)
    assert "Config" not in answer.text


def named(app: Flask, alice: Person, table: Table, name: str) -> tuple[str, Message]:
    """The Content-Disposition of a table's PNG: raw, and the file name as parsed by a browser."""
    where = {"_id": table["_id"]}
    app.extensions["mongo"].database.tables.update_one(where, {"$set": {"name": name}})
    answer = alice.client.get(f"{alice.home}/tables/{table['_id']}/qr.png?filename=evil.exe")
    header = answer.headers["Content-Disposition"]
    message = Message()
    message["Content-Disposition"] = header
    return header, message


@pytest.mark.asvs("5.4.1")
def test_the_server_names_what_is_downloaded(app: Flask, alice: Person, table: Table) -> None:
    header, message = named(app, alice, table, "../../7")
    assert message.get_filename() == "qr ..-..-7.png"
    assert "evil" not in header


@pytest.mark.asvs("5.4.2")
def test_names_of_files_are_encoded(app: Flask, alice: Person, table: Table) -> None:
    header, message = named(app, alice, table, 'T"; x=y\r\nSet-Cookie: a=b\u202egnp.Ü')
    assert not re.search(r"[\r\n\u202e]", header)
    assert header.isascii()
    assert "filename*=UTF-8''" in header
    assert {name for name, _ in message.get_params([], "Content-Disposition")} == {"attachment", "filename"}


# --- V13.4 is about the same answers ----------------------------------------------------------------------------------


@pytest.mark.asvs("13.4.1")
@pytest.mark.parametrize("path", ["/.git/config", "/static/0/.git/config", "/.env", "/static/0/../.git/HEAD"])
def test_no_source_is_served(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code in (404, 308)


@pytest.mark.asvs("13.4.3")
@pytest.mark.parametrize("path", ["/static", "/static/", "/static/0/", "/static/0/css", "/static/0/css/"])
def test_no_folder_is_listed(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.asvs("13.4.4")
@pytest.mark.parametrize("path", ["/", "/login", f"/t/{UNKNOWN_CODE}"])
def test_trace_is_not_answered(client: FlaskClient, path: str) -> None:
    answer = client.open(path, method="TRACE", headers={"X-Secret": "tell me"})
    assert answer.status_code == 405
    assert "tell me" not in answer.text
