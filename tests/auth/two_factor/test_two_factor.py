"""The second factor: set-up, login, recovery codes. Mallory knows the password, which is not enough."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pyotp
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.cast import PASSWORD, Browser, Mail, Person
from tests.support.together import at_once_in
from waitercaller.auth import second_factor
from waitercaller.db import clock
from waitercaller.mail import outbox
from waitercaller.model import second_factor_codes, second_factors, users

ANOTHER_PASSWORD = "purple monkey dishwasher"
pytestmark = pytest.mark.usefixtures("fresh_codes")

PAGE = "/account/two-factor"

Mails = Callable[[], list[Mail]]
Open = Callable[[], Browser]


@dataclass
class Phone:
    """An authenticator app with its secret, and the recovery codes."""

    secret: str
    recovery: list[str]

    def code(self, steps: int = 0) -> str:
        """The code now, or `steps` of 30 seconds away."""
        return pyotp.TOTP(self.secret).at(clock.now() + timedelta(seconds=30 * steps))


def browser_of(person: Person) -> Browser:
    assert isinstance(person.client, Browser)
    return person.client


def scan(browser: Browser) -> Phone:
    """A phone that has scanned the QR code of the page."""
    shown = re.search(r"<code>([A-Z2-7-]{32,})</code>", browser.get(PAGE).text)
    assert shown
    return Phone(shown[1].replace("-", ""), [])


def turn_on(person: Person) -> Phone:
    phone = scan(browser_of(person))
    answer = browser_of(person).submit(PAGE, {"code": phone.code(-1)})
    assert answer.status_code == 200
    phone.recovery = re.findall(r"<code>([A-Z2-7-]{29})</code>", answer.text)
    return phone


def type_password(browser: Browser, password: str = PASSWORD, path: str = "/login") -> TestResponse:
    return browser.submit(path, {"email": "alice@example.org", "password": password})


def log_in(browser: Browser, code: str) -> TestResponse:
    assert type_password(browser).location == "/login/code"
    return browser.submit("/login/code", {"code": code})


def is_in(browser: Browser) -> bool:
    return browser.get("/account").status_code == 200


@pytest.fixture
def phone(alice: Person, mails: Mails) -> Phone:
    """Alice's connected app; her browser is still logged in."""
    phone = turn_on(alice)
    mails()
    return phone


# --- setting it up ------------------------------------------------------------------------------------------


def test_alice_connects_her_phone_and_logs_in_with_it(alice: Person, visitor: Browser, mails: Mails) -> None:
    phone = turn_on(alice)
    assert len(set(phone.recovery)) == 10
    assert "It is on" in alice.client.get(PAGE).text
    [notice] = mails()
    assert notice.to == alice.email
    assert "turned on" in notice.subject
    assert notice.path == "/forgot"

    assert log_in(visitor, phone.code()).location == f"{alice.home}/dashboard"
    assert is_in(visitor)


def test_it_counts_only_once_a_code_was_typed(alice: Person, visitor: Browser) -> None:
    phone = scan(browser_of(alice))
    for wrong in ("", "abc", "000000" if phone.code() != "000000" else "111111", phone.code(5)):
        assert browser_of(alice).submit(PAGE, {"code": wrong}).status_code == 400
    assert type_password(visitor).location.endswith("/dashboard")


def test_the_qr_code_says_what_apps_expect(alice: Person, app: Flask) -> None:
    page = alice.client.get(PAGE).text
    link = re.search(r'href="(otpauth://[^"]+)"', page)
    assert link
    parsed = pyotp.parse_uri(link[1].replace("&amp;", "&"))
    assert isinstance(parsed, pyotp.TOTP)
    assert (parsed.issuer, parsed.name, parsed.digits, parsed.interval) == ("Waiter Caller", alice.email, 6, 30)
    assert "<svg" in page


def test_turning_it_on_ends_the_logins_that_began_without(alice: Person, visitor: Browser) -> None:
    type_password(visitor)
    turn_on(alice)
    assert not is_in(visitor)
    assert is_in(browser_of(alice))


def test_a_secret_that_was_shown_in_one_login_is_never_confirmed_in_another(alice: Person, visitor: Browser) -> None:
    type_password(visitor)
    theirs, hers = scan(visitor), scan(browser_of(alice))
    assert theirs.secret != hers.secret
    assert scan(browser_of(alice)).secret == hers.secret  # looking again changes nothing


def test_an_offered_secret_ends_after_an_hour(alice: Person, later: Callable[..., None]) -> None:
    with browser_of(alice).application.app_context():
        first = second_factors.offer(alice.user_id, "login")
        assert second_factors.offer(alice.user_id, "login") == first
        later(minutes=61)
        assert second_factors.offer(alice.user_id, "login") != first


def test_recovery_codes_are_shown_once_and_kept_as_hashes(alice: Person, app: Flask) -> None:
    phone = turn_on(alice)
    page, stored = alice.client.get(PAGE).text, str(app.extensions["mongo"].database.users.find_one())
    for code in phone.recovery:
        assert code not in page
        assert code.replace("-", "") not in stored


