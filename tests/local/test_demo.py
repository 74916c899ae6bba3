"""The demo restaurant."""

from datetime import timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from waitercaller.db import clock
from waitercaller.local import demo, evening, past
from waitercaller.model import restaurants, tables, users
from waitercaller.model.requests import transitions
from waitercaller.model.rollups import store as report
from waitercaller.web import passwords

pytestmark = pytest.mark.moments


@pytest.fixture(autouse=True)
def _short_past(monkeypatch):
    """Two days of calls show what four weeks would."""
    monkeypatch.setattr(past, "DAYS", 2)


def test_it_has_twelve_tables_in_three_zones_and_an_owner_who_can_log_in(app):
    with app.app_context():
        words = demo.prepare()
        owner = users.with_address(demo.EMAIL)
        assert owner is not None
        (restaurant,) = restaurants.of_user(owner["_id"])
        placed = tables.of_restaurant(restaurant["_id"])
    assert [member["role"] for member in restaurant["members"]] == ["owner", "waiter", "waiter"]
    assert [table["name"] for table in placed] == [str(number) for number in range(1, 13)]
    assert {table["zone_id"] for table in placed} == {zone["id"] for zone in restaurant["zones"]}
    assert len(restaurant["zones"]) == 3
    assert f"http://localhost/t/{placed[0]['code']}" in words
    answer = app.test_client().submit("/login", {"email": demo.EMAIL, "password": _password(words)})
    assert answer.status_code == 303


def test_a_second_start_gives_a_new_password_and_nothing_else(app):
    with app.app_context():
        first = demo.prepare()
        second = demo.prepare()
        owner = users.with_address(demo.EMAIL)
        assert owner is not None
        (restaurant,) = restaurants.of_user(owner["_id"])
        assert len(tables.of_restaurant(restaurant["_id"])) == 12
        assert not passwords.verify(_password(first), owner["password_hash"])
        assert passwords.verify(_password(second), owner["password_hash"])


def test_its_past_is_over_and_is_made_once(app):
    stored = app.extensions["mongo"].database
    with app.app_context():
        demo.prepare()
        report.run_now()
        calls = list(stored.requests.find())
        demo.prepare()
    assert stored.requests.count_documents({}) == len(calls)
    ends = [call["ended_at"] for call in calls]
    assert max(ends) < clock.now()
    assert min(call["created_at"] for call in calls) > stored.restaurants.find_one()["created_at"]
    assert {"resolved"} < {call["state"] for call in calls} <= {"resolved", "cancelled", "dismissed"}
    assert {call["kind"] for call in calls} == {"waiter", "bill", "water"}
    assert {call["by"]["name"] for call in calls if call["by"]} == {"Alex", "Kim", "Robin"}
    counted = [cell["calls"] for rollup in stored.rollups.find() for cell in rollup["cells"]]
    assert sum(counted) == len(calls)


def test_a_later_start_adds_the_days_since_then(app, later):
    requests = app.extensions["mongo"].database.requests
    with app.app_context():
        demo.prepare()
        last = requests.find_one(sort=[("created_at", -1)])["created_at"]
        later(days=2)
        demo.prepare()
    added = requests.count_documents({"created_at": {"$gt": last + timedelta(hours=12)}})
    assert added > 20


def test_it_is_evening_there_and_nobody_called_at_night(app):
    with app.app_context():
        demo.prepare()
        (restaurant,) = app.extensions["mongo"].database.restaurants.find()
        zone = restaurants.time_zone(restaurant)
        calls = list(app.extensions["mongo"].database.requests.find())
    assert clock.now().astimezone(zone).hour in demo.EVENING_HOURS
    assert {call["created_at"].astimezone(zone).hour for call in calls} <= {11, 12, 13, 14, *range(17, 24)}


def test_started_at_another_time_of_the_day_it_is_elsewhere_with_its_past(app, later):
    stored = app.extensions["mongo"].database
    with app.app_context():
        demo.prepare()
        first = restaurants.time_zone(stored.restaurants.find_one())
        later(hours=12)
        demo.prepare()
        second = restaurants.time_zone(stored.restaurants.find_one())
    assert first != second
    assert {call["created_at"].astimezone(second).hour for call in stored.requests.find()} <= {
        *range(11, 15),
        *range(17, 24),
    }
    counted = [cell["calls"] for rollup in stored.rollups.find() for cell in rollup["cells"]]
    assert sum(counted) == stored.requests.count_documents({})


def test_every_hour_is_evening_somewhere():
    begin = clock.now().replace(minute=0)
    for hours in range(48):
        at = begin + timedelta(hours=hours / 2)
        assert at.astimezone(ZoneInfo(demo.evening_place(at))).hour in demo.EVENING_HOURS


def test_simulated_guests_call_and_simulated_staff_comes_but_not_to_the_visitors_table(app, later):
    stored, random = app.extensions["mongo"].database, Random(1)
    with app.app_context():
        demo.prepare()
        stored.requests.delete_many({})
        restaurant = restaurants.get(demo.find())
        assert restaurant is not None
        first = tables.of_restaurant(restaurant["_id"])[0]
        own = transitions.open_request(restaurant, first, restaurant["kinds"][0], "the visitor's")
        for number in range(150):
            evening.step(restaurant["_id"], random, number)
            later(seconds=1)
        calls = list(stored.requests.find({"_id": {"$ne": own["_id"]}}))
        assert stored.requests.find_one({"_id": own["_id"]})["state"] == "waiting"
        assert first["_id"] not in {call["table_id"] for call in calls}
        assert {"resolved", "accepted"} <= {call["state"] for call in calls}
        assert {call["by"]["name"] for call in calls if call["by"]} == set(demo.COLLEAGUES)
        assert all(call["shown"] for call in calls)
        later(hours=8)  # it sleeps
        for number in range(20):
            evening.step(restaurant["_id"], random, number)
        assert stored.requests.count_documents({}) == len(calls) + 1


def _password(words: str) -> str:
    return words.partition("with the password ")[2].split()[0]
