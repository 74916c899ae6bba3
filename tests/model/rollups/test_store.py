"""Rollups: idempotent counts per quarter of an hour, by one process at a time, until the requests are final."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.past_calls import BOB, keep, past_call, utc
from tests.support.together import at_once_in
from waitercaller.db import clock
from waitercaller.model import restaurants
from waitercaller.model.requests import transitions as requests
from waitercaller.model.rollups import figures, retention, store, times, usual

pytestmark = pytest.mark.moments

NOON = utc(2026, 11, 10, 12, 0)


def counted(database: Any) -> dict[datetime, int]:
    """The number of counted requests of each quarter."""
    return {each["quarter"]: sum(cell["calls"] for cell in each["cells"]) for each in database.rollups.find()}


def test_calls_are_counted_by_quarters(database, restaurant, table):
    keep(database, *(past_call(restaurant, table, NOON + timedelta(minutes=minutes)) for minutes in (0, 14, 15, 44)))
    store.run_now()
    quarter = times.QUARTER
    assert counted(database) == {NOON: 2, NOON + quarter: 1, NOON + 2 * quarter: 1}
    found = store.of_period(restaurant["_id"], NOON + quarter, NOON + 2 * quarter)
    assert [each["quarter"] for each in found] == [NOON + quarter]


def test_counting_again_changes_nothing(database, restaurant, table):
    keep(database, past_call(restaurant, table, NOON), past_call(restaurant, table, NOON, kind=1))
    store.run_now()
    before = database.rollups.find_one()
    database.jobs.delete_many({})
    store.run_now()
    assert {**before, "next_at": None} == {**database.rollups.find_one(), "next_at": None}


def test_later_changes_of_a_request_are_counted(database, restaurant, table, later):
    call = requests.open_request(restaurant, table, restaurant["kinds"][0], "k1")
    store.run_now()
    [cell] = database.rollups.find_one()["cells"]
    assert (cell["calls"], cell["answered"]) == (1, 0)
    later(minutes=2)
    requests.accept(restaurant["_id"], [call["_id"]], BOB)
    requests.resolve(restaurant["_id"], [call["_id"]], BOB)
    store.run_now()
    [cell] = database.rollups.find_one()["cells"]
    assert (cell["calls"], cell["answered"]) == (1, 1)
    requests.reopen({"restaurant_id": restaurant["_id"]}, [call["_id"]], BOB)
    later(minutes=2)
    store.run_now()
    [cell] = database.rollups.find_one()["cells"]
    assert (cell["calls"], cell["answered"]) == (1, 0)


def test_a_quarter_is_final_once_its_requests_cannot_change(database, restaurant, table, later):
    call = requests.open_request(restaurant, table, restaurant["kinds"][0], "k1")
    later(hours=3)
    store.run_now()
    due_at = database.rollups.find_one()["next_at"]
    assert timedelta(minutes=5) < due_at - clock.now() < timedelta(hours=1)  # less often the older it is
    later(hours=1)
    requests.resolve(restaurant["_id"], [call["_id"]], BOB)
    store.run_now()
    assert database.rollups.find_one()["state"] == "due"  # it can still be undone
    later(hours=1)
    store.run_now()
    assert database.rollups.find_one()["state"] == "counted"
    store.run_now()
    assert counted(database) == {times.quarter_of(call["created_at"]): 1}


def test_requests_that_become_visible_late_are_counted(database, restaurant, table):
    store.run_now()
    made_at = clock.now() - timedelta(minutes=4)
    database.requests.insert_one(past_call(restaurant, table, made_at))
    store.run_now()
    assert counted(database) == {times.quarter_of(made_at): 1}


def test_many_requests_are_counted_in_batches(database, restaurant, table, monkeypatch):
    monkeypatch.setattr(store, "BATCH_SIZE", 3)
    keep(database, *(past_call(restaurant, table, NOON + timedelta(minutes=5 * each)) for each in range(10)))
    store.run_now()
    assert sum(counted(database).values()) == 10


def test_restaurants_are_counted_separately(database, restaurant, table, charlie):
    theirs = restaurants.get(charlie.restaurant_id)
    assert theirs is not None
    keep(database, past_call(restaurant, table, NOON), past_call(theirs, table, NOON), past_call(theirs, table, NOON))
    store.run_now()
    assert {each["restaurant_id"]: each["cells"][0]["calls"] for each in database.rollups.find()} == {
        restaurant["_id"]: 1,
        charlie.restaurant_id: 2,
    }


def test_one_process_at_a_time_runs_a_round(database, restaurant, table, later, monkeypatch):
    rounds: list[Any] = []
    monkeypatch.setattr(store, "_find_new", rounds.append)
    for number in (1, 2):
        for _ in range(3):
            store.process_due()
        assert len(rounds) == number
        later(seconds=61)


@pytest.mark.needs_wire
def test_concurrent_processes_count_correctly(app, database, restaurant, table):
    keep(database, *(past_call(restaurant, table, NOON + timedelta(minutes=each)) for each in range(40)))
    at_once_in(app, *[store.run_now] * 4)
    store.run_now()
    assert sorted(counted(database).values()) == [10, 15, 15]


def test_a_process_that_has_lost_its_lease_writes_nothing(database, restaurant, table, monkeypatch):
    """A request is inserted, and another count completes, between reading and writing."""
    keep(database, past_call(restaurant, table, NOON))
    count_cells = figures.cells_of

    def interrupted(found: Any) -> Any:
        monkeypatch.setattr(store, "cells_of", count_cells)
        keep(database, past_call(restaurant, table, NOON))
        store.run_now()
        return count_cells(found)

    monkeypatch.setattr(store, "cells_of", interrupted)
    assert store.run_now() == 0
    assert counted(database) == {NOON: 2}


def test_a_process_that_dies_leaves_its_quarter_to_another(database, restaurant, table, later, monkeypatch):
    keep(database, past_call(restaurant, table, NOON))
    with monkeypatch.context() as patch:
        patch.setattr(store, "cells_of", lambda _: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            store.run_now()
    database.jobs.update_one({}, {"$set": {"seen": clock.now()}})
    assert counted(database) == {NOON: 0}
    later(minutes=3)
    store.run_now()
    assert counted(database) == {NOON: 1}


def test_old_requests_are_purged_and_their_counts_kept(database, restaurant, table, later):
    ancient, recent = (past_call(restaurant, table, clock.now() - timedelta(days=days)) for days in (401, 399))
    keep(database, ancient, recent)
    store.run_now()
    assert [call["_id"] for call in database.requests.find()] == [recent["_id"]]
    assert sum(counted(database).values()) == 2
    later(hours=2)
    store.run_now()
    assert sum(counted(database).values()) == 2


def test_the_owner_chooses_how_long_requests_are_kept(database, restaurant, table, charlie, later):
    restaurants.set_setting(restaurant["_id"], "keep_calls_days", 30)
    theirs = restaurants.get(charlie.restaurant_id)
    assert theirs is not None
    old, young = (past_call(restaurant, table, clock.now() - timedelta(days=days)) for days in (31, 29))
    elsewhere = past_call(theirs, table, clock.now() - timedelta(days=31))
    keep(database, old, young, elsewhere)
    store.run_now()
    assert [call["_id"] for call in database.requests.find()] == [young["_id"], elsewhere["_id"]]
    assert database.rollups.count_documents({}) == 3
    later(days=2)
    store.run_now()
    assert [call["_id"] for call in database.requests.find()] == [elsewhere["_id"]]


def test_live_requests_and_those_not_counted_finally_are_not_purged(database, restaurant, table):
    at = clock.now() - timedelta(days=500)
    live, beside = past_call(restaurant, table, at), past_call(restaurant, table, at)
    live.update(state="waiting", live=True, ended_at=None, next_step="nagged", due_at=at)
    keep(database, live, beside)
    store.run_now()
    assert database.requests.count_documents({}) == 2


def test_requests_that_never_end_do_not_prevent_the_purge_of_others(database, restaurant, table, monkeypatch):
    monkeypatch.setattr(retention, "BATCH_SIZE", 2)
    at = clock.now() - timedelta(days=500)
    never = [past_call(restaurant, table, at + timedelta(hours=each)) for each in range(3)]
    for each, kind in zip(never, ("waiter", "bill", "water"), strict=True):
        each.update(kind=kind, state="waiting", live=True, ended_at=None, next_step="nagged", due_at=at)
    keep(database, *never, *(past_call(restaurant, table, at + timedelta(days=2, hours=each)) for each in range(5)))
    for _ in range(6):
        store.run_now()
    assert [call["_id"] for call in database.requests.find()] == [each["_id"] for each in never]


# --- the usual wait -----------------------------------------------------------------------------------------


def test_the_usual_wait_is_the_median_at_this_hour_of_four_weeks(database, restaurant, table, monkeypatch):
    database.restaurants.update_one({"_id": restaurant["_id"]}, {"$set": {"time_zone": "Europe/Berlin"}})
    restaurant["time_zone"] = "Europe/Berlin"
    at = utc(2026, 11, 10, 11, 30)  # half past twelve; until October 25th that was 10:30 UTC
    for day in range(1, 21):
        hour = 11 if day <= 16 else 10
        begin = (at - timedelta(days=day)).replace(hour=hour, minute=20)
        keep(
            database,
            past_call(restaurant, table, begin, accepted=60),
            past_call(restaurant, table, begin + times.QUARTER * 4),
        )
    keep(database, *(past_call(restaurant, table, at - timedelta(days=40), accepted=900) for _ in range(50)))
    store.run_now()
    wait = usual.usual_wait(restaurant, at)
    assert wait is not None
    assert 60 <= wait.total_seconds() <= 65
    assert usual.usual_wait(restaurant, at + timedelta(hours=3)) is None


def test_too_few_calls_give_no_usual_wait(database, restaurant, table, later):
    at = clock.now()
    keep(database, *(past_call(restaurant, table, at - timedelta(days=day)) for day in range(1, 20)))
    store.run_now()
    assert usual.usual_wait(restaurant, at) is None
    keep(database, past_call(restaurant, table, at - timedelta(days=20)))
    store.run_now()
    assert usual.usual_wait(restaurant, at) is None  # cached for five minutes
    later(minutes=6)
    wait = usual.usual_wait(restaurant, at)
    assert wait is not None
    assert 30 <= wait.total_seconds() <= 35
