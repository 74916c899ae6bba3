"""Google Analytics on the server: which pages have it, their policies, and consent."""

import gzip
import itertools
import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config import Config
from tests.support.asvs import routes
from tests.support.cast import Person, hire
from waitercaller.model import restaurants, tables
from waitercaller.model.languages import LANGUAGES
from waitercaller.model.tables import Table
from waitercaller.web.security import CONTENT_SECURITY_POLICY

MEASUREMENT_ID = "G-1A2B3C4D5E"
GUESTS_FIRST_PAGE = 14_336  # bytes, compressed: what a server sends in the first round trip
CHANCE = 20  # bytes: codes and signatures are compressed by a few more or fewer each time
GOOGLE = re.compile(r"google|gtag|doubleclick|G-1A2B", re.IGNORECASE)
REST = "manifest-src 'self'; form-action 'self'; base-uri 'none'"
OPEN = (
    "default-src 'none'; script-src 'self' https://*.googletagmanager.com; style-src 'self'; "
    "img-src 'self' data: https://*.google-analytics.com https://*.googletagmanager.com; "
    "connect-src 'self' https://*.google-analytics.com https://*.analytics.google.com https://*.googletagmanager.com; "
    + REST
)
FRAMING = CONTENT_SECURITY_POLICY + "; frame-src 'self'"


@pytest.fixture
def app(make_app: Any, config: Config) -> Flask:
    """The application with Google Analytics configured."""
    app: Flask = make_app(replace(config, ga_measurement_id=MEASUREMENT_ID))
    return app


@pytest.fixture
def secure(make_app: Any, config: Config) -> FlaskClient:
    """A browser of that application over https."""
    app: Flask = make_app(replace(config, ga_measurement_id=MEASUREMENT_ID, public_url="https://localhost"))
    return app.test_client()


@pytest.fixture
def guest_page(table: Table) -> str:
    return f"/t/{table['code']}"


def answer(browser: FlaskClient, choice: str, **headers: str) -> Any:
    return browser.post("/consent", data={"answer": choice}, headers=headers)


def policy(page: Any) -> str:
    (header,) = page.headers.getlist("Content-Security-Policy")
    return str(header)


def forgotten(page: Any) -> set[str]:
    """The names of the cookies that this response deletes."""
    return {cookie.partition("=")[0] for cookie in page.headers.getlist("Set-Cookie") if "Max-Age=0" in cookie}


# --- before anything is answered --------------------------------------------------------------------------------------


def test_without_an_id_there_is_nothing_of_it(make_app: Any, config: Config) -> None:
    app: Flask = make_app(config)
    alice = hire(app, "Alice")
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["7"], None)
        code = tables.of_restaurant(alice.restaurant_id)[0]["code"]
    dana = app.test_client()
    dana.set_cookie("wc_consent", "yes")
    dana.set_cookie("_ga", "GA1.1.1.1")
    for path in ("/", f"/t/{code}"):
        page = dana.get(path)
        assert policy(page) == CONTENT_SECURITY_POLICY
        assert "consent" not in page.text
        assert "Privacy" not in page.text
        assert not GOOGLE.search(page.text)
        assert "Set-Cookie" not in page.headers
    assert dana.get("/t/").status_code == 404
    assert answer(dana, "yes").status_code == 404


@pytest.mark.parametrize("choice", ["", "no", "nonsense"])
def test_who_has_not_accepted_gets_no_host_of_google(client: FlaskClient, guest_page: str, choice: str) -> None:
    client.set_cookie("wc_consent", choice)
    for path, expected in (("/", CONTENT_SECURITY_POLICY), (guest_page, FRAMING)):
        page = client.get(path)
        assert policy(page) == expected
        assert 'id="consent"' in page.text
        without_question = re.sub(r"<p>[^<]*with Google Analytics[^<]*</p>", "", page.text)
        assert not GOOGLE.search(without_question)
        assert "analytics.js" not in page.text
    assert client.get("/t/").status_code == 404


def test_refusing_is_as_easy_as_accepting(client: FlaskClient, guest_page: str) -> None:
    for path in ("/", guest_page):
        buttons = re.findall(r'<button type="button" value="(\w+)">', client.get(path).text)
        assert buttons == ["no", "yes"]


# --- after the answer -------------------------------------------------------------------------------------------------


def test_who_has_accepted_gets_exactly_these_hosts(client: FlaskClient, guest_page: str) -> None:
    assert answer(client, "yes").status_code == 204
    home = client.get("/")
    assert policy(home) == f"{OPEN}; frame-ancestors 'none'"
    assert MEASUREMENT_ID in home.text
    assert "js/analytics.js" in home.text


def test_googles_script_never_comes_into_a_guests_page(client: FlaskClient, guest_page: str) -> None:
    answer(client, "yes")
    for path in (guest_page, guest_page.upper()):
        page = client.get(path)
        assert policy(page) == FRAMING
        assert MEASUREMENT_ID not in page.text
        assert "js/analytics.js" not in page.text
        assert 'data-frame="/t/"' in page.text


def test_the_frame_in_the_guests_page_is_empty(client: FlaskClient, guest_page: str) -> None:
    answer(client, "yes")
    frame = client.get("/t/", headers={"Referer": f"http://localhost{guest_page}"})
    assert policy(frame) == f"{OPEN}; frame-ancestors 'self'"
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert frame.headers["Referrer-Policy"] == "same-origin"
    assert re.findall(r"<(\w+)", frame.text) == ["html", "head", "meta", "script", "body"]
    assert guest_page.removeprefix("/t/") not in frame.text