def test_a_double_click_connects_one_phone(alice: Person) -> None:
    browser = browser_of(alice)
    phone = scan(browser)
    form = {"code": phone.code(), "csrf_token": browser.csrf_token(PAGE)}
    assert browser.post(PAGE, data=form).status_code == 200
    again = browser.post(PAGE, data=form)
    assert "It is on" in again.text
    assert not re.findall(r"<code>", again.text)


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/recovery-codes", f"{PAGE}/disable"])
def test_its_pages_ask_for_the_password_again_after_a_quarter_of_an_hour(
    alice: Person, phone: Phone, later: Callable[..., None], app: Flask, path: str
) -> None:
    later(minutes=16)
    app.config["WTF_CSRF_ENABLED"] = False
    answer = alice.client.post(path)
    assert answer.status_code == 303
    assert answer.location.startswith("/account/verify")
    assert app.extensions["mongo"].database.users.count_documents({"two_factor": {"$ne": None}}) == 1


# --- the second step of the login ---------------------------------------------------------------------------


def test_the_password_alone_opens_nothing(visitor: Browser, alice: Person, phone: Phone) -> None:
    assert type_password(visitor).status_code == 303
    assert not is_in(visitor)
    assert visitor.get(f"{alice.home}/dashboard").status_code == visitor.get(f"{alice.home}/live").status_code == 303
    with visitor.session_transaction() as session:
        assert "_user_id" not in session


def test_who_has_not_typed_the_password_is_sent_to_where_that_is_asked(visitor: Browser, phone: Phone) -> None:
    for answer in (visitor.get("/login/code"), visitor.submit("/login/code", {"code": phone.code()}, page="/login")):
        assert (answer.status_code, answer.location) == (303, "/login")


def test_a_wrong_password_is_answered_as_ever(visitor: Browser, open_browser: Open, phone: Phone) -> None:
    known = type_password(visitor, ANOTHER_PASSWORD)
    unknown = open_browser().submit("/login", {"email": "nobody@example.org", "password": ANOTHER_PASSWORD})
    assert known.status_code == unknown.status_code == 400


@pytest.mark.asvs("6.5.5")
@pytest.mark.parametrize(("steps", "status"), [(-2, 400), (-1, 400), (0, 303), (1, 303), (2, 400)])
def test_a_code_is_good_for_its_half_minute_and_those_beside_it(
    visitor: Browser, phone: Phone, later: Callable[..., None], steps: int, status: int
) -> None:
    # The previous code was used for the set-up; a used code and all before it are refused.
    assert log_in(visitor, phone.code(steps)).status_code == status


@pytest.mark.asvs("6.5.1")
def test_a_code_counts_once_and_older_ones_not_after_it(
    open_browser: Open, phone: Phone, later: Callable[..., None]
) -> None:
    later(minutes=5)
    before, now = phone.code(-1), phone.code()
    assert log_in(open_browser(), now).status_code == 303
    for used in (now, before):
        answer = log_in(open_browser(), used)
        assert answer.status_code == 400
        assert "counts once" in answer.text
    later(seconds=30)
    assert log_in(open_browser(), phone.code()).status_code == 303


def test_however_it_is_typed(open_browser: Open, phone: Phone, later: Callable[..., None]) -> None:
    later(minutes=5)
    code = phone.code()
    assert log_in(open_browser(), f" {code[:3]} {code[3:]} ").status_code == 303
    assert log_in(open_browser(), phone.recovery[0].lower().replace("-", " ")).status_code == 303


@pytest.mark.asvs("6.5.1")
def test_a_recovery_code_takes_the_place_of_the_phone_once(open_browser: Open, phone: Phone, mails: Mails) -> None:
    lucky = open_browser()
    answer = log_in(lucky, phone.recovery[3])
    assert "9 recovery codes left" in lucky.get(answer.location).text
    [notice] = mails()
    assert "recovery code was used" in notice.subject
    assert log_in(open_browser(), phone.recovery[3]).status_code == 400
    assert log_in(open_browser(), phone.recovery[4]).status_code == 303


