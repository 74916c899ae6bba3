"""Pauses of phones and tables, through the guest's page and the dashboard."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config import Config
from tests.support.asvs import hidden_fields
from tests.support.cast import Person
from tests.support.together import at_once
from waitercaller.db.client import Document
from waitercaller.model import pauses, tables
from waitercaller.model.tables import Table

pytestmark = pytest.mark.moments

PAUSED = "Calls from this phone are paused — please wave"
TABLE_PAUSED = "Calls from this table are paused — please wave"

Act = Callable[..., TestResponse]


class Phone:
    """A guest's phone at a table, which may drop its cookies or scan the code again."""

    def __init__(self, client: FlaskClient, table: Table) -> None:
        self.client = client
        self.base = f"/t/{table['code']}"
        self.address = self.base

    @property
    def page(self) -> str:
        return self.client.get(self.address).text

    def tap(self, kind: str = "waiter", act: str = "call") -> None:
        answer = self.client.post(f"{self.base}/{act}", data={**hidden_fields(self.page), "kind": kind})
        assert answer.status_code == 303
        self.address = answer.location

    def scan(self) -> None:
        self.address = self.base


@pytest.fixture
def phone(dana: FlaskClient, table: Table) -> Phone:
    return Phone(dana, table)


@pytest.fixture
def make_table(app: Flask) -> Callable[[Person], Table]:
    """`make_table(charlie)`: a table of Charlie's."""

    def make(owner: Person) -> Table:
        with app.app_context():
            tables.add_many(owner.restaurant_id, ["1"], None)
            return tables.of_restaurant(owner.restaurant_id)[0]

    return make


@pytest.fixture
def live(app: Flask, alice: Person) -> Callable[[], list[Document]]:
    """`live()`: the live requests of Alice's restaurant."""
    where = {"restaurant_id": alice.restaurant_id, "live": True}
    return lambda: list(app.extensions["mongo"].database.requests.find(where))


@pytest.fixture
def act(bob: Person, live: Any) -> Act:
    """`act("dismiss")`: Bob applies this action to all live requests, or to those with these `ids`."""

    def done(name: str, ids: list[Any] | None = None) -> TestResponse:
        words = ids or [request["_id"] for request in live()]
        data = {"ids": " ".join(map(str, words))}
        address = f"{bob.home}/requests/{words[0]}/{name}"
        return bob.client.submit(address, data, page=f"{bob.home}/dashboard", follow_redirects=True)

    return done


@pytest.fixture
def twice_nobody(phone: Phone, act: Act, later: Any) -> None:
    """Dana's phone has called twice, and both requests were dismissed."""
    for _ in range(2):
        phone.tap()
        assert "nobody was there" in act("dismiss").text
        later(seconds=10)


@pytest.fixture
def events(app: Flask, alice: Person) -> Callable[[], list[str]]:
    where = {"restaurant_id": alice.restaurant_id}
    return lambda: [entry["event"] for entry in app.extensions["mongo"].database.audit.find(where).sort("at")]


def lift(person: Person) -> TestResponse:
    """“Let it call again” for the first pause of the list."""
    dashboard = f"{person.home}/dashboard"
    address = re.search(r'formaction="([^"]+/lift)"', person.client.get(dashboard).text)
    assert address is not None
    return person.client.submit(address[1], page=dashboard, follow_redirects=True)


def pause(person: Person, table: Table, **kwargs: Any) -> TestResponse:
    address = f"{person.home}/tables/{table['_id']}/pause"
    return person.client.submit(address, page=f"{person.home}/dashboard", **kwargs)


@pytest.mark.usefixtures("twice_nobody")
def test_a_phone_that_called_twice_where_nobody_was_is_paused_and_told_so(
    phone: Phone, live: Any, bob: Person, events: Any
) -> None:
    assert PAUSED in phone.page
    phone.tap("bill")
    assert PAUSED in phone.page
    assert live() == []
    dashboard = bob.client.get(f"{bob.home}/dashboard").text
    assert "One phone, until" in dashboard
    assert "1 tap" in dashboard
    assert events() == ["phone_paused"]


