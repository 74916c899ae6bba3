"""The visitor's address and scheme behind proxies, trusted by number or by address."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from flask import Flask, jsonify, request

from config import Config
from tests.support.cast import Person, hire, visit
from waitercaller.model import logins
from waitercaller.web import access

VISITOR, PROXY, CDN, STRANGER = "192.0.2.7", "10.0.0.10", "198.51.100.4", "203.0.113.66"
OURS = ("10.0.0.10", "198.51.100.0/24", "2001:db8::/32")
FORWARDED = {
    "X-Forwarded-For": f"6.6.6.6, {VISITOR}",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=6.6.6.6;host=evil.example",
}


@pytest.fixture
def behind(make_app: Any, config: Config) -> Callable[..., Flask]:
    """`behind(1, "10.0.0.10")`: a site behind proxies by number and by address, with a page that shows what it sees."""

    @access.anyone
    def seen() -> Any:
        return jsonify(address=request.remote_addr, scheme=request.scheme, host=request.host)

    def made(number: int, *trusted: str) -> Flask:
        networks = tuple(map(ip_network, trusted))
        app: Flask = make_app(
            replace(config, public_url="https://localhost", proxy_count=number, trusted_proxies=networks)
        )
        app.add_url_rule("/seen", view_func=seen, endpoint="seen")
        return app

    return made


def seen_by(app: Flask, peer: str, headers: dict[str, str]) -> Any:
    return app.test_client().get("/seen", headers=headers, environ_base={"REMOTE_ADDR": peer}).json


@pytest.mark.parametrize(
    ("number", "address", "scheme"), [(0, "127.0.0.1", "http"), (1, VISITOR, "https"), (2, "6.6.6.6", "http")]
)
def test_exactly_the_configured_number_is_believed(behind: Any, number: int, address: str, scheme: str) -> None:
    assert seen_by(behind(number), "127.0.0.1", FORWARDED) == {
        "address": address,
        "scheme": scheme,
        "host": "localhost",
    }


@pytest.mark.parametrize(
    ("peer", "named", "address"),
    [
        (PROXY, VISITOR, VISITOR),
        (PROXY, f"6.6.6.6, {VISITOR}", VISITOR),  # what the visitor sent stands before
        (PROXY, f"{PROXY}, {VISITOR}", VISITOR),
        (PROXY, f"6.6.6.6, {VISITOR}, {CDN}", VISITOR),
        (PROXY, f"{VISITOR}:52114, 2001:db8::4", VISITOR),
        (PROXY, "[2620:fe::9]:443", "2620:fe::9"),
        (PROXY, f"::ffff:{VISITOR}", VISITOR),
        (f"::ffff:{PROXY}", VISITOR, VISITOR),
        (PROXY, "unknown", PROXY),
        (PROXY, f"{VISITOR}, unknown, {CDN}", CDN),
        (PROXY, "", PROXY),
        (PROXY, CDN, CDN),
        (STRANGER, f"{VISITOR}, {PROXY}", STRANGER),
        ("", VISITOR, ""),  # a socket of this machine: PROXY_COUNT
    ],
)
def test_trusted_addresses_are_believed_and_nobody_else(behind: Any, peer: str, named: str, address: str) -> None:
    found = seen_by(behind(0, *OURS), peer, {"X-Forwarded-For": named, "X-Forwarded-Proto": "https"})
    trusted = PROXY in peer
    assert (found["address"] or "", found["scheme"]) == (address, "https" if trusted else "http")


@pytest.mark.parametrize(
    ("named", "address"),
    [(VISITOR, VISITOR), (f"{VISITOR}, {CDN}", VISITOR), (f"6.6.6.6, {VISITOR}, {CDN}", VISITOR), ("", "127.0.0.1")],
)
def test_a_cdn_before_a_proxy_that_is_trusted_by_number(behind: Any, named: str, address: str) -> None:
    assert seen_by(behind(1, *OURS), "127.0.0.1", {"X-Forwarded-For": named})["address"] == address


def test_a_login_is_listed_under_the_visitors_address(make_app: Any, config: Config) -> None:
    app = make_app(replace(config, trusted_proxies=tuple(map(ip_network, OURS))))
    alice: Person = hire(app, "Alice")
    browser = visit(app)
    browser.environ_base |= {"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": VISITOR}
    assert browser.submit("/login", {"email": alice.email, "password": alice.password}).status_code == 303
    with app.app_context():
        assert VISITOR in {each["address"] for each in logins.of_person(alice.user_id)}
