"""The pages about duty and "Who can hear": by oneself, at the counter, and by a manager for others."""

from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from tests.support.cast import Browser, Person, device
from waitercaller.db import clock
from waitercaller.model import duty, export, logins, presence, restaurants, subscriptions, tables, users
from waitercaller.model.restaurants import Restaurant


@pytest.fixture
def nina(hire: Callable[..., Person], alice: Person) -> Person:
    return hire("Nina", role="waiter", at=alice)


@pytest.fixture
def counter(app: Flask, alice: Person) -> Browser:
    """The counter tablet."""
    return device(app, alice)


@pytest.fixture
def table_ids(app: Flask, alice: Person) -> dict[str, str]:
    """The tables 1 to 3 on the terrace and 4 without a zone; ids by name."""
    with app.app_context():
        zone = restaurants.ensure_zone(alice.restaurant_id, "Terrace")
        tables.add_many(alice.restaurant_id, ["1", "2", "3"], zone)
        tables.add_many(alice.restaurant_id, ["4"], None)
        return {table["name"]: str(table["_id"]) for table in tables.of_restaurant(alice.restaurant_id)}


def act(browser: Browser, whose: Person, what: str, **form: Any) -> str:
    """Send one of the forms of this member's duty; returns the page that follows."""
    page = f"{whose.home}/duty"
    return browser.submit(f"{page}/{whose.member_id}/{what}", form, page=page, follow_redirects=True).text


def now(app: Flask, person: Person) -> Restaurant:
    with app.app_context():
        restaurant = restaurants.get_even_removed(person.restaurant_id)
    assert restaurant
    return restaurant


def held(app: Flask, person: Person) -> set[str]:
    """The ids of this member's tables; fails if they are off duty."""
    with app.app_context():
        entry = duty.entry_of(now(app, person), person.member_id, clock.now())
    assert entry
    return {str(table) for table in entry["tables"]}


def is_on(app: Flask, person: Person) -> bool:
    with app.app_context():
        return duty.entry_of(now(app, person), person.member_id, clock.now()) is not None


def test_a_waiter_goes_on_duty_takes_tables_and_goes_off(
    app: Flask, bob: Person, nina: Person, table_ids: dict[str, str]
) -> None:
    assert "You are off duty" in bob.client.get(f"{bob.home}/duty").text
    page = act(bob.client, bob, "on")
    assert "You are on duty until" in page
    assert "only the phones of those on duty are told" in page
    assert "only the phones" not in act(nina.client, nina, "on")
    assert "Saved." in act(bob.client, bob, "tables", tables=[table_ids["1"], table_ids["4"]])
    assert held(app, bob) == {table_ids["1"], table_ids["4"]}
    page = act(nina.client, nina, "tables", tables=[table_ids["1"], table_ids["2"]])
    assert "Table 1: Bob has it." in page
    assert held(app, nina) == {table_ids["2"]}
    assert "Tables 1, 4" in nina.client.get(f"{bob.home}/duty").text
    assert "You are off duty." in act(bob.client, bob, "off")
    assert not is_on(app, bob)


def test_a_break_is_one_tap_and_taken_back_with_another(
    app: Flask, bob: Person, nina: Person, table_ids: dict[str, str]
) -> None:
    for person in (bob, nina):
        act(person.client, person, "on")
    act(bob.client, bob, "tables", tables=[table_ids["1"]])
    page = act(bob.client, bob, "deputy", to=nina.member_id)
    assert "On a break" in page
    assert "Nina has the tables now" in page
    assert "Also those of Bob, during the break: Table 1" in nina.client.get(f"{nina.home}/duty").text
    assert "You have your tables again." in act(bob.client, bob, "deputy")
    assert "On a break" not in bob.client.get(f"{bob.home}/duty").text
    act(nina.client, nina, "off")
    assert "somebody has gone off duty" in act(bob.client, bob, "deputy", to=nina.member_id)
    form = {"to": "0" * 12}
    assert (
        bob.client.submit(f"{bob.home}/duty/{bob.member_id}/deputy", form, page=f"{bob.home}/duty").status_code == 400
    )


def test_at_the_counter_names_are_switches(
    app: Flask, counter: Browser, bob: Person, nina: Person, table_ids: dict[str, str]
) -> None:
    page = counter.get(f"{bob.home}/duty").text
    assert page.count('role="switch" aria-checked="false"') == 3
    page = act(counter, bob, "on")
    assert "Bob is on duty until" in page
    assert page.count('role="switch" aria-checked="true"') == 1
    assert "Saved." in act(counter, bob, "tables", tables=[table_ids["1"]])
    assert held(app, bob) == {table_ids["1"]}
    page = counter.get(f"{bob.home}/duty").text
    assert page.count('role="switch"') == 2  # what becomes of Bob's table is asked on his page
    assert "Off duty" in counter.get(f"{bob.home}/duty/{bob.member_id}").text
    assert "Bob is off duty." in act(counter, bob, "off")


