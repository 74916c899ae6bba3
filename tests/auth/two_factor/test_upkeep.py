"""The second factor: renewal of recovery codes, disabling, and restaurants that require it."""

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyotp
import pytest
from flask import Flask

from tests.auth.two_factor.test_two_factor import PAGE, Phone, browser_of, is_in, log_in, turn_on, type_password
from tests.support.cast import Browser, Mail, Person
from waitercaller.db import cache, clock
from waitercaller.model import logins, second_factor_codes

pytestmark = pytest.mark.usefixtures("fresh_codes")

Mails = Callable[[], list[Mail]]


@pytest.fixture
def phone(alice: Person, mails: Mails) -> Phone:
    """Alice's connected app."""
    phone = turn_on(alice)
    mails()
    return phone


# --- codes --------------------------------------------------------------------------------------------------

# RFC 6238, appendix B, SHA-1; its codes have eight digits, of which apps show the last six.
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
VECTORS = [(59, "94287082"), (1111111109, "07081804"), (1234567890, "89005924"), (20000000000, "65353130")]


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    assert second_factor_codes.counter_of(SECRET, code[-6:], now) == seconds // 30


@pytest.mark.parametrize(
    "typed", ["٢٨٧٠٨٢", "۲۸۷۰۸۲", "२८७०८२", "２８７ ０８２", "\u200f٢٨٧٠٨٢\u200e", "287–082", "287\xa0082"]
)
def test_digits_of_every_script_and_marks_between_them_are_read(typed: str) -> None:
    assert second_factor_codes.counter_of(SECRET, typed, datetime.fromtimestamp(59, UTC)) == 1


def test_a_recovery_code_is_read_as_it_is_typed() -> None:
    typed = ["abcd-2345", "ABCD 2345", "ＡＢＣＤ２３４５", "abcd‑٢٣٤٥", "\u2067abcd\u2069 ۲۳۴۵"]
    assert len({second_factor_codes.recovery_hash(each) for each in typed}) == 1


@pytest.mark.parametrize("typed", ["", "28708", "0000000", "a" * 60, "２８７０８３", "-", "é"])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert second_factor_codes.counter_of(SECRET, typed, datetime.fromtimestamp(59, UTC)) is None


def test_recovery_codes_cannot_be_guessed() -> None:
    new = second_factor_codes.new_recovery_codes()
    assert len(set(new)) == 10
    assert all(re.fullmatch(r"([A-Z2-7]{4}-){5}[A-Z2-7]{4}", code) for code in new)  # 120 bits


# --- new recovery codes, and turning it off -----------------------------------------------------------------


def test_new_recovery_codes_make_the_old_ones_worthless(
    alice: Person, phone: Phone, app: Flask, mails: Mails, visitor: Browser
) -> None:
    answer = browser_of(alice).submit(f"{PAGE}/recovery-codes", page=PAGE)
    new = re.findall(r"<code>([A-Z2-7-]{29})</code>", answer.text)
    assert len(new) == 10
    assert "New recovery codes" in mails()[0].subject
    assert log_in(visitor, phone.recovery[0]).status_code == 400
    assert log_in(visitor, new[0]).status_code == 303


def test_few_recovery_codes_are_said_to_be_few(alice: Person, phone: Phone, app: Flask) -> None:
    assert "Make new ones before" not in alice.client.get(PAGE).text
    users = app.extensions["mongo"].database.users
    users.update_one({}, {"$set": {"two_factor.recovery_codes": ["the hash of the last"]}})
    assert "1 recovery code is left. Make new ones before" in alice.client.get(PAGE).text


def test_alice_turns_it_off(alice: Person, phone: Phone, mails: Mails, visitor: Browser) -> None:
    answer = browser_of(alice).submit(f"{PAGE}/disable", page=PAGE)
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert "turned off" in mails()[0].subject
    assert type_password(visitor).location == f"{alice.home}/dashboard"


def test_turning_it_off_ends_other_logins_and_those_that_wait(alice: Person, phone: Phone, visitor: Browser) -> None:
    type_password(visitor)
    other = visitor.application.test_client()
    assert isinstance(other, Browser)
    assert log_in(other, phone.code()).status_code == 303
    browser_of(alice).submit(f"{PAGE}/disable", page=PAGE)
    assert visitor.get("/login/code").location == "/login"
    assert not is_in(other)
    assert is_in(browser_of(alice))


