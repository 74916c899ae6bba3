"""Registration and confirmation of the address. Mallory is an attacker."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.cast import PASSWORD, Browser, Mail, Person
from tests.support.together import at_once
from waitercaller.model import users

ALICE = {"restaurant": "Trattoria Lucia", "name": "Alice", "email": "alice@example.org", "password": PASSWORD}
ANOTHER_PASSWORD = "purple monkey dishwasher"

Mails = Callable[[], list[Mail]]


@pytest.fixture
def stored(app: Flask) -> Callable[..., int]:
    """`stored("users")`: the number of documents in the collection."""
    database = app.extensions["mongo"].database
    return lambda name, **which: int(database[name].count_documents(which))


def words(answer: TestResponse) -> str:
    """A page without the parts that differ on every request."""
    return re.sub(r'(name="csrf_token"[^>]*value=)"[^"]*"', r"\1", answer.text)


def log_in(visitor: Browser, email: str, password: str = PASSWORD, path: str = "/login") -> TestResponse:
    return visitor.submit(path, {"email": email, "password": password})


# --- registration -------------------------------------------------------------------------------------------


def test_alice_registers_confirms_and_stands_in_her_restaurant(visitor: Browser, mails: Mails, app: Flask) -> None:
    answer = visitor.submit("/register", ALICE)
    assert (answer.status_code, answer.location) == (303, "/registered")
    assert "alice@example.org" in visitor.get("/registered").text

    [mail] = mails()
    assert (mail.to, mail.path[:9]) == ("alice@example.org", "/confirm/")
    assert visitor.get(mail.path).location == "/confirm"
    assert 'name="password"' not in visitor.get("/confirm").text  # this browser chose it a minute ago

    answer = visitor.submit("/confirm")
    assert re.fullmatch(r"/r/[0-9a-f]{24}/first-call", answer.location)
    assert "Trattoria Lucia" in visitor.get(answer.location).text
    [restaurant] = app.extensions["mongo"].database.restaurants.find()
    assert [(member["name"], member["role"]) for member in restaurant["members"]] == [("Alice", "owner")]
    assert log_in(visitor, "alice@example.org").status_code == 303


def test_in_another_browser_the_confirmation_asks_for_the_password(
    visitor: Browser, open_browser: Callable[[], Browser], mails: Mails, stored: Callable[..., int]
) -> None:
    visitor.submit("/register", ALICE)
    phone = open_browser()
    phone.get(mails()[0].path)
    assert 'name="password"' in phone.get("/confirm").text
    for wrong in ({}, {"password": ""}, {"password": ANOTHER_PASSWORD}):
        assert phone.submit("/confirm", wrong).status_code == 400
        assert stored("users") == 0
    assert phone.submit("/confirm", {"password": PASSWORD}).location.endswith("/first-call")


def test_nobody_confirms_a_password_that_somebody_else_chose(
    open_browser: Callable[[], Browser], mails: Mails, stored: Callable[..., int]
) -> None:
    mallory, alice = open_browser(), open_browser()
    mallory.submit("/register", {**ALICE, "password": ANOTHER_PASSWORD})
    [mail] = mails()
    assert "Alice" not in mail.text + mail.subject  # nor is she sent what Mallory wrote
    assert "Trattoria" not in mail.text + mail.subject
    alice.get(mail.path)
    assert alice.submit("/confirm", {"password": PASSWORD}).status_code == 400
    assert stored("users") == 0


def test_opening_a_link_does_nothing(visitor: Browser, mails: Mails, stored: Callable[..., int]) -> None:
    visitor.submit("/register", ALICE)
    path = mails()[0].path
    for _ in range(3):
        visitor.head(path)
        visitor.get(path, follow_redirects=True)
    assert (stored("users"), stored("restaurants"), stored("tokens", used_at=None)) == (0, 0, 1)


def test_a_link_is_not_handed_on_to_other_pages(visitor: Browser, mails: Mails) -> None:
    visitor.submit("/register", ALICE)
    token_page = visitor.get(mails()[0].path)
    assert token_page.status_code == 303
    assert token_page.headers["Referrer-Policy"] == "no-referrer"
    assert token_page.headers["Cache-Control"] == "no-store"


def test_an_address_with_an_account_is_answered_like_a_new_one(
    open_browser: Callable[[], Browser], alice: Person, mails: Mails, stored: Callable[..., int]
) -> None:
    answers = []
    for email in (alice.email, "nobody@example.org"):
        visitor = open_browser()
        answer = visitor.submit("/register", {**ALICE, "email": email})
        page = visitor.get(answer.location)
        answers.append((answer.status_code, answer.location, words(page).replace(email, "")))
    assert answers[0] == answers[1]
    told = {mail.to: mail for mail in mails()}
    assert "already registered" in told[alice.email].subject
    assert told[alice.email].path == "/login"
    assert "/confirm/" in told["nobody@example.org"].path
    assert stored("users") == 1


def test_the_outbox_never_holds_a_link_that_works(app: Flask, visitor: Browser, alice: Person, mails: Mails) -> None:
    visitor.submit("/register", {**ALICE, "email": "new@example.org"})
    visitor.submit("/forgot", {"email": alice.email})
    tokens = [mail.path.rsplit("/", 1)[1] for mail in mails()]
    assert len(tokens) == 2
    outbox = str(list(app.extensions["mongo"].database.outbox.find()))
    assert not any(token in outbox or token.split(".")[0] in outbox for token in tokens)


def test_a_link_is_used_once(visitor: Browser, open_browser: Callable[[], Browser], mails: Mails) -> None:
    visitor.submit("/register", ALICE)
    path = mails()[0].path
    visitor.get(path)
    visitor.submit("/confirm")
    again = open_browser()
    answer = again.get(path, follow_redirects=True)
    assert answer.status_code == 410
    assert "has been used" in answer.text
    assert 'href="/login"' in answer.text


def test_a_double_click_confirms_once(visitor: Browser, mails: Mails, stored: Callable[..., int]) -> None:
    visitor.submit("/register", ALICE)
    visitor.get(mails()[0].path)
    form = {"csrf_token": visitor.csrf_token("/confirm")}
    cookie = visitor.get_cookie("session")
    assert cookie is not None
    assert visitor.post("/confirm", data=form).status_code == 303
    visitor.set_cookie("session", cookie.value)  # the second click was sent before the first was answered
    assert visitor.post("/confirm", data=form).status_code == 410
    assert (stored("users"), stored("restaurants")) == (1, 1)


@pytest.mark.needs_wire
def test_of_eight_confirmations_at_once_one_opens_the_restaurant(
    visitor: Browser, open_browser: Callable[[], Browser], mails: Mails, stored: Callable[..., int]
) -> None:
    visitor.submit("/register", ALICE)
    path = mails()[0].path
    works = []
    for _ in range(8):
        phone = open_browser()
        phone.get(path)
        form = {"csrf_token": phone.csrf_token("/confirm"), "password": PASSWORD}
        works.append(partial(phone.post, "/confirm", data=form))
    assert sorted(answer.status_code for answer in at_once(*works)) == [303] + [410] * 7
    assert (stored("users"), stored("restaurants"), stored("registrations")) == (1, 1, 0)


def test_of_two_registrations_of_one_address_the_first_confirmed_wins(
    open_browser: Callable[[], Browser], mails: Mails, app: Flask
) -> None:
    tablet, phone = open_browser(), open_browser()
    tablet.submit("/register", {**ALICE, "restaurant": "First"})
    phone.submit("/register", {**ALICE, "restaurant": "Second", "password": ANOTHER_PASSWORD})
    first, second = mails()
    tablet.get(first.path)
    phone.get(second.path)
    form = {"csrf_token": tablet.csrf_token("/confirm")}
    assert phone.submit("/confirm").status_code == 303
    late = tablet.post("/confirm", data=form)
    assert late.status_code == 410
    assert 'href="/login"' in late.text
    assert [place["name"] for place in app.extensions["mongo"].database.restaurants.find()] == ["Second"]


@pytest.mark.needs_wire
def test_a_confirmation_that_fails_half_way_changes_nothing(
    visitor: Browser, mails: Mails, stored: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.submit("/register", ALICE)
    visitor.get(mails()[0].path)
    with monkeypatch.context() as patch:
        patch.setattr(users, "drop_registration", lambda *_: 1 / 0)
        assert visitor.submit("/confirm").status_code == 500
    assert (stored("users"), stored("restaurants"), stored("registrations")) == (0, 0, 1)
    assert visitor.submit("/confirm").status_code == 303


def test_links_end_after_a_day(visitor: Browser, mails: Mails, later: Callable[..., None]) -> None:
    visitor.submit("/register", ALICE)
    path = mails()[0].path
    later(hours=25)
    answer = visitor.get(path, follow_redirects=True)
    assert answer.status_code == 410
    assert "too old" in answer.text
    assert 'href="/registered"' in answer.text  # where a new one can be had


@pytest.mark.parametrize("purpose", ["confirm", "reset"])
def test_a_broken_link_says_so(visitor: Browser, purpose: str) -> None:
    for path in (f"/{purpose}", f"/{purpose}/broken", f"/{purpose}/a.b.c"):
        answer = visitor.get(path, follow_redirects=True)
        assert answer.status_code == 400
        assert "does not work" in answer.text
    assert visitor.get(f"/{purpose}/{'x' * 5000}").status_code == 404


def test_a_link_of_one_kind_is_worth_nothing_at_the_other(visitor: Browser, alice: Person, mails: Mails) -> None:
    visitor.submit("/forgot", {"email": alice.email})
    token = mails()[0].path.rsplit("/", 1)[1]
    assert visitor.get(f"/confirm/{token}", follow_redirects=True).status_code == 400
    assert visitor.get(f"/reset/{token}", follow_redirects=True).status_code == 200


def test_the_mail_comes_again_on_request_and_the_newest_link_counts(
    visitor: Browser, mails: Mails, later: Callable[..., None]
) -> None:
    visitor.submit("/register", ALICE)
    [first] = mails()
    later(hours=30)
    answer = visitor.submit("/resend", {"email": "alice@example.org"}, page="/registered")
    assert (answer.status_code, answer.location) == (303, "/registered")
    [second] = mails()
    assert visitor.get(first.path, follow_redirects=True).status_code == 410
    visitor.get(second.path)
    assert visitor.submit("/confirm").status_code == 303


def test_a_mail_sent_again_is_for_the_registration_of_this_browser(
    open_browser: Callable[[], Browser], mails: Mails
) -> None:
    alice, mallory = open_browser(), open_browser()
    alice.submit("/register", ALICE)
    mallory.submit("/register", {**ALICE, "password": ANOTHER_PASSWORD})
    mails()
    alice.submit("/resend", {"email": "alice@example.org"}, page="/registered")
    alice.get(mails()[0].path)
    assert 'name="password"' not in alice.get("/confirm").text


def test_asking_again_answers_alike_whoever_asks(
    open_browser: Callable[[], Browser], alice: Person, mails: Mails
) -> None:
    open_browser().submit("/register", {**ALICE, "email": "waiting@example.org"})
    mails()
    answers = []
    for email in ("waiting@example.org", alice.email, "nobody@example.org"):
        visitor = open_browser()
        answer = visitor.submit("/resend", {"email": email}, page="/registered")
        answers.append((answer.status_code, words(visitor.get(answer.location)).replace(email, "")))
    assert answers[0] == answers[1] == answers[2]
    assert sorted(mail.to for mail in mails()) == [alice.email, "waiting@example.org"]


def test_a_registration_ends_after_seven_days(visitor: Browser, mails: Mails, later: Callable[..., None]) -> None:
    visitor.submit("/register", ALICE)
    mails()
    later(days=8)
    visitor.submit("/resend", {"email": "alice@example.org"}, page="/registered")
    assert mails() == []


def test_mails_speak_the_language_of_the_page(visitor: Browser, mails: Mails, app: Flask) -> None:
    visitor.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    visitor.submit("/register", ALICE)
    [order] = app.extensions["mongo"].database.outbox.find()
    assert order["language"] == "de"
    visitor.get(mails()[0].path)
    visitor.submit("/confirm")
    assert app.extensions["mongo"].database.restaurants.find_one()["languages"][0] == "de"


def test_links_carry_the_configured_address_whatever_the_request_says(visitor: Browser, mails: Mails) -> None:
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-For": "6.6.6.6", "Forwarded": "host=evil.example"}
    visitor.submit("/register", ALICE, headers=forged)
    [mail] = mails()
    assert mail.links
    assert all(link.startswith("http://localhost") for link in mail.links)
    assert "evil" not in mail.text + mail.html


@pytest.mark.parametrize(
    "name", ['"><svg onload=alert(1)>', "{{ 7 * 7 }}", "مطعم الأمل", "Zum 🍺 Löwen", "O'Neill & Söhne", "a" * 80]
)
def test_names_are_text_everywhere(visitor: Browser, mails: Mails, app: Flask, name: str) -> None:
    visitor.submit("/register", {**ALICE, "restaurant": name, "name": name})
    visitor.get(mails()[0].path)
    page = visitor.get(visitor.submit("/confirm").location).text
    assert "<svg onload" not in page
    assert app.extensions["mongo"].database.restaurants.find_one({"name": name, "members.name": name})
    assert "<svg onload" not in visitor.get("/account").text


# --- the time zone of the browser --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Europe/Rome", "Europe/Rome"),
        ("Asia/Calcutta", "Asia/Calcutta"),  # by its older name, as Chromium says it
        ("", "UTC"),
        ("Europe/Atlantis", "UTC"),
        ("Etc/GMT+5", "UTC"),  # not in the list that a restaurant chooses from
        ("../../etc/passwd", "UTC"),
        ("Europe/Rome\0", "UTC"),
        ("x" * 60_000, "UTC"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_the_restaurant_is_in_the_time_zone_of_the_browser(
    visitor: Browser, mails: Mails, app: Flask, sent: str, kept: str
) -> None:
    assert visitor.submit("/register", {**ALICE, "time_zone": sent}).status_code == 303
    visitor.get(mails()[0].path)
    visitor.submit("/confirm")
    assert app.extensions["mongo"].database.restaurants.find_one()["time_zone"] == kept


def test_a_registration_of_an_earlier_version_opens_a_restaurant_without_a_time_zone(
    visitor: Browser, mails: Mails, app: Flask
) -> None:
    visitor.submit("/register", {**ALICE, "time_zone": "Europe/Rome"})
    visitor.get(mails()[0].path)
    database = app.extensions["mongo"].database
    database.registrations.update_one({}, {"$unset": {"time_zone": ""}})
    visitor.submit("/confirm")
    assert database.restaurants.find_one()["time_zone"] == "UTC"


# --- bad input ----------------------------------------------------------------------------------------------

BAD_VALUES = [
    ("email", ""),
    ("email", "alice"),
    ("email", "alice@"),
    ("email", "alice@example"),
    ("email", "a@b@example.org"),
    ("email", "alice@example.org, bob@example.org"),
    ("email", "alice@example.org\r\nBcc: all@example.org"),
    ("email", "Alice <alice@example.org>"),
    ("email", "a" * 250 + "@example.org"),
    ("email", "ali\0ce@example.org"),
    ("name", ""),
    ("name", "   "),
    ("name", "x" * 81),
    ("name", "Al\0ice"),
    ("name", "Al\x1bice"),
    ("restaurant", "\t\n"),
    ("restaurant", "x" * 81),
    ("restaurant", "x" * 60_000),
    ("restaurant", "\x7f"),
    ("password", ""),
    ("password", "too short"),
    ("password", "x" * 129),
    ("password", "with a \0 in the middle"),
]


@pytest.mark.parametrize(("field", "value"), BAD_VALUES, ids=lambda value: repr(value)[:30])
def test_a_bad_value_is_a_400_with_the_form_and_the_words_kept(
    visitor: Browser, stored: Callable[..., int], field: str, value: str
) -> None:
    answer = visitor.submit("/register", {**ALICE, field: value})
    assert answer.status_code == 400
    kept = {name: text for name, text in ALICE.items() if name not in (field, "password")}
    for text in kept.values():
        assert f'value="{text}"' in answer.text
    assert PASSWORD not in answer.text
    assert f'id="{field}-error"' in answer.text
    assert (stored("registrations"), stored("outbox")) == (0, 0)


@pytest.mark.parametrize("field", list(ALICE))
def test_a_field_that_is_missing_or_sent_twice_is_refused(
    visitor: Browser, stored: Callable[..., int], field: str
) -> None:
    missing = {name: text for name, text in ALICE.items() if name != field}
    twice: dict[str, Any] = {**ALICE, field: [ALICE[field], ALICE[field]]}
    assert visitor.submit("/register", missing).status_code == 400
    assert visitor.submit("/register", twice).status_code == 400
    assert stored("registrations") == 0


@pytest.mark.parametrize("path", ["/register", "/login", "/forgot"])
def test_what_no_form_sends_is_refused(visitor: Browser, stored: Callable[..., int], path: str) -> None:
    token = visitor.csrf_token(path)
    query: dict[str, Any] = {name: {"$ne": None} for name in ALICE}
    answers = [
        visitor.post(path, json=query, headers={"X-CSRFToken": token}),
        visitor.post(path, json=[1], headers={"X-CSRFToken": token}),
        visitor.post(path, data=b"\xff\xfe%00", headers={"X-CSRFToken": token}),
        visitor.post(path, data={"email[$ne]": "", "password[$ne]": "", "csrf_token": token}),
    ]
    assert [answer.status_code for answer in answers] == [400] * 4
    assert (stored("registrations"), stored("outbox")) == (0, 0)


@pytest.mark.parametrize("path", ["/register", "/login", "/forgot", "/resend", "/logout", "/confirm", "/reset"])
def test_a_form_without_its_token_is_refused(
    visitor: Browser, stored: Callable[..., int], alice: Person, path: str
) -> None:
    assert visitor.post(path, data={**ALICE, "email": alice.email}).status_code == 400
    assert (stored("registrations"), stored("outbox")) == (0, 0)
