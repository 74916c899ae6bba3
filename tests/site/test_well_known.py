"""The well-known URLs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config import Config
from tests.support.cast import Person
from waitercaller.db import clock

pytestmark = pytest.mark.moments

SECURITY_TXT = "/.well-known/security.txt"


def fields(client: FlaskClient) -> dict[str, str]:
    answer = client.get(SECURITY_TXT)
    assert (answer.status_code, answer.content_type) == (200, "text/plain; charset=utf-8")
    lines = answer.text.splitlines()
    assert len({line.partition(": ")[0] for line in lines}) == len(lines)  # each once
    return dict(line.split(": ", 1) for line in lines)


def test_whom_to_tell_of_a_hole_and_in_which_languages(client: FlaskClient) -> None:
    found = fields(client)
    assert found["Contact"] == "mailto:hello@waitercaller.test"
    assert found["Canonical"] == "http://localhost" + SECURITY_TXT
    assert found["Preferred-Languages"] == "en, de"


def test_the_contact_can_be_chosen(make_app: Callable[[Config], Flask], config: Config) -> None:
    app = make_app(replace(config, security_contact="https://example.org/report"))
    assert fields(app.test_client())["Contact"] == "https://example.org/report"


@pytest.mark.parametrize("days", [0, 89, 400, 4000])
def test_it_never_goes_stale_and_never_promises_more_than_a_year(
    client: FlaskClient, later: Callable[..., None], days: int
) -> None:
    later(days=days)
    left = datetime.fromisoformat(fields(client)["Expires"]) - clock.now()
    assert timedelta(days=30) < left < timedelta(days=365)


def test_a_forged_host_does_not_get_into_it(make_app: Callable[[Config], Flask], config: Config) -> None:
    client = make_app(replace(config, trusted_hosts=("localhost", "other.example"), proxy_count=1)).test_client()
    forged = {"Host": "other.example", "X-Forwarded-Host": "evil.example"}
    assert "Canonical: http://localhost/" in client.get(SECURITY_TXT, headers=forged).text


def test_password_managers_are_led_to_the_page_where_a_password_is_changed(alice: Person) -> None:
    answer = alice.client.get("/.well-known/change-password")
    assert answer.status_code == 303
    page = alice.client.get(answer.location)
    assert page.status_code == 200
    assert 'type="password"' in page.text


def test_who_is_not_logged_in_gets_there_after_logging_in(client: FlaskClient) -> None:
    answer = client.get("/.well-known/change-password", follow_redirects=True)
    assert answer.request.path == "/login"
    assert "next=" in answer.request.query_string.decode()
