"""Joined tables: one request of a kind for the group, who hears it, what was live before, and separating them."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from pymongo.errors import WriteError

from tests.support.cast import Person
from tests.support.together import at_once_in
from waitercaller.db import clock
from waitercaller.db.client import db
from waitercaller.model import duty, joins, pauses, restaurants, settings, tables
from waitercaller.model.languages import table_title
from waitercaller.model.requests import queries, transitions
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.tables import Table

BOB = restaurants.Actor(id="bob", name="Bob")


class House:
    """The Trattoria Lucia with the tables 7 and 8 on the terrace, 9 to 11 without a zone."""

    def __init__(self, owner: Person) -> None:
        self.id = owner.restaurant_id
        self.terrace = str(restaurants.ensure_zone(self.id, "Terrace"))
        tables.add_many(self.id, ["7", "8"], self.terrace)
        tables.add_many(self.id, ["9", "10", "11"], None)
        self.tables = {table["name"]: table for table in tables.of_restaurant(self.id)}

    @property
    def now(self) -> Restaurant:
        return settings.get(self.id)

    def ids(self, *names: str) -> list[ObjectId]:
        return [self.tables[name]["_id"] for name in names]

    def join(self, *names: str) -> None:
        joins.join(self.id, self.ids(*names))
        transitions.show_at(self.now, self.ids(*names), joins.named([self.tables[name] for name in names]))

    def tap(self, name: str, key: str, kind: int = 0) -> ServiceRequest:
        return transitions.open_request(self.now, self.tables[name], self.now["kinds"][kind], key)

    def as_one(self, name: str) -> Table:
        return joins.as_one(self.now, self.tables[name])

    def groups(self) -> list[list[str]]:
        names = {table["_id"]: name for name, table in self.tables.items()}
        return [[names[each] for each in group["tables"]] for group in joins.groups(self.now, clock.now())]


@pytest.fixture
def house(database: Any, alice: Person) -> House:
    return House(alice)


def live(house: House) -> list[ServiceRequest]:
    return queries.live_of_restaurant(house.id)


# --- calls ------------------------------------------------------------------------------------------------------------


def test_what_any_of_them_calls_for_is_one_request_of_the_first(house: House) -> None:
    house.join("7", "8", "9")
    first, again, bill = house.tap("8", "k1"), house.tap("9", "k2"), house.tap("9", "k2", kind=1)
    assert first["_id"] == again["_id"] != bill["_id"]
    assert (again["reminders"], [step["what"] for step in again["steps"]]) == (1, ["called", "reminded"])
    for request in (again, bill):
        assert (request["table_id"], request["table_name"]) == (house.tables["7"]["_id"], "7 + 8 + 9")
        assert (request["zone_id"], request["zone_name"]) == (house.terrace, "Terrace")
    assert house.tap("10", "k3")["table_name"] == "10"


def test_the_same_tap_sent_again_is_its_request_also_after_the_table_was_joined(house: House) -> None:
    before = house.tap("8", "k1")
    house.join("7", "8")
    assert house.tap("8", "k1")["_id"] == before["_id"]
    transitions.resolve(house.id, [before["_id"]], BOB)
    again = house.tap("8", "k1")
    assert (again["_id"], again["state"], again["reminders"]) == (before["_id"], "resolved", 0)


def test_what_was_live_before_stays_so_and_is_reminded_of_under_the_name_of_all(house: House) -> None:
    waiter = house.tap("8", "k1")
    bill = house.tap("9", "k2", kind=1)
    house.join("7", "8", "9")
    reminded = house.tap("7", "k3")
    assert (reminded["_id"], reminded["reminders"]) == (waiter["_id"], 1)
    assert (reminded["first_at"], reminded["due_at"]) == (waiter["first_at"], waiter["due_at"])
    assert {each["_id"] for each in live(house)} == {waiter["_id"], bill["_id"]}
    assert {(each["table_name"], each["zone_name"]) for each in live(house)} == {("7 + 8 + 9", "Terrace")}


def test_two_that_are_live_already_both_keep_their_clocks(house: House) -> None:
    seven, eight = house.tap("7", "k1"), house.tap("8", "k2")
    house.join("7", "8")
    assert {each["_id"] for each in live(house)} == {seven["_id"], eight["_id"]}
    assert house.tap("8", "k3")["_id"] in (seven["_id"], eight["_id"])
    assert len(queries.live_of_table(house.id, *house.ids("7", "8"))) == 2


@pytest.mark.needs_wire
def test_taps_at_all_of_them_at_once_are_one_request(app: Flask, house: House) -> None:
    house.join("7", "8", "9")
    taps = [partial(house.tap, name, f"k{number}") for number, name in enumerate("789" * 4)]
    assert len({each["_id"] for each in at_once_in(app, *taps)}) == 1
    (request,) = live(house)
    assert request["reminders"] == 11


def test_separated_they_call_for_themselves_and_what_is_live_stays_with_the_first(house: House) -> None:
    before = house.tap("8", "k0", kind=1)
    house.join("7", "8")
    together = house.tap("8", "k1")
    assert joins.separate(house.id, house.tables["8"]["_id"]) == house.ids("7", "8")
    transitions.show_at(house.now, house.ids("8"), house.tables["8"])
    assert joins.separate(house.id, house.tables["8"]["_id"]) == []
    alone = house.tap("8", "k2")
    assert (alone["table_id"], alone["table_name"]) == (house.tables["8"]["_id"], "8")
    names = {each["_id"]: each["table_name"] for each in live(house)}
    assert names == {before["_id"]: "8", together["_id"]: "7 + 8", alone["_id"]: "8"}


# --- the rules of groups ----------------------------------------------------------------------------------------------


def test_it_ends_by_itself_in_the_morning(house: House, later: Callable[..., None]) -> None:
    house.join("7", "8")
    (group,) = joins.groups(house.now, clock.now())
    assert abs(group["until"] - duty.ends_at(house.now, clock.now())) < timedelta(seconds=5)
    later(hours=18)
    assert house.groups() == []
    assert house.as_one("8") is house.tables["8"]
    house.join("8", "9")
    assert len(house.now.get("joins", [])) == 1


def test_a_table_is_in_one_group_only(house: House) -> None:
    house.join("7", "8")
    with pytest.raises(joins.JoinedAlready) as refused:
        joins.join(house.id, house.ids("9", "8"))
    assert refused.value.table_ids == {house.tables["8"]["_id"]}
    house.join("9", "10")
    assert house.groups() == [["7", "8"], ["9", "10"]]


@pytest.mark.needs_wire
def test_of_several_who_join_a_table_at_once_one_wins_and_the_others_are_told(app: Flask, house: House) -> None:
    def join(*names: str) -> bool:
        try:
            joins.join(house.id, house.ids(*names))
        except joins.JoinedAlready:
            return False
        return True

    won = at_once_in(app, *(partial(join, "7", other) for other in ("8", "9", "10", "11")))
    assert sorted(won) == [False, False, False, True]
    assert len(house.groups()) == 1


@pytest.mark.needs_wire
def test_the_database_refuses_a_misshapen_group(house: House) -> None:
    for group in ({"tables": house.ids("7", "8")}, {"tables": house.ids("7"), "until": clock.now()}):
        with pytest.raises(WriteError):
            db().restaurants.update_one({"_id": house.id}, {"$set": {"joins": [group]}})


def test_a_removed_table_leaves_its_group_and_the_last_two_are_no_group_without_it(house: House) -> None:
    house.join("7", "8", "9")
    tables.remove(house.id, house.tables["7"]["_id"])
    assert house.as_one("9")["name"] == "8 + 9"  # already before the group is written
    joins.forget_tables(house.id, [house.tables["7"]["_id"]])
    assert house.groups() == [["8", "9"]]
    assert house.tap("9", "k1")["table_id"] == house.tables["8"]["_id"]
    tables.remove(house.id, house.tables["9"]["_id"])
    assert house.as_one("8")["name"] == "8"
    joins.forget_tables(house.id, [house.tables["9"]["_id"]])
    assert house.groups() == []


def test_a_new_name_is_the_groups_at_the_next_call(house: House) -> None:
    house.join("7", "8")
    tables.edit(house.id, house.tables["8"]["_id"], "Bar", None)
    assert house.tap("7", "k1")["table_name"] == "7 + Bar"


def test_the_names_of_joined_tables_in_a_sentence(app: Flask) -> None:
    with app.test_request_context():
        names = ("7", "7 + 8", "Bar 1 + Bar 2", "7 + Bar", "+")
        assert [*map(table_title, names)] == ["Table 7", "Tables 7 + 8", "Bar 1 + Bar 2", "7 + Bar", "+"]


# --- who hears it, and pauses -----------------------------------------------------------------------------------------


def test_whose_one_of_the_tables_is_tonight_hears_first_then_the_zone_of_the_first(house: House) -> None:
    bob, nina, otto = (str(restaurants.add_member(house.id, name, "waiter", None)) for name in ("Bob", "Nina", "Otto"))
    for member in (bob, nina, otto):
        duty.begin(house.id, member)
    duty.take(house.id, bob, house.ids("9"), [])
    duty.take(house.id, nina, [], [house.terrace])
    duty.take(house.id, otto, house.ids("10"), [])
    house.join("7", "9")
    request = house.tap("9", "k1")

    def first(**how: Any) -> set[str]:
        group = joins.tables_with(house.now, request["table_id"], clock.now())
        return duty.first_to_hear(house.now, group, request["zone_id"], clock.now(), **how)

    assert first() == {bob}
    assert first(reachable={nina, otto}) == {nina}
    assert first(widened=True) == {bob, nina}


def test_a_pause_of_one_is_a_pause_of_all_while_they_are_joined(house: House) -> None:
    house.join("7", "8")
    assert pauses.pause_table(house.as_one("8"))

    def pause_at(name: str) -> pauses.Pause | None:
        table = house.tables[name]
        return pauses.applying_to(table, [], joins.tables_with(house.now, table["_id"], clock.now()))

    pause = pause_at("8")
    assert pause is not None
    assert (pause["table_id"], pause["table_name"]) == (house.tables["7"]["_id"], "7 + 8")
    assert pause_at("7")
    assert not pause_at("9")
    joins.separate(house.id, house.tables["7"]["_id"])
    assert pause_at("7")
    assert not pause_at("8")


def test_joined_tables_are_not_before_themselves(house: House) -> None:
    house.tap("7", "k1")
    house.tap("8", "k2")
    later = clock.now() + timedelta(minutes=1)
    live = queries.live_of_restaurant(house.id)
    assert queries.tables_ahead(live, house.ids("7", "8"), later) == 0
    assert queries.tables_ahead(live, house.ids("7"), later) == 1
