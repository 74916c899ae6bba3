"""Duty: who is on duty until when, whose tables are whose tonight, and who hears a call first."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

import pytest
from bson import ObjectId
from flask import Flask
from pymongo.errors import WriteError

from tests.support.cast import Person
from tests.support.together import at_once_in
from waitercaller.db import clock
from waitercaller.db.client import db
from waitercaller.model import duty, restaurants, settings, tables
from waitercaller.model.restaurants import Restaurant

Later = Callable[..., None]


class House:
    """The Trattoria Lucia with Bob, Nina and Otto, the tables 1 to 3 on the terrace and 4 and 5 without a zone."""

    def __init__(self, owner: Person) -> None:
        self.id = owner.restaurant_id
        self.alice = owner.member_id
        self.bob, self.nina, self.otto = (
            str(restaurants.add_member(self.id, name, "waiter", None)) for name in ("Bob", "Nina", "Otto")
        )
        self.terrace = str(restaurants.ensure_zone(self.id, "Terrace"))
        tables.add_many(self.id, ["1", "2", "3"], self.terrace)
        tables.add_many(self.id, ["4", "5"], None)
        self.tables = {table["name"]: table["_id"] for table in tables.of_restaurant(self.id)}

    @property
    def now(self) -> Restaurant:
        return settings.get(self.id)

    def on(self, *members: str) -> None:
        for member in members:
            assert duty.begin(self.id, member)

    def take(self, member: str, *names: str, zones: tuple[str, ...] = (), from_others: bool = False) -> list[ObjectId]:
        return duty.take(self.id, member, [self.tables[name] for name in names], list(zones), from_others)

    def first(self, name: str, **how: Any) -> set[str]:
        zone = self.terrace if name in "123" else None
        return duty.first_to_hear(self.now, [self.tables[name]], zone, clock.now(), **how)

    def held(self) -> dict[str, set[str]]:
        """Names of tables by member id."""
        names = {table: name for name, table in self.tables.items()}
        present = duty.entries(self.now, clock.now())
        return {each["member_id"]: {names[table] for table in each["tables"]} for each in present}


@pytest.fixture
def house(database: Any, alice: Person) -> House:
    return House(alice)


# --- on and off -------------------------------------------------------------------------------------------------------


def test_while_nobody_is_on_duty_everybody_is(house: House) -> None:
    everybody = {house.alice, house.bob, house.nina, house.otto}
    assert duty.on_duty(house.now, clock.now()) == everybody
    assert house.first("1") == everybody
    restaurants.set_zones(house.id, house.bob, ["another zone"])
    assert house.first("1") == everybody - {house.bob}
    assert house.first("4") == everybody
    assert "duty" not in house.now


def test_whoever_is_off_duty_hears_nothing_and_everybody_again_when_the_last_one_leaves(house: House) -> None:
    house.on(house.bob, house.nina)
    assert not duty.begin(house.id, house.bob)
    assert duty.on_duty(house.now, clock.now()) == house.first("1") == {house.bob, house.nina}
    assert duty.end(house.id, house.bob) is None
    assert house.first("1") == {house.nina}
    assert duty.end(house.id, house.nina) is None
    assert duty.end(house.id, house.nina) is None
    assert len(duty.on_duty(house.now, clock.now())) == 4


def test_a_member_of_another_restaurant_cannot_be_on_duty(house: House, charlie: Person) -> None:
    assert not duty.begin(house.id, charlie.member_id)
    with pytest.raises(duty.NotOnDuty):
        duty.take(house.id, charlie.member_id, [], [])


def test_where_it_is_switched_off_everybody_hears_everything(house: House) -> None:
    house.on(house.bob)
    restaurants.set_setting(house.id, "duty", False)
    assert not duty.is_offered(house.now)
    assert len(house.first("1")) == 4


def test_a_removed_member_is_off_duty(house: House) -> None:
    house.on(house.bob, house.nina)
    house.take(house.bob, "1")
    assert restaurants.remove_member(house.id, house.bob)
    assert house.first("1") == {house.nina}
    assert [each["member_id"] for each in house.now["duty"]] == [house.nina]


@pytest.mark.parametrize(
    ("zone", "begins", "ends"),
    [
        ("Europe/Rome", "2026-06-05T15:00+00:00", "2026-06-06T03:00+00:00"),  # 17:00 there: until 5:00
        ("America/New_York", "2026-06-05T22:00+00:00", "2026-06-06T09:00+00:00"),
        ("Europe/Rome", "2026-06-06T02:00+00:00", "2026-06-06T20:00+00:00"),  # 4:00 there: not for an hour
        ("Europe/Rome", "2026-06-05T06:00+00:00", "2026-06-06T00:00+00:00"),  # 8:00 there: 18 hours
        ("Europe/Berlin", "2027-10-30T20:00+00:00", "2027-10-31T04:00+00:00"),  # the clocks go back at night
    ],
)
def test_it_ends_by_itself_in_the_morning(house: House, zone: str, begins: str, ends: str) -> None:
    restaurant = cast(Restaurant, {**house.now, "time_zone": zone})
    assert duty.ends_at(restaurant, datetime.fromisoformat(begins)) == datetime.fromisoformat(ends)


def test_where_the_night_is_longer_it_ends_with_the_hours(house: House) -> None:
    night = {"hours": [{"day": day, "opens": "20:00", "closes": "07:00"} for day in range(7)], "time_zone": "UTC"}
    restaurant = cast(Restaurant, {**house.now, **night})
    begins = datetime(2026, 6, 5, 19, tzinfo=UTC)
    assert duty.ends_at(restaurant, begins) == datetime(2026, 6, 6, 7, tzinfo=UTC)
    always = cast(Restaurant, {**restaurant, "hours": [{**each, "closes": "20:00"} for each in restaurant["hours"]]})
    assert duty.ends_at(always, begins) == begins + duty.LONGEST


@pytest.mark.moments
def test_the_next_day_everybody_is_on_duty_again(house: House, later: Later) -> None:
    house.on(house.bob)
    house.take(house.bob, "1")
    later(hours=18)
    assert len(house.first("1")) == 4
    house.on(house.nina)
    assert house.first("1") == {house.nina}
    assert house.held() == {house.nina: set()}
    assert len(house.now["duty"]) == 1


# --- tables and zones -------------------------------------------------------------------------------------------------


def test_a_call_goes_to_whose_table_it_is_else_to_the_zone_else_to_all(house: House) -> None:
    house.on(house.bob, house.nina)
    house.take(house.bob, "1")
    house.take(house.nina, "4", zones=(house.terrace,))
    assert house.first("1") == {house.bob}
    assert house.first("1", widened=True) == {house.bob, house.nina}
    assert house.first("2") == {house.nina}
    assert house.first("4") == {house.nina}
    assert house.first("5") == {house.bob, house.nina}


def test_who_has_taken_nothing_is_there_for_everything(house: House) -> None:
    house.on(house.bob, house.nina, house.otto)
    house.take(house.bob, "1")
    restaurants.set_zones(house.id, house.nina, ["another zone"])
    assert house.first("1") == {house.bob, house.otto}
    restaurants.set_zones(house.id, house.nina, [house.terrace])
    assert house.first("2") == {house.nina, house.otto}


def test_a_zone_that_was_removed_is_nobodys(house: House) -> None:
    house.on(house.bob, house.nina)
    house.take(house.bob, zones=("a removed zone",))
    house.take(house.nina, "2")
    assert house.first("2") == {house.bob, house.nina}


def test_who_had_only_a_table_that_is_removed_is_there_for_everything(house: House) -> None:
    house.on(house.bob, house.nina)
    house.take(house.bob, "1")
    house.take(house.nina, "2")
    duty.forget_tables(house.id, [house.tables["1"]])
    assert house.first("2") == {house.bob, house.nina}


def test_where_whose_table_it_is_cannot_be_told_the_next_ones_are(house: House) -> None:
    house.on(house.bob, house.nina)
    house.take(house.bob, "1")
    house.take(house.nina, "2")
    assert house.first("1", reachable={house.nina}) == {house.nina}
    assert house.first("1", reachable={house.bob, house.nina}) == {house.bob}
    assert house.first("1", reachable={house.otto}) == set()


@pytest.mark.needs_wire
def test_of_two_who_take_a_table_at_once_one_has_it(app: Flask, house: House) -> None:
    house.on(house.bob, house.nina, house.otto)
    members = (house.bob, house.nina, house.otto)
    each = zip(members, "234", strict=True)
    refused = at_once_in(app, *(partial(house.take, member, "1", number) for member, number in each))
    held = house.held()
    assert sorted(map(len, refused)) == [0, 1, 1]
    assert sorted(map(len, held.values())) == [1, 1, 2]
    assert set.union(*held.values()) == {"1", "2", "3", "4"}


@pytest.mark.needs_wire
def test_many_who_come_at_once_are_all_on_duty(app: Flask, house: House) -> None:
    members = [house.alice, house.bob, house.nina, house.otto]
    come = [partial(duty.begin, house.id, member) for member in members * 2]
    assert sum(at_once_in(app, *come)) == 4
    assert sorted(each["member_id"] for each in house.now["duty"]) == sorted(members)


def test_what_others_have_is_kept_by_them_unless_a_manager_says_so(house: House) -> None:
    house.on(house.bob, house.nina)
    house.take(house.bob, "1", "2")
    assert house.take(house.nina, "2", "3") == [house.tables["2"]]
    assert house.held() == {house.bob: {"1", "2"}, house.nina: {"3"}}
    assert house.take(house.nina, "2", from_others=True) == []
    assert house.held() == {house.bob: {"1"}, house.nina: {"2"}}


# --- breaks -----------------------------------------------------------------------------------------------------------


def test_a_deputy_has_the_tables_during_a_break(house: House) -> None:
    house.on(house.bob, house.nina, house.otto)
    house.take(house.bob, "1")
    house.take(house.nina, "2")
    house.take(house.otto, "3")
    duty.hand_over(house.id, house.bob, house.nina)
    assert house.first("1") == house.first("2") == {house.nina}
    assert duty.on_duty(house.now, clock.now()) == {house.nina, house.otto}
    duty.hand_over(house.id, house.nina, house.otto)
    assert house.first("1") == house.first("2") == {house.otto}
    duty.hand_over(house.id, house.nina, None)
    duty.hand_over(house.id, house.bob, None)
    assert house.first("1") == {house.bob}


def test_only_who_is_there_can_stand_in(house: House) -> None:
    house.on(house.bob, house.nina)
    for deputy in (house.bob, house.otto):
        with pytest.raises(duty.NotOnDuty):
            duty.hand_over(house.id, house.bob, deputy)
    duty.hand_over(house.id, house.bob, house.nina)
    with pytest.raises(duty.NotOnDuty):
        duty.hand_over(house.id, house.nina, house.bob)
    with pytest.raises(duty.NotOnDuty):
        duty.hand_over(house.id, house.otto, None)


@pytest.mark.needs_wire
def test_two_who_stand_in_for_each_other_at_once_leave_one_there(app: Flask, house: House) -> None:
    house.on(house.bob, house.nina)

    def swap(member: str, deputy: str) -> bool:
        try:
            duty.hand_over(house.id, member, deputy)
        except duty.NotOnDuty:
            return False
        return True

    done = at_once_in(app, partial(swap, house.bob, house.nina), partial(swap, house.nina, house.bob))
    assert sorted(done) == [False, True]
    assert len(duty.on_duty(house.now, clock.now())) == 1


def test_a_deputy_keeps_the_tables_of_who_goes_home_from_a_break(house: House) -> None:
    house.on(house.bob, house.nina, house.otto)
    house.take(house.bob, "1", zones=(house.terrace,))
    house.take(house.nina, "2")
    duty.hand_over(house.id, house.bob, house.nina)
    assert duty.end(house.id, house.bob) is None
    assert house.held()[house.nina] == {"1", "2"}
    assert house.first("3") == {house.nina, house.otto}  # Otto has taken nothing


def test_when_a_deputy_goes_home_those_on_a_break_have_their_tables_again(house: House) -> None:
    house.on(house.bob, house.nina, house.otto)
    house.take(house.bob, "1")
    house.take(house.nina, "2")
    house.take(house.otto, "3")
    duty.hand_over(house.id, house.bob, house.nina)
    uncovered = duty.end(house.id, house.nina)
    assert uncovered
    assert uncovered.tables == [house.tables["2"]]
    assert house.first("1") == {house.bob}
    duty.hand_over(house.id, house.bob, house.otto)
    house.on(house.nina)
    duty.hand_over(house.id, house.otto, house.nina)
    assert duty.end(house.id, house.otto) is None
    assert house.first("1") == house.first("3") == {house.nina}


def test_what_is_handed_to_nobody_is_uncovered(house: House) -> None:
    house.on(house.bob, house.nina)
    house.take(house.bob, "1", "4", zones=(house.terrace,))
    uncovered = duty.end(house.id, house.bob)
    assert uncovered
    assert (len(uncovered.tables), uncovered.zones) == (2, [house.terrace])
    assert house.first("1") == {house.nina}
    assert duty.still_uncovered(house.now, uncovered.tables, clock.now()) == uncovered.tables
    house.take(house.nina, "1")
    assert duty.still_uncovered(house.now, uncovered.tables, clock.now()) == [house.tables["4"]]


@pytest.mark.needs_wire
def test_the_database_refuses_a_misshapen_entry(house: House) -> None:
    entry = {"member_id": house.bob, "since": clock.now(), "until": clock.now() + timedelta(hours=1)}
    with pytest.raises(WriteError):
        db().restaurants.update_one({"_id": house.id}, {"$set": {"duty": [entry]}})


# --- whatever happens -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_each_table_is_heard_by_somebody_who_is_there(house: House, later: Later, seed: int) -> None:
    dice, members = random.Random(seed), [house.alice, house.bob, house.nina, house.otto]
    for _ in range(80):
        one, other = dice.sample(members, 2)
        with suppress(duty.NotOnDuty):
            match dice.randrange(8):
                case 0 | 1:
                    duty.begin(house.id, one)
                case 2 | 3:
                    zones = (house.terrace,) if dice.random() < 0.3 else ()
                    house.take(one, *dice.sample("12345", 2), zones=zones, from_others=dice.random() < 0.3)
                case 4 | 5:
                    duty.hand_over(house.id, one, dice.choice([other, other, None]))
                case 6:
                    duty.end(house.id, one)
                case 7 if dice.random() < 0.2:
                    later(hours=dice.choice([1, 5, 18]))
        _check(house)


def _check(house: House) -> None:
    restaurant = house.now
    present, here = duty.entries(restaurant, clock.now()), duty.on_duty(restaurant, clock.now())
    held = [table for each in present for table in each["tables"]]
    assert len(held) == len(set(held)), "a table is in two entries"
    assert len(present) == len({each["member_id"] for each in present})
    bearers = {duty.bearer(each, present) for each in present}
    assert here == (bearers or {member["id"] for member in restaurant["members"]})
    for name, table in house.tables.items():
        first = house.first(name)
        assert first
        assert first <= here
        for entry in present:
            assert table not in entry["tables"] or duty.bearer(entry, present) in first
