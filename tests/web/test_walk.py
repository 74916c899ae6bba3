"""Access to every route of the URL map for every role. A route without a row in walk_rows fails."""

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from bson import ObjectId
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.cast import Browser, Person, device, visit
from tests.web.walk_rows import GETS, GUEST_POSTS, LOGIN, PEOPLE, POSTS
from waitercaller.db.client import Document
from waitercaller.model import buttons, invitations, logins, restaurants, tables
from waitercaller.model.requests import transitions as requests

# Collections that a GET must not change.
LASTING = ("restaurants", "tables", "requests", "invitations", "registrations", "outbox", "tokens")
REGISTRATION = {
    "email": "ursula@example.org",
    "name": "Ursula",
    "restaurant": "Zur Post",
    "password": "seven grey owls",
}

# These end a login or change rights: each is tested in a restaurant of its own.
ALONE = ("account.delete", "auth.logout", "staff.require_two_factor", "staff.switch_duty")
WALKS = {each: [each] for each in ALONE} | {
    room: [each for each in POSTS if each not in ALONE and each.startswith(f"{room}.")]
    for room in sorted({each.partition(".")[0] for each in POSTS})
}

Address = Callable[..., str]


@pytest.fixture
def people(app: Flask, hire: Callable[..., Person], alice: Person, bob: Person, charlie: Person) -> dict[str, Browser]:
    """The browsers of all seven visitors, with their CSRF tokens."""
    mona = hire("Mona", role="manager", at=alice)
    return {
        "anonymous": visit(app),
        "unconfirmed": unconfirmed(app),
        "screen": device(app, alice),
        "bob": bob.client,
        "mona": mona.client,
        "alice": alice.client,
        "charlie": charlie.client,
    }


@pytest.fixture
def address(app: Flask, alice: Person) -> Address:
    """`address("tables.edit", "bob")`: path of an endpoint in Alice's restaurant, with Bob's own documents.

    With `apart`, with documents that no other request uses.
    """

    @functools.cache
    def things(name: str) -> dict[str, Any]:
        with app.app_context():
            return things_for(name, alice)

    def path(endpoint: str, who: str, apart: bool = False) -> str:
        rule = next(app.url_map.iter_rules(endpoint))
        given: dict[str, Any] = {"restaurant_id": alice.restaurant_id}
        if set(rule.arguments) - set(given):
            given = things(f"{endpoint} {who}" if apart else who)
        if "secret" in rule.arguments:
            with app.app_context():
                given = {"secret": secret_of_button(alice.restaurant_id, given["table_id"])}
        given = {name: given[name] for name in rule.arguments}
        return str(app.url_map.bind("localhost").build(endpoint, given))

    return path


def unconfirmed(app: Flask) -> Browser:
    """The browser of Ursula, whose registration is not confirmed."""
    browser = visit(app)
    assert browser.submit("/register", REGISTRATION).status_code == 303
    return browser


def things_for(who: str, owner: Person) -> dict[str, Any]:
    """A table, request, member, invited phone and device for one visitor, so that visitors do not affect each other."""
    restaurant_id = owner.restaurant_id
    by: restaurants.Actor = {"id": owner.member_id, "name": owner.name}
    member_id = restaurants.add_member(restaurant_id, f"Otto of {who}", "waiter", None)
    restaurant = restaurants.get(restaurant_id)
    assert restaurant
    assert member_id
    tables.add_many(restaurant_id, [who], None)
    table = next(table for table in tables.of_restaurant(restaurant_id) if table["name"] == who)
    request = requests.open_request(restaurant, table, restaurant["kinds"][0], who)
    member: Any = restaurants.member_with_id(restaurant, member_id)
    return {
        "restaurant_id": restaurant_id,
        "table_id": table["_id"],
        "code": table["code"],
        "short": table["code"][:10],
        "request_id": request["_id"],
        "member_id": member_id,
        "pause_id": table["_id"],  # nobody is paused
        "invitation_id": invitations.invite_phone(restaurant_id, member, by, None),
        "kind_id": "water",
        "zone_id": restaurants.ensure_zone(restaurant_id, f"The corner of {who}"),
        "login_id": logins.start_device(restaurant_id, who, None, "127.0.0.1", "a tablet")[1]["_id"],
        "token": "forged",
        "version": "0",
        "filename": "nothing",
        "colour": "8a3b12",
        "logo_id": "0" * 32,  # of none
        "language": "de",
        "name": "0" * 32,  # of an unknown phone
        "key": "0" * 8,  # of an unknown screen
    }


def secret_of_button(restaurant_id: ObjectId, table_id: ObjectId) -> str:
    """The secret of the button that this table gets."""
    buttons.renew(restaurant_id, table_id)
    table = tables.get(restaurant_id, table_id)
    assert table
    return table["button"]["secret"]


def token_of(browser: Browser, who: str, home: str) -> str:
    """The CSRF token of this browser's session."""
    pages = {"anonymous": "/login", "unconfirmed": "/login", "screen": f"{home}/dashboard"}
    return browser.csrf_token(pages.get(who, "/account"))


def outcome(answer: TestResponse) -> int | str:
    """The status, or LOGIN for a redirect to the login page."""
    return LOGIN if answer.status_code == 303 and urlsplit(answer.location).path == "/login" else answer.status_code


