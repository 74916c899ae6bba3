"""The demo restaurant."""

from datetime import timedelta

import pytest

from waitercaller.db import clock
from waitercaller.local import demo, past
from waitercaller.model import restaurants, tables, users
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


def _password(words: str) -> str:
    return words.partition("with the password ")[2].split()[0]
