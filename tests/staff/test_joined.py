"""The page of joined tables, and what guests and staff see of a group: one call, one card, one pause."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from tests.requests.guest.test_page import Phone
from tests.support.cast import Browser, Person, device, visit
from tests.support.together import at_once
from waitercaller.db import clock
from waitercaller.model import audit_trail, duty, joins, restaurants, tables
from waitercaller.model.tables import Table


@pytest.fixture
def laid(app: Flask, alice: Person) -> dict[str, Table]:
    """The tables 7 to 9 on the terrace and Bar without a zone, by name."""
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["7", "8", "9"], restaurants.ensure_zone(alice.restaurant_id, "Terrace"))
        tables.add_many(alice.restaurant_id, ["Bar"], None)
        return {table["name"]: table for table in tables.of_restaurant(alice.restaurant_id)}


@pytest.fixture
def sit(app: Flask, laid: dict[str, Table]) -> Callable[[str], Phone]:
    """`sit("8")`: a guest's phone at this table."""

    def sat(name: str) -> Phone:
        phone = Phone(visit(app), laid[name]["code"])
        phone.scan()
        return phone

    return sat


@pytest.fixture
def requests_in(app: Flask) -> Callable[[], list[Any]]:
    return lambda: list(app.extensions["mongo"].database.requests.find().sort("created_at"))


def join(browser: Browser, home: str, *joined: Table, **kwargs: Any) -> Any:
    form = {"tables": [str(table["_id"]) for table in joined]}
    return browser.submit(f"{home}/joined", form, follow_redirects=True, **kwargs)


def separate(browser: Browser, home: str, table: Table) -> str:
    path = f"{home}/joined/{table['_id']}/separate"
    return browser.submit(path, page=f"{home}/duty", follow_redirects=True).text


def groups(app: Flask, restaurant_id: ObjectId) -> list[list[ObjectId]]:
    with app.app_context():
        restaurant = restaurants.get_even_removed(restaurant_id)
        assert restaurant
        return [each["tables"] for each in joins.groups(restaurant, clock.now())]


def names_on_cards(person: Person) -> list[str]:
    dashboard = person.client.get(f"{person.home}/dashboard").text
    return re.findall(r"<article[^>]*><header><h2[^>]*><bdi>([^<]+)", dashboard)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_a_waiter_joins_and_separates_tables(app: Flask, alice: Person, bob: Person, laid: dict[str, Table]) -> None:
    assert f'href="{bob.home}/joined"' in bob.client.get(f"{bob.home}/duty").text
    assert f'href="{bob.home}/joined"' in bob.client.get(f"{bob.home}/enter").text
    assert "Separate" not in bob.client.get(f"{bob.home}/joined").text
    page = join(bob.client, bob.home, laid["8"], laid["7"]).text
    assert "Tables 7 + 8: they call as one now." in page
    assert re.search(r"Until \d\d?:\d\d.[AP]M, then each calls for itself", page)
    assert groups(app, bob.restaurant_id) == [[laid["7"]["_id"], laid["8"]["_id"]]]
    assert "Tables 7 + 8: each calls for itself again." in separate(bob.client, bob.home, laid["8"])
    assert groups(app, bob.restaurant_id) == []
    assert "These tables are separated already." in separate(bob.client, bob.home, laid["7"])
    with app.app_context():
        entries = audit_trail.of_restaurant(alice.restaurant_id)
    assert [(each["event"], each["details"]["name"]) for each in entries[:2]] == [
        ("tables_separated", "7 + 8"),
        ("tables_joined", "7 + 8"),
    ]
    assert "Tables joined for tonight" in alice.client.get(f"{alice.home}/staff/history").text