@pytest.mark.needs_wire
def test_a_recovery_code_is_not_used_up_without_a_notice(
    app: Flask, alice: Person, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        user = users.get(alice.user_id)
        assert user is not None
        with monkeypatch.context() as patch:
            patch.setattr(outbox, "enqueue", lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                second_factor.accept(user, phone.recovery[0], "en")
        assert second_factor.accept(user, phone.recovery[0], "en") == "recovery"


def test_after_both_steps_one_is_where_one_wanted_to_go(visitor: Browser, alice: Person, phone: Phone) -> None:
    asked = visitor.get(f"{alice.home}/tables")
    second = type_password(visitor, path=asked.location).location
    assert visitor.submit(second, {"code": phone.code()}).location == f"{alice.home}/tables"


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https:evil.example"])
def test_and_never_on_another_site(visitor: Browser, alice: Person, phone: Phone, target: str) -> None:
    assert type_password(visitor, path=f"/login?next={target}").location == "/login/code"
    answer = visitor.submit(f"/login/code?next={target}", {"code": phone.code()})
    assert answer.location == f"{alice.home}/dashboard"


def test_the_second_step_has_to_follow_within_ten_minutes(
    visitor: Browser, phone: Phone, later: Callable[..., None]
) -> None:
    type_password(visitor)
    later(minutes=9)
    assert visitor.get("/login/code").status_code == 200
    later(minutes=2)
    assert visitor.submit("/login/code", {"code": phone.code()}, page="/login").location == "/login"
    assert "took too long" in visitor.get("/login").text
    assert not is_in(visitor)


def test_a_new_password_ends_logins_that_wait_for_their_code(
    visitor: Browser, open_browser: Open, alice: Person, phone: Phone, mails: Mails
) -> None:
    type_password(visitor)
    reset = open_browser()
    reset.submit("/forgot", {"email": alice.email})
    reset.get(mails()[0].path)
    reset.submit("/reset", {"password": ANOTHER_PASSWORD})
    assert visitor.get("/login/code").location == "/login"


def test_a_reset_password_does_not_get_round_it(visitor: Browser, alice: Person, phone: Phone, mails: Mails) -> None:
    visitor.submit("/forgot", {"email": alice.email})
    visitor.get(mails()[0].path)
    assert visitor.submit("/reset", {"password": ANOTHER_PASSWORD}).location == "/login"
    assert not is_in(visitor)
    assert type_password(visitor, ANOTHER_PASSWORD).location == "/login/code"
    assert not is_in(visitor)


def test_a_copied_session_that_waits_is_worth_no_second_login(
    visitor: Browser, open_browser: Open, phone: Phone
) -> None:
    type_password(visitor)
    cookie, thief = visitor.get_cookie("session"), open_browser()
    assert cookie is not None
    code = phone.code()
    visitor.submit("/login/code", {"code": code})
    thief.set_cookie("session", cookie.value)
    assert thief.submit("/login/code", {"code": code}).status_code == 400
    assert not is_in(thief)


@pytest.mark.needs_wire
def test_of_twenty_logins_with_one_code_one_succeeds(app: Flask, alice: Person, phone: Phone) -> None:
    def tries(code: str) -> list[str | None]:
        with app.app_context():
            user = users.get(alice.user_id)
        assert user is not None
        return [result for result in at_once_in(app, *[partial(second_factor.accept, user, code, "en")] * 20) if result]

    assert tries(phone.code()) == ["app"]
    assert tries(phone.recovery[0]) == ["recovery"]


def test_codes_cannot_be_guessed_from_many_places(
    open_browser: Open, phone: Phone, later: Callable[..., None], fresh_limits: None
) -> None:
    for number in range(5):
        attacker = open_browser()
        attacker.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        assert log_in(attacker, "not it").status_code == 400
    refused = log_in(open_browser(), phone.code())
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= 900
    later(minutes=16)
    assert log_in(open_browser(), phone.code()).status_code == 303


def test_who_uses_up_the_tries_locks_alice_out_only_until_she_has_a_new_password(
    open_browser: Open, alice: Person, phone: Phone, mails: Mails, fresh_limits: None
) -> None:
    for _ in range(6):
        answer = log_in(open_browser(), "not it")
    assert answer.status_code == 429
    reset = open_browser()
    reset.submit("/forgot", {"email": alice.email})
    reset.get(mails()[0].path)
    reset.submit("/reset", {"password": ANOTHER_PASSWORD})
    type_password(reset, ANOTHER_PASSWORD)
    assert reset.submit("/login/code", {"code": phone.code()}).status_code == 303


def test_a_login_that_began_before_it_was_turned_on_comes_too_late(
    visitor: Browser, alice: Person, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = app.extensions["mongo"].database.users

    def verify_slowly(*_: Any) -> bool:  # the phone is connected while the password is being verified
        two_factor = {"secret": second_factor_codes.new_secret(), "counter": 0, "recovery_codes": []}
        collection.update_one({"_id": alice.user_id}, {"$set": {"two_factor": two_factor}})
        return True

    monkeypatch.setattr("waitercaller.web.passwords.verify", verify_slowly)
    assert type_password(visitor).status_code == 400
    assert not is_in(visitor)


@pytest.mark.parametrize("bad", [{}, {"code": ""}, {"code": "x" * 61}, {"code": "1\0"}, {"code[$ne]": "1"}])
def test_what_no_form_sends_is_refused(visitor: Browser, phone: Phone, bad: dict[str, str]) -> None:
    type_password(visitor)
    assert visitor.submit("/login/code", bad).status_code == 400
    assert visitor.submit("/login/code", {"code": [phone.code(), phone.code()]}).status_code == 400
    token = visitor.csrf_token("/login/code")
    assert visitor.post("/login/code", json={"code": {"$ne": 0}}, headers={"X-CSRFToken": token}).status_code == 400
    assert not is_in(visitor)
