"""Start, end and protection of logins."""

import base64
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from itsdangerous import TimestampSigner

from tests.support import ROOT
from tests.support.cast import PASSWORD, Browser, Mail, Person
from waitercaller.db import clock
from waitercaller.model import logins

RULES = ROOT / "docs/security-rules.md"
Mails = Callable[[], list[Mail]]
NEW = "purple monkey dishwasher"
SENSITIVE = ("/account/email", "/account/two-factor", "/account/sessions", "/account/export", "/account/delete")


def section(title: str) -> str:
    return RULES.read_text().partition(f"### {title}\n")[2].partition("\n### ")[0].partition("\n## ")[0]


def log_in(app: Flask, person: Person, password: str = PASSWORD) -> Browser:
    client = app.test_client()
    assert isinstance(client, Browser)
    client.submit("/login", {"email": person.email, "password": password})
    return client


def secret_of(client: Any) -> str | None:
    with client.session_transaction() as session:
        found: str | None = session.get("_user_id")
        return found


def is_in(client: Any) -> bool:
    return bool(client.get("/account").status_code == 200)


def copy_of(app: Flask, client: Any) -> Any:
    """A browser with a copy of the cookie."""
    thief = app.test_client()
    thief.set_cookie("session", client.get_cookie("session").value)
    return thief


@pytest.mark.parametrize(("ahead", "accepted"), [(1, True), (60, True), (120, False)])
def test_a_login_used_on_a_machine_whose_clock_is_ahead_goes_on_elsewhere(
    app: Flask, alice: Person, monkeypatch: pytest.MonkeyPatch, ahead: int, accepted: bool
) -> None:
    """Flask signs the cookie anew at each answer, by the clock of the machine that answers."""
    now = int(clock.now().timestamp())
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _signer: now + ahead)
    client = log_in(app, alice)
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _signer: now)
    assert is_in(client) == accepted


# --- V7.1 documentation -----------------------------------------------------------------------------------------------


@pytest.mark.asvs("7.1.1")
def test_the_rules_say_when_logins_end() -> None:
    written = section("Logins")
    assert f"{logins.PERSON_IDLE.total_seconds() / 3600:.0f} hours idle" in written
    assert f"{logins.PERSON_LIFETIME.days} days" in written
    assert f"{logins.DEVICE_LIFETIME.days} days" in written
    assert f"{logins.VERIFICATION_LIFETIME.total_seconds() / 60:.0f} minutes" in written


@pytest.mark.asvs("7.1.2")
def test_as_many_logins_at_once_as_the_rules_say(app: Flask, alice: Person) -> None:
    assert "no most" in section("Logins")
    clients = [log_in(app, alice) for _ in range(5)]
    assert all(is_in(client) for client in clients)


# --- V7.2 fundamental session management security ---------------------------------------------------------------------


@pytest.mark.asvs("7.2.1")
def test_a_login_is_looked_up_at_every_request(app: Flask, alice: Person) -> None:
    client = log_in(app, alice)
    assert is_in(client)
    app.extensions["mongo"].database.logins.delete_many({})
    assert not is_in(client)


@pytest.mark.asvs("7.2.2")
def test_every_login_gets_an_id_of_its_own(app: Flask, alice: Person) -> None:
    secrets = [secret_of(log_in(app, alice)) for _ in range(3)]
    assert None not in secrets
    assert len(set(secrets)) == 3


@pytest.mark.asvs("7.2.3")
def test_the_id_of_a_login_cannot_be_guessed(app: Flask, alice: Person) -> None:
    secret = secret_of(log_in(app, alice))
    assert secret
    assert len(base64.urlsafe_b64decode(secret + "==")) * 8 >= 128
    assert "secrets.token_urlsafe" in inspect.getsource(logins)


@pytest.mark.asvs("7.2.4")
@pytest.mark.parametrize(
    ("path", "fields"), [("/login", {"email": "alice@example.org"}), ("/account/verify", {})], ids=["login", "again"]
)
def test_every_proof_of_who_one_is_begins_a_new_login(
    app: Flask, alice: Person, path: str, fields: dict[str, str]
) -> None:
    client = log_in(app, alice)
    before, thief = secret_of(client), copy_of(app, client)
    token = client.csrf_token("/account")
    client.post(path, data={**fields, "password": PASSWORD, "csrf_token": token})
    assert is_in(client)
    assert secret_of(client) not in (None, before)
    assert not is_in(thief)


