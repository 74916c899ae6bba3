"""`flask users`: list, disable, enable, reset-two-factor; nobody is deleted."""

import json
from collections.abc import Callable
from typing import Any

import pyotp
from click.testing import Result
from flask import Flask

from tests.support.cast import PASSWORD, Mail, Person, device, visit
from waitercaller.db import clock
from waitercaller.model import audit_trail, logins, second_factor_codes, second_factors


def run(app: Flask, *words: object, **options: Any) -> Result:
    return app.test_cli_runner().invoke(args=["users", *map(str, words)], **options)


def connect(app: Flask, person: Person) -> None:
    """Turn two-factor login on for this person."""
    with app.app_context():
        secret = second_factors.offer(person.user_id, logins.of_person(person.user_id)[0]["_id"])
        counter = second_factor_codes.counter_of(secret, pyotp.TOTP(secret).at(clock.now()), clock.now())
        assert counter is not None
        assert second_factors.turn_on(person.user_id, secret, counter, second_factor_codes.new_recovery_codes(), None)


def test_they_are_listed_for_people_and_for_programs(app: Flask, alice: Person, bob: Person) -> None:
    connect(app, bob)
    assert [line.split("  ")[4:] for line in run(app, "list").output.splitlines()] == [
        ["-", alice.email, "Alice"],
        ["two-factor", bob.email, "Bob"],
    ]
    found = json.loads(run(app, "list", "--json").output)
    assert [each["email"] for each in found] == [alice.email, bob.email]
    assert not any("hash" in key or "secret" in key for each in found for key in each)


def test_a_disabled_user_is_out_everywhere_until_enabled(app: Flask, alice: Person, bob: Person) -> None:
    phone, visitor = device(app, alice, "Alice", alice.member_id), visit(app)
    with app.app_context():
        secret, _login = logins.start(alice.user_id, "127.0.0.1", "a race")
    asked = run(app, "disable", alice.email, input="n\n")
    assert asked.exit_code == 1
    assert "Trattoria Lucia has no other owner" in asked.output
    assert not json.loads(run(app, "disable", alice.email, "--json").output)["done"]
    assert alice.client.get("/account").status_code == 200

    assert run(app, "disable", " Alice@Example.org ", "--yes").output.endswith("Done.\n")
    for browser in (alice.client, phone):
        assert browser.get(f"{alice.home}/dashboard").status_code == 303
    credentials = {"email": alice.email, "password": PASSWORD}
    refused = visitor.submit("/login", credentials)
    assert refused.status_code == 400
    assert "disabled" in refused.text
    wrong = visitor.submit("/login", {**credentials, "password": "a wrong guess, 8Rk2vQ"})
    assert "disabled" not in wrong.text, "only whoever has the password learns it"
    app.extensions["mongo"].database.logins.update_one({"_id": logins.hash_of(secret)}, {"$set": {"ended_at": None}})
    with alice.client.session_transaction() as session:
        session["_user_id"] = secret
    assert alice.client.get("/account").status_code == 303, "a login that began at the same moment"
    assert bob.client.get("/account").status_code == 200
    assert run(app, "disable", alice.email, "--yes").exit_code == 1

    assert run(app, "enable", alice.email, "--yes").exit_code == 0
    assert visitor.submit("/login", credentials).status_code == 303
    with app.app_context():
        events = [each["event"] for each in audit_trail.of_person(alice.user_id)]
    assert {"disabled", "enabled"} <= set(events)
    assert run(app, "enable", alice.email, "--yes").exit_code == 1


def test_without_the_second_factor_the_password_is_sufficient(
    app: Flask, alice: Person, bob: Person, mails: Callable[[], list[Mail]]
) -> None:
    connect(app, alice)
    connect(app, bob)
    done = run(app, "reset-two-factor", " Alice@Example.org ", "--yes")
    assert done.exit_code == 0, done.output
    users = app.extensions["mongo"].database.users
    assert "two_factor" not in users.find_one({"_id": alice.user_id})
    assert "two_factor" in users.find_one({"_id": bob.user_id}), "nobody else is touched"
    assert alice.client.get("/account").status_code == 303, "whoever has the phone is out"
    assert bob.client.get("/account").status_code == 200
    with app.app_context():
        entry = audit_trail.of_person(alice.user_id)[0]
    assert (entry["event"], entry["details"]) == ("two_factor_off", {"by": "operator"})
    (told,) = mails()
    assert told.to == alice.email
    assert "two-factor" in told.subject.lower()


def test_it_needs_a_user_with_a_second_factor(app: Flask, alice: Person) -> None:
    assert "no two-factor login" in run(app, "reset-two-factor", alice.email, "--yes").output
    assert alice.client.get("/account").status_code == 200
    nobody = run(app, "reset-two-factor", "nobody@example.org", "--yes")
    assert (nobody.exit_code, nobody.output) == (1, "Error: Nobody has this address.\n")
