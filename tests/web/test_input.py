"""Input validation on the server, and the order of steps."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo.errors import OperationFailure

from tests.support import ROOT
from tests.support.asvs import call_waiter, everything, hidden_fields
from tests.support.cast import PASSWORD, Browser, Mail, Person
from waitercaller.model import service_request, tables
from waitercaller.model.requests import transitions
from waitercaller.model.tables import Table
from waitercaller.requests.guest import links as guest_links
from waitercaller.web import table_names
from waitercaller.web.forms import Form

Mails = Callable[[], list[Mail]]
GOOD = {"restaurant": "Lucia", "name": "Alice", "email": "alice@example.org", "password": PASSWORD}


def forms() -> list[type[Form]]:
    """Every form of the product."""
    found: list[type[Form]] = []
    left = [Form]
    while left:
        children = left.pop().__subclasses__()
        found += children
        left += children
    return [form for form in found if form.__module__.startswith("waitercaller.")]


def document() -> str:
    return (ROOT / "docs/security-rules.md").read_text()


def tap(person: Person, request_id: object, act: str, query: str = "") -> Any:
    assert isinstance(person.client, Browser)
    token = person.client.csrf_token(f"{person.home}/dashboard")
    path = f"{person.home}/requests/{request_id}/{act}{query}"
    return person.client.post(path, data={"csrf_token": token}, headers={"Accept": "application/json"})


# --- V2.1 documentation -----------------------------------------------------------------------------------------------


@pytest.mark.asvs("2.1.1")
def test_the_rules_name_every_field_of_every_form() -> None:
    names = {name for form in forms() for name in vars(form) if hasattr(getattr(form, name), "field_class")}
    assert {"email", "password", "names", "zone"} <= names
    assert [name for name in sorted(names) if f"`{name}`" not in document()] == []


@pytest.mark.asvs("2.1.3")
def test_the_rules_say_the_limits_of_the_business() -> None:
    written = document()
    hours = guest_links.PAGE_LIFETIME.total_seconds() / 3600
    minutes = service_request.UNDO_WINDOW.total_seconds() / 60
    assert f"{table_names.MAX_TABLES_AT_ONCE} tables at once" in written
    assert f"page can call for {hours:.0f} hours" in written
    assert f"comes back for {minutes:.0f} minutes" in written
    assert f"replaced code lives on for {tables.RETIRED_CODE_LIFETIME.total_seconds() / 3600:.0f} hours" in written
    assert f"{transitions.MAX_KEYS_PER_REQUEST} taps" in written


# --- V2.2 input validation --------------------------------------------------------------------------------------------


@pytest.mark.asvs("2.2.1")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "alice"),
        ("email", "alice@localhost"),
        ("email", f"{'a' * 250}@example.org"),
        ("name", " "),
        ("restaurant", "L" * 81),
        ("password", "short"),
        ("password", "l" * 129),
    ],
)
def test_what_is_not_as_expected_is_refused(app: Flask, client: FlaskClient, field: str, value: str) -> None:
    assert isinstance(client, Browser)
    assert client.submit("/register", GOOD | {field: value}).status_code == 400
    assert not any(everything(app).values())


@pytest.mark.asvs("2.2.2")
def test_the_server_refuses_what_no_browser_would_send(
    app: Flask, alice: Person, dana: FlaskClient, table: Table
) -> None:
    assert isinstance(alice.client, Browser)
    before = everything(app)
    room = f"{alice.home}/tables"
    assert alice.client.submit(room, {"names": "T" * 41, "zone": ""}).status_code == 400
    assert alice.client.submit(f"{room}/{table['_id']}", {"name": "", "zone": "Z" * 41}).status_code == 400
    assert call_waiter(dana, table, kind="champagne").status_code == 400
    assert everything(app) == before


@pytest.mark.asvs("2.2.3")
def test_values_must_fit_together(app: Flask, alice: Person, dana: FlaskClient, table: Table) -> None:
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["8"], None)
        other = next(each for each in tables.of_restaurant(alice.restaurant_id) if each["name"] == "8")
    before = everything(app)
    page_of_seven = hidden_fields(dana.get(f"/t/{table['code']}").text)
    answer = dana.post(f"/t/{other['code']}/call", data={**page_of_seven, "kind": "waiter"})
    assert answer.status_code == 409
    assert isinstance(alice.client, Browser)
    room = f"{alice.home}/tables"
    assert alice.client.submit(f"{room}/{other['_id']}", {"name": "7", "zone": ""}).status_code == 400
    assert alice.client.submit(room, {"names": "12-3", "zone": ""}).status_code == 400
    assert everything(app) == before


# --- V2.3 business logic security -------------------------------------------------------------------------------------


@pytest.mark.asvs("2.3.1")
@pytest.mark.parametrize("step", ["/confirm", "/reset"])
def test_no_step_can_be_left_out(app: Flask, client: FlaskClient, mails: Mails, step: str) -> None:
    assert isinstance(client, Browser)
    assert client.submit("/register", GOOD).status_code == 303
    mails()
    before = everything(app)
    token = client.csrf_token("/login")
    assert client.get(step).status_code == 400
    assert client.post(step, data={"csrf_token": token, "password": PASSWORD}).status_code == 400
    assert client.submit("/login", {"email": GOOD["email"], "password": PASSWORD}).status_code == 400
    assert everything(app)["users"] == before["users"] == []


@pytest.mark.asvs("2.3.2")
def test_the_limits_of_the_business_hold(
    app: Flask, alice: Person, bob: Person, dana: FlaskClient, table: Table, later: Callable[..., None]
) -> None:
    assert isinstance(alice.client, Browser)
    assert alice.client.submit(f"{alice.home}/tables", {"names": "1-201", "zone": ""}).status_code == 400
    call_waiter(dana, table)
    called = app.extensions["mongo"].database.requests.find_one()
    assert tap(bob, called["_id"], "resolve").status_code == 200
    stale = hidden_fields(dana.get(f"/t/{table['code']}").text)
    later(minutes=6)
    assert tap(bob, called["_id"], "reopen").status_code == 409
    later(hours=6)
    assert dana.post(f"/t/{table['code']}/call", data={**stale, "kind": "waiter"}).status_code == 409
    assert app.extensions["mongo"].database.requests.count_documents({}) == 1


@pytest.mark.needs_wire
@pytest.mark.asvs("2.3.3")
def test_what_fails_half_way_leaves_no_half(
    app: Flask, alice: Person, dana: FlaskClient, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_waiter(dana, table)

    def fail(*_: object) -> None:
        raise OperationFailure("no")

    monkeypatch.setattr(transitions, "withdraw", fail)
    before = everything(app)
    assert isinstance(alice.client, Browser)
    path = f"{alice.home}/tables/{table['_id']}"
    assert alice.client.submit(f"{path}/remove", page=path).status_code in (500, 503)
    assert everything(app) == before


@pytest.mark.asvs("2.3.4")
def test_one_call_is_taken_by_one(app: Flask, alice: Person, bob: Person, dana: FlaskClient, table: Table) -> None:
    call_waiter(dana, table)
    called = app.extensions["mongo"].database.requests.find_one()
    answers = [tap(person, called["_id"], "accept") for person in (bob, alice, alice)]
    assert [answer.status_code for answer in answers] == [200, 409, 409]
    assert tap(alice, called["_id"], "accept", f"?from={alice.member_id}").status_code == 409
    assert app.extensions["mongo"].database.requests.find_one()["by"]["name"] == "Bob"


# --- V2.4 anti-automation ---------------------------------------------------------------------------------------------


@pytest.mark.asvs("2.4.1")
def test_what_a_script_would_repeat_is_limited(
    app: Flask, client: FlaskClient, dana: FlaskClient, table: Table
) -> None:
    assert isinstance(client, Browser)
    registrations = [client.submit("/register", GOOD).status_code for _ in range(6)]
    assert registrations == [303] * 5 + [429]
    taps: list[int] = []
    while len(taps) < 100 and 429 not in taps:
        taps.append(call_waiter(dana, table).status_code)
    assert taps[-1] == 429
    assert app.extensions["mongo"].database.requests.count_documents({}) == 1
