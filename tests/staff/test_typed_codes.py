"""Codes of eight signs, for a phone whose home screen has logins of its own: what they open, and for how long."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from tests.staff.test_devices import anna as anna  # fixtures
from tests.staff.test_devices import press
from tests.support.cast import Person
from waitercaller.model import tokens
from waitercaller.web import limits

pytestmark = pytest.mark.usefixtures("anna")


def code_for(app: Flask, person: Person, member_id: str) -> str:
    """The code on the page that a manager sees."""
    press(person.client, person.home, f"/members/{member_id}/phone")
    found = re.search(r'scan-typed" dir="ltr">([^<]+)<', person.client.get(f"{person.home}/staff/code").text)
    assert found
    return found[1]


def type_in(browser: Any, code: str) -> Any:
    return browser.submit("/code", {"code": code})


def test_a_member_without_an_address_logs_in_with_a_code_that_a_manager_reads_out(
    app: Flask, alice: Person, anna: str
) -> None:
    phone: Any = app.test_client()
    assert "/code" in phone.get("/login").text
    code = code_for(app, alice, anna)
    assert re.fullmatch("[A-HJKM-NP-Z2-9]{4} [A-HJKM-NP-Z2-9]{4}", code)
    answer = type_in(phone, f" {code.lower().replace(' ', '-')} ")
    assert (answer.status_code, answer.location) == (303, "/join")
    assert "Hello Anna" in phone.get("/join").text  # nobody is logged in by typing alone
    assert "/login" in phone.get(f"{alice.home}/dashboard").location
    phone.submit("/join", {})
    assert phone.get(f"{alice.home}/dashboard").status_code == 200
    other: Any = app.test_client()
    assert "does not count" in type_in(other, code).get_data(as_text=True)  # it works once


def test_a_counter_device_is_logged_in_by_a_code_too(app: Flask, alice: Person) -> None:
    press(alice.client, alice.home, "/devices/code")
    found = re.search(r'scan-typed" dir="ltr">([^<]+)<', alice.client.get(f"{alice.home}/staff/code").text)
    assert found
    tablet: Any = app.test_client()
    assert type_in(tablet, found[1]).location == "/device"
    tablet.submit("/device", {"device_name": "Bar"})
    assert tablet.get(f"{alice.home}/dashboard").status_code == 200


def test_a_code_lasts_ten_minutes_and_a_newer_one_takes_its_place(
    app: Flask, alice: Person, anna: str, later: Any
) -> None:
    first = code_for(app, alice, anna)
    second = code_for(app, alice, anna)
    phone: Any = app.test_client()
    type_in(phone, first)
    assert phone.get("/join").status_code == 410  # as for the QR code that was shown before
    later(minutes=12)
    assert type_in(phone, second).status_code == 400


@pytest.mark.parametrize("typed", ["", "AAAA AAAA", "x" * 21, "٤٤٤٤٤٤٤٤", "\x00"])
def test_what_is_no_code_is_refused(app: Flask, typed: str) -> None:
    phone: Any = app.test_client()
    answer = type_in(phone, typed)
    assert answer.status_code == 400
    assert "phone_token" not in answer.get_data(as_text=True)


def test_digits_of_other_scripts_and_wide_letters_count(app: Flask) -> None:
    with app.app_context():
        token, code = tokens.issue_with_code("phone", "somebody", timedelta(minutes=1))
        wide = "".join(chr(ord("٠") + int(each)) if each.isdigit() else chr(ord(each) + 0xFEE0) for each in code)
        assert tokens.peek("phone", tokens.of_code("phone", wide)) == "somebody"
        assert tokens.of_code("phone", code) == token
        with pytest.raises(tokens.TokenError):
            tokens.of_code("device", code)


def test_guessing_is_limited(app: Flask) -> None:
    phone: Any = app.test_client()
    (allowance,) = limits.LIMITS["typed_code"].allowances
    answers = [type_in(phone, "AAAAAAAA").status_code for _ in range(allowance.tries + 1)]
    assert answers == [400] * allowance.tries + [429]


def test_the_database_has_no_hash_that_can_be_tried_without_the_key(app: Flask) -> None:
    with app.app_context():
        _token, code = tokens.issue_with_code("phone", "somebody", timedelta(minutes=1))
        stored = tokens.documents().find_one({"subject": "somebody"})
        assert stored
        assert stored["_id"] != tokens._hash(code)
        app.secret_key = "another"
        with pytest.raises(tokens.TokenError):
            tokens.of_code("phone", code)
