"""A tap of a phone with scripts costs one request: its answer is the state, and the page's stream goes on with it."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.live.test_streams import Stream
from tests.requests.guest.test_page import Phone
from tests.support.cast import Person, visit
from waitercaller.model.requests import queries, transitions
from waitercaller.model.tables import Table

JUST_CALLED = {"called": True, "stays": True}


@pytest.fixture
def phone(table: Table, dana: FlaskClient) -> Phone:
    phone = Phone(dana, table["code"])
    phone.scan()
    return phone


def tap(phone: Phone, form: dict[str, str], kind: str = "waiter", act: str = "call") -> dict[str, Any]:
    """Send what the page's script sends; the answer."""
    answer = phone.client.post(f"/t/{phone.code}/{act}", data={**form, "kind": kind, "answer": "state"})
    assert answer.status_code == 200
    return dict(answer.json or {})


def test_the_answer_is_the_state_with_a_new_field_and_the_receipt(phone: Phone) -> None:
    state = tap(phone, phone.form())
    assert "Your call is sent" in state["html"]
    assert state.items() >= JUST_CALLED.items()
    assert phone.client.get(state["url"]).text.count(state["r"]) > 1
    phone.client.delete_cookie("device")
    again = tap(phone, {"form": state["form"], "r": state["r"]}, "water")
    assert again["html"].count("Called — remind them") == 2
    cancelled = tap(phone, {"form": again["form"], "r": again["r"]}, act="cancel")
    assert "Your call is cancelled" in cancelled["html"]
    assert not cancelled["called"]


def test_a_paused_phone_reads_so(app: Flask, phone: Phone, alice: Person, table: Table) -> None:
    alice.client.submit(f"{alice.home}/tables/{table['_id']}/pause", page=f"{alice.home}/dashboard")
    state = tap(phone, phone.form())
    assert "paused" in state["html"]
    assert (state["called"], state["r"]) == (False, "")


@pytest.mark.needs_wire
def test_the_open_stream_knows_a_phone_that_has_no_cookie_yet(
    app: Flask, watcher: Any, phone: Phone, alice: Person
) -> None:
    form = phone.form()
    stream = Stream(phone.client, f"/t/{phone.code}/live?form={form['form']}")
    assert "Never mind" not in stream.next()[1]["html"]
    assert tap(phone, form)["stays"]
    assert "Never mind" in stream.next()[1]["html"]
    with app.app_context():
        (request,) = queries.live_of_restaurant(alice.restaurant_id)
        transitions.resolve(alice.restaurant_id, [request["_id"]], {"id": alice.member_id, "name": "Alice"})
    assert "The staff says your call is done." in stream.next()[1]["html"]  # which is told only to who holds it
    stream.close()


def test_a_stream_that_does_not_know_the_phone_is_opened_anew(app: Flask, phone: Phone) -> None:
    """Another tab has made the phone known since this page was opened."""
    before, other = phone.form(), phone.form()
    assert tap(phone, other)["stays"]
    assert not tap(phone, before, "water")["stays"]
    assert tap(phone, phone.form())["stays"]
    stranger = Phone(visit(app), phone.code)
    stranger.scan()
    assert tap(stranger, stranger.form())["stays"]
