"""Access control: declarations of routes, the guard, roles, and ended logins."""

from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from flask.testing import FlaskClient
from pymongo.database import Database

from tests.support.cast import Person
from waitercaller.db import cache
from waitercaller.model import logins
from waitercaller.web import access, routing

STAFF_RULE = "/r/<objectid:restaurant_id>/somewhere"


@pytest.fixture
def stored_logins(app: Flask) -> Any:
    """The collection of logins."""
    return app.extensions["mongo"].database.logins


# --- what routes declare ------------------------------------------------------------------------------------


def undeclared() -> str:
    return ""


@pytest.mark.parametrize(
    ("rule", "view"),
    [
        ("/somewhere", undeclared),
        (STAFF_RULE, undeclared),
        (STAFF_RULE, access.anyone(lambda: "")),
        (STAFF_RULE, access.person(lambda: "")),
        ("/r/<restaurant_id>/somewhere", access.least("owner")(lambda: "")),
        ("/somewhere", access.least("waiter")(lambda: "")),
    ],
)
def test_a_route_that_does_not_say_who_may_use_it_stops_the_start(app: Flask, rule: str, view: Any) -> None:
    app.add_url_rule(rule, endpoint="somewhere", view_func=view)
    with pytest.raises(RuntimeError, match="declare"):
        access.check_routes(app)


def test_all_routes_of_a_restaurant_declare_a_role(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/r/")]
    assert rules
    for rule in rules:
        assert app.view_functions[rule.endpoint].__dict__["access"] in ("waiter", "manager", "owner"), rule


# --- the guard ----------------------------------------------------------------------------------------------


def test_somebody_unknown_is_asked_to_log_in_and_brought_back(alice: Person, client: FlaskClient) -> None:
    answer = client.get(f"{alice.home}/dashboard?zone=terrace")
    assert answer.status_code == 303
    assert answer.location == f"/login?next={alice.home}/dashboard?zone%3Dterrace"


def test_whether_a_restaurant_exists_is_no_strangers_business(
    alice: Person, charlie: Person, client: FlaskClient
) -> None:
    nowhere = f"/r/{ObjectId()}/dashboard"
    assert client.get(nowhere).status_code == client.get(f"{alice.home}/dashboard").status_code == 303
    theirs, nobodys = charlie.client.get(f"{alice.home}/dashboard"), charlie.client.get(nowhere)
    assert theirs.status_code == nobodys.status_code == 404


@pytest.mark.parametrize("name", ["..", "%00", "0" * 24 + "0", "zzzzzzzzzzzzzzzzzzzzzzzz", "{'$ne': 1}", "0" * 2000])
def test_what_is_no_id_is_not_found(alice: Person, name: str) -> None:
    assert alice.client.get(f"/r/{name}/dashboard").status_code == 404


def test_roles(alice: Person, bob: Person, hire: Callable[..., Person]) -> None:
    manager = hire("Mona", role="manager", at=alice)
    for path, expected in {"/dashboard": (200, 200, 200), "/tables": (403, 200, 200)}.items():
        answers = [person.client.get(alice.home + path).status_code for person in (bob, manager, alice)]
        assert tuple(answers) == expected, path


def test_an_unknown_browsers_post_does_nothing_and_says_so(app: Flask, alice: Person, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    answer = client.post(f"{alice.home}/tables", data={"names": "1-12"})
    assert (answer.status_code, answer.location) == (303, "/login")
    assert "was not carried out" in client.get("/login").text
    assert app.extensions["mongo"].database.tables.count_documents({}) == 0


def test_somebody_removed_from_a_restaurant_is_out_at_once(app: Flask, alice: Person, bob: Person) -> None:
    assert bob.client.get(f"{alice.home}/dashboard").status_code == 200
    app.extensions["mongo"].database.restaurants.update_one(
        {"_id": alice.restaurant_id}, {"$pull": {"members": {"user_id": bob.user_id}}}
    )
    cache.restaurants.clear()  # what the watcher does
    assert bob.client.get(f"{alice.home}/dashboard").status_code == 404


def test_the_page_after_a_change_in_another_process_shows_it(alice: Person) -> None:
    alice.client.get(f"{alice.home}/duty")
    older = dict(cache.restaurants._entries)
    alice.client.submit(f"{alice.home}/duty/{alice.member_id}/on", page=f"{alice.home}/duty")
    cache.restaurants._entries.update(older)  # as in a process whose watcher has not seen the change yet
    page = alice.client.get(f"{alice.home}/duty").text
    assert "You are on duty until" in page
    assert f"{alice.home}/duty/{alice.member_id}/off" in page


@pytest.mark.parametrize("path", ["/r/x/dashboard", "/account?a=b", "/", "/r/ä"])
def test_paths_of_this_site_are_safe_to_go_to(path: str) -> None:
    assert routing.safe_next(path) == path


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "account",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "/account\r\nSet-Cookie: a=b",
    ],
)
def test_addresses_elsewhere_are_not(target: str | None) -> None:
    assert routing.safe_next(target) is None


# --- logins -------------------------------------------------------------------------------------------------


def test_a_login_ends_after_twelve_idle_hours(alice: Person, later: Callable[..., None]) -> None:
    later(hours=11, minutes=59)
    assert alice.client.get("/account").status_code == 200
    later(hours=11, minutes=59)
    assert alice.client.get("/account").status_code == 200
    later(hours=12, minutes=1)
    assert alice.client.get("/account").status_code == 303


def test_a_login_ends_after_thirty_days_whatever_is_done(app: Flask, alice: Person, later: Callable[..., None]) -> None:
    for _ in range(65):  # 29 days and 19 hours
        later(hours=11)
        assert alice.client.get("/account").status_code == 200
    later(hours=11)
    assert alice.client.get("/account").status_code == 303


def test_when_a_person_was_seen_is_written_every_five_minutes_at_most(
    stored_logins: Any, alice: Person, later: Callable[..., None]
) -> None:
    def seen() -> Any:
        return stored_logins.find_one()["seen_at"]

    started = seen()
    later(minutes=4)
    alice.client.get("/account")
    assert seen() == started
    later(minutes=2)
    alice.client.get("/account")
    assert seen() > started


@pytest.mark.parametrize("end", ["one", "all"])
def test_an_ended_login_is_worthless(database: Database[dict[str, Any]], alice: Person, end: str) -> None:
    login = database.logins.find_one()
    assert login is not None
    if end == "one":
        logins.end(login["_id"])
    else:
        logins.end_all(alice.user_id)
    assert logins.find(login["_id"]) is None
    (document,) = database.logins.find()
    assert document["purge_at"] == document["ended_at"] + logins.RETENTION
    assert alice.client.get("/account").status_code == 303


def test_ending_all_logins_of_one_person_leaves_the_others(app: Flask, alice: Person, bob: Person) -> None:
    with app.app_context():
        logins.end_all(alice.user_id)
    assert alice.client.get("/account").status_code == 303
    assert bob.client.get("/account").status_code == 200


def test_the_database_does_not_hold_what_the_cookie_holds(app: Flask, stored_logins: Any, alice: Person) -> None:
    with alice.client.session_transaction() as session:
        secret = session["_user_id"]
    assert len(secret) >= 43  # 256 random bits
    assert secret not in str(list(stored_logins.find()))


def test_a_login_of_a_person_who_is_gone_is_no_login(app: Flask, alice: Person) -> None:
    app.extensions["mongo"].database.users.delete_one({"_id": alice.user_id})
    assert alice.client.get("/account").status_code == 303
