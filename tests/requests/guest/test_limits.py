"""Limits of guests' calls per phone, table and address, and the cost of guessed codes."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.cast import Person, visit
from waitercaller.db import cache
from waitercaller.model import counters, tables
from waitercaller.requests.guest import views
from waitercaller.web import limits

pytestmark = pytest.mark.usefixtures("fresh_limits")


@pytest.fixture
def codes(app: Flask, alice: Person) -> list[str]:
    """The codes of the tables of a full restaurant."""
    with app.app_context():
        tables.add_many(alice.restaurant_id, [str(number) for number in range(1, 13)], None)
        return [table["code"] for table in tables.of_restaurant(alice.restaurant_id)]


def fields(page: TestResponse) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))


def tap(client: FlaskClient, address: str) -> TestResponse:
    """Open the page at this path, call, and return the response."""
    code = address.removeprefix("/t/").partition("?")[0]
    return client.post(f"/t/{code}/call", data={**fields(client.get(address)), "kind": "waiter"})


def test_a_phone_that_calls_without_end_is_told_to_wave_and_the_others_at_the_table_are_served(
    app: Flask, dana: FlaskClient, codes: list[str], later: Callable[..., None]
) -> None:
    address = f"/t/{codes[0]}"
    for _ in range(20):
        answer = tap(dana, address)
        assert answer.status_code == 303
        # Cancelled, so that the next tap is a new call and not a reminder.
        dana.post(f"/t/{codes[0]}/cancel", data=fields(dana.get(answer.location)))
        address = answer.location
    refused = tap(dana, address)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    assert "Please wave to the staff" in refused.text
    assert tap(visit(app), f"/t/{codes[0]}").status_code == 303
    later(minutes=5)
    assert tap(dana, address).status_code == 303


def test_a_table_that_calls_without_end_does_not_stop_the_next_one(app: Flask, codes: list[str]) -> None:
    answers = [tap(visit(app), f"/t/{codes[0]}").status_code for _ in range(62)]
    assert answers == [303] * 60 + [429] * 2
    assert tap(visit(app), f"/t/{codes[1]}").status_code == 303


def test_a_phone_without_cookies_locks_out_no_phone_that_has_called_and_nobody_at_another_address(
    app: Flask, codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(limits.LIMITS["guest_table"], allowances=(limits.Allowance(3, limits.HOUR, "key and address"),))
    monkeypatch.setitem(limits.LIMITS, "guest_table", few)
    address, erin, frank = f"/t/{codes[0]}", visit(app), visit(app)
    with_cookie, receipt = tap(erin, address), tap(frank, address).location
    assert with_cookie.status_code == 303
    frank.delete_cookie("device")
    stranger = visit(app)
    stranger.set_cookie("device", "made up")
    assert [tap(each, address).status_code for each in (visit(app), visit(app), stranger)] == [303, 429, 429]
    assert tap(erin, address).status_code == 303
    assert tap(frank, receipt).status_code == 303
    elsewhere = visit(app)
    elsewhere.environ_base["REMOTE_ADDR"] = "198.51.100.7"
    assert tap(elsewhere, address).status_code == 303


def test_a_full_restaurant_behind_one_address_is_served(app: Flask, codes: list[str]) -> None:
    """Twelve tables, each with four phones that call three times within ten minutes."""
    phones = [(visit(app), code) for code in codes for _phone in range(4)]
    answers = [tap(phone, f"/t/{code}").status_code for phone, code in phones for _call in range(3)]
    assert answers == [303] * 144


def test_an_address_that_calls_absurdly_often_is_stopped(app: Flask, dana: FlaskClient, codes: list[str]) -> None:
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        for _ in range(5000):
            limits.check("guest_call")
    assert tap(dana, f"/t/{codes[0]}").status_code == 429
    assert dana.get(f"/t/{codes[0]}").status_code == 200  # opening the page is not limited


def test_a_limit_of_guests_asks_nothing_of_the_database(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: Any) -> bool:
        raise AssertionError(arguments)

    monkeypatch.setattr(counters, "take", never)
    with app.test_request_context("/"):
        for name in ("guest_call", "guest_table", "guest_phone"):
            limits.check(name, "7")


# --- streams ----------------------------------------------------------------------------------------------------------


def test_one_phone_takes_neither_all_streams_of_a_table_nor_those_of_the_wifi(
    app: Flask, codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MAX_STREAMS_PER_PHONE", 2)
    monkeypatch.setattr(views, "MAX_NEW_STREAMS_PER_ADDRESS", 5)
    app.extensions["hub"].listening = True
    erin, stranger, path = visit(app), visit(app), f"/t/{codes[0]}/live"
    before = tap(erin, f"/t/{codes[0]}").location.replace("?", "/live?")
    opened: list[TestResponse] = []

    def take(client: FlaskClient, path: str) -> int:
        """How many streams it gets."""
        number = len(opened)
        while (answer := client.get(path, buffered=False)).status_code == 200:
            opened.append(answer)
        return len(opened) - number

    stranger.set_cookie("device", "made up")
    pages = [f"/t/{code}/live?form={fields(stranger.get(f'/t/{code}'))['form']}" for code in codes[:3]]
    assert take(stranger, path) == 2  # without a page
    assert [take(stranger, page) for page in pages] == [2, 1, 0]
    assert take(erin, before) == 2  # its calls are known, also where it keeps no cookies
    for stream in opened:
        stream.close()


# --- guessing ---------------------------------------------------------------------------------------------------------


def test_guesses_of_codes_are_not_found_and_leave_nothing_behind(dana: FlaskClient) -> None:
    for number in range(200):
        path = f"/t/{tables.new_code()}"
        answer = dana.get(path) if number % 2 else dana.post(f"{path}/call", data={"kind": "waiter"})
        assert answer.status_code == 404
    assert len(limits.memory) == 0
    assert not cache.tables._entries


def test_a_hundred_thousand_guesses_cost_no_memory(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_find_by_code", lambda code: None)  # the database's answer to each guess
    with app.app_context():
        assert not any(tables.by_code(tables.new_code()) for _ in range(100_000))
    assert len(limits.memory) == 0
    assert not cache.tables._entries


def test_a_guest_who_makes_up_phones_costs_bounded_memory(app: Flask) -> None:
    with app.test_request_context("/"):
        for number in range(20_000):
            limits.check("guest_phone", str(number))
    assert len(limits.memory) == limits.MAX_MEMORY_ENTRIES
