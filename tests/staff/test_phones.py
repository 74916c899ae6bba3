"""Phones of members without an e-mail address: invited by a manager, logged in by a code, acting as the member."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.live.test_streams import Stream
from tests.staff.test_devices import anna, call, code_on, counter, mona, press, request_of, tap
from tests.support.cast import Person
from waitercaller.db import cache
from waitercaller.model import logins

__all__ = ["anna", "call", "counter", "mona", "request_of"]


@pytest.fixture
def phone(app: Flask, mona: Person, anna: str) -> Any:
    """Anna's phone, logged in."""
    press(mona.client, mona.home, f"/members/{anna}/phone")
    phone: Any = app.test_client()
    phone.get(code_on(mona.client, mona.home))
    assert phone.submit("/join").location == f"{mona.home}/dashboard"
    return phone


def test_annas_phone_acts_in_her_name(phone: Any, mona: Person, anna: str, call: Any, request_of: Any) -> None:
    request_id = call()
    assert tap(phone, mona.home, request_id, "accept").json["message"] == "Table 7: you are on the way."
    assert request_of(request_id)["by"] == {"id": anna, "name": "Anna"}
    page = phone.get(f"{mona.home}/dashboard").text
    assert f'data-me="{anna}"' in page
    assert "data-asks" not in page


def test_it_acts_for_nobody_else(phone: Any, mona: Person, call: Any, request_of: Any) -> None:
    request_id = call()
    tap(phone, mona.home, request_id, "accept", **{"as": mona.member_id})
    assert request_of(request_id)["by"]["name"] == "Anna"


def test_it_sees_the_calls_and_nothing_else(phone: Any, mona: Person) -> None:
    for path in ("/staff", "/staff/phones", "/tables", "/staff/history"):
        assert phone.get(mona.home + path).status_code == 403, path
    assert phone.get("/account").status_code == 403


def test_it_stands_beside_its_member_and_is_ended_there(app: Flask, phone: Any, mona: Person) -> None:
    assert "Anna’s phone" in mona.client.get(f"{mona.home}/staff").text
    with app.app_context():
        (login,) = logins.devices_of(mona.restaurant_id)
    press(mona.client, mona.home, f"/devices/{login['_id']}/end")
    assert phone.get(f"{mona.home}/dashboard").status_code == 303


def test_when_anna_goes_her_phone_goes_dark(
    phone: Any, mona: Person, anna: str, watcher: Any, app: Flask, alice: Person
) -> None:
    stream = Stream(phone, f"{mona.home}/live")
    assert stream.next()[0] == "calls"
    press(mona.client, mona.home, f"/members/{anna}/remove")
    event, data = stream.next()
    assert (event, data["reason"]) == ("bye", "logged_out")
    assert phone.get(f"{mona.home}/dashboard").status_code == 303
    stream.close()


def test_the_phone_of_somebody_who_is_gone_is_no_device_of_the_counter(app: Flask, phone: Any, alice: Person) -> None:
    places = app.extensions["mongo"].database.restaurants
    places.update_one({"_id": alice.restaurant_id}, {"$pull": {"members": {"name": "Anna"}}})
    cache.restaurants.clear()
    assert phone.get(f"{alice.home}/dashboard").status_code == 404


def test_a_code_works_once_and_for_ten_minutes(app: Flask, mona: Person, anna: str, later: Callable[..., None]) -> None:
    press(mona.client, mona.home, f"/members/{anna}/phone")
    link = code_on(mona.client, mona.home)
    phones: list[Any] = [app.test_client() for _ in range(3)]
    first, second, third = phones
    for browser in (first, second):
        browser.get(link)
        assert "Hello Anna" in browser.get("/join").text
    first.submit("/join")
    assert second.get("/join").status_code == 410
    press(mona.client, mona.home, f"/members/{anna}/phone")
    third.get(code_on(mona.client, mona.home))
    later(minutes=12)
    assert third.get("/join").status_code == 410


@pytest.mark.parametrize("deed", ["withdraw", "remove"])
def test_a_code_dies_with_what_it_is_for(app: Flask, mona: Person, anna: str, deed: str) -> None:
    press(mona.client, mona.home, f"/members/{anna}/phone")
    phone = app.test_client()
    phone.get(code_on(mona.client, mona.home))
    invitation = app.extensions["mongo"].database.invitations.find_one({})
    path = f"/invitations/{invitation['_id']}/withdraw" if deed == "withdraw" else f"/members/{anna}/remove"
    assert press(mona.client, mona.home, path).status_code == 303
    assert phone.get("/join").status_code == 410


def test_the_counter_shows_the_code_of_whom_a_manager_has_let_in(
    app: Flask, counter: Any, mona: Person, anna: str
) -> None:
    assert "Ask a manager" in counter.get(f"{mona.home}/staff/phones").text
    press(mona.client, mona.home, f"/members/{anna}/phone")
    page = counter.get(f"{mona.home}/staff/phones").text
    assert "<bdi>Anna</bdi>" in page
    invitation = app.extensions["mongo"].database.invitations.find_one({})
    answer = press(counter, mona.home, f"/phones/{invitation['_id']}", page="/staff/phones")
    assert answer.location == f"{mona.home}/staff/code"
    phone: Any = app.test_client()
    phone.get(code_on(counter, mona.home))
    assert phone.submit("/join").status_code == 303
    assert "Ask a manager" in counter.get(f"{mona.home}/staff/phones").text


def test_the_counter_lets_nobody_in_by_itself(app: Flask, counter: Any, alice: Person, anna: str) -> None:
    token = counter.csrf_token(f"{alice.home}/dashboard")
    for path in (f"/members/{anna}/phone", "/devices", "/devices/code", "/members"):
        assert counter.post(f"{alice.home}/staff{path}", data={"csrf_token": token}).status_code == 403, path
    assert app.extensions["mongo"].database.invitations.count_documents({}) == 0


def test_who_has_an_address_logs_in_with_it(alice: Person, bob: Person, mona: Person) -> None:
    assert press(alice.client, alice.home, f"/members/{bob.member_id}/phone").status_code == 409
    assert press(mona.client, mona.home, f"/members/{alice.member_id}/phone").status_code == 403
    assert press(mona.client, mona.home, "/members/000000000000/phone").status_code == 404
