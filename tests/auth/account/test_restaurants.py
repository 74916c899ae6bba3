"""The restaurants of one person: all at a glance, one more, and closing one."""

from typing import Any

import pytest
from flask import Flask

from tests.support.calls import call, found
from tests.support.cast import Person
from waitercaller.db import cache
from waitercaller.model import duty, member_names, restaurants
from waitercaller.model.requests import rehearsals
from waitercaller.model.tables import Table


@pytest.fixture
def stored(app: Flask) -> Any:
    """The database, for direct queries."""
    return app.extensions["mongo"].database


def add(person: Person, name: str, time_zone: str = "") -> Any:
    return person.client.submit("/restaurants/new", {"restaurant": name, "time_zone": time_zone})


def glance(person: Person) -> str:
    return " ".join(person.client.get("/restaurants").text.split())


def close(app: Flask, person: Person, name: str) -> Any:
    path = f"{person.home}/close"
    return person.client.submit(path, {f"name_{person.restaurant_id}": name})


def test_one_more_restaurant_is_ones_own_and_begins_with_its_first_call(
    stored: Any, alice: Person, bob: Person
) -> None:
    assert add(bob, " ").status_code == 400
    assert add(bob, "x" * 81).status_code == 400
    assert stored.restaurants.count_documents({}) == 1
    answer = add(bob, "Bar Centrale", "Europe/Rome")
    second = stored.restaurants.find_one({"name": "Bar Centrale"})
    assert answer.location == f"/r/{second['_id']}/first-call"
    assert second["time_zone"] == "Europe/Rome"
    assert [(member["name"], member["role"]) for member in second["members"]] == [("Bob", "owner")]
    assert "Your first call" in bob.client.get(answer.location).text
    assert {name for name in ("Trattoria Lucia", "Bar Centrale") if name in glance(bob)} == {
        "Trattoria Lucia",
        "Bar Centrale",
    }
    assert "Bar Centrale" not in glance(alice)
    assert "Added a restaurant" in bob.client.get("/account").text


def test_who_waits_and_who_is_on_duty_in_each(app: Flask, alice: Person, bob: Person, table: Table) -> None:
    assert "Nobody is waiting" in glance(alice)
    assert "Nobody has gone on duty" in glance(alice)
    with app.app_context():
        rehearsals.begin(found(alice.restaurant_id), {"id": alice.member_id, "name": "Alice"})
        assert "Nobody is waiting" in glance(alice), "a test is nobody who waits"
        call(alice.restaurant_id)
        duty.begin(alice.restaurant_id, bob.member_id)
    assert "1 table waiting · oldest 0:0" in glance(alice)
    assert "On duty: <bdi>Bob</bdi>" in glance(alice)


@pytest.mark.needs_wire
def test_its_only_owner_closes_a_restaurant_by_typing_its_name(
    app: Flask, stored: Any, alice: Person, bob: Person, table: Table
) -> None:
    assert bob.client.get(f"{bob.home}/close").status_code == 403
    refused = close(app, alice, "Trattoria")
    assert (refused.status_code, "This is not the name" in refused.text) == (400, True)
    assert stored.tables.count_documents({"removed_at": None}) == 1
    assert close(app, alice, "Trattoria Lucia").location == "/restaurants"
    assert stored.tables.count_documents({"removed_at": None}) == 0
    for person in (alice, bob):
        assert person.client.get(f"{person.home}/dashboard").status_code == 404
        assert "No restaurant yet" in glance(person)
    assert "Closed a restaurant" in alice.client.get("/account").text, "she stays"


def test_one_of_several_owners_cannot_close_it(app: Flask, stored: Any, alice: Person, hire: Any) -> None:
    page = alice.client.get(f"{alice.home}/close").text
    token = alice.client.csrf_token(f"{alice.home}/close")
    hire("Olga", role="owner", at=alice)
    assert "It has other owners" in alice.client.get(f"{alice.home}/close").text
    data = {f"name_{alice.restaurant_id}": "Trattoria Lucia", "csrf_token": token}
    assert alice.client.post(f"{alice.home}/close", data=data).status_code == 400
    assert "type its name" in page
    assert stored.restaurants.count_documents({"removed_at": None}) == 1


def test_of_two_who_get_a_name_at_once_the_second_gets_a_number(
    app: Flask, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look for a free name and the write somebody else takes it."""
    others = ["Kim", "kim"]

    def overtaken(members: Any, name: str, user_id: Any = None) -> str:
        chosen = member_names.free_name(members, name, user_id)
        if others:
            restaurants.add_member(alice.restaurant_id, others.pop(), "waiter", None)
        return chosen

    with app.app_context():
        monkeypatch.setattr(restaurants, "free_name", overtaken)
        restaurants.add_member(alice.restaurant_id, "Kim", "waiter", None)
        cache.restaurants.clear()
        names = [member["name"] for member in found(alice.restaurant_id)["members"]]
    assert sorted(names) == ["Alice", "Kim", "Kim 3", "kim 2"]