@pytest.mark.usefixtures("twice_nobody")
def test_its_cookie_keeps_it_paused_however_often_it_scans(phone: Phone, live: Any) -> None:
    phone.scan()
    assert PAUSED in phone.page
    phone.tap()
    assert live() == []


@pytest.mark.usefixtures("twice_nobody")
def test_i_am_here_is_counted_while_paused_like_any_other_tap(phone: Phone, live: Any, bob: Person) -> None:
    assert "I am here" not in phone.page
    phone.tap(act="reopen")
    assert live() == []
    assert "1 tap" in bob.client.get(f"{bob.home}/dashboard").text


@pytest.mark.usefixtures("twice_nobody")
def test_the_other_phones_of_the_table_call_as_ever(app: Flask, table: Table, live: Any, phone: Phone) -> None:
    other = Phone(app.test_client(), table)
    assert "are paused" not in other.page
    other.tap()
    assert "Your call is sent" in other.page
    assert len(live()) == 1
    # The paused phone shows the table's state, and that its own taps call nobody.
    assert "Your call is sent" in phone.page
    assert PAUSED in phone.page
    phone.tap()
    assert live()[0]["reminders"] == 0


@pytest.mark.usefixtures("twice_nobody")
def test_the_same_phone_calls_in_another_restaurant(
    app: Flask, phone: Phone, charlie: Person, make_table: Callable[[Person], Table]
) -> None:
    elsewhere = Phone(phone.client, make_table(charlie))
    assert "are paused" not in elsewhere.page
    elsewhere.tap()
    assert "Your call is sent" in elsewhere.page
    devices = app.extensions["mongo"].database.requests.distinct("device")
    assert len(devices) == 2  # the database does not reveal that it was one phone


@pytest.mark.usefixtures("twice_nobody")
def test_the_staff_lets_it_call_again(phone: Phone, live: Any, bob: Person, events: Any) -> None:
    page = lift(bob).text
    assert "7: calls are taken again." in page
    assert "One phone, until" not in page
    assert "are paused" not in phone.page
    phone.tap()
    assert len(live()) == 1
    assert events() == ["phone_paused", "pause_lifted"]


def test_undoing_nobody_there_undoes_the_pause(phone: Phone, act: Act, live: Any, later: Any) -> None:
    for kind in ("waiter", "bill"):
        phone.tap(kind)
        ids = [request["_id"] for request in live()]
        act("dismiss")
        later(seconds=10)
    assert PAUSED in phone.page
    act("reopen", ids)
    assert "are paused" not in phone.page
    assert [request["kind"] for request in live()] == ["bill"]


def test_a_phone_that_keeps_no_cookies_is_known_by_its_receipt(phone: Phone, act: Act, live: Any, later: Any) -> None:
    for _ in range(2):
        phone.client.delete_cookie("device")
        phone.tap()
        act("dismiss")
        later(seconds=10)
    phone.client.delete_cookie("device")
    assert PAUSED in phone.page
    phone.tap()
    assert live() == []


def test_a_tap_sent_again_because_its_answer_was_lost_comes_from_the_same_phone(
    phone: Phone, live: Any, table: Table
) -> None:
    form = {**hidden_fields(phone.page), "kind": "waiter"}
    phone.client.post(f"{phone.base}/call", data=form)
    phone.client.delete_cookie("device")  # the cookie was lost with the response
    phone.address = phone.client.post(f"{phone.base}/call", data=form).location
    assert "Never mind, cancel my call" in phone.page
    phone.tap(act="cancel")
    assert live() == []


def test_a_phone_that_only_reminded_takes_back_nothing_but_that(
    app: Flask, phone: Phone, table: Table, live: Any
) -> None:
    phone.tap()
    other = Phone(app.test_client(), table)
    other.tap()
    assert live()[0]["reminders"] == 1
    other.tap(act="cancel")
    assert "Never mind, cancel my call" not in other.page
    assert len(live()) == 1
    assert "Never mind, cancel my call" in phone.page
    phone.tap(act="cancel")
    assert live() == []


