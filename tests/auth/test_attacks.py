"""Attacks on accounts: forged addresses, guessed passwords, copied cookies, names as passwords."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.support.cast import PASSWORD, Browser, Mail, Person
from waitercaller.auth import mails as auth_mails
from waitercaller.model import logins, restaurants, tokens

ALICE = {"restaurant": "Trattoria Lucia", "name": "Alice Rossi", "email": "alice@example.org", "password": PASSWORD}
ANOTHER_PASSWORD = "purple monkey dishwasher"
FORGED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=6.6.6.6;host=evil.example",
}

Mails = Callable[[], list[Mail]]
Open = Callable[[], Browser]


def log_in(visitor: Browser, password: str = PASSWORD, **kwargs: Any) -> Any:
    return visitor.submit("/login", {"email": "alice@example.org", "password": password}, **kwargs)


# --- copied cookies -----------------------------------------------------------------------------------------


def copy_of(browser: Browser, thief: Browser) -> Browser:
    cookie = browser.get_cookie("session")
    assert cookie is not None
    thief.set_cookie("session", cookie.value)
    return thief


@pytest.mark.parametrize("end", ["logout", "new password", "session ended", "another login here"])
def test_a_replayed_cookie_is_worthless_on_the_event_stream_too(
    visitor: Browser, open_browser: Open, alice: Person, mails: Mails, app: Flask, end: str
) -> None:
    log_in(visitor)
    thief = copy_of(visitor, open_browser())
    assert thief.get(f"{alice.home}/dashboard").status_code == 200
    if end == "logout":
        visitor.submit("/logout", page="/account")
    elif end == "another login here":
        log_in(visitor, page="/account")
    elif end == "session ended":
        with app.app_context():
            logins.end_all(alice.user_id)
    else:
        reset = open_browser()
        reset.submit("/forgot", {"email": alice.email})
        reset.get(mails()[0].path)
        reset.submit("/reset", {"password": ANOTHER_PASSWORD})
    for path in ("/account", f"{alice.home}/dashboard", f"{alice.home}/live"):
        assert thief.get(path).location.startswith("/login")


def test_confirming_ends_the_login_that_was_here(
    visitor: Browser, open_browser: Open, alice: Person, mails: Mails
) -> None:
    log_in(visitor)
    thief = copy_of(visitor, open_browser())
    open_browser().submit("/register", {**ALICE, "email": "new@example.org"})
    visitor.get(mails()[0].path)
    assert visitor.submit("/confirm", {"password": PASSWORD}).status_code == 303
    assert thief.get("/account").status_code == 303


# --- guessing -----------------------------------------------------------------------------------------------


def test_a_guesser_locks_out_himself_and_not_alice(
    open_browser: Open, alice: Person, later: Callable[..., None], fresh_limits: None
) -> None:
    mallory, at_home = open_browser(), open_browser()
    mallory.environ_base["REMOTE_ADDR"] = "192.0.2.66"
    answers = [log_in(mallory, f"guess number {number}").status_code for number in range(11)]
    assert answers == [400] * 10 + [429]
    refused = log_in(mallory)  # not even with the right one, now
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert log_in(at_home).status_code == 303
    later(minutes=16)
    assert log_in(mallory).status_code == 303


def test_forged_headers_do_not_make_a_new_address(open_browser: Open, alice: Person, fresh_limits: None) -> None:
    answers = []
    for number in range(11):
        headers = {**FORGED, "X-Forwarded-For": f"6.6.6.{number}"}
        answers.append(log_in(open_browser(), "guessed wrongly", headers=headers).status_code)
    assert answers[-1] == 429


def test_known_and_unknown_addresses_are_limited_alike(open_browser: Open, alice: Person, fresh_limits: None) -> None:
    answers = {
        email: [
            open_browser().submit("/login", {"email": email, "password": "guessed wrongly"}).status_code
            for _ in range(11)
        ]
        for email in (alice.email, "nobody@example.org")
    }
    assert answers[alice.email] == answers["nobody@example.org"]


@pytest.mark.parametrize(("path", "page"), [("/forgot", "/forgot"), ("/resend", "/registered")])
def test_nobody_is_flooded_with_mails(
    open_browser: Open, alice: Person, mails: Mails, fresh_limits: None, path: str, page: str
) -> None:
    open_browser().submit("/register", {**ALICE, "email": "waiting@example.org"})
    for email in (alice.email, "waiting@example.org"):
        answers = [open_browser().submit(path, {"email": email}, page=page).status_code for _ in range(6)]
        assert answers == [303] * 5 + [429]
    assert len(mails()) <= 11


def test_failures_are_in_the_audit_without_what_was_typed(visitor: Browser, app: Flask, alice: Person) -> None:
    log_in(visitor, ANOTHER_PASSWORD)
    visitor.submit("/login", {"email": "secret.typed.here@example.org", "password": ANOTHER_PASSWORD})
    entries = list(app.extensions["mongo"].database.audit.find({"event": "login_failed"}))
    assert sorted(str(entry["user_id"]) for entry in entries) == sorted(["None", str(alice.user_id)])
    assert "secret" not in str(entries)
    assert ANOTHER_PASSWORD not in str(entries)


# --- forged requests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("forged", [FORGED, {"X-Original-URL": "//evil.example", "X-Rewrite-URL": "/evil"}])
def test_forged_headers_change_neither_links_nor_redirects(
    visitor: Browser, alice: Person, mails: Mails, forged: dict[str, str]
) -> None:
    answer = visitor.submit("/forgot", {"email": alice.email}, headers=forged)
    assert answer.location == "/forgot/sent"
    [mail] = mails()
    assert all(link.startswith("http://localhost") for link in mail.links)
    assert "evil" not in mail.text + mail.html
    assert log_in(visitor, headers=forged).location == f"{alice.home}/dashboard"


def test_an_unknown_host_is_refused_and_sends_nothing(visitor: Browser, alice: Person, mails: Mails) -> None:
    token = visitor.csrf_token("/forgot")
    form = {"email": alice.email, "csrf_token": token}
    assert visitor.post("/forgot", data=form, headers={"Host": "evil.example"}).status_code == 400
    assert mails() == []


@pytest.mark.parametrize("path", ["/login", "/forgot", "/register", "/resend"])
def test_a_field_sent_twice_is_refused(visitor: Browser, mails: Mails, alice: Person, path: str) -> None:
    page = "/registered" if path == "/resend" else path
    twice: dict[str, Any] = {**ALICE, "email": [alice.email, "mallory@example.org"]}
    assert visitor.submit(path, twice, page=page).status_code == 400
    assert mails() == []


@pytest.mark.parametrize(
    "target", ["https:evil.example", "//evil.example", "/\\evil.example", "/%09/evil.example", "%2F%2Fevil.example"]
)
def test_after_the_login_one_stays_here(visitor: Browser, alice: Person, target: str) -> None:
    answer = visitor.submit(f"/login?next={target}", {"email": alice.email, "password": PASSWORD})
    assert answer.location == f"{alice.home}/dashboard"


def test_a_link_to_another_address_opens_nothing(visitor: Browser, app: Flask, alice: Person) -> None:
    with app.app_context():
        others = [
            tokens.issue(purpose, str(alice.user_id), auth_mails.RESET_LIFETIME)
            for purpose in ("email", "invitation", "confirm")
        ]
    for token in others:
        assert visitor.get(f"/reset/{token}", follow_redirects=True).status_code == 400


# --- passwords that are names, and what helps to keep better ones ----------------------------------------------


@pytest.mark.parametrize(
    "password", ["alice@example.org", "Alice Rossi", "trattoria lucia", "waiter caller", "1234567890"]
)
def test_what_others_would_guess_is_refused_at_registering(visitor: Browser, password: str) -> None:
    answer = visitor.submit("/register", {**ALICE, "password": password})
    assert answer.status_code == 400
    assert 'id="password-error"' in answer.text


@pytest.mark.parametrize("password", ["alice@example.org", "trattoria lucia", "Bar Centrale", "qwertyuiop"])
def test_and_at_a_new_password(visitor: Browser, alice: Person, app: Flask, mails: Mails, password: str) -> None:
    with app.app_context():
        restaurants.create("Bar Centrale", alice.user_id, "Alice", "en", None)
    visitor.submit("/forgot", {"email": alice.email})
    visitor.get(mails()[0].path)
    assert visitor.submit("/reset", {"password": password}).status_code == 400
    assert visitor.submit("/reset", {"password": ANOTHER_PASSWORD}).status_code == 303


def test_password_managers_learn_whose_password_it_is(
    visitor: Browser, open_browser: Open, alice: Person, mails: Mails
) -> None:
    visitor.submit("/forgot", {"email": alice.email})
    visitor.get(mails()[0].path)
    open_browser().submit("/register", {**ALICE, "email": "new@example.org"})
    visitor.get(mails()[0].path)
    for path, email in (("/reset", alice.email), ("/confirm", "new@example.org")):
        assert f'autocomplete="username" value="{email}"' in visitor.get(path).text


# --- a new password ends everything -------------------------------------------------------------------------


def test_a_reset_ends_what_else_could_open_the_account(
    visitor: Browser, app: Flask, alice: Person, mails: Mails
) -> None:
    people = app.extensions["mongo"].database.users
    people.update_one({}, {"$set": {"pending_email": {"id": "1", "email": "mallory@example.org"}}})
    visitor.submit("/forgot", {"email": alice.email})
    visitor.get(mails()[0].path)
    visitor.submit("/reset", {"password": ANOTHER_PASSWORD})
    assert "pending_email" not in people.find_one()
    database = app.extensions["mongo"].database
    assert database.tokens.count_documents({"used_at": None}) == 0
    assert database.logins.count_documents({"ended_at": None}) == 0
    assert [entry["event"] for entry in database.audit.find()] == ["password_reset"]


def test_a_reset_link_of_somebody_who_is_gone_opens_nothing(
    visitor: Browser, app: Flask, alice: Person, mails: Mails
) -> None:
    visitor.submit("/forgot", {"email": alice.email})
    visitor.get(mails()[0].path)
    app.extensions["mongo"].database.users.delete_one({"_id": alice.user_id})
    assert visitor.get("/reset").status_code == 400


# --- screens ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/login", "/register"])
def test_a_counter_screen_is_led_to_its_calls(visitor: Browser, app: Flask, alice: Person, path: str) -> None:
    with app.app_context():
        secret, _login = logins.start_device(alice.restaurant_id, "Counter", None, "127.0.0.1", "a test")
    with visitor.session_transaction() as session:
        session["_user_id"] = secret
    assert visitor.get(path).location == f"{alice.home}/dashboard"


def test_somebody_who_logs_in_at_a_screen_takes_its_place(visitor: Browser, app: Flask, alice: Person) -> None:
    with app.app_context():
        secret, login = logins.start_device(alice.restaurant_id, "Counter", None, "127.0.0.1", "a test")
    token = visitor.csrf_token("/login")
    with visitor.session_transaction() as session:
        session["_user_id"] = secret
    form = {"email": alice.email, "password": PASSWORD, "csrf_token": token}
    assert visitor.post("/login", data=form).status_code == 303
    with app.app_context():
        assert logins.find(login["_id"]) is None
