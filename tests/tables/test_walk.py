"""The walk past all tables: who scans, what is ticked off, which codes hang at a wrong table, and what guests see."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from tests.support.cast import Browser, Person, visit
from waitercaller.db import clock
from waitercaller.model import logins, restaurants, tables
from waitercaller.model.tables import Table


@pytest.fixture
def laid(app: Flask, alice: Person) -> dict[str, Table]:
    """Tables 7, 8 and 9 on the terrace, by name."""
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["7", "8", "9"], restaurants.ensure_zone(alice.restaurant_id, "Terrace"))
        return {table["name"]: table for table in tables.of_restaurant(alice.restaurant_id)}


@pytest.fixture
def walk(alice: Person, laid: dict[str, Table]) -> str:
    """The page of Alice's walk, which she has begun."""
    path = f"{alice.home}/tables/walk"
    assert "Begin the walk" in alice.client.get(path).text
    assert alice.client.submit(path).status_code == 303
    return path


def scan(browser: Browser, table: Table, **headers: str) -> str:
    """Where the camera of this browser's phone leads; "" is the guests' page."""
    answer = browser.get(f"/T/{table['code']}", headers=headers)
    assert answer.status_code == (303 if answer.location else 200)
    return str(answer.location or "")


def say(alice: Person, table: Table, at: Table) -> str:
    """Scan the code of a table, and say at which it hangs; the page of the walk after that."""
    page = scan(alice.client, table)
    answer = alice.client.submit(page, {"at": str(at["_id"])}, follow_redirects=True)
    assert answer.status_code == 200
    return answer.text


def test_a_code_at_its_table_is_ticked_off(alice: Person, walk: str, laid: dict[str, Table], app: Flask) -> None:
    page = alice.client.get(scan(alice.client, laid["7"])).text
    assert re.search(r'<h1 class="walk-name"><bdi>Table 7</bdi>', page)
    assert "Ticked off" not in alice.client.get(walk).text, "to look at it is not to say yes"

    after = say(alice, laid["7"], laid["7"])

    assert "Ticked off" in after
    assert "1 of 3 codes are at their tables." in after
    assert re.findall(r"<li><span><bdi>(\w+)</bdi>", after) == ["8", "9"]
    assert app.extensions["mongo"].database.requests.count_documents({}) == 0, "nobody was called"
    for name in ("8", "9"):
        after = say(alice, laid[name], laid[name])
    assert "All are where they belong." in after


def test_swapped_codes_are_told_until_they_are_exchanged(alice: Person, walk: str, laid: dict[str, Table]) -> None:
    first = say(alice, laid["9"], laid["7"])
    assert "The code of Table 9 is at Table 7." in first
    assert "0 of 3 codes are at their tables." in first
    both = say(alice, laid["7"], laid["9"])
    assert "The codes of Table 7 and Table 9 are swapped." in both
    assert "is at Table" not in both
    say(alice, laid["7"], laid["7"])
    after = say(alice, laid["9"], laid["9"])
    assert "swapped" not in after
    assert "2 of 3 codes are at their tables." in after


