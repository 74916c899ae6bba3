"""Calls counted by quarters of an hour: anew each time, by one process at a time, until nothing can change any more."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from bson import ObjectId

from tests.cast import Person
from tests.past_calls import BOB, keep, past_call, utc
from tests.together import at_once_in
from waitercaller import clock, restaurants
from waitercaller.db import Document
from waitercaller.report import figures, store, times, usual
from waitercaller.requests import store as requests

pytestmark = pytest.mark.moments

NOON = utc(2026, 11, 10, 12, 0)


@pytest.fixture
def house(database: Any, alice: Person) -> Document:
    restaurant = restaurants.get(alice.restaurant_id)
    assert restaurant is not None
    return restaurant


def counted(database: Any) -> dict[datetime, int]:
    """How many calls were counted in each quarter."""
    return {each["quarter"]: sum(cell["calls"] for cell in each["cells"]) for each in database.rollups.find()}


def test_calls_are_counted_by_quarters(database, house, table):
    keep(database, *(past_call(house, table, NOON + timedelta(minutes=minutes)) for minutes in (0, 14, 15, 44)))
    store.bring_up_to_date()
    quarter = times.QUARTER
    assert counted(database) == {NOON: 2, NOON + quarter: 1, NOON + 2 * quarter: 1}
    found = store.of_period(house["_id"], NOON + quarter, NOON + 2 * quarter)
    assert [each["quarter"] for each in found] == [NOON + quarter]


def test_counting_again_changes_nothing(database, house, table):
    keep(database, past_call(house, table, NOON), past_call(house, table, NOON, kind=1))
    store.bring_up_to_date()
    before = database.rollups.find_one()
    database.jobs.delete_many({})
    store.bring_up_to_date()
    assert {**before, "due_at": None} == {**database.rollups.find_one(), "due_at": None}


def test_what_happens_to_a_call_later_is_counted(database, house, table, later):
    call = requests.open_request(house, table, house["kinds"][0], "k1")
    store.bring_up_to_date()
    [cell] = database.rollups.find_one()["cells"]
    assert (cell["calls"], cell["answered"]) == (1, 0)
    later(minutes=2)
    requests.accept(house["_id"], [call["_id"]], BOB)
    requests.resolve(house["_id"], [call["_id"]], BOB)
    store.bring_up_to_date()
    [cell] = database.rollups.find_one()["cells"]
    assert (cell["calls"], cell["answered"]) == (1, 1)
    requests.reopen({"restaurant_id": house["_id"]}, [call["_id"]], BOB)
    later(minutes=2)
    store.bring_up_to_date()
    [cell] = database.rollups.find_one()["cells"]
    assert (cell["calls"], cell["answered"]) == (1, 0)


def test_a_quarter_is_left_alone_once_nothing_can_change(database, house, table, later):
    call = requests.open_request(house, table, house["kinds"][0], "k1")
    later(hours=3)
    store.bring_up_to_date()
    due_at = database.rollups.find_one()["due_at"]
    assert timedelta(minutes=5) < due_at - clock.now() < timedelta(hours=1)  # less and less often while it waits
    later(hours=1)
    requests.resolve(house["_id"], [call["_id"]], BOB)
    store.bring_up_to_date()
    assert database.rollups.find_one()["open"]  # it can still be undone
    later(hours=1)
    store.bring_up_to_date()
    assert not database.rollups.find_one()["open"]
    store.bring_up_to_date()
    assert counted(database) == {times.quarter_of(call["created_at"]): 1}


def test_calls_that_become_visible_late_are_counted(database, house, table):
    store.bring_up_to_date()
    made_at = clock.now() - timedelta(minutes=4)
    database.requests.insert_one(past_call(house, table, made_at))
    store.bring_up_to_date()
    assert counted(database) == {times.quarter_of(made_at): 1}


def test_a_long_past_is_counted_in_batches(database, house, table, monkeypatch):
    monkeypatch.setattr(store, "BATCH", 3)
    keep(database, *(past_call(house, table, NOON + timedelta(minutes=5 * each)) for each in range(10)))
    store.bring_up_to_date()
    assert sum(counted(database).values()) == 10


def test_houses_are_counted_apart(database, house, table, charlie):
    theirs = restaurants.get(charlie.restaurant_id)
    assert theirs is not None
    keep(database, past_call(house, table, NOON), past_call(theirs, table, NOON), past_call(theirs, table, NOON))
    store.bring_up_to_date()
    assert {each["restaurant_id"]: each["cells"][0]["calls"] for each in database.rollups.find()} == {
        house["_id"]: 1,
        charlie.restaurant_id: 2,
    }


def test_one_process_at_a_time_looks_for_calls(database, house, table, later, monkeypatch):
    rounds = count(1)
    monkeypatch.setattr(store, "bring_up_to_date", lambda: next(rounds))
    assert [store.work_off() for _ in range(3)] == [1, 0, 0]
    later(seconds=61)
    assert [store.work_off() for _ in range(3)] == [2, 0, 0]


@pytest.mark.needs_wire
def test_several_processes_at_once_count_right(app, database, house, table):
    keep(database, *(past_call(house, table, NOON + timedelta(minutes=each)) for each in range(40)))
    at_once_in(app, *[store.bring_up_to_date] * 4)
    store.bring_up_to_date()
    assert sorted(counted(database).values()) == [10, 15, 15]


def test_who_has_lost_the_lease_writes_nothing(database, house, table, monkeypatch):
    """Between the reading and the writing another call came, and with it another count."""
    keep(database, past_call(house, table, NOON))
    count_cells = figures.cells_of

    def interrupted(found: Any) -> Any:
        monkeypatch.setattr(store, "cells_of", count_cells)
        keep(database, past_call(house, table, NOON))
        store.bring_up_to_date()
        return count_cells(found)

    monkeypatch.setattr(store, "cells_of", interrupted)
    assert store.bring_up_to_date() == 0
    assert counted(database) == {NOON: 2}


def test_a_process_that_dies_leaves_its_quarter_to_another(database, house, table, later, monkeypatch):
    keep(database, past_call(house, table, NOON))
    with monkeypatch.context() as patch:
        patch.setattr(store, "cells_of", lambda _: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            store.bring_up_to_date()
    database.jobs.update_one({}, {"$set": {"seen": clock.now()}})
    assert counted(database) == {NOON: 0}
    later(minutes=3)
    store.bring_up_to_date()
    assert counted(database) == {NOON: 1}


def test_calls_of_long_ago_go_and_their_counts_stay(database, house, table, later):
    ancient, recent = (past_call(house, table, clock.now() - timedelta(days=days)) for days in (401, 399))
    keep(database, ancient, recent)
    store.bring_up_to_date()
    assert [call["_id"] for call in database.requests.find()] == [recent["_id"]]
    assert sum(counted(database).values()) == 2
    later(hours=2)
    store.bring_up_to_date()
    assert sum(counted(database).values()) == 2


def test_what_is_live_or_not_counted_for_good_is_never_deleted(database, house, table):
    at = clock.now() - timedelta(days=500)
    live, beside = past_call(house, table, at), past_call(house, table, at)
    live.update(state="waiting", live=True, ended_at=None)
    keep(database, live, beside)
    store.bring_up_to_date()
    assert database.requests.count_documents({}) == 2


def test_calls_that_never_end_do_not_keep_the_others(database, house, table, monkeypatch):
    monkeypatch.setattr(store, "BATCH", 2)
    at = clock.now() - timedelta(days=500)
    never = [past_call(house, table, at + timedelta(hours=each)) for each in range(3)]
    for each, kind in zip(never, ("waiter", "bill", "water"), strict=True):
        each.update(kind=kind, state="waiting", live=True, ended_at=None)
    keep(database, *never, *(past_call(house, table, at + timedelta(days=2, hours=each)) for each in range(5)))
    for _ in range(6):
        store.bring_up_to_date()
    assert [call["_id"] for call in database.requests.find()] == [each["_id"] for each in never]


# --- what guests may expect ---------------------------------------------------------------------------------


def test_the_usual_wait_is_the_median_at_this_hour_of_four_weeks(database, house, table, monkeypatch):
    database.restaurants.update_one({"_id": house["_id"]}, {"$set": {"time_zone": "Europe/Berlin"}})
    house["time_zone"] = "Europe/Berlin"
    at = utc(2026, 11, 10, 11, 30)  # half past twelve; until October 25th that was 10:30 UTC
    for day in range(1, 21):
        hour = 11 if day <= 16 else 10
        begin = (at - timedelta(days=day)).replace(hour=hour, minute=20)
        keep(database, past_call(house, table, begin, accepted=60), past_call(house, table, begin + times.QUARTER * 4))
    keep(database, *(past_call(house, table, at - timedelta(days=40), accepted=900) for _ in range(50)))
    store.bring_up_to_date()
    wait = usual.usual_wait(house, at)
    assert wait is not None
    assert 60 <= wait.total_seconds() <= 65
    assert usual.usual_wait(house, at + timedelta(hours=3)) is None


def test_too_few_calls_tell_nothing(database, house, table, later):
    at = clock.now()
    keep(database, *(past_call(house, table, at - timedelta(days=day)) for day in range(1, 20)))
    store.bring_up_to_date()
    assert usual.usual_wait(house, at) is None
    keep(database, past_call(house, table, at - timedelta(days=20)))
    store.bring_up_to_date()
    assert usual.usual_wait(house, at) is None  # known for five minutes
    later(minutes=6)
    wait = usual.usual_wait(house, at)
    assert wait is not None
    assert 30 <= wait.total_seconds() <= 35


def test_tables_before_are_those_that_wait_longer_for_anybody(database, house, table):
    def call(table_id: ObjectId, kind: int, minutes: int, state: str = "waiting") -> Any:
        request: Any = past_call(house, {**table, "_id": table_id}, NOON - timedelta(minutes=minutes), kind=kind)
        return {**request, "live": True, "state": state, "ended_at": None}

    first, second, third = ObjectId(), ObjectId(), ObjectId()
    keep(database, call(first, 0, 9), call(first, 1, 8), call(second, 0, 7, "accepted"), call(third, 0, 2))
    keep(database, call(table["_id"], 0, 6), call(table["_id"], 1, 5))
    assert usual.tables_before(house["_id"], table["_id"], NOON - timedelta(minutes=5)) == 1
    assert usual.tables_before(house["_id"], table["_id"], NOON - timedelta(minutes=1)) == 2
    assert usual.tables_before(ObjectId(), table["_id"], NOON) == 0