def routes(app: Flask, method: str) -> set[str]:
    return {rule.endpoint for rule in app.url_map.iter_rules() if method in (rule.methods or set())}


def test_every_route_has_a_row_and_every_row_a_route(app: Flask) -> None:
    assert routes(app, "GET") == set(GETS)
    assert routes(app, "POST") == set(POSTS) | set(GUEST_POSTS)
    methods = {method for rule in app.url_map.iter_rules() for method in rule.methods or set()}
    assert methods == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.needs_wire
@pytest.mark.asvs("8.2.1", "8.4.1")
def test_everyone_sees_what_the_walk_says_and_looking_changes_nothing(
    app: Flask, people: dict[str, Browser], address: Address
) -> None:
    def lasting() -> dict[str, list[Document]]:
        return {name: list(app.extensions["mongo"].database[name].find()) for name in LASTING}

    paths = {(endpoint, who): address(endpoint, who) for endpoint in GETS for who in PEOPLE}
    before, found = lasting(), {}
    for endpoint in GETS:
        outcomes = []
        for who in PEOPLE:
            answer = people[who].get(paths[endpoint, who], buffered=False)
            outcomes.append(outcome(answer))
            answer.close()  # streams do not end
        found[endpoint] = tuple(outcomes)
    assert found == GETS
    assert lasting() == before


@pytest.mark.asvs("8.2.1", "8.4.1")
@pytest.mark.parametrize("walk", WALKS)
def test_with_their_own_token_everyone_may_do_what_the_walk_says_and_without_one_nothing(
    people: dict[str, Browser], address: Address, alice: Person, walk: str
) -> None:
    tokens = {who: token_of(people[who], who, alice.home) for who in PEOPLE}
    for endpoint in WALKS[walk]:
        paths = {who: address(endpoint, who, apart=True) for who in PEOPLE}
        without = {people[who].post(path).status_code for who, path in paths.items()}
        assert without == {400}, endpoint
        forms = {who: {"csrf_token": tokens[who]} for who in PEOPLE}
        found = tuple(outcome(people[who].post(path, data=forms[who])) for who, path in paths.items())
        assert found == POSTS[endpoint], endpoint


@pytest.mark.parametrize("endpoint", GUEST_POSTS)
def test_a_guests_form_takes_no_token_and_is_the_same_for_everyone(
    people: dict[str, Browser], address: Address, endpoint: str
) -> None:
    found = tuple(people[who].post(address(endpoint, who)).status_code for who in PEOPLE)
    assert found == (GUEST_POSTS[endpoint],) * len(PEOPLE)


def test_a_token_of_somebody_else_is_none(people: dict[str, Browser], address: Address, alice: Person) -> None:
    token = token_of(people["charlie"], "charlie", alice.home)
    found = {people["alice"].post(address(each, "alice"), data={"csrf_token": token}).status_code for each in POSTS}
    assert found == {400}


@pytest.mark.asvs("8.2.2")
def test_nothing_of_a_restaurant_is_reached_through_another_one(
    app: Flask, people: dict[str, Browser], address: Address, alice: Person, charlie: Person
) -> None:
    """Charlie asks his own restaurant for Alice's tables, calls, members, invitations and screens."""
    token = token_of(people["charlie"], "charlie", alice.home)
    theirs = {"table_id", "request_id", "zone_id", "member_id", "invitation_id", "login_id"}
    any_form = {"role": "waiter", "direction": "up", "zone_name": "Garden"}
    for rule in app.url_map.iter_rules():
        if "restaurant_id" not in rule.arguments or not theirs & set(rule.arguments):
            continue
        path = address(rule.endpoint, "alice").replace(str(alice.restaurant_id), str(charlie.restaurant_id))
        for method in (rule.methods or set()) & {"GET", "POST"}:
            answer = people["charlie"].open(path, method=method, data={"csrf_token": token, **any_form})
            assert answer.status_code == 404, (method, rule.endpoint)


@pytest.mark.asvs("7.5.1")
def test_what_is_sensitive_wants_the_password_again_after_a_quarter_of_an_hour(
    app: Flask, people: dict[str, Browser], address: Address, alice: Person, later: Callable[..., None]
) -> None:
    token = token_of(people["alice"], "alice", alice.home)
    later(minutes=16)
    asked = set()
    for endpoint, view in app.view_functions.items():
        if not getattr(view, "sensitive", False):
            continue
        for method in [each for each in ("GET", "POST") if endpoint in routes(app, each)]:
            answer = people["alice"].open(address(endpoint, "alice"), method=method, data={"csrf_token": token})
            assert answer.status_code == 303, endpoint
            assert answer.location.startswith("/account/verify"), endpoint
        asked.add(endpoint)
    assert {"account.email", "account.delete", "account.export", "two_factor.setup", "two_factor.disable"} <= asked


def test_who_has_not_confirmed_cannot_log_in(people: dict[str, Browser]) -> None:
    form = {"email": REGISTRATION["email"], "password": REGISTRATION["password"]}
    assert people["unconfirmed"].submit("/login", form).status_code == 400


def test_an_unknown_restaurant_is_as_strange_as_another_ones(people: dict[str, Browser], alice: Person) -> None:
    for path in (f"/r/{ObjectId()}/dashboard", f"{alice.home}/dashboard"):
        assert people["charlie"].get(path).status_code == 404