# --- V7.3 session timeout ---------------------------------------------------------------------------------------------


@pytest.mark.asvs("7.3.1")
def test_an_idle_login_ends(app: Flask, alice: Person, later: Callable[..., None]) -> None:
    client = log_in(app, alice)
    later(hours=11, minutes=59)
    assert is_in(client)
    later(hours=12, minutes=1)
    assert not is_in(client)


@pytest.mark.asvs("7.3.2")
def test_every_login_ends_some_day(app: Flask, alice: Person, later: Callable[..., None]) -> None:
    client = log_in(app, alice)
    for _ in range(65):
        later(hours=11)
        assert is_in(client)
    later(hours=6)
    assert not is_in(client)


# --- V7.4 session termination -----------------------------------------------------------------------------------------


@pytest.mark.asvs("7.4.1")
def test_an_ended_login_is_worth_nothing(app: Flask, alice: Person, later: Callable[..., None]) -> None:
    client = log_in(app, alice)
    thief = copy_of(app, client)
    client.submit("/logout", page="/account")
    assert not is_in(thief)
    idle = log_in(app, alice)
    thief = copy_of(app, idle)
    later(hours=13)
    assert not is_in(thief)
    stream = thief.get(f"{alice.home}/live", buffered=False)
    assert stream.status_code == 303


@pytest.mark.asvs("7.4.3")
def test_a_changed_factor_ends_the_other_logins(app: Flask, alice: Person, mails: Mails) -> None:
    client, other = log_in(app, alice), log_in(app, alice)
    client.submit("/account/password", {"current": PASSWORD, "password": NEW})
    assert is_in(client)
    assert not is_in(other)
    again = log_in(app, alice, NEW)
    client.submit("/forgot", {"email": alice.email})
    client.get(next(mail for mail in mails() if "/reset/" in mail.path).path)
    client.submit("/reset", {"password": PASSWORD})
    assert not is_in(again)


@pytest.mark.asvs("7.4.4")
def test_every_page_of_a_login_has_the_way_out(alice: Person) -> None:
    pages = ("/account", f"{alice.home}/dashboard", f"{alice.home}/tables", "/account/password", "/account/sessions")
    for path in pages:
        assert 'action="/logout"' in alice.client.get(path).text, path


@pytest.mark.asvs("7.4.5")
def test_operators_can_end_logins(app: Flask, alice: Person, bob: Person) -> None:
    run = app.test_cli_runner().invoke
    assert "Nobody has this address" in run(args=["end-logins", "nobody@example.org"]).output
    assert run(args=["end-logins", "Bob@Example.org"]).exit_code == 0
    assert (is_in(alice.client), is_in(bob.client)) == (True, False)
    assert run(args=["end-logins"]).exit_code == 2
    assert run(args=["end-logins", "--all"]).exit_code == 0
    assert not is_in(alice.client)


# --- V7.5 defenses against session abuse ------------------------------------------------------------------------------


@pytest.mark.asvs("7.5.2")
def test_logins_can_be_seen_and_ended(app: Flask, alice: Person, later: Callable[..., None]) -> None:
    client, one, two = (log_in(app, alice) for _ in range(3))
    assert client.get("/account/sessions").text.count('name="login"') >= 3
    ended = logins.hash_of(secret_of(one) or "")
    client.submit("/account/sessions/end", {"login": ended}, page="/account/sessions")
    assert (is_in(one), is_in(two)) == (False, True)
    client.submit("/account/sessions/end", {"login": "others"}, page="/account/sessions")
    assert (is_in(client), is_in(two)) == (True, False)
    later(minutes=16)
    assert client.submit("/account/sessions/end", {"login": "others"}, page="/account").status_code == 303
    assert client.get("/account/sessions").location.startswith("/account/verify")
