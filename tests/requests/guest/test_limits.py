"""Limits of guests' calls per phone, table and address, and the cost of guessed codes."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.cast import Person, visit
from waitercaller.db import cache
from waitercaller.model import counters, tables
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