def test_no_other_page_is_counted(app: Flask, alice: Person, table: Table) -> None:
    answer(alice.client, "yes")
    paths = ["/account", "/account/password", "/login", "/register", "/forgot", "/nowhere", "/t/" + "A" * 26]
    paths += [
        f"{alice.home}/{page}" for page in ("dashboard", "tables", f"tables/{table['_id']}", "tables/print", "staff")
    ]
    paths += ["/confirm/forged", "/reset/forged", "/confirm", "/reset", "/healthz"]
    for path in paths:
        page = alice.client.get(path)
        assert policy(page) == CONTENT_SECURITY_POLICY, path
        assert "consent" not in page.text, path
        assert not GOOGLE.search(page.text), path


def test_a_page_has_it_only_where_its_view_says_so(app: Flask, client: FlaskClient) -> None:
    answer(client, "yes")
    opened = set()
    for rule in routes(app, "GET"):
        if not rule.arguments:
            page = client.get(rule.rule, buffered=False)
            if policy(page) != CONTENT_SECURITY_POLICY:
                opened.add(rule.rule)
            page.close()
    assert opened == {"/", "/t/"}


def test_the_page_of_an_error_is_not_counted(app: Flask, client: FlaskClient, monkeypatch: Any) -> None:
    answer(client, "yes")
    monkeypatch.setattr("waitercaller.site.home.render_template", lambda _name, **_context: str(1 // 0))
    page = client.get("/")
    assert page.status_code == 500
    assert policy(page) == CONTENT_SECURITY_POLICY
    assert "consent" not in page.text


def test_only_this_site_answers_for_its_visitors(client: FlaskClient) -> None:
    refused = answer(client, "yes", **{"Sec-Fetch-Site": "cross-site"})
    assert refused.status_code == 403
    assert "Set-Cookie" not in refused.headers
    assert answer(client, "perhaps").status_code == 400


# --- the cookies ------------------------------------------------------------------------------------------------------


def test_the_answer_lasts_six_months(client: FlaskClient, secure: FlaskClient) -> None:
    plain = answer(client, "no").headers["Set-Cookie"].split("; ")
    assert plain[0] == "wc_consent=no"
    assert {"Max-Age=15724800", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(plain)
    assert "Secure" not in plain
    cookie = secure.post("/consent", data={"answer": "yes"}, base_url="https://localhost").headers["Set-Cookie"]
    assert cookie.startswith("__Host-wc_consent=yes;")
    assert {"Max-Age=15724800", "Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_looking_does_not_make_it_last_longer(client: FlaskClient, guest_page: str) -> None:
    answer(client, "yes")
    for path in ("/", guest_page, "/t/"):
        assert "Set-Cookie" not in client.get(path).headers


def test_taking_it_back_takes_googles_cookies_away(client: FlaskClient) -> None:
    answer(client, "yes")
    for name in ("_ga", "_ga_1A2B3C4D5E", "other"):
        client.set_cookie(name, "1")
    assert forgotten(answer(client, "no")) == {"_ga", "_ga_1A2B3C4D5E"}
    assert client.get_cookie("_ga") is None
    assert client.get_cookie("other")


@pytest.mark.parametrize("choice", ["", "no"])
def test_cookies_left_behind_leave_with_the_next_page(client: FlaskClient, guest_page: str, choice: str) -> None:
    """As after the expiry of consent, with cookies that Google's script has set again."""
    client.set_cookie("wc_consent", choice)
    for path in ("/", guest_page):
        client.set_cookie("_ga", "GA1.1.1.1")
        assert forgotten(client.get(path)) == {"_ga"}


# --- Global Privacy Control -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", ["", "no", "yes"])
def test_a_browser_that_refuses_is_not_asked(client: FlaskClient, guest_page: str, choice: str) -> None:
    client.set_cookie("wc_consent", choice)
    client.set_cookie("_ga", "GA1.1.1.1")
    for path in ("/", guest_page):
        page = client.get(path, headers={"Sec-GPC": "1"})
        assert policy(page) == CONTENT_SECURITY_POLICY
        assert "consent" not in page.text
        assert not GOOGLE.search(page.text)
        assert forgotten(page) == {"_ga"} or client.get_cookie("_ga") is None
    assert client.get("/t/", headers={"Sec-GPC": "1"}).status_code == 404


# --- the weight -------------------------------------------------------------------------------------------------------


def test_the_guests_page_stays_small(app: Flask, client: FlaskClient, guest_page: str, alice: Person) -> None:
    """With all that an owner can set. A logo is no part of it: without it the page is painted, and one can call."""
    links = [{"label": f"{number} {'Ä' * 22}", "url": f"https://restaurant.example/{number}/menu"} for number in (1, 2)]
    with app.app_context():
        restaurants.set_setting(
            alice.restaurant_id,
            "face",
            {"logo": "6a0f3c91d27be845f1903ab7c86d52e4", "colour": "#7a4f01", "links": links},
        )
        restaurants.set_setting(alice.restaurant_id, "notes", True)
    sizes = {}
    for choice, language in itertools.product(["", "yes"], LANGUAGES):
        client.set_cookie("wc_consent", choice)
        html = client.get(f"{guest_page}?lang={language}").data
        assets = {each.decode() for each in re.findall(rb'(?:href|src)="(/(?:static|colour)/[^"]+)"', html)}
        assert b"/logo/" in html
        bodies = [html, *(client.get(asset, buffered=True).data for asset in assets)]
        assert any(b"globalPrivacyControl" in body for body in bodies)
        sizes[choice, language] = sum(len(gzip.compress(body, 6)) for body in bodies)
    assert {page: size for page, size in sizes.items() if size > GUESTS_FIRST_PAGE - CHANCE} == {}
