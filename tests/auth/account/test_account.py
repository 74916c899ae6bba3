"""The account page, change of name and password, re-authentication, and ending logins."""

from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import pyotp
import pytest
from flask import Flask

from tests.live.test_streams import Stream
from tests.support.cast import PASSWORD, Browser, Mail, Person, visit, wait_until
from waitercaller.auth.account import words
from waitercaller.model import logins, restaurants, second_factor_codes, users
from waitercaller.model import second_factors as two_factor
from waitercaller.web import audit, browsers

ANOTHER_PASSWORD = "purple monkey dishwasher"

Mails = Callable[[], list[Mail]]


@pytest.fixture
def logged_in(app: Flask) -> Callable[..., Browser]:
    """`logged_in(bob)`: a further browser in which Bob has just logged in."""

    def opened(person: Person, password: str = PASSWORD) -> Browser:
        browser = visit(app)
        answer = browser.submit("/login", {"email": person.email, "password": password})
        assert answer.status_code == 303
        return browser

    return opened


def is_in(browser: Any) -> bool:
    """Whether this browser is logged in."""
    return bool(browser.get("/account").status_code == 200)


# --- the page -----------------------------------------------------------------------------------------------


def test_the_page_shows_who_one_is_and_where_one_works(alice: Person, bob: Person) -> None:
    page = bob.client.get("/account").text
    for word in ("Bob", "bob@example.org", "Trattoria Lucia", "Waiter", f"{alice.home}/dashboard"):
        assert word in page
    assert "Charlie" not in page


def test_the_page_tells_what_happened_lately(app: Flask, alice: Person, logged_in: Callable[..., Browser]) -> None:
    logged_in(alice)
    visit(app).post("/login")  # refused for its missing CSRF token: not audited
    page = alice.client.get("/account").text
    assert page.count("Logged in") == 1
    assert "127.0.0.1" in page


def test_the_page_shows_the_last_twenty_events(app: Flask, alice: Person) -> None:
    with app.app_context():
        for _ in range(25):
            audit.record("logout", user_id=alice.user_id)
    assert alice.client.get("/account").text.count("Logged out") == 20


def test_every_event_has_words(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "en"}):
        for event, details, told in (
            ("login_ok", {}, "Logged in"),
            ("session_ended", {"which": "others"}, "All other logins were ended"),
            ("something_new", {}, "something new"),
        ):
            entry: Any = {"event": event, "details": details}
            assert words.of_event(entry) == told


def test_the_account_is_for_people_only(client: Any) -> None:
    for path in ("", "/password", "/email", "/sessions", "/export", "/delete", "/verify"):
        answer = client.get(f"/account{path}")
        assert (answer.status_code, answer.location) == (303, f"/login?next=/account{path}")


# --- the name -----------------------------------------------------------------------------------------------


@pytest.mark.needs_wire
def test_a_new_name_is_the_name_everywhere(app: Flask, alice: Person, bob: Person) -> None:
    with app.app_context():
        elsewhere = restaurants.create("Bob's own", bob.user_id, "Bob", "en", None)
    answer = bob.client.submit("/account/name", {"name": "  Bobby   B. "}, page="/account")
    assert answer.location == "/account"
    with app.app_context():
        members = [member for place in restaurants.of_user(bob.user_id) for member in place["members"]]
        assert str(elsewhere) in bob.client.get("/account").text
    assert sorted(member["name"] for member in members) == ["Alice", "Bobby B.", "Bobby B."]
    assert "<h1><bdi>Bobby B.</bdi></h1>" in bob.client.get("/account").text
    assert "The name was changed" in bob.client.get("/account").text


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "B\0b"])
def test_a_bad_name_changes_nothing_and_is_kept_in_the_form(bob: Person, name: str) -> None:
    answer = bob.client.submit("/account/name", {"name": name}, page="/account")
    assert answer.status_code == 400
    assert "is-invalid" in answer.text
    assert '<details class="panel disclosure account-name" open>' in answer.text
    assert "<h1><bdi>Bob</bdi></h1>" in answer.text


# --- the password -------------------------------------------------------------------------------------------


def change_password(browser: Any, new: str = ANOTHER_PASSWORD, current: str = PASSWORD) -> Any:
    return browser.submit("/account/password", {"current": current, "password": new})


