"""Members: who may add, promote and remove whom, and that one owner always remains."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.support.cast import Person
from tests.support.together import at_once
from waitercaller.db import cache
from waitercaller.model import logins, restaurants
from waitercaller.model.requests import queries
from waitercaller.model.requests import transitions as requests
from waitercaller.model.restaurants import Member
from waitercaller.model.tables import Table
from waitercaller.web import audit

Hire = Callable[..., Person]
Submit = Callable[..., Any]


@pytest.fixture
def mona(hire: Hire, alice: Person) -> Person:
    """Mona manages for Alice."""
    return hire("Mona", role="manager", at=alice)


@pytest.fixture
def members(app: Flask, alice: Person) -> Callable[[], dict[str, Member]]:
    """`members()`: the members of Alice's restaurant, by name."""

    def found() -> dict[str, Member]:
        document = app.extensions["mongo"].database.restaurants.find_one({"_id": alice.restaurant_id})
        return {member["name"]: member for member in document["members"]}

    return found


def send(person: Person, path: str, **form: Any) -> Any:
    """Press a button of the staff page."""
    token = person.client.csrf_token(f"{person.home}/staff")
    return person.client.post(f"{person.home}/staff{path}", data={"csrf_token": token, **form})


def about(member: Person | Member, what: str) -> str:
    return f"/members/{member.member_id if isinstance(member, Person) else member['id']}/{what}"


# --- the page -----------------------------------------------------------------------------------------------


def test_everybody_is_there_with_role_and_address(alice: Person, bob: Person, mona: Person) -> None:
    page = alice.client.get(f"{alice.home}/staff").text
    for words in ("3 people in the team", "Alice", "Bob", "Mona", "bob@example.org", "Owner", "Manager", "Waiter"):
        assert words in page
    assert page.index("Alice</bdi>") < page.index("Mona</bdi>") < page.index("Bob</bdi>")


def test_waiters_do_not_see_it_and_managers_see_what_they_may_do(alice: Person, bob: Person, mona: Person) -> None:
    assert bob.client.get(f"{bob.home}/staff").status_code == 403
    page = mona.client.get(f"{mona.home}/staff").text
    assert about(bob, "remove") in page
    for what in (about(alice, "remove"), about(mona, "remove"), about(bob, "role"), "two-factor", "/staff/history"):
        assert what not in page
    assert 'value="owner"' not in page


def test_the_room_is_in_the_bar_of_managers_and_owners(alice: Person, bob: Person, mona: Person) -> None:
    for person, sees in ((alice, True), (mona, True), (bob, False)):
        assert (">People</a>" in person.client.get(f"{person.home}/dashboard").text) is sees


# --- members without an address -----------------------------------------------------------------------------


def test_somebody_without_an_address_is_added_by_name(mona: Person, members: Any) -> None:
    answer = send(mona, "/members", member_name="  Anna  ")
    assert answer.status_code == 303
    assert members()["Anna"] == {"id": members()["Anna"]["id"], "user_id": None, "name": "Anna", "role": "waiter"} | {
        "zones": []
    }
    assert "Without an e-mail address" in mona.client.get(f"{mona.home}/staff").text


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "An\0na", "bob", "BOB "])
def test_names_that_are_no_names_or_taken_are_refused(bob: Person, mona: Person, members: Any, name: str) -> None:
    before = members()
    answer = send(mona, "/members", member_name=name)
    assert answer.status_code == 400
    assert 'class="field-error"' in answer.text
    assert members() == before


def test_who_cannot_log_in_alone_can_only_be_a_waiter(alice: Person, members: Any) -> None:
    send(alice, "/members", member_name="Anna")
    for role in ("manager", "owner"):
        assert send(alice, about(members()["Anna"], "role"), role=role).status_code == 409
    assert members()["Anna"]["role"] == "waiter"


def test_names_are_text_and_nothing_else(alice: Person, members: Any) -> None:
    send(alice, "/members", member_name='<b onclick="x">Anna</b>')
    for path in ("/staff", "/staff/history"):
        page = alice.client.get(alice.home + path).text
        assert "<b onclick" not in page
        assert "&lt;b onclick" in page


# --- roles --------------------------------------------------------------------------------------------------


