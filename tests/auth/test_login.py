"""Login, logout, and password reset. Attacks: test_attacks."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from bson import ObjectId
from flask import Flask
from werkzeug.test import TestResponse

from config import Config
from tests.auth.test_register import ALICE, ANOTHER_PASSWORD, words
from tests.support.cast import PASSWORD, Browser, Mail, Person
from waitercaller.model import logins, restaurants, users
from waitercaller.web import passwords

Mails = Callable[[], list[Mail]]


def log_in(visitor: Browser, email: str, password: str = PASSWORD, path: str = "/login") -> TestResponse:
    return visitor.submit(path, {"email": email, "password": password})


# --- logging in and out -------------------------------------------------------------------------------------


def test_alice_logs_in_and_comes_to_her_dashboard(visitor: Browser, alice: Person) -> None:
    assert log_in(visitor, alice.email).location == f"{alice.home}/dashboard"
    assert visitor.get("/").location == visitor.get("/login").location == f"{alice.home}/dashboard"


@pytest.mark.parametrize("email", [" ALICE@Example.ORG ", "Alice@example.org"])
def test_an_address_is_the_same_however_it_is_typed(visitor: Browser, alice: Person, email: str) -> None:
    assert log_in(visitor, email).status_code == 303


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(
    open_browser: Callable[[], Browser], alice: Person
) -> None:
    answers = []
    for email in (alice.email, "nobody@example.org"):
        answer = log_in(open_browser(), email, ANOTHER_PASSWORD)
        assert f'value="{email}"' in answer.text
        assert ANOTHER_PASSWORD not in answer.text
        answers.append((answer.status_code, words(answer).replace(email, "")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 400
    assert "No account has this address with this password." in answers[0][1]


def test_a_registration_that_is_not_confirmed_is_no_account(visitor: Browser) -> None:
    visitor.submit("/register", ALICE)
    assert log_in(visitor, "alice@example.org").status_code == 400


def test_after_the_login_one_is_where_one_wanted_to_go(visitor: Browser, alice: Person) -> None:
    asked = visitor.get(f"{alice.home}/tables")
    assert log_in(visitor, alice.email, path=asked.location).location == f"{alice.home}/tables"


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example", "evil"])
def test_and_never_on_another_site(visitor: Browser, alice: Person, target: str) -> None:
    answer = visitor.submit(f"/login?next={target}", {"email": alice.email, "password": PASSWORD})
    assert answer.location == f"{alice.home}/dashboard"


def test_who_works_nowhere_comes_to_the_account(visitor: Browser, app: Flask, alice: Person) -> None:
    app.extensions["mongo"].database.restaurants.update_one({}, {"$set": {"members.0.user_id": ObjectId()}})
    assert log_in(visitor, alice.email).location == "/account"
    assert "No restaurant yet" in visitor.get("/account").text


def test_a_login_gives_the_browser_a_new_session(visitor: Browser, alice: Person) -> None:
    visitor.submit("/register", {**ALICE, "email": "other@example.org"})
    log_in(visitor, alice.email)
    with visitor.session_transaction() as session:
        assert "registration" not in session
        first = session["_user_id"]
    visitor.submit("/logout", page="/account")
    log_in(visitor, alice.email)
    with visitor.session_transaction() as session:
        assert session["_user_id"] != first


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(visitor: Browser, alice: Person) -> None:
    cookie = log_in(visitor, alice.email).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_copied_cookie_is_worth_nothing_after_the_logout(
    visitor: Browser, open_browser: Callable[[], Browser], alice: Person
) -> None:
    log_in(visitor, alice.email)
    cookie = visitor.get_cookie("session")
    assert cookie is not None
    thief = open_browser()
    thief.set_cookie("session", cookie.value)
    assert thief.get("/account").status_code == 200
    assert visitor.submit("/logout", page="/account").location == "/login"
    assert "You are logged out." in visitor.get("/login").text
    assert thief.get("/account").status_code == visitor.get("/account").status_code == 303


def test_opening_the_logout_page_logs_nobody_out(visitor: Browser, alice: Person) -> None:
    log_in(visitor, alice.email)
    assert visitor.get("/logout").status_code == 405
    assert visitor.get("/account").status_code == 200


@pytest.mark.needs_wire
def test_logging_in_renews_a_hash_with_older_parameters(
    app: Flask, alice: Person, make_app: Callable[[Config], Flask], config: Config
) -> None:
    def password_hash() -> str:
        return str(app.extensions["mongo"].database.users.find_one()["password_hash"])

    stronger = make_app(replace(config, argon2_rounds=2)).test_client()
    assert isinstance(stronger, Browser)
    assert log_in(stronger, alice.email, ANOTHER_PASSWORD).status_code == 400
    assert "t=1" in password_hash()
    assert log_in(stronger, alice.email).status_code == 303
    assert "t=2" in password_hash()
    stronger.submit("/logout", page="/account")
    assert log_in(stronger, alice.email).status_code == 303


def test_a_login_that_began_with_the_old_password_does_not_outlive_it(
    visitor: Browser, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify_slowly(password: str, password_hash: str | None) -> bool:
        users.set_password(alice.user_id, "another hash", None)  # while the old one is being verified
        return True

    monkeypatch.setattr(passwords, "verify", verify_slowly)
    assert log_in(visitor, alice.email).status_code == 400
    assert visitor.get("/account").status_code == 303


# --- a new password -----------------------------------------------------------------------------------------


def ask_for_a_new_password(visitor: Browser, email: str, mails: Mails) -> str:
    """The path of the link that the mail brings."""
    visitor.submit("/forgot", {"email": email})
    return mails()[0].path


def test_alice_has_forgotten_her_password(
    visitor: Browser, open_browser: Callable[[], Browser], alice: Person, bob: Person, mails: Mails
) -> None:
    answer = visitor.submit("/forgot", {"email": alice.email})
    assert alice.email in visitor.get(answer.location).text
    [mail] = mails()
    opened = visitor.get(mail.path)
    assert (opened.location, opened.headers["Referrer-Policy"]) == ("/reset", "no-referrer")
    answer = visitor.submit("/reset", {"password": ANOTHER_PASSWORD})
    assert (answer.status_code, answer.location) == (303, "/login")

    assert "Your password is changed" in visitor.get("/login").text
    assert visitor.get("/account").status_code == 303  # it starts no login
    assert alice.client.get("/account").status_code == 303  # and ends all logins
    assert bob.client.get("/account").status_code == 200
    assert log_in(open_browser(), alice.email, PASSWORD).status_code == 400
    assert log_in(open_browser(), alice.email, ANOTHER_PASSWORD).status_code == 303
    [notice] = mails()
    assert (notice.to, notice.path) == (alice.email, "/forgot")
    assert "changed" in notice.subject


def test_forgetting_is_answered_alike_for_known_and_unknown(
    open_browser: Callable[[], Browser], alice: Person, mails: Mails
) -> None:
    answers = []
    for email in (alice.email, "nobody@example.org"):
        visitor = open_browser()
        answer = visitor.submit("/forgot", {"email": email})
        page = visitor.get(answer.location)
        answers.append((answer.status_code, answer.location, words(page).replace(email, "")))
    assert answers[0] == answers[1]
    assert [mail.to for mail in mails()] == [alice.email]


def test_a_reset_link_works_once_and_for_an_hour(
    visitor: Browser, open_browser: Callable[[], Browser], alice: Person, mails: Mails, later: Callable[..., None]
) -> None:
    path = ask_for_a_new_password(visitor, alice.email, mails)
    visitor.get(path)
    visitor.submit("/reset", {"password": ANOTHER_PASSWORD})
    assert open_browser().get(path, follow_redirects=True).status_code == 410
    mails()

    path = ask_for_a_new_password(visitor, alice.email, mails)
    later(minutes=62)
    answer = visitor.get(path, follow_redirects=True)
    assert answer.status_code == 410
    assert 'href="/forgot"' in answer.text


def test_a_bad_new_password_leaves_the_link_good(visitor: Browser, alice: Person, mails: Mails) -> None:
    visitor.get(ask_for_a_new_password(visitor, alice.email, mails))
    for bad in ("", "too short", "x" * 129):
        answer = visitor.submit("/reset", {"password": bad})
        assert answer.status_code == 400
        assert not bad or bad not in answer.text
    assert alice.client.get("/account").status_code == 200
    assert visitor.submit("/reset", {"password": ANOTHER_PASSWORD}).status_code == 303


def test_opening_a_reset_link_does_nothing(visitor: Browser, alice: Person, mails: Mails) -> None:
    path = ask_for_a_new_password(visitor, alice.email, mails)
    for _ in range(3):
        visitor.head(path)
        assert visitor.get(path, follow_redirects=True).status_code == 200
    assert alice.client.get("/account").status_code == 200
    assert log_in(visitor, alice.email).status_code == 303


def test_the_newest_reset_link_counts_and_a_new_password_ends_them_all(
    visitor: Browser, open_browser: Callable[[], Browser], alice: Person, mails: Mails
) -> None:
    first = ask_for_a_new_password(visitor, alice.email, mails)
    second = ask_for_a_new_password(visitor, alice.email, mails)
    assert open_browser().get(first, follow_redirects=True).status_code == 410
    visitor.get(second)
    visitor.submit("/reset", {"password": ANOTHER_PASSWORD})
    assert open_browser().get(second, follow_redirects=True).status_code == 410


@pytest.mark.needs_wire
def test_a_reset_that_fails_half_way_changes_nothing(
    visitor: Browser, open_browser: Callable[[], Browser], alice: Person, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.get(ask_for_a_new_password(visitor, alice.email, mails))
    with monkeypatch.context() as patch:
        patch.setattr(logins, "end_all", lambda *_: 1 / 0)
        assert visitor.submit("/reset", {"password": ANOTHER_PASSWORD}).status_code == 500
    assert log_in(open_browser(), alice.email).status_code == 303
    assert mails() == []
    assert visitor.submit("/reset", {"password": ANOTHER_PASSWORD}).status_code == 303


# --- one's own page -----------------------------------------------------------------------------------------


def test_the_account_shows_who_one_is_and_where_one_works(app: Flask, bob: Person, charlie: Person) -> None:
    with app.app_context():
        restaurants.create("Bob's Bar", bob.user_id, "Bob", "en", None)
    page = bob.client.get("/account").text
    assert "bob@example.org" in page
    for text in ("Trattoria Lucia", "Bob&#39;s Bar", "Waiter", "Owner"):
        assert text in page
    assert "Charlie" not in page


def test_a_stranger_has_no_account_page(visitor: Browser) -> None:
    assert visitor.get("/account").location == "/login?next=/account"