def test_a_new_password_ends_every_other_login_and_renews_this_one(
    alice: Person, logged_in: Callable[..., Browser], mails: Mails
) -> None:
    phone = logged_in(alice)
    old_cookie = alice.client.cookie("session")
    assert change_password(alice.client).location == "/account"
    assert (is_in(alice.client), is_in(phone)) == (True, False)
    alice.client.set_cookie("session", old_cookie)
    assert not is_in(alice.client)
    assert [(mail.to, mail.subject) for mail in mails()] == [
        (alice.email, "Your password for Waiter Caller was changed")
    ]
    assert is_in(logged_in(alice, ANOTHER_PASSWORD))


def test_a_new_password_kills_every_open_link(alice: Person, mails: Mails, client: Any) -> None:
    client.submit("/forgot", {"email": alice.email})
    alice.client.submit("/account/email", {"email": "new@example.org", "password": PASSWORD})
    links = [mail.path for mail in mails() if "/reset/" in mail.path or "/email/" in mail.path]
    assert len(links) == 2
    change_password(alice.client)
    for path in links:
        assert client.get(path, follow_redirects=True).status_code == 410


@pytest.mark.parametrize(
    ("current", "new", "said"),
    [
        ("wrong wrong wrong", ANOTHER_PASSWORD, "This is not your password"),
        ("", ANOTHER_PASSWORD, "Please fill this in"),
        (PASSWORD, "too short", "at least 10 characters"),
        (PASSWORD, "trattoria  LUCIA", "name that others know"),
        (PASSWORD, "bob@example.org", "name that others know"),
        (PASSWORD, "1234567890", "Many people use this password"),
    ],
)
def test_a_refused_password_changes_nothing(
    bob: Person, logged_in: Callable[..., Browser], mails: Mails, current: str, new: str, said: str
) -> None:
    answer = change_password(bob.client, new, current)
    assert answer.status_code == 400
    assert said in answer.text
    assert new not in answer.text or "@" in new
    assert mails() == []
    assert is_in(logged_in(bob))


