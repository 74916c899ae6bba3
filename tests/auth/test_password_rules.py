"""ASVS rules for passwords, the second factor, and all ways to log in."""

import base64
import random
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support import ROOT
from tests.support.asvs import calls, everything, sources, texts
from tests.support.cast import PASSWORD, Browser, Mail, Person
from waitercaller.auth import mails as auth_mails
from waitercaller.db import clock
from waitercaller.model import second_factor_codes
from waitercaller.web import limits, passwords

RULES = ROOT / "docs/security-rules.md"
Mails = Callable[[], list[Mail]]
NEW = "purple monkey dishwasher"
WORDS = {"restaurant": "Trattoria Lucia", "name": "Zoe", "email": "zoe@example.org", "password": PASSWORD}


@pytest.fixture
def change(alice: Person) -> Callable[..., TestResponse]:
    """`change(new)`: Alice chooses a new password."""
    assert isinstance(alice.client, Browser)
    client = alice.client
    return lambda new, current=PASSWORD: client.submit("/account/password", {"current": current, "password": new})


@pytest.fixture
def protected(fresh_codes: None, alice: Person) -> tuple[Person, pyotp.TOTP, list[str]]:
    """Alice with a second factor: her app, and her recovery codes."""
    assert isinstance(alice.client, Browser)
    page = alice.client.get("/account/two-factor").text
    found = re.search(r"<code>([A-Z2-7-]{32,})</code>", page)
    assert found
    app = pyotp.TOTP(found[1].replace("-", ""))
    answer = alice.client.submit("/account/two-factor", {"code": app.at(clock.now() - timedelta(seconds=30))})
    return alice, app, re.findall(r"<code>([A-Z2-7-]{29})</code>", answer.text)


def log_in(client: Browser, email: str, password: str = PASSWORD, code: str = "") -> bool:
    """Whether address, password and, if given, the second factor open the account."""
    client.submit("/login", {"email": email, "password": password})
    if code:
        client.submit("/login/code", {"code": code}, page="/login/code")
    return client.get("/account").status_code == 200


def section(title: str) -> str:
    return RULES.read_text().partition(f"### {title}\n")[2].partition("\n### ")[0].partition("\n## ")[0]


# --- V6.1 documentation -----------------------------------------------------------------------------------------------


@pytest.mark.asvs("6.1.1")
def test_the_rules_name_every_limit_with_its_numbers() -> None:
    rows = {line.split("`")[1]: line for line in section("Limits").splitlines() if line.startswith("| `")}
    assert set(rows) == set(limits.LIMITS)
    for name, limit in limits.LIMITS.items():
        for allowance in limit.allowances:
            minutes = allowance.window.total_seconds() / 60
            window = {15: "15 min", 60: "hour", 1440: "day"}.get(int(minutes), f"{minutes:.0f} min")
            assert f"{allowance.tries} / {window} per {allowance.per}" in rows[name]


@pytest.mark.asvs("6.1.2")
def test_the_rules_say_which_words_are_refused() -> None:
    assert passwords.PRODUCT in section("Passwords")
    assert all(word in section("Passwords") for word in ("person's name", "e-mail address", "restaurant's name"))


@pytest.mark.asvs("6.1.3")
def test_the_rules_name_every_way_in() -> None:
    """Each view that starts a login has a row in the table of rules."""
    begins = {
        path.relative_to(ROOT / "waitercaller").as_posix()
        for path, tree in sources()
        for name, _ in calls(tree)
        if name in ("access.log_in", "access.log_in_device")
    }
    assert begins == set(re.findall(r"`(\w+(?:/\w+)+\.py)`", section("Ways in")))


# --- V6.2 password security -------------------------------------------------------------------------------------------


@pytest.mark.asvs("6.2.1")
@pytest.mark.parametrize("short", ["1234567", "a b c d", "kqzvjxw"])
def test_short_passwords_are_refused(open_browser: Any, change: Any, short: str) -> None:
    assert open_browser().submit("/register", WORDS | {"password": short}).status_code == 400
    assert change(short).status_code == 400


@pytest.mark.asvs("6.2.2")
def test_a_password_can_be_changed(open_browser: Any, change: Any, alice: Person) -> None:
    assert change(NEW).status_code == 303
    assert not log_in(open_browser(), alice.email)
    assert log_in(open_browser(), alice.email, NEW)


@pytest.mark.asvs("6.2.3")
def test_a_change_takes_the_present_password(open_browser: Any, change: Any, alice: Person) -> None:
    assert change(NEW, current="not the present one").status_code == 400
    assert change(NEW, current="").status_code == 400
    assert log_in(open_browser(), alice.email)