def test_only_a_manager_of_this_restaurant_is_led_to_the_walk_and_only_while_there_is_one(
    app: Flask,
    alice: Person,
    bob: Person,
    charlie: Person,
    laid: dict[str, Table],
    walk: str,
    later: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = laid["7"]
    for browser in (visit(app), bob.client, charlie.client):
        assert scan(browser, table) == ""
    assert scan(alice.client, table) == f"{walk}/{table['_id']}"
    assert scan(alice.client, table, **{"Sec-Fetch-Site": "same-origin"}) == "", "“Open as a guest” is no scan"
    later(hours=7)
    assert scan(alice.client, table) == "", "it has ended by itself"
    alice.client.submit(walk)
    assert scan(alice.client, table)
    alice.client.submit(f"{walk}/end", page=walk)
    assert scan(alice.client, table) == ""
    late = alice.client.submit(f"{walk}/{table['_id']}", {"at": str(table["_id"])}, follow_redirects=True)
    assert "Begin the walk" in late.text
    monkeypatch.setattr(logins, "find", None)
    assert scan(alice.client, table) == "", "without a walk nobody looks for a login"


def test_a_code_that_was_replaced_is_told_and_a_new_one_is_not_ticked_off(
    app: Flask, alice: Person, walk: str, laid: dict[str, Table]
) -> None:
    say(alice, laid["7"], laid["7"])
    with app.app_context():
        tables.rotate(alice.restaurant_id, laid["7"]["_id"])
    assert "0 of 3 codes" in alice.client.get(walk).text
    assert "it was replaced and calls nobody" in alice.client.get(scan(alice.client, laid["7"])).text


@pytest.mark.parametrize("at", ["", "nonsense", "0" * 24])
def test_a_bad_answer_ticks_nothing_off(alice: Person, walk: str, laid: dict[str, Table], at: str) -> None:
    page = f"{walk}/{laid['7']['_id']}"
    answer = alice.client.submit(page, {"at": at})
    assert answer.status_code == 400
    assert "Please choose the table at which it is." in answer.text
    assert "0 of 3 codes" in alice.client.get(walk).text


# --- codes that are opened no more --------------------------------------------------------------------------------


def opened_on(app: Flask, table: Table) -> Any:
    return app.extensions["mongo"].database.tables.find_one({"_id": table["_id"]})["opened_on"]


def test_the_day_of_an_opening_is_noted_once_a_day(
    app: Flask, laid: dict[str, Table], alice: Person, later: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    table, guest = laid["7"], visit(app)
    assert opened_on(app, table) == tables.day_of(clock.now())
    later(hours=30)
    alice.client.get(f"/t/{table['code']}", headers={"Sec-Fetch-Site": "same-origin"})
    assert opened_on(app, table) < tables.day_of(clock.now()), "nobody was at the table"
    guest.get(f"/t/{table['code']}")
    assert opened_on(app, table) == tables.day_of(clock.now())
    monkeypatch.setattr(tables, "forget", None)  # fails where it is written again
    guest.get(f"/t/{table['code']}")


@pytest.mark.parametrize(  # the days since the last opening; None: unknown
    ("days", "quiet"),
    [
        ([20, 1, 1, 1], ["1"]),
        ([13, 1, 1, 1], []),  # not long enough
        ([20, 1, 1], []),  # too few others
        ([20, 20, 1, 1, 1], ["1", "2"]),
        ([20, 20, 20, 1, 1, 1], []),  # too many are not, it may have been closed
        ([20, 20, 20, 20], []),  # the terrace is closed
        ([None, 1, 1, 1], []),  # nothing is known of it
    ],
)
def test_a_code_is_quiet_if_those_around_it_are_opened(
    app: Flask,
    alice: Person,
    hire: Callable[..., Person],
    later: Callable[..., None],
    days: list[Any],
    quiet: list[str],
) -> None:
    names = [str(number + 1) for number in range(len(days))]
    with app.app_context():
        tables.add_many(alice.restaurant_id, names, restaurants.ensure_zone(alice.restaurant_id, "Terrace"))
        tables.add_many(alice.restaurant_id, ["Bar"], None)
        later(days=30)
        for name, ago in zip(names, days, strict=True):
            opened = {"opened_on": tables.day_of(clock.now() - timedelta(days=ago or 0))}
            change = {"$set": opened} if ago else {"$unset": opened}
            app.extensions["mongo"].database.tables.update_one({"name": name}, change)
    mona = hire("Mona", role="manager", at=alice)  # Alice’s login has ended
    told = re.search(r"though the codes around them are: ([\d, ]+)\. ", mona.client.get(f"{alice.home}/tables").text)
    assert (told[1].split(", ") if told else []) == quiet
