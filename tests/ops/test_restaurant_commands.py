"""`flask restaurants`: list, show, suspend, restore, and what a suspended restaurant's pages say."""

import json
from collections.abc import Callable
from typing import Any

from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from tests.support.calls import call, stored
from tests.support.cast import Person, device
from waitercaller.model import opening, restaurants
from waitercaller.model.requests import transitions
from waitercaller.model.tables import Table

WAVE = "Please wave to the staff"


def run(app: Flask, *words: object, **options: Any) -> Result:
    return app.test_cli_runner().invoke(args=["restaurants", *map(str, words)], **options)


def test_they_are_listed_and_shown_for_people_and_for_programs(
    app: Flask, alice: Person, bob: Person, charlie: Person, table: Table
) -> None:
    listed = run(app, "list").output.splitlines()
    assert [line.split("  ")[0::4] for line in listed] == [
        [str(alice.restaurant_id), "Trattoria Lucia"],
        [str(charlie.restaurant_id), "Charlie's Diner"],
    ]
    found = json.loads(run(app, "list", "--json").output)
    assert [(each["name"], each["members"], each["state"]) for each in found] == [
        ("Trattoria Lucia", 2, "active"),
        ("Charlie's Diner", 1, "active"),
    ]
    assert "owner: Alice <alice@example.org>" in run(app, "show", "Trattoria Lucia").output
    shown = json.loads(run(app, "show", alice.restaurant_id, "--json").output)
    assert (shown["tables"], shown["people"][1]["email"]) == (1, bob.email)


def test_one_that_is_not_named_clearly_is_not_taken(app: Flask, hire: Callable[..., Person]) -> None:
    first, second = (hire(name, restaurant="Same") for name in ("Ann", "Ben"))
    answer = run(app, "suspend", "Same", "--yes")
    assert answer.exit_code == 1
    assert f"{first.restaurant_id}, {second.restaurant_id}" in answer.output
    assert run(app, "suspend", "Nowhere", "--yes").exit_code == 1
    assert {each["state"] for each in json.loads(run(app, "list", "--json").output)} == {"active"}


def test_nothing_changes_before_somebody_says_yes(app: Flask, alice: Person, table: Table) -> None:
    with app.app_context():
        call(alice.restaurant_id)
    asked = run(app, "suspend", alice.restaurant_id, input="\n")
    assert asked.exit_code == 1
    assert "1 waiting call: ended." in asked.output
    told = json.loads(run(app, "suspend", alice.restaurant_id, "--json").output)
    assert (told["done"], len(told["changes"])) == (False, 4)
    assert alice.client.get(f"{alice.home}/dashboard").status_code == 200


def test_a_suspended_restaurant_says_so_and_loses_nothing(
    app: Flask, alice: Person, bob: Person, charlie: Person, dana: FlaskClient, table: Table
) -> None:
    tablet, database = device(app, alice), app.extensions["mongo"].database
    page = f"/t/{table['code']}"
    with app.app_context():
        waits = call(alice.restaurant_id)
    before = {name: database[name].count_documents({}) for name in ("restaurants", "tables", "requests", "users")}
    assert json.loads(run(app, "suspend", alice.restaurant_id, "--yes", "--json").output)["done"]

    for method, path in ((dana.get, page), (dana.post, f"{page}/call"), (dana.get, f"{page}/live")):
        answer = method(path)
        assert answer.status_code == 403
        assert WAVE in answer.text
    german = dana.get(page, headers={"Accept-Language": "de"})
    assert WAVE not in german.text
    for browser in (alice.client, bob.client, tablet):
        answer = browser.get(f"{alice.home}/dashboard")
        assert answer.status_code == 403
        assert "has suspended your restaurant" in answer.text
    assert charlie.client.get(f"{alice.home}/dashboard").status_code == 404
    assert alice.client.get("/").location == "/account"
    for page_of_hers in ("/account", "/restaurants"):
        assert "Suspended" in alice.client.get(page_of_hers).text
    with app.app_context():
        assert stored(database, waits)["state"] == "withdrawn"
        assert opening.times_of([alice.restaurant_id]) == [], "nobody is told that it is unheard"
        assert restaurants.get(alice.restaurant_id) is None
    assert run(app, "suspend", alice.restaurant_id, "--yes").exit_code == 1

    with app.app_context():  # by a process that did not know of the suspension yet
        late = restaurants.get_even_suspended(alice.restaurant_id)
        assert late is not None
        transitions.open_request(late, table, late["kinds"][0], "a late tap")
    assert run(app, "restore", "Trattoria Lucia", input="y\n").output.endswith("Done.\n")
    assert dana.get(page).status_code == 200
    assert bob.client.get(f"{bob.home}/dashboard").status_code == 200
    assert database.requests.count_documents({"live": True}) == 0
    before["requests"] += 1
    assert before == {name: database[name].count_documents({}) for name in before}
    assert run(app, "restore", alice.restaurant_id, "--yes").exit_code == 1