@pytest.mark.asvs("6.2.4")
def test_common_passwords_are_refused(app: Flask, open_browser: Any, change: Any) -> None:
    common = passwords._common_passwords()
    with app.app_context():
        assert sum(len(word) >= passwords.MIN_LENGTH for word in common) >= 3000
    for word in ("1234567890", "qwertyuiop", "Password123"):
        assert word.lower() in common
        assert open_browser().submit("/register", WORDS | {"password": word}).status_code == 400
        assert change(word).status_code == 400


@pytest.mark.asvs("6.2.5")
@pytest.mark.parametrize(
    "new", ["kqzvjxwmpt", "8302847561", "ÜÄÖ ßéè ñç", "!!??..,,;;", "猫が好きです本当に毎日", "  spaces  "]
)
def test_any_composition_will_do(change: Any, new: str) -> None:
    assert change(new).status_code == 303


@pytest.mark.asvs("6.2.6")
def test_passwords_are_masked(open_browser: Any, alice: Person) -> None:
    assert isinstance(alice.client, Browser)
    pages = [open_browser().get(path).text for path in ("/login", "/register")]
    pages += [alice.client.get(path).text for path in ("/account/password", "/account/email", "/account/verify")]
    for page in pages:
        kinds = re.findall(r'<input[^>]*name="(?:password|current)"[^>]*>', page)
        assert kinds
        assert all('type="password"' in kind for kind in kinds)


@pytest.mark.asvs("6.2.7")
def test_password_managers_and_pasting_are_welcome(open_browser: Any, alice: Person) -> None:
    assert 'autocomplete="current-password"' in open_browser().get("/login").text
    assert 'autocomplete="new-password"' in open_browser().get("/register").text
    assert 'autocomplete="new-password"' in alice.client.get("/account/password").text
    assert not any(re.search(r"onpaste|[\"']paste[\"']", text) for text in texts("static", "*.js").values())


@pytest.mark.asvs("6.2.8")
def test_who_types_another_case_or_space_stays_out(open_browser: Any, change: Any, alice: Person) -> None:
    assert change(NEW).status_code == 303
    for other in (NEW.upper(), f"{NEW} ", f" {NEW}", NEW[:-1], f"{NEW}x", NEW.replace(" ", "")):
        assert not log_in(open_browser(), alice.email, other), other
    assert log_in(open_browser(), alice.email, NEW)


@pytest.mark.asvs("6.2.10")
def test_a_password_stays_good(open_browser: Any, alice: Person, later: Callable[..., None]) -> None:
    later(days=800)
    assert log_in(open_browser(), alice.email)


@pytest.mark.asvs("6.2.11")
def test_words_that_others_know_are_refused(open_browser: Any, change: Any) -> None:
    for word in ("Waiter Caller", "waitercaller", "Trattoria Lucia", "trattorialucia", "zoe@example.org"):
        assert open_browser().submit("/register", WORDS | {"password": word}).status_code == 400
    for word in ("Waiter  Caller", "TrattoriaLucia", "alice@example.org"):
        assert change(word).status_code == 400