def test_a_paused_table_calls_nobody_for_a_quarter_of_an_hour(
    phone: Phone, table: Table, bob: Person, live: Any, later: Any, events: Any
) -> None:
    assert "Table 7: paused for 15 minutes." in pause(bob, table, follow_redirects=True).text
    assert "Table 7: paused already." in pause(bob, table, follow_redirects=True).text
    assert TABLE_PAUSED in phone.page
    phone.tap()
    assert live() == []
    dashboard = bob.client.get(f"{bob.home}/dashboard").text
    assert "The whole table, until" in dashboard
    assert "1 tap" in dashboard
    later(minutes=16)
    assert "are paused" not in phone.page
    assert "The whole table, until" not in bob.client.get(f"{bob.home}/dashboard").text
    phone.tap()
    assert len(live()) == 1
    assert events() == ["table_paused"]


def test_what_called_before_its_table_was_paused_stays_on_the_list(
    phone: Phone, table: Table, bob: Person, live: Any
) -> None:
    phone.tap()
    pause(bob, table)
    assert len(live()) == 1
    assert "Your call is sent" in phone.page
    assert TABLE_PAUSED in phone.page
    assert "Called — remind them" not in phone.page
    assert "Never mind, cancel my call" in phone.page


@pytest.mark.usefixtures("fresh_limits")
def test_pausing_without_end_pushes_nothing_out_of_the_history(
    app: Flask, table: Table, bob: Person, events: Any
) -> None:
    for _ in range(20):
        pause(bob, table)
        lift(bob)
    assert len(events()) == 30
    assert app.extensions["mongo"].database.pauses.count_documents({"over": False}) == 0


def test_scripts_are_told_what_came_of_it(table: Table, bob: Person) -> None:
    for status, ok in ((200, True), (409, False)):
        answer = pause(bob, table, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json["ok"]) == (status, ok)  # type: ignore[index]


def test_another_restaurant_neither_pauses_nor_lifts(app: Flask, table: Table, bob: Person, charlie: Person) -> None:
    page = f"{charlie.home}/dashboard"
    for home, status in ((charlie.home, 404), (bob.home, 404)):
        answer = charlie.client.submit(f"{home}/tables/{table['_id']}/pause", page=page)
        assert answer.status_code == status
    pause(bob, table)
    with app.app_context():
        (paused,) = pauses.active(bob.restaurant_id)
    charlie.client.submit(f"{charlie.home}/pauses/{paused['_id']}/lift", page=page)
    with app.app_context():
        assert pauses.active(bob.restaurant_id) == [paused]


@pytest.mark.needs_wire
def test_two_of_the_staff_who_find_nobody_at_once_pause_the_phone_once(
    app: Flask, phone: Phone, alice: Person, bob: Person, live: Any, events: Any
) -> None:
    phone.tap("waiter")
    phone.tap("bill")
    both = []
    for person, request in zip((alice, bob), live(), strict=True):
        address = f"{person.home}/requests/{request['_id']}/dismiss"
        form = {"csrf_token": person.client.csrf_token(f"{person.home}/dashboard")}
        both.append(partial(person.client.post, address, data=form))
    assert [answer.status_code for answer in at_once(*both)] == [303, 303]
    assert PAUSED in phone.page
    assert events() == ["phone_paused"]


@pytest.mark.needs_wire  # two applications on one database
def test_over_https_the_cookie_is_for_this_host_alone(make_app: Any, config: Config, app: Flask, table: Table) -> None:
    secure = make_app(replace(config, public_url="https://localhost"))
    client = secure.test_client()
    form = {**hidden_fields(client.get(f"/t/{table['code']}", base_url="https://localhost").text), "kind": "waiter"}
    answer = client.post(f"/t/{table['code']}/call", data=form, base_url="https://localhost")
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-device=")
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=15552000"):
        assert attribute in cookie
    value = cookie.partition("=")[2].partition(";")[0]
    stored = str(list(app.extensions["mongo"].database.requests.find()))
    assert value not in stored
    assert value not in answer.location