def test_what_is_off_can_be_turned_off_and_renewed_without_harm(alice: Person, app: Flask, mails: Mails) -> None:
    for path in (f"{PAGE}/disable", f"{PAGE}/recovery-codes"):
        assert browser_of(alice).submit(path, page=PAGE).location == PAGE
    assert mails() == []
    assert app.extensions["mongo"].database.users.count_documents({"two_factor": {"$ne": None}}) == 0


def test_a_stranger_and_a_form_without_its_token_change_nothing(alice: Person, phone: Phone, visitor: Browser) -> None:
    for path in (PAGE, f"{PAGE}/disable", f"{PAGE}/recovery-codes"):
        assert alice.client.post(path).status_code == 400
        assert visitor.submit(path, page="/login").location == "/login"
    assert "It is on" in alice.client.get(PAGE).text


# --- owners who want it -------------------------------------------------------------------------------------


def demand(app: Flask, owner: Person) -> None:
    restaurants = app.extensions["mongo"].database.restaurants
    restaurants.update_one({"_id": owner.restaurant_id}, {"$set": {"settings.two_factor_required": True}})
    cache.restaurants.clear()  # what the watcher does


def test_who_has_none_is_sent_to_set_it_up_and_told_why(
    app: Flask, alice: Person, bob: Person, hire: Callable[..., Person]
) -> None:
    mona = hire("Mona", role="manager", at=alice)
    demand(app, alice)
    for person in (alice, mona):
        for path in ("/dashboard", "/tables", "/live"):
            answer = person.client.get(person.home + path)
            assert (answer.status_code, answer.location) == (303, PAGE)
        assert "Trattoria Lucia asks its owners and managers for it" in person.client.get(PAGE).text
        assert person.client.get("/account").status_code == 200
        turn_on(person)
        assert person.client.get(f"{person.home}/tables").status_code == 200
    assert bob.client.get(f"{bob.home}/dashboard").status_code == 200
    assert "asks its owners" not in bob.client.get(PAGE).text


def test_it_is_asked_for_in_that_restaurant_only(app: Flask, alice: Person, charlie: Person) -> None:
    demand(app, alice)
    assert charlie.client.get(f"{charlie.home}/tables").status_code == 200
    assert charlie.client.get(f"{alice.home}/tables").status_code == 404


def test_a_post_without_it_changes_nothing(app: Flask, alice: Person) -> None:
    token = browser_of(alice).csrf_token(f"{alice.home}/tables")
    demand(app, alice)
    answer = alice.client.post(f"{alice.home}/tables", data={"names": "1-3", "csrf_token": token})
    assert answer.location == PAGE
    assert app.extensions["mongo"].database.tables.count_documents({}) == 0


# --- what is kept of it -------------------------------------------------------------------------------------


def test_neither_secret_nor_codes_come_into_the_log_the_audit_or_the_outbox(
    app: Flask, alice: Person, visitor: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)  # what production logs
    phone = turn_on(alice)
    code = phone.code()
    log_in(visitor, phone.recovery[0])
    visitor.submit("/logout", page="/account")
    log_in(visitor, code)
    database = app.extensions["mongo"].database
    kept = str(list(database.audit.find())) + str(list(database.outbox.find())) + caplog.text
    for secret in (phone.secret, *phone.recovery, second_factor_codes.recovery_hash(phone.recovery[0])):
        assert secret not in kept
        assert secret.replace("-", "") not in kept
    events = [entry["event"] for entry in database.audit.find({"user_id": alice.user_id})]
    assert sorted(events) == ["login_ok", "login_ok", "logout", "two_factor_on", "two_factor_recovery_used"]


def test_a_login_with_a_code_has_the_password_typed_lately(app: Flask, phone: Phone, visitor: Browser) -> None:
    log_in(visitor, phone.code())
    [login] = [each for each in app.extensions["mongo"].database.logins.find() if each["browser"] != "a test"]
    assert logins.is_verified(login)
    assert clock.now() >= login["verified_at"]


def test_apps_agree_about_the_secret() -> None:
    parsed: Any = pyotp.parse_uri(second_factor_codes.provisioning_uri(SECRET, "alice@example.org"))
    assert parsed.secret == SECRET


def test_a_new_password_does_not_stand_for_the_code(alice: Person, phone: Phone, later: Callable[..., None]) -> None:
    later(minutes=16)  # an attacker with her browser and password, but without her phone
    new = {"current": alice.password, "password": "another horse, another staple"}
    assert alice.client.submit("/account/password", new).status_code == 303
    assert alice.client.get(PAGE).location.startswith("/account/verify")
    token = alice.client.csrf_token("/account/password")
    answer = alice.client.post(f"{PAGE}/disable", data={"csrf_token": token})
    assert answer.location.startswith("/account/verify")
