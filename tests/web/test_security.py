"""Security headers, CSRF protection, and trusted proxies."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config import Config
from tests.support.cast import Browser, Person
from waitercaller.web import access

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
INLINE = ("<script>", "<style", " style=", "javascript:", " onclick=", " onload=", " onsubmit=", " onchange=")


def security_headers(headers: Any) -> dict[str, str]:
    return {name: headers[name] for name in HEADERS}


@pytest.mark.parametrize("path", ["/", "/login", "/register", "/nowhere", "/healthz", "/account", "/favicon.ico"])
def test_every_answer_has_exactly_these_headers(client: FlaskClient, path: str) -> None:
    answer = client.get(path, buffered=True)
    assert security_headers(answer.headers) == HEADERS
    assert all(len(answer.headers.getlist(name)) == 1 for name in HEADERS)


def test_the_answer_to_an_unknown_host_has_them_too(client: FlaskClient) -> None:
    assert security_headers(client.get("/", headers={"Host": "evil.example"}).headers) == HEADERS


def test_a_fault_has_them_too(app: Flask) -> None:
    @access.anyone
    def fail() -> str:
        return str(1 // 0)

    app.add_url_rule("/fail", view_func=fail)
    answer = app.test_client().get("/fail")
    assert answer.status_code == 500
    assert security_headers(answer.headers) == HEADERS


def test_pages_are_kept_by_nobody(alice: Person) -> None:
    for path in ("/", "/account", f"{alice.home}/tables"):
        assert alice.client.get(path).headers["Cache-Control"] == "no-store"


def test_static_files_are_kept_for_a_year_and_set_no_cookie(app: Flask, client: FlaskClient) -> None:
    with app.test_request_context():
        path = app.url_for("static", filename="css/tokens.css")
    answer = client.get(path, buffered=True)
    assert answer.status_code == 200
    assert answer.cache_control.max_age == 365 * 24 * 3600
    assert answer.cache_control.public
    assert "no-store" not in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    assert security_headers(answer.headers) == HEADERS


def test_a_version_of_static_files_that_is_not_the_present_one_is_kept_by_nobody(client: FlaskClient) -> None:
    answer = client.get("/static/0123456789ab/css/tokens.css", buffered=True)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"


def test_pages_hold_nothing_inline(client: FlaskClient, alice: Person, table: dict[str, Any]) -> None:
    pages = [
        client.get(path).text for path in ("/", "/login", "/register", "/forgot", f"/t/{table['code']}", "/nowhere")
    ]
    pages += [alice.client.get(path).text for path in ("/account", f"{alice.home}/dashboard", f"{alice.home}/tables")]
    for page in pages:
        assert [word for word in INLINE if word in page.lower()] == []


@pytest.mark.parametrize("path", ["/t/{code}", "/T/{code}"])
def test_a_guest_gets_no_cookie(client: FlaskClient, table: dict[str, Any], path: str) -> None:
    answer = client.get(path.format(code=table["code"]))
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


# --- forms ------------------------------------------------------------------------------------------------------------


def test_a_form_of_another_site_logs_nobody_out(alice: Person) -> None:
    assert alice.client.post("/logout", headers={"Origin": "https://evil.example"}).status_code == 400
    assert alice.client.get("/account").status_code == 200


def test_the_token_of_one_visitor_is_not_anothers(alice: Person, charlie: Person) -> None:
    assert isinstance(charlie.client, Browser)
    token = charlie.client.csrf_token("/account")
    assert alice.client.post("/logout", data={"csrf_token": token}).status_code == 400


def test_a_token_lasts_all_evening(alice: Person, later: Callable[..., None]) -> None:
    assert isinstance(alice.client, Browser)
    token = alice.client.csrf_token("/account")
    later(hours=8)
    assert alice.client.post("/logout", data={"csrf_token": token}).status_code == 303


# --- where a form over https comes from -------------------------------------------------------------------------------

OURS = "https://localhost"


@pytest.fixture
def send_form(make_app: Any, config: Config) -> Callable[[dict[str, str]], Any]:
    """`send_form(headers)`: a form with its token, over https."""
    browser = make_app(replace(config, public_url=OURS)).test_client()

    def sent(headers: dict[str, str]) -> Any:
        page = browser.get("/forgot", base_url=OURS).text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token
        form = {"csrf_token": token[1], "email": "dana@example.org"}
        return browser.post("/forgot", data=form, base_url=OURS, headers=headers)

    return sent


@pytest.mark.parametrize(
    "headers",
    [
        {"Referer": f"{OURS}/forgot"},
        {"Referer": OURS},
        {"Origin": OURS},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},  # after a page with the policy no-referrer
        {"Origin": OURS, "Referer": "https://a-privacy-tool.example/"},
        {"Origin": OURS, "Referer": "http://["},
        {"Sec-Fetch-Site": "none", "Referer": f"{OURS}/forgot"},
    ],
)
def test_a_form_whose_browser_says_it_is_ours_is_accepted(send_form: Any, headers: dict[str, str]) -> None:
    """Any of the three headers is enough: privacy tools take the Referer away."""
    assert send_form(headers).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Referer": f"{OURS}/forgot"},
        {"Origin": "http://localhost"},
        {"Origin": f"{OURS}:8443"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Referer": f"{OURS}/forgot"},
        {"Referer": "https://evil.example/https://localhost/"},
        {"Referer": f"{OURS}.evil.example/"},
        {"Referer": f"{OURS}@evil.example/"},
        {"Referer": "http://localhost/forgot"},
        {"Referer": "http://["},
    ],
)
def test_a_form_of_another_site_is_refused_though_it_has_a_token(send_form: Any, headers: dict[str, str]) -> None:
    answer = send_form(headers)
    assert answer.status_code == 400
    assert "sent from another site" in answer.text


@pytest.mark.parametrize("headers", [{}, {"Origin": "null"}, {"Sec-Fetch-Site": "none"}])
def test_a_form_of_unknown_origin_is_refused_and_the_reason_is_said(send_form: Any, headers: dict[str, str]) -> None:
    answer = send_form(headers)
    assert answer.status_code == 400
    assert "Your browser does not say from which page this was sent" in answer.text


def test_a_form_from_before_somebody_logged_in_is_refused_and_the_reason_is_said(client: Browser) -> None:
    token = client.csrf_token("/login")
    client.delete_cookie("session")
    client.csrf_token("/login")
    answer = client.post("/login", data={"csrf_token": token})
    assert answer.status_code == 400
    assert "logged in or out in this browser" in answer.text


def test_a_browser_that_keeps_no_cookie_is_told_so(client: Browser) -> None:
    token = client.csrf_token("/login")
    client.delete_cookie("session")
    answer = client.post("/login", data={"csrf_token": token})
    assert answer.status_code == 400
    assert "has not sent our cookie" in answer.text


@pytest.mark.parametrize("path", ["/", "/login"])
def test_a_malformed_referer_keeps_nobody_from_reading(make_app: Any, config: Config, path: str) -> None:
    browser = make_app(replace(config, public_url=OURS)).test_client()
    assert browser.get(path, base_url=OURS, headers={"Referer": "http://["}).status_code == 200


# --- cookies ----------------------------------------------------------------------------------------------------------


def test_only_an_answer_that_changes_the_session_sets_its_cookie(alice: Person) -> None:
    """One that comes late, to a page that was left, would bring an older login back."""
    assert "Set-Cookie" not in alice.client.get(f"{alice.home}/dashboard").headers


def test_over_https_the_cookie_is_bound_to_this_host(make_app: Any, config: Config) -> None:
    browser = make_app(replace(config, public_url=OURS, proxy_count=1)).test_client()
    cookie = browser.get("/login", headers={"X-Forwarded-Proto": "https"}).headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