@pytest.mark.asvs("6.2.12")
def test_passwords_known_from_breaches_are_refused(open_browser: Any, change: Any, mails: Mails, alice: Person) -> None:
    breached = sorted(passwords._common_passwords())[:: len(passwords._common_passwords()) // 5]
    client = open_browser()
    client.submit("/forgot", {"email": alice.email})
    client.get(mails()[0].path)
    for word in breached:
        assert change(word).status_code == 400
        assert client.submit("/reset", {"password": word}).status_code == 400


# --- V6.3 general authentication security -----------------------------------------------------------------------------


@pytest.mark.asvs("6.3.1")
def test_guessing_is_stopped_and_locks_nobody_out(open_browser: Any, alice: Person) -> None:
    mallory = open_browser()
    mallory.environ_base["REMOTE_ADDR"] = "192.0.2.66"
    answers = [mallory.submit("/login", {"email": alice.email, "password": f"{NEW} {n}"}) for n in range(11)]
    assert [answer.status_code for answer in answers] == [400] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert not log_in(mallory, alice.email)
    assert log_in(open_browser(), alice.email)


@pytest.mark.asvs("6.3.2")
def test_nobody_is_there_before_somebody_registers(app: Flask, open_browser: Any) -> None:
    assert not any(everything(app).values())
    for name in ("admin", "root", "alice"):
        assert not log_in(open_browser(), f"{name}@example.org", "admin password")


@pytest.mark.asvs("6.3.3")
def test_a_second_factor_can_be_had_and_demanded(
    app: Flask, open_browser: Any, alice: Person, hire: Any, protected: Any
) -> None:
    person, totp, _ = protected
    assert not log_in(open_browser(), person.email)
    assert log_in(open_browser(), person.email, code=totp.at(clock.now()))
    mona = hire("Mona", role="manager", at=alice)
    assert mona.client.get(f"{alice.home}/tables").status_code == 200
    assert (
        person.client.submit(f"{alice.home}/staff/two-factor", {"required": "yes"}, page="/account").status_code == 303
    )
    for path in ("dashboard", "tables", "staff"):
        assert mona.client.get(f"{alice.home}/{path}").location == "/account/two-factor"
    assert "second factor" in section("Ways in")


@pytest.mark.asvs("6.3.4")
def test_every_way_in_asks_for_the_second_factor(open_browser: Any, protected: Any, mails: Mails) -> None:
    person, totp, _ = protected
    client = open_browser()
    client.submit("/forgot", {"email": person.email})
    client.get(next(mail for mail in mails() if "/reset/" in mail.path).path)
    assert client.submit("/reset", {"password": NEW}).status_code == 303
    assert client.get("/account").status_code == 303
    assert not log_in(client, person.email, NEW)
    assert client.get("/account").status_code == 303
    assert log_in(client, person.email, NEW, totp.at(clock.now()))


# --- V6.4 authentication factor lifecycle and recovery ----------------------------------------------------------------


@pytest.mark.asvs("6.4.1")
def test_links_that_open_an_account_are_random_and_end(
    open_browser: Any, mails: Mails, later: Callable[..., None]
) -> None:
    client = open_browser()
    client.submit("/register", WORDS)
    first = mails()[0].path
    token = first.rpartition("/")[2]
    assert len(base64.urlsafe_b64decode(token.partition(".")[0] + "===")) * 8 > 128
    later(hours=auth_mails.CONFIRM_LIFETIME.total_seconds() / 3600, minutes=2)
    client.get(first)
    assert client.get("/confirm").status_code == 410
    client.submit("/resend", {"email": WORDS["email"]}, page="/registered")
    second = mails()[0].path
    client.get(second)
    assert client.submit("/confirm").status_code == 303
    again = open_browser()
    again.get(second)
    assert again.get("/confirm").status_code == 410


@pytest.mark.asvs("6.4.2")
def test_there_are_no_hints_and_no_secret_questions() -> None:
    words = re.compile(r"hint|secret.question|mother|maiden|first pet", re.IGNORECASE)
    forms = [path for path, tree in sources() if path.name == "forms.py" and words.search(path.read_text())]
    assert forms == []
    assert [path for path, text in texts("templates", "*.html").items() if words.search(text)] == []


@pytest.mark.asvs("6.4.3")
def test_a_reset_does_not_get_round_the_second_factor(open_browser: Any, protected: Any, mails: Mails) -> None:
    person, _, recovery = protected
    client = open_browser()
    client.submit("/forgot", {"email": person.email})
    client.get(next(mail for mail in mails() if "/reset/" in mail.path).path)
    assert client.submit("/reset", {"password": NEW}).location == "/login"
    assert not log_in(open_browser(), person.email, NEW)
    assert log_in(open_browser(), person.email, NEW, recovery[0])


@pytest.mark.asvs("6.4.4")
def test_who_has_lost_the_app_shows_a_recovery_code(app: Flask, open_browser: Any, protected: Any) -> None:
    person, _, recovery = protected
    client = open_browser()
    assert not log_in(client, person.email, code="000000")
    for path in ("/account/two-factor", "/account/two-factor/disable", "/account/two-factor/recovery-codes"):
        assert client.submit(path, page="/login").location.startswith("/login")
    assert everything(app)["users"][0]["two_factor"]
    assert log_in(client, person.email, code=recovery[3])
    client.submit("/account/two-factor/disable", page="/account")
    assert log_in(open_browser(), person.email)


# --- V6.5 multi-factor authentication ---------------------------------------------------------------------------------


@pytest.mark.asvs("6.5.2")
def test_recovery_codes_are_long_enough_for_their_hash(app: Flask, protected: Any) -> None:
    _, _, recovery = protected
    assert {len(base64.b32decode(code.replace("-", ""))) * 8 for code in recovery} == {120}
    kept = everything(app)["users"][0]["two_factor"]["recovery_codes"]
    assert len(kept) == len(recovery) == 10
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in kept)


@pytest.mark.asvs("6.5.3")
def test_secrets_and_codes_come_from_a_secure_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    random.seed(1)
    first = second_factor_codes.new_secret(), second_factor_codes.new_recovery_codes()
    random.seed(1)
    second = second_factor_codes.new_secret(), second_factor_codes.new_recovery_codes()
    assert first[0] != second[0]
    assert not set(first[1]) & set(second[1])
    monkeypatch.setattr("secrets.token_bytes", lambda size: b"\0" * size)
    assert set(second_factor_codes.new_recovery_codes()) == {second_factor_codes.in_groups("A" * 24)}


@pytest.mark.asvs("6.5.4")
def test_recovery_codes_have_at_least_20_bits() -> None:
    made = [code for _ in range(20) for code in second_factor_codes.new_recovery_codes()]
    assert len(set(made)) == 200
    assert all(len(code.replace("-", "")) * 5 >= 20 for code in made)