@pytest.mark.needs_wire
def test_the_owner_changes_roles(alice: Person, bob: Person, members: Any) -> None:
    assert send(alice, about(bob, "role"), role="manager").status_code == 303
    assert members()["Bob"]["role"] == "manager"
    assert bob.client.get(f"{bob.home}/staff").status_code == 200
    send(alice, about(bob, "role"), role="waiter")
    assert bob.client.get(f"{bob.home}/staff").status_code == 403


@pytest.mark.parametrize("role", ["", "admin", "Owner", "{'$ne': null}"])
def test_there_are_three_roles(alice: Person, bob: Person, members: Any, role: str) -> None:
    assert send(alice, about(bob, "role"), role=role).status_code == 400
    assert members()["Bob"]["role"] == "waiter"


def test_managers_change_no_roles(mona: Person, bob: Person, members: Any) -> None:
    assert send(mona, about(bob, "role"), role="manager").status_code == 403
    assert send(mona, about(mona, "role"), role="owner").status_code == 403
    assert members()["Bob"]["role"] == "waiter"
    assert members()["Mona"]["role"] == "manager"


@pytest.mark.needs_wire
def test_the_last_owner_can_neither_go_nor_step_down(alice: Person, bob: Person, members: Any) -> None:
    for answer in (send(alice, about(alice, "role"), role="waiter"), send(alice, about(alice, "remove"))):
        assert answer.status_code == 409
        assert "needs an owner" in answer.text
    assert members()["Alice"]["role"] == "owner"


@pytest.mark.needs_wire
def test_with_another_owner_the_first_one_steps_down_and_leaves(alice: Person, bob: Person, members: Any) -> None:
    send(alice, about(bob, "role"), role="owner")
    answer = send(alice, about(alice, "role"), role="waiter")
    assert answer.location == f"{alice.home}/dashboard"
    assert alice.client.get(answer.location).status_code == 200
    send(bob, about(alice, "role"), role="owner")
    assert send(alice, about(alice, "remove")).location == "/"
    assert set(members()) == {"Bob"}


# --- letting go ---------------------------------------------------------------------------------------------


def test_who_is_removed_is_logged_out_everywhere_at_once(app: Flask, alice: Person, bob: Person) -> None:
    other: Any = app.test_client()
    other.submit("/login", {"email": bob.email, "password": bob.password})
    assert other.get(f"{bob.home}/dashboard").status_code == 200
    assert send(alice, about(bob, "remove")).status_code == 303
    for browser in (bob.client, other):
        assert browser.get("/account").status_code == 303
    with app.app_context():
        assert logins.of_person(bob.user_id) == []


def test_the_tables_of_who_is_removed_wait_for_somebody_else(
    app: Flask, alice: Person, bob: Person, table: Table
) -> None:
    with app.app_context():
        house = restaurants.get(alice.restaurant_id)
        assert house is not None
        call = requests.open_request(house, table, house["kinds"][0], "a key")
        requests.accept(alice.restaurant_id, [call["_id"]], {"id": bob.member_id, "name": "Bob"})
    send(alice, about(bob, "remove"))
    with app.app_context():
        [waiting] = queries.live_of_restaurant(alice.restaurant_id)
    assert (waiting["state"], waiting["by"], waiting["first_at"]) == ("waiting", None, call["first_at"])
    # The audit entry of the attempt remains.
    assert [(step["what"], step["by"]["name"]) for step in waiting["steps"] if step["by"]] == [("accepted", "Bob")]


def test_managers_let_waiters_go_and_nobody_else(mona: Person, alice: Person, bob: Person, hire: Hire) -> None:
    other = hire("Max", role="manager", at=alice)
    for person in (alice, other, mona):
        assert send(mona, about(person, "remove")).status_code == 403
    assert send(mona, about(bob, "remove")).status_code == 303


def test_a_role_that_changed_a_moment_ago_counts_though_this_process_has_not_heard(
    app: Flask, mona: Person, bob: Person, members: Any
) -> None:
    mona.client.get(f"{mona.home}/staff")
    places = app.extensions["mongo"].database.restaurants
    places.update_one({"members.id": bob.member_id}, {"$set": {"members.$.role": "owner"}})
    remembered = cache.restaurants.get(mona.restaurant_id, lambda: None)
    assert remembered
    assert {member["role"] for member in remembered["members"]} == {"owner", "manager", "waiter"}
    assert send(mona, about(bob, "remove")).status_code == 403
    assert "Bob" in members()