def test_the_counter_may_join_tables_and_a_card_leads_there(
    app: Flask, alice: Person, laid: dict[str, Table], sit: Any
) -> None:
    sit("8").tap()
    counter, id_of_8 = device(app, alice), laid["8"]["_id"]
    link = f"{alice.home}/joined?table={id_of_8}"
    way = re.search(r"href=(requests/\w+/more)", counter.get(f"{alice.home}/dashboard").text)
    assert way
    page = counter.get(f"{alice.home}/{way[1]}").text
    assert f'href="../../joined?table={id_of_8}"' in page
    assert "Join with other tables" in page
    assert re.findall(r'value="(\w+)" checked', counter.get(link).text) == [str(id_of_8)]
    assert "they call as one now" in join(counter, alice.home, laid["8"], laid["Bar"]).text
    assert "Separate these tables" in counter.get(f"{alice.home}/{way[1]}").text
    assert "checked" not in counter.get(link).text


@pytest.mark.parametrize(
    ("names", "words"), [([], "2 to 12 tables"), (["7"], "2 to 12 tables"), (["7", "foreign"], "has been removed")]
)
def test_a_choice_that_makes_no_group_is_refused_and_stays_ticked(
    app: Flask, bob: Person, charlie: Person, laid: dict[str, Table], names: list[str], words: str
) -> None:
    with app.app_context():
        tables.add_many(charlie.restaurant_id, ["1"], None)
        laid = {**laid, "foreign": tables.of_restaurant(charlie.restaurant_id)[0]}
    answer = join(bob.client, bob.home, *(laid[name] for name in names))
    assert answer.status_code == 400
    assert words in answer.text
    assert answer.text.count(" checked") == ("7" in names)
    assert groups(app, bob.restaurant_id) == groups(app, charlie.restaurant_id) == []


def test_more_than_twelve_are_too_many(app: Flask, bob: Person, laid: dict[str, Table]) -> None:
    with app.app_context():
        tables.add_many(bob.restaurant_id, [str(number) for number in range(20, 32)], None)
        found = tables.of_restaurant(bob.restaurant_id)
    assert join(bob.client, bob.home, *found[:13]).status_code == 400
    assert join(bob.client, bob.home, *found[:12]).status_code == 200
    assert len(groups(app, bob.restaurant_id)[0]) == 12


def test_whoever_is_second_is_told_and_sees_the_group_of_the_first(
    app: Flask, alice: Person, bob: Person, laid: dict[str, Table]
) -> None:
    join(alice.client, alice.home, laid["7"], laid["8"])
    answer = join(bob.client, bob.home, laid["8"], laid["9"])
    assert answer.status_code == 409
    assert "Table 8: joined already." in answer.text
    assert "Tables 7 + 8" in answer.text
    assert len(groups(app, bob.restaurant_id)) == 1


@pytest.mark.needs_wire
def test_of_two_who_join_a_table_at_once_one_wins_and_the_other_is_told(
    app: Flask, alice: Person, bob: Person, laid: dict[str, Table], sit: Any, requests_in: Any
) -> None:
    sit("8").tap()  # which both would rename

    def post(person: Person, other: str, token: str) -> int:
        form = {"tables": [str(laid[name]["_id"]) for name in ("8", other)], "csrf_token": token}
        return person.client.post(f"{person.home}/joined", data=form).status_code

    tokens = [person.client.csrf_token(f"{person.home}/joined") for person in (alice, bob)]
    won = at_once(partial(post, alice, "7", tokens[0]), partial(post, bob, "9", tokens[1]))
    assert sorted(won) == [303, 409]
    name = "7 + 8" if won[0] == 303 else "8 + 9"
    assert requests_in()[0]["table_name"] == name
    assert len(groups(app, bob.restaurant_id)) == 1


def test_a_removed_table_cannot_be_joined_and_leaves_its_group(
    app: Flask, alice: Person, bob: Person, laid: dict[str, Table], sit: Any
) -> None:
    join(bob.client, bob.home, laid["7"], laid["8"], laid["9"])
    eight = sit("8")
    eight.tap()
    alice.client.submit(f"{alice.home}/tables/{laid['7']['_id']}/remove", page=f"{alice.home}/tables")
    assert groups(app, bob.restaurant_id) == [[laid["8"]["_id"], laid["9"]["_id"]]]
    assert "Your call has ended" in eight.look().text
    eight.tap()
    assert names_on_cards(bob) == ["8 + 9"]
    answer = join(bob.client, bob.home, laid["7"], laid["Bar"])
    assert (answer.status_code, "has been removed" in answer.text) == (400, True)


