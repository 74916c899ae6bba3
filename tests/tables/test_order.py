"""The order in which tables stand: one is moved at a time; everything that lists tables follows it."""

import re
from typing import Any

import pytest
from flask import Flask

from tests.support.cast import Person
from waitercaller.model import restaurants, tables

pytestmark = pytest.mark.needs_wire  # each move is one transaction


@pytest.fixture
def path(app: Flask, alice: Person) -> str:
    """The page of the order, of 1, 2 and 10 on the terrace and Bar in no zone."""
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["10", "1", "2"], restaurants.ensure_zone(alice.restaurant_id, "Terrace"))
        tables.add_many(alice.restaurant_id, ["Bar"], None)
    return f"{alice.home}/tables/order"


def names(app: Flask, alice: Person) -> list[str]:
    with app.app_context():
        return [table["name"] for table in tables.of_restaurant(alice.restaurant_id)]


def seen(alice: Person, path: str) -> str:
    """The order that the page shows, as its form sends it."""
    found = re.search(r'name="seen" value="(\w+)"', alice.client.get(path).text)
    assert found
    return found[1]


def button(alice: Person, path: str, name: str) -> str:
    """What this button of the page sends."""
    found = re.search(rf'value="([^"]*)" data-side="\w+"\s+aria-label="{name}"', alice.client.get(path).text)
    assert found
    return found[1]


def send(alice: Person, path: str, move: str, order: str, **options: Any) -> Any:
    return alice.client.submit(path, {"move": move, "seen": order}, **options)


def test_a_table_is_moved_by_its_buttons_and_everything_that_lists_tables_follows(
    app: Flask, alice: Person, path: str
) -> None:
    assert names(app, alice) == ["1", "2", "10", "Bar"]
    moved = send(alice, path, button(alice, path, "Move 10 up"), seen(alice, path))
    assert moved.status_code == 303
    assert names(app, alice) == ["1", "10", "2", "Bar"]
    page = alice.client.get(moved.location).text
    assert re.search(r'aria-label="Move 10 up"\s+autofocus', page), "the focus goes with the table"
    page = alice.client.get(send(alice, path, button(alice, path, "Move 10 up"), seen(alice, path)).location).text
    assert re.search(r'aria-label="Move 10 down"\s+autofocus', page), "it has no way up any more"
    for place in ("tables", "tables/tables.csv", "tables/print", "tables/many", "enter"):
        text = alice.client.get(f"{alice.home}/{place}").text
        listed = re.findall(r"(?:<bdi>|<option [^>]*>(?!after)|^)(10|1|2|Bar)\b", text, re.MULTILINE)
        assert list(dict.fromkeys(listed)) == ["10", "1", "2", "Bar"], place


def test_a_script_is_told_where_the_table_stands_and_may_send_a_move_again(
    app: Flask, alice: Person, path: str
) -> None:
    before, move = seen(alice, path), button(alice, path, "Move 10 up")
    script = {"headers": {"Accept": "application/json"}}
    first = send(alice, path, move, before, **script).json
    assert first["message"] == "Table 10 is now number 2 of 3."
    assert first["seen"] == seen(alice, path) != before
    assert send(alice, path, move, before, **script).json == first, "the answer was lost, so it was sent again"
    assert names(app, alice) == ["1", "10", "2", "Bar"]


def test_of_two_managers_the_second_is_told_and_nothing_is_moved(app: Flask, alice: Person, path: str) -> None:
    before, move = seen(alice, path), button(alice, path, "Move 2 up")
    send(alice, path, button(alice, path, "Move 10 up"), before)
    late = send(alice, path, move, before)
    assert late.status_code == 409
    assert "Somebody has changed the tables meanwhile." in late.text
    assert names(app, alice) == ["1", "10", "2", "Bar"]
    late = send(alice, path, move, before, headers={"Accept": "application/json"})
    assert late.status_code == 409
    assert late.json["message"] in alice.client.get(path).text, "the page, loaded again, says it"


@pytest.mark.parametrize("move", ["", "nonsense", "{0} beside {0}", "{0}"])
def test_a_bad_move_is_refused(app: Flask, alice: Person, path: str, move: str) -> None:
    some_id = "0" * 24
    assert send(alice, path, move.format(some_id), seen(alice, path)).status_code == 400
    assert send(alice, path, f"{some_id} after {some_id}", seen(alice, path)).status_code == 409, "unknown tables"
    assert names(app, alice) == ["1", "2", "10", "Bar"]
