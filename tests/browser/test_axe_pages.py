"""axe finds nothing on the staff's, account and public pages, in the light and the dark colour scheme.

The pages are taken from the application's routes, so new ones are included. Guests' pages and the states of the
dashboard have their own tests.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page

from tests.support.asvs import address, routes
from tests.support.axe import complaints
from tests.support.cast import Browser, Person, visit
from tests.support.visitors import Visitors
from waitercaller.db import clock
from waitercaller.db.client import db
from waitercaller.mail import outbox
from waitercaller.model import (
    buttons,
    duty,
    first_call,
    joins,
    logins,
    pauses,
    restaurants,
    tables,
    upkeep,
    walks,
    webhooks,
)
from waitercaller.model.requests import transitions as requests
from waitercaller.model.tables import Table

pytestmark = [pytest.mark.browser, pytest.mark.chromium_only("axe reads the same elements in every engine")]

ENDLESS = ("requests.dashboard.live", "requests.guest.live")
GUESTS = ("requests.guest.page", "requests.guest.printed")
STILL: dict[str, Any] = {
    "viewport": {"width": 820, "height": 1180},
    "reduced_motion": "reduce",
}  # no transition may change a colour while axe measures


@pytest.fixture
def table(app: Flask, alice: Person, bob: Person) -> Table:
    """A table of a restaurant with data for every page: zones, people, a screen, calls, pauses."""
    restaurant_id, by = alice.restaurant_id, restaurants.Actor(id=alice.member_id, name="Alice")
    with app.app_context():
        first_call.begin(restaurant_id, None)
        tables.add_many(restaurant_id, ["7", "8"], restaurants.ensure_zone(restaurant_id, "Terrace"))
        tables.add_many(restaurant_id, ["12", "13"], restaurants.ensure_zone(restaurant_id, "Garden"))
        restaurant, laid = restaurants.get(restaurant_id), tables.of_restaurant(restaurant_id)
        assert restaurant is not None
        calls = [requests.open_request(restaurant, laid[1], kind, kind["id"]) for kind in restaurant["kinds"]]
        requests.open_request(restaurant, laid[2], restaurant["kinds"][0], "another tap")
        requests.accept(restaurant_id, [calls[0]["_id"]], by)
        requests.resolve(restaurant_id, [calls[-1]["_id"]], by)
        pauses.pause_table(laid[2])
        joins.join(restaurant_id, [laid[2]["_id"], laid[3]["_id"]])
        for person, theirs in ((alice, laid[0]), (bob, laid[1])):
            duty.begin(restaurant_id, person.member_id)
            duty.take(restaurant_id, person.member_id, [theirs["_id"]], [])
        buttons.renew(restaurant_id, laid[1]["_id"])
        walks.begin(restaurant_id)
        walks.note(restaurant_id, laid[1]["_id"], laid[2]["_id"])
        webhooks.put(restaurant_id, "https://hooks.example.org/")
        logins.start_device(restaurant_id, "Counter", None, "127.0.0.1", "a tablet")
    return laid[1]


def pages(app: Flask, client: Browser, owner: Person, table: Table) -> Iterator[str]:
    """The paths of all pages that this browser may open, except guests' pages and redirects."""
    for rule in sorted(routes(app, "GET"), key=lambda rule: rule.endpoint):
        if rule.endpoint not in (*ENDLESS, *GUESTS):
            path = address(app, rule, owner, table)
            with client.get(path) as answer:
                is_page = answer.status_code != 303 and answer.mimetype == "text/html"
            if is_page:
                yield path


def page_of_operators(app: Flask, person: Person) -> Iterator[str]:
    """The path of the operators' page, which this person may open from when it is asked for. For the end of a walk:
    another page is without its form once a second factor is set up."""
    now = clock.now()
    two_factor = {"secret": "A" * 32, "counter": 0, "since": now, "recovery_codes": []}
    with app.app_context():
        db().users.update_one({"_id": person.user_id}, {"$set": {"operator_since": now, "two_factor": two_factor}})
        upkeep.note("backup", f"waitercaller-{now:%Y%m%dT%H%M%SZ}.archive.gz", 3)
        for name in ("already_registered", "two_factor_notice"):
            outbox.enqueue(name, person.email, occasion=name)
        db().outbox.update_many({}, {"$set": {"attempts": 12}})
        db().outbox.update_one({"_id": "two_factor_notice"}, {"$set": {"state": "failed"}})
    yield "/operator"


def found_on(page: Page, paths: Iterator[str]) -> tuple[int, list[str]]:
    """The number of pages that were checked, and axe's findings."""
    found, seen = [], 0
    for path in paths:
        seen += 1
        page.goto(path)
        found += [f"{path}: {complaint}" for complaint in complaints(page)]
        page.emulate_media(color_scheme="dark")  # the same page in other colours
        found += [f"{path}, dark: {complaint}" for complaint in complaints(page, "color-contrast")]
        page.emulate_media(color_scheme="light")
    return seen, found


def test_nothing_is_found_on_the_pages_of_the_staff_and_of_accounts(
    app: Flask, visitors: Visitors, alice: Person, table: Table
) -> None:
    visitors.tolerate("status of 40")  # pages opened without their token
    page = visitors.logged_in(alice, **STILL)
    paths = chain(pages(app, alice.client, alice, table), page_of_operators(app, alice))
    seen, found = found_on(page, paths)
    assert seen > 20
    assert found == []


def test_nothing_is_found_on_the_pages_for_everybody(
    app: Flask, visitors: Visitors, alice: Person, table: Table
) -> None:
    visitors.tolerate("status of 40")
    seen, found = found_on(visitors.come(**STILL), pages(app, visit(app), alice, table))
    assert seen > 8
    assert found == []