def test_with_fewer_than_two_tables_there_is_nothing_to_join(alice: Person) -> None:
    page = alice.client.get(f"{alice.home}/joined").text
    assert "there must be two at least" in page
    assert 'name="tables"' not in page


# --- what guests see --------------------------------------------------------------------------------------------------


def test_guests_of_all_the_tables_see_one_call_and_only_who_called_cancels_it(
    bob: Person, laid: dict[str, Table], sit: Any, requests_in: Any
) -> None:
    seven, eight, bar = sit("7"), sit("8"), sit("Bar")
    assert "call as one" not in eight.look().text
    join(bob.client, bob.home, laid["7"], laid["8"])
    seven.tap()
    page = eight.look().text
    assert "These tables call as one: 7 + 8" in page
    assert "Your call is sent" in page
    assert "Called — remind them" in page
    assert "Never mind" not in page
    assert "Your call is sent" not in bar.look().text
    eight.tap()
    (request,) = requests_in()
    assert request["reminders"] == 1
    assert "The staff has been reminded" in seven.look().text
    assert names_on_cards(bob) == ["7 + 8"]
    eight.send("cancel")
    assert requests_in()[0]["live"]
    seven.send("cancel")
    assert requests_in()[0]["state"] == "cancelled"
    assert "Your call is cancelled" in eight.look().text  # of which it has reminded


def test_each_phone_of_the_group_takes_back_only_what_it_asked_for(
    bob: Person, laid: dict[str, Table], sit: Any, requests_in: Any
) -> None:
    seven, eight = sit("7"), sit("8")
    join(bob.client, bob.home, laid["7"], laid["8"])
    seven.tap()
    eight.tap()
    seven.send("cancel")
    (request,) = requests_in()
    assert (request["state"], request["others"], request["table_id"]) == ("waiting", [], laid["7"]["_id"])
    assert "Somebody else at your table is still waiting." in seven.look().text
    assert "Never mind" in eight.look().text
    eight.send("cancel")
    assert requests_in()[0]["state"] == "cancelled"


def test_a_phone_that_scans_again_at_a_joined_table_still_sees_how_its_call_ended(
    bob: Person, laid: dict[str, Table], sit: Any, requests_in: Any
) -> None:
    seven, eight = sit("7"), sit("8")
    join(bob.client, bob.home, laid["7"], laid["8"])
    eight.tap()
    assert requests_in()[0]["table_id"] == laid["7"]["_id"]
    bob.client.submit(f"{bob.home}/requests/{requests_in()[0]['_id']}/resolve", page=f"{bob.home}/dashboard")
    assert "Not yet?" in eight.scan().text
    assert "Not yet?" not in seven.scan().text
    eight.send("reopen")
    assert requests_in()[0]["state"] == "waiting"


def test_a_call_from_before_is_still_its_guests_and_one_card_shows_all(
    bob: Person, laid: dict[str, Table], sit: Any, requests_in: Any
) -> None:
    seven, eight = sit("7"), sit("8")
    eight.tap()
    join(bob.client, bob.home, laid["7"], laid["8"])
    assert "Your call is sent" in seven.look().text
    seven.tap("bill")
    assert names_on_cards(bob) == ["7 + 8"]
    assert "1 table waiting" in bob.client.get(f"{bob.home}/dashboard").text
    ids = " ".join(str(each["_id"]) for each in requests_in())
    path = f"{bob.home}/requests/{requests_in()[0]['_id']}/accept"
    page = bob.client.submit(path, {"ids": ids}, page=f"{bob.home}/dashboard", follow_redirects=True).text
    assert "Tables 7 + 8: you are on the way." in page
    assert "Bob is on the way" in seven.look().text
    eight.send("cancel")
    assert [each["state"] for each in requests_in()] == ["cancelled", "accepted"]


