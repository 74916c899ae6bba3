"""The walk over the URL map: who gets what, on every route. A route without a row fails."""

from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from tests.cast import Person
from waitercaller.db import Document

PEOPLE = ("anonymous", "bob", "alice", "charlie")
LOGIN = 303  # to the login page
NOBODYS_CODE = "A" * 26

# (method, endpoint): what an anonymous visitor, Bob the waiter, Alice the owner and Charlie of another place are
# answered when they send nothing. 400 for a POST is the form's own refusal: the guard has let it through.
WALK: dict[tuple[str, str], tuple[int, int, int, int]] = {
    ("GET", "static"): (404, 404, 404, 404),
    ("GET", "favicon"): (200, 200, 200, 200),
    ("GET", "ops.healthz"): (200, 200, 200, 200),
    ("GET", "ops.readyz"): (200, 200, 200, 200),
    ("GET", "auth.home"): (200, 303, 303, 303),
    ("GET", "auth.register"): (200, 303, 303, 303),
    ("POST", "auth.register"): (400, 400, 400, 400),
    ("GET", "auth.registered"): (200, 200, 200, 200),
    ("POST", "auth.resend"): (400, 400, 400, 400),
    ("GET", "auth.confirm_link"): (303, 303, 303, 303),
    ("GET", "auth.confirm"): (400, 400, 400, 400),
    ("POST", "auth.confirm"): (400, 400, 400, 400),
    ("GET", "auth.login"): (200, 303, 303, 303),
    ("POST", "auth.login"): (400, 400, 400, 400),
    ("POST", "auth.logout"): (400, 400, 400, 400),
    ("GET", "auth.forgot"): (200, 200, 200, 200),
    ("POST", "auth.forgot"): (400, 400, 400, 400),
    ("GET", "auth.forgot_sent"): (200, 200, 200, 200),
    ("GET", "auth.reset_link"): (303, 303, 303, 303),
    ("GET", "auth.reset"): (400, 400, 400, 400),
    ("POST", "auth.reset"): (400, 400, 400, 400),
    ("GET", "account.index"): (LOGIN, 200, 200, 200),
    ("GET", "tables.index"): (LOGIN, 403, 200, 404),
    ("POST", "tables.add"): (400, 400, 400, 400),
    ("GET", "tables.edit"): (LOGIN, 403, 200, 404),
    ("POST", "tables.edit"): (400, 400, 400, 400),
    ("POST", "tables.rotate"): (400, 400, 400, 400),
    ("POST", "tables.remove"): (400, 400, 400, 400),
    ("GET", "tables.qr_svg"): (LOGIN, 403, 200, 404),
    ("GET", "tables.qr_png"): (LOGIN, 403, 200, 404),
    ("GET", "tables.print_sheet"): (LOGIN, 403, 200, 404),
    ("GET", "requests.dashboard"): (LOGIN, 200, 200, 404),
    ("GET", "requests.live"): (LOGIN, 200, 200, 404),
    ("POST", "requests.accept"): (400, 400, 400, 400),
    ("POST", "requests.resolve"): (400, 400, 400, 400),
    ("POST", "requests.dismiss"): (400, 400, 400, 400),
    ("POST", "requests.reopen"): (400, 400, 400, 400),
    ("GET", "requests.guest"): (404, 404, 404, 404),
    ("GET", "requests.guest_printed"): (404, 404, 404, 404),
    ("GET", "requests.guest_live"): (404, 404, 404, 404),
    ("POST", "requests.call"): (404, 404, 404, 404),
    ("POST", "requests.cancel"): (404, 404, 404, 404),
    ("POST", "requests.guest_reopen"): (404, 404, 404, 404),
}

# The same POSTs with a valid CSRF token, for the routes of a restaurant: now the guard decides.
STAFF_POSTS: dict[str, tuple[int, int, int, int]] = {
    "tables.add": (LOGIN, 403, 400, 404),
    "tables.edit": (LOGIN, 403, 400, 404),
    "tables.rotate": (LOGIN, 403, 303, 404),
    "tables.remove": (LOGIN, 403, 303, 404),
    "requests.accept": (LOGIN, 404, 404, 404),
    "requests.resolve": (LOGIN, 404, 404, 404),
    "requests.dismiss": (LOGIN, 404, 404, 404),
    "requests.reopen": (LOGIN, 404, 404, 404),
}


@pytest.fixture
def people(client: Any, alice: Person, bob: Person, charlie: Person) -> dict[str, Any]:
    return {"anonymous": client, "bob": bob.client, "alice": alice.client, "charlie": charlie.client}


@pytest.fixture
def address(app: Flask, alice: Person, table: Document) -> Any:
    """`address("tables.edit")`: the path of an endpoint, in Alice's restaurant."""
    values = {
        "restaurant_id": alice.restaurant_id,
        "table_id": table["_id"],
        "request_id": ObjectId(),
        "code": NOBODYS_CODE,
        "token": "forged",
        "version": "0",
        "filename": "nothing",
    }

    def path(endpoint: str) -> str:
        rule = next(app.url_map.iter_rules(endpoint))
        return app.url_map.bind("localhost").build(endpoint, {name: values[name] for name in rule.arguments})

    return path


def test_every_route_has_a_row_and_every_row_a_route(app: Flask) -> None:
    routes = {
        (method, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == set(WALK)


@pytest.mark.parametrize(("method", "endpoint"), WALK, ids=lambda value: value)
def test_everyone_gets_what_the_walk_says(people: Any, address: Any, method: str, endpoint: str) -> None:
    answers = tuple(people[who].open(address(endpoint), method=method, buffered=False) for who in PEOPLE)
    for answer in answers:
        answer.close()
    assert tuple(answer.status_code for answer in answers) == WALK[method, endpoint]


@pytest.mark.parametrize("endpoint", STAFF_POSTS)
def test_with_a_token_of_their_own_everyone_gets_what_the_role_allows(people: Any, address: Any, endpoint: str) -> None:
    found = []
    for who in PEOPLE:
        token = people[who].csrf_token("/login" if who == "anonymous" else "/account")
        found.append(people[who].post(address(endpoint), data={"csrf_token": token}).status_code)
    assert tuple(found) == STAFF_POSTS[endpoint]


def test_every_staff_post_is_walked_with_a_token(app: Flask) -> None:
    staff_posts = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/r/") and "POST" in (rule.methods or set())
    }
    assert staff_posts == set(STAFF_POSTS)