def test_a_manager_says_it_for_others_and_takes_tables_away(
    app: Flask, alice: Person, bob: Person, nina: Person, table_ids: dict[str, str]
) -> None:
    for person in (bob, nina):
        act(alice.client, person, "on")
    act(alice.client, bob, "tables", tables=[table_ids["1"]])
    act(alice.client, nina, "tables", tables=[table_ids["1"]])
    assert (held(app, bob), held(app, nina)) == (set(), {table_ids["1"]})
    assert bob.client.submit(f"{bob.home}/duty/{nina.member_id}/off", page=f"{bob.home}/duty").status_code == 403
    assert is_on(app, nina)


def test_a_house_that_does_not_care_sees_one_entry_in_a_menu_and_can_hide_that(
    alice: Person, bob: Person, counter: Browser
) -> None:
    dashboard = bob.client.get(f"{bob.home}/dashboard").text
    assert dashboard.count("duty") == dashboard.count("/duty") == 1
    assert "Who is here?" in counter.get(f"{bob.home}/dashboard").text
    alice.client.submit(f"{alice.home}/duty/switch", {"duty": "no"}, page=f"{alice.home}/duty")
    for browser in (alice.client, bob.client, counter):
        assert "/duty" not in browser.get(f"{bob.home}/dashboard").text
    assert "/duty" not in alice.client.get(f"{alice.home}/staff").text
    assert "switched off" in bob.client.get(f"{bob.home}/duty").text
    path = f"{bob.home}/duty/{bob.member_id}/on"
    assert bob.client.submit(path, page=f"{bob.home}/notifications").status_code == 404
    alice.client.submit(f"{alice.home}/duty/switch", {"duty": "yes"}, page=f"{alice.home}/duty")
    assert "/duty" in bob.client.get(f"{bob.home}/dashboard").text


def test_who_is_removed_goes_off_duty(app: Flask, alice: Person, nina: Person) -> None:
    act(nina.client, nina, "on")
    alice.client.submit(f"{alice.home}/staff/members/{nina.member_id}/remove", page=f"{alice.home}/staff")
    assert now(app, alice)["duty"] == []


def test_duty_is_among_what_a_person_downloads(app: Flask, bob: Person) -> None:
    act(bob.client, bob, "on")
    with app.app_context():
        user = users.get(bob.user_id)
        assert user
        place: Any = export.about(user)["restaurants"]
    assert set(place[0]["duty"]) == {"since", "until"}


# --- who can hear -----------------------------------------------------------------------------------------------------


def subscribe(app: Flask, person: Person, name: str) -> str:
    """A phone of this member that is told of all calls; returns its name in addresses."""
    browser: subscriptions.Browser = {
        "endpoint": f"https://push.example.org/{name}",
        "p256dh": "a key",
        "auth": "a secret",
        "key": "a key",
        "browser": "Mozilla/5.0 (Linux; Android 14) Chrome/120",
        "language": "en",
    }
    with app.app_context(), person.client.session_transaction() as session:
        login_id = logins.hash_of(session["_user_id"])
        subscriptions.put(person.restaurant_id, person.member_id, login_id, browser, "all")
        return subscriptions.of_member(person.restaurant_id, person.member_id)[-1]["_id"].rpartition(":")[2]


def show_screen(app: Flask, person: Person, member_id: str | None, name: str, *, audible: bool) -> None:
    screen = presence.Screen(
        id=str(ObjectId()), member_id=member_id, name=name, visible=True, audible=audible, since=clock.now()
    )
    with app.app_context():
        presence.hold(person.restaurant_id, screen)
        presence.beat()


def test_every_screen_and_phone_of_those_on_duty_is_listed(
    app: Flask, alice: Person, bob: Person, nina: Person, counter: Browser
) -> None:
    subscribe(app, bob, "bob")
    subscribe(app, nina, "nina")
    show_screen(app, alice, None, "Bar", audible=True)
    show_screen(app, alice, alice.member_id, "Alice", audible=False)
    page = alice.client.get(f"{alice.home}/staff/hearing").text
    assert "1 screen rings" in page
    assert "2 phones are told at once" in page
    assert all(
        words in page for words in ("Bar", "rings", "silent", "Chrome on Android", "not open", "all phones count")
    )
    act(bob.client, bob, "on")
    act(alice.client, alice, "on")
    with app.app_context():
        restaurants.add_member(alice.restaurant_id, "Otto", "waiter", None)
        otto = now(app, alice)["members"][-1]["id"]
        duty.begin(alice.restaurant_id, otto)
    page = alice.client.get(f"{alice.home}/staff/hearing").text
    assert "1 phone is told at once" in page
    assert "Nina" not in page
    assert page.count("hears calls at the counter only") == 1
    assert f"{alice.home}/staff/hearing" in alice.client.get(f"{alice.home}/staff").text


def test_what_is_not_known_is_said_to_be_unknown(app: Flask, alice: Person, bob: Person) -> None:
    subscribe(app, bob, "bob")
    with app.app_context():
        logins.end_all(bob.user_id)
    assert "last used: not known" in alice.client.get(f"{alice.home}/staff/hearing").text


def test_a_phone_of_another_restaurant_cannot_be_rung(app: Flask, alice: Person, charlie: Person) -> None:
    name = subscribe(app, charlie, "charlie")
    answer = alice.client.submit(f"{alice.home}/staff/hearing/{name}/ring", page=f"{alice.home}/staff/hearing")
    assert answer.status_code == 404