def test_who_called_while_joined_still_sees_and_cancels_it_once_they_are_separated(
    bob: Person, laid: dict[str, Table], sit: Any, requests_in: Any
) -> None:
    seven, eight, other = sit("7"), sit("8"), sit("8")
    join(bob.client, bob.home, laid["7"], laid["8"])
    eight.tap()
    separate(bob.client, bob.home, laid["7"])
    assert names_on_cards(bob) == ["7 + 8"]
    assert "Your call is sent" in eight.look().text
    assert "Your call is sent" in seven.look().text
    assert "How can we help?" in other.look().text
    eight.send("cancel")
    assert requests_in()[0]["state"] == "cancelled"
    assert "Your call is cancelled" in eight.look().text


def test_not_yet_brings_the_call_of_the_group_back(
    app: Flask, bob: Person, laid: dict[str, Table], sit: Any, requests_in: Any
) -> None:
    eight = sit("8")
    join(bob.client, bob.home, laid["7"], laid["8"])
    eight.tap()
    bob.client.submit(f"{bob.home}/requests/{requests_in()[0]['_id']}/resolve", page=f"{bob.home}/dashboard")
    assert "Not yet?" in eight.look().text
    eight.send("reopen")
    assert requests_in()[0]["state"] == "waiting"


# --- what the staff does ----------------------------------------------------------------------------------------------


def test_a_call_entered_for_one_of_them_is_the_groups(
    bob: Person, laid: dict[str, Table], sit: Any, requests_in: Any
) -> None:
    join(bob.client, bob.home, laid["7"], laid["8"])
    here = f"{bob.home}/tables/{laid['8']['_id']}/enter"
    assert "Tables 7 + 8" in bob.client.get(here).text
    page = bob.client.submit(here, {"key": "0" * 32, "kind": "water"}, follow_redirects=True).text
    assert "Tables 7 + 8: Water." in page
    assert requests_in()[0]["table_id"] == laid["7"]["_id"]
    assert "Called — remind them" in sit("8").look().text


def test_pausing_their_card_pauses_all_of_them_and_counts_their_taps(
    bob: Person, laid: dict[str, Table], sit: Any, requests_in: Any
) -> None:
    seven, eight, nine = sit("7"), sit("8"), sit("9")
    join(bob.client, bob.home, laid["7"], laid["8"])
    path = f"{bob.home}/tables/{laid['7']['_id']}/pause"
    bob.client.submit(path, page=f"{bob.home}/dashboard")
    for phone in (seven, eight):
        phone.tap()
        assert "Calls from this table are paused" in phone.look().text
    assert requests_in() == []
    page = bob.client.get(f"{bob.home}/dashboard").text
    assert re.search(r"Tables 7 \+ 8.*2 taps", page, re.DOTALL)
    nine.tap()
    assert names_on_cards(bob) == ["9"]


def test_nobody_there_twice_pauses_the_phone_at_all_of_them(
    bob: Person, laid: dict[str, Table], sit: Any, requests_in: Any
) -> None:
    eight = sit("8")
    join(bob.client, bob.home, laid["7"], laid["8"])
    for _ in range(2):
        eight.tap()
        path = f"{bob.home}/requests/{requests_in()[-1]['_id']}/dismiss"
        bob.client.submit(path, page=f"{bob.home}/dashboard")
    assert "Calls from this phone are paused" in eight.look().text
    assert re.search(r"Tables 7 \+ 8</bdi></strong>\s*<span>One phone", bob.client.get(f"{bob.home}/dashboard").text)


def test_the_day_after_they_call_for_themselves(
    bob: Person, laid: dict[str, Table], sit: Any, requests_in: Any, later: Callable[..., None]
) -> None:
    join(bob.client, bob.home, laid["7"], laid["8"])
    later(hours=duty.LONGEST.total_seconds() / 3600)
    eight = sit("8")
    eight.tap()
    assert "call as one" not in eight.look().text
    assert requests_in()[0]["table_name"] == "8"