def test_whoever_guesses_the_password_in_a_borrowed_browser_is_stopped(bob: Person) -> None:
    form = {"csrf_token": bob.client.csrf_token("/account/password"), "current": "a guess", "password": "x" * 20}
    second_factor_codes = [bob.client.post("/account/password", data=form).status_code for _ in range(12)]
    assert second_factor_codes == [400] * 10 + [429] * 2
    answer = bob.client.post("/account/password", data={**form, "current": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


# --- the password again -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/account/email", "/account/sessions", "/account/export", "/account/delete"])
def test_what_is_sensitive_asks_for_the_password_after_a_quarter_of_an_hour(
    alice: Person, later: Callable[..., None], path: str
) -> None:
    assert alice.client.get(path).status_code == 200
    later(minutes=16)
    answer = alice.client.get(path)
    assert (answer.status_code, answer.location) == (303, f"/account/verify?next={path}")
    assert alice.client.submit(answer.location, {"password": "not this one"}).status_code == 400
    assert alice.client.get(path).status_code == 303
    answer = alice.client.submit(f"/account/verify?next={path}", {"password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, path)
    assert alice.client.get(path).status_code == 200


@pytest.mark.parametrize("action", ["email", "sessions/end", "export", "delete"])
def test_a_form_that_lay_open_too_long_does_nothing(
    app: Flask, alice: Person, later: Callable[..., None], action: str
) -> None:
    form = {"csrf_token": alice.client.csrf_token("/account/email"), "email": "new@example.org", "password": PASSWORD}
    later(minutes=16)
    answer = alice.client.post(f"/account/{action}", data={**form, "login": "others"})
    assert (answer.status_code, answer.location) == (303, "/account/verify")
    with app.app_context():
        assert "pending_email" not in (users.get(alice.user_id) or {})


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)"])
def test_after_the_password_one_stays_on_this_site(alice: Person, target: str) -> None:
    answer = alice.client.post(
        "/account/verify",
        query_string={"next": target},
        data={"csrf_token": alice.client.csrf_token("/account/verify"), "password": PASSWORD},
    )
    assert answer.location == "/account"


def test_with_a_second_factor_a_code_is_asked_for_as_well(app: Flask, alice: Person) -> None:
    secret, recovery = second_factor_codes.new_secret(), second_factor_codes.new_recovery_codes()
    with app.app_context():
        assert two_factor.offer(alice.user_id, "login") != secret
        app.extensions["mongo"].database.users.update_one({}, {"$set": {"two_factor_offer.secret": secret}})
        assert two_factor.turn_on(alice.user_id, secret, 0, recovery, None)
    for wrong in ({}, {"code": ""}, {"code": "000000"}, {"code": recovery[0], "password": "not this one"}):
        assert alice.client.submit("/account/verify", {"password": PASSWORD, **wrong}).status_code == 400
    code = pyotp.TOTP(secret).now()
    assert alice.client.submit("/account/verify", {"password": PASSWORD, "code": code}).status_code == 303
    assert alice.client.submit("/account/verify", {"password": PASSWORD, "code": code}).status_code == 400
    assert alice.client.submit("/account/verify", {"password": PASSWORD, "code": recovery[0]}).status_code == 303
    assert "On: logging in takes a code as well" in alice.client.get("/account").text


# --- logins -------------------------------------------------------------------------------------------------

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def test_logins_are_listed_with_when_where_and_which_browser(
    alice: Person, bob: Person, logged_in: Callable[..., Browser], app: Flask
) -> None:
    phone = visit(app)
    form = {"email": bob.email, "password": PASSWORD}
    phone.submit("/login", form, headers={"User-Agent": FIREFOX}, environ_overrides={"REMOTE_ADDR": "203.0.113.9"})
    page = bob.client.get("/account/sessions").text
    assert "Firefox on Windows" in page
    assert "203.0.113.9" in page
    assert page.count("This browser") == 1
    assert page.index("This browser") < page.index("203.0.113.9")
    assert "203.0.113.9" not in alice.client.get("/account/sessions").text


def end(browser: Any, which: str) -> Any:
    return browser.submit("/account/sessions/end", {"login": which}, page="/account/sessions")


def test_one_login_or_all_others_can_be_ended(
    app: Flask, bob: Person, logged_in: Callable[..., Browser], alice: Person
) -> None:
    phone, tablet = logged_in(bob), logged_in(bob)
    with app.app_context():
        newest = max(logins.of_person(bob.user_id), key=lambda login: login["created_at"])
    assert end(bob.client, newest["_id"]).location == "/account/sessions"
    assert (is_in(bob.client), is_in(phone), is_in(tablet)) == (True, True, False)
    end(bob.client, "others")
    assert (is_in(bob.client), is_in(phone), is_in(alice.client)) == (True, False, True)
    assert "All other logins were ended" in bob.client.get("/account").text


def test_nobody_ends_a_login_of_somebody_else(app: Flask, alice: Person, bob: Person) -> None:
    with app.app_context():
        [login] = logins.of_person(alice.user_id)
    for which in (login["_id"], "", "nonsense", {"$ne": None}):
        end(bob.client, str(which))
    assert is_in(alice.client)
    assert is_in(bob.client)


@pytest.mark.parametrize("by", ["ending it", "a new password"])
def test_what_an_ended_login_has_open_closes(
    bob: Person, logged_in: Callable[..., Browser], watcher: Any, by: str
) -> None:
    tablet = logged_in(bob)
    screen = Stream(tablet, f"{bob.home}/live")
    assert screen.next()[0] == "calls"
    if by == "ending it":
        end(bob.client, "others")
    else:
        change_password(bob.client)
    assert screen.next() == ("bye", {"now": ANY, "reason": "logged_out", "retry_ms": ANY})
    screen.close()
    wait_until(lambda: tablet.get(f"{bob.home}/live").status_code == 303)


SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/18.5"
CHROME = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile"
EDGE = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0 Edg/138.0"


@pytest.mark.parametrize(
    ("user_agent", "said"),
    [
        (FIREFOX, "Firefox on Windows"),
        (f"{SAFARI} Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        (f"{CHROME} Safari/537.36", "Chrome on Android"),
        (EDGE, "Edge on Mac"),
        ("curl/8.14.1", "An unknown browser"),
        ("", "An unknown browser"),
        ("<script>alert(1)</script> Linux", "A browser on Linux"),
    ],
)
def test_a_browser_in_words(app: Flask, user_agent: str, said: str) -> None:
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert browsers.in_words(user_agent) == said


@pytest.mark.needs_wire
def test_nobody_reads_from_where_a_manager_gave_them_a_role(app: Flask, alice: Person, bob: Person) -> None:
    alice.client.environ_base["REMOTE_ADDR"] = "192.0.2.77"
    path = f"{alice.home}/staff/members/{bob.member_id}/role"
    assert alice.client.submit(path, {"role": "manager"}, page=f"{alice.home}/staff").status_code == 303
    page = bob.client.get("/account").text
    assert "Got another role" in page
    assert "192.0.2.77" not in page
    assert "192.0.2.77" not in bob.client.submit("/account/export").text