def test_members_of_other_restaurants_are_not_accessible(charlie: Person, alice: Person, bob: Person) -> None:
    token = charlie.client.csrf_token(f"{charlie.home}/staff")
    form = {"csrf_token": token, "role": "owner", "email": "x@example.org"}
    for home, expected in ((alice.home, 404), (charlie.home, 404)):
        for path in (about(bob, "remove"), about(bob, "role"), about(bob, "phone")):
            assert charlie.client.post(f"{home}/staff{path}", data=form).status_code == expected
    assert charlie.client.post(f"{alice.home}/staff/invitations", data=form).status_code == 404


@pytest.mark.parametrize("path", ["/members", "/invitations", "/devices", "/devices/code", "/two-factor"])
def test_a_post_without_its_token_changes_nothing(alice: Person, members: Any, path: str) -> None:
    form = {
        "member_name": "Anna",
        "email": "anna@example.org",
        "role": "owner",
        "device_name": "Bar",
        "required": "yes",
    }
    assert alice.client.post(f"{alice.home}/staff{path}", data=form).status_code == 400
    assert set(members()) == {"Alice"}


@pytest.mark.needs_wire
@pytest.mark.parametrize("deed", ["remove", "role"])
def test_of_two_owners_who_let_each_other_go_at_once_one_stays(app: Flask, hire: Hire, deed: str) -> None:
    for number in range(20):
        one = hire(f"One{number}", restaurant="Duo")
        two = hire(f"Two{number}", role="owner", at=one)
        cache.restaurants.clear()
        tokens = [each.client.csrf_token(f"{one.home}/staff") for each in (one, two)]

        def strike(by: Person, token: str, other: Person, home: str = one.home) -> Any:
            form = {"csrf_token": token, "role": "waiter"}
            return by.client.post(f"{home}/staff{about(other, deed)}", data=form)

        answers = at_once(lambda: strike(one, tokens[0], two), lambda: strike(two, tokens[1], one))  # noqa: B023
        document = app.extensions["mongo"].database.restaurants.find_one({"_id": one.restaurant_id})
        assert [member["role"] for member in document["members"]].count("owner") == 1
        assert sorted(answer.status_code for answer in answers)[0] == 303
        assert sorted(answer.status_code for answer in answers)[1] in (303, 403, 404, 409)


# --- the second step, and what happened ---------------------------------------------------------------------


def test_owners_require_the_second_step_and_managers_do_not(app: Flask, alice: Person, mona: Person) -> None:
    def required() -> bool:
        found = app.extensions["mongo"].database.restaurants.find_one({"_id": alice.restaurant_id})
        return bool(found["settings"].get("two_factor_required"))

    assert send(mona, "/two-factor", required="yes").status_code == 403
    token = alice.client.csrf_token(f"{alice.home}/staff")
    for value, expected in (("yes", True), ("yes", True)):
        alice.client.post(f"{alice.home}/staff/two-factor", data={"csrf_token": token, "required": value})
        assert required() is expected
    assert mona.client.get(f"{mona.home}/staff").location == "/account/two-factor"


@pytest.mark.needs_wire
def test_the_owner_reads_what_happened(alice: Person, bob: Person, mona: Person) -> None:
    send(mona, "/members", member_name="Anna")
    send(alice, about(bob, "role"), role="manager")
    send(alice, about(bob, "remove"))
    page = alice.client.get(f"{alice.home}/staff/history").text
    for words in (
        "New in the team",
        "Anna, Waiter",
        "by Mona",
        "Role changed",
        "Bob, Manager",
        "No longer in the team",
    ):
        assert words in page
    assert mona.client.get(f"{mona.home}/staff/history").status_code == 403


def test_an_event_that_has_no_words_yet_is_shown_all_the_same(app: Flask, alice: Person) -> None:
    with app.app_context():
        audit.record("moon_landed", restaurant_id=alice.restaurant_id)
    assert "moon landed" in alice.client.get(f"{alice.home}/staff/history").text
