"""A button at a table: it calls as a guest would, shows the state, and is missed when it is silent."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.calls import BOB
from tests.support.cast import Person
from waitercaller.db import clock
from waitercaller.model import buttons, pauses, restaurants, tables
from waitercaller.model.requests import transitions
from waitercaller.model.tables import Table

Ask = Callable[..., Any]


@pytest.fixture
def secret(database: Any, alice: Person, table: Table) -> str:
    """The secret of the button at table 7."""
    buttons.renew(alice.restaurant_id, table["_id"])
    return secret_at(table)


@pytest.fixture
def press(client: FlaskClient, secret: str) -> Ask:
    """`press()`: press the button; with `press="double"` twice. Returns what it is answered."""
    return lambda **data: client.post(f"/b/{secret}", data=data).json


@pytest.fixture
def light(client: FlaskClient, secret: str) -> Ask:
    """`light()`: ask for the state."""
    return lambda: client.get(f"/b/{secret}").json


def secret_at(table: Table) -> str:
    found = tables.get(table["restaurant_id"], table["_id"])
    assert found
    return found["button"]["secret"]


def test_a_press_calls_and_the_light_shows_what_comes_of_it(
    database: Any, alice: Person, press: Ask, light: Ask
) -> None:
    assert light() == {"state": "idle", "seen": False, "wave": False}
    assert press() == {"state": "sent", "seen": False, "wave": False}
    (call,) = database.requests.find()
    assert (call["table_name"], call["kind"], call["steps"][0]["by"]) == ("7", "waiter", None)
    transitions.accept(alice.restaurant_id, [call["_id"]], BOB)
    assert light()["state"] == "coming"
    transitions.resolve(alice.restaurant_id, [call["_id"]], BOB)
    assert light()["state"] == "idle"


def test_two_presses_ask_for_the_second_kind_and_another_press_reminds(database: Any, press: Ask) -> None:
    press(press="double")
    press(press="double")
    (call,) = database.requests.find()
    assert (call["kind"], call["reminders"]) == ("bill", 1)


def test_of_one_kind_both_presses_ask_for_it(database: Any, alice: Person, press: Ask) -> None:
    database.restaurants.update_one({}, {"$set": {"kinds.0.active": False, "kinds.1.active": False}})
    restaurants.forget(alice.restaurant_id)
    press()
    press(press="double")
    assert [each["kind"] for each in database.requests.find()] == ["water"]


def test_a_press_of_no_kind_calls_nobody(database: Any, client: FlaskClient, secret: str) -> None:
    answer = client.post(f"/b/{secret}?press=triple")
    assert (answer.status_code, answer.json) == (400, {"state": "error", "message": "A press is single or double."})
    assert database.requests.count_documents({}) == 0
    assert client.post(f"/b/{secret.lower()}?press=double").get_json()["state"] == "sent", "as it is typed"


def test_the_light_says_whether_somebody_has_seen_it_or_to_wave(
    database: Any, press: Ask, light: Ask, later: Any
) -> None:
    press()
    by_bob = {"member_id": "bob", "name": "Bob", "at": clock.now()}
    database.requests.update_one({}, {"$set": {"signed": [by_bob]}})
    assert light() == {"state": "sent", "seen": True, "wave": False}
    database.requests.update_one({}, {"$set": {"signed": []}})
    later(seconds=6)
    assert light() == {"state": "sent", "seen": False, "wave": True}


def test_while_it_is_closed_a_button_calls_nobody_as_a_guest_does(
    database: Any, alice: Person, press: Ask, light: Ask
) -> None:
    hours = f"{alice.home}/settings/opening"
    alice.client.submit(f"{hours}/now", {"state": "closed"}, page=hours)
    assert press()["state"] == light()["state"] == "closed"
    assert database.requests.count_documents({}) == 0


def test_at_a_paused_table_a_button_calls_nobody(database: Any, table: Table, press: Ask) -> None:
    pauses.pause_table(table)
    assert press()["state"] == "paused"
    assert (database.requests.count_documents({}), database.pauses.find_one()["taps"]) == (0, 1)


def test_a_renewed_or_removed_secret_is_good_for_nothing(
    database: Any, alice: Person, table: Table, client: FlaskClient, secret: str
) -> None:
    assert client.get(f"/b/{secret}").status_code == 200
    buttons.renew(alice.restaurant_id, table["_id"])
    new = secret_at(table)
    answers = [client.get(f"/b/{secret}"), client.post(f"/b/{secret}"), client.post(f"/b/{secret}/hello")]
    assert {(each.status_code, each.mimetype) for each in answers} == {(404, "application/json")}
    assert client.post(f"/b/{table['code']}").status_code == 404, "a guest's code is none"
    assert client.get(f"/t/{new}").status_code == 404, "nor is this one a guest's"
    assert client.get(f"/b/{new}").status_code == 200
    tables.remove(alice.restaurant_id, table["_id"])
    assert client.get(f"/b/{new}").status_code == 404


@pytest.mark.usefixtures("fresh_limits")
def test_presses_are_limited(database: Any, client: FlaskClient, secret: str) -> None:
    answers = [client.post(f"/b/{secret}") for _ in range(21)]
    assert [each.status_code for each in answers] == [200] * 20 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert database.requests.find_one()["reminders"] == 19


def test_no_other_site_presses_it(database: Any, client: FlaskClient, secret: str) -> None:
    assert client.post(f"/b/{secret}", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert database.requests.count_documents({}) == 0


# --- a sign of life ---------------------------------------------------------------------------------------------------


def test_looking_is_no_sign_of_life_and_hello_is(
    database: Any, alice: Person, client: FlaskClient, secret: str, light: Ask
) -> None:
    light()
    assert "heard_at" not in database.tables.find_one()["button"]
    page = f"{alice.home}/tables"
    database.tables.update_one({}, {"$set": {"button.since": clock.now() - timedelta(days=9)}})
    assert "button is silent" not in alice.client.get(page).text, "it was never in use"
    assert client.post(f"/b/{secret}/hello").get_json()["state"] == "idle"
    assert database.tables.find_one()["button"]["heard_at"] <= clock.now()
    assert database.requests.count_documents({}) == 0
    for silent_for, is_told in ((timedelta(hours=47), False), (timedelta(hours=49), True)):
        database.tables.update_one({}, {"$set": {"button.heard_at": clock.now() - silent_for}})
        assert ("Its button is silent" in alice.client.get(page).text) is is_told


def test_managers_show_renew_and_remove_it(
    database: Any, alice: Person, hire: Callable[..., Person], table: Table
) -> None:
    mona = hire("Mona", role="manager", at=alice)
    page = f"{alice.home}/tables/{table['_id']}"
    assert "/b/" not in mona.client.get(page).text
    mona.client.submit(f"{page}/button", page=page)
    first = secret_at(table)
    shown = mona.client.get(page).text
    assert f"http://localhost/b/{first}" in shown
    assert "Two presses (?press=double): The bill, please." in shown
    assert "It has not been heard yet." in shown
    buttons.note_heard(tables.get(alice.restaurant_id, table["_id"]))  # type: ignore[arg-type]
    assert "Last heard:" in mona.client.get(page).text
    database.tables.update_one({}, {"$set": {"button.heard_at": clock.now() - timedelta(days=3)}})
    assert "Is its battery empty" in mona.client.get(page).text
    mona.client.submit(f"{page}/button", page=page)
    assert secret_at(table) != first
    mona.client.submit(f"{page}/button/remove", page=page)
    assert "button" not in database.tables.find_one()
