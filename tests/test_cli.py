"""The commands `end-logins` and `end-two-factor`."""

from collections.abc import Callable

import pyotp
from flask import Flask

from tests.support.cast import Mail, Person
from waitercaller.db import clock
from waitercaller.model import audit_trail, logins, second_factor_codes, second_factors


def connect(app: Flask, person: Person) -> None:
    """Turn two-factor login on for this person."""
    with app.app_context():
        secret = second_factors.offer(person.user_id, logins.of_person(person.user_id)[0]["_id"])
        counter = second_factor_codes.counter_of(secret, pyotp.TOTP(secret).at(clock.now()), clock.now())
        assert counter is not None
        assert second_factors.turn_on(person.user_id, secret, counter, second_factor_codes.new_recovery_codes(), None)


def test_after_end_two_factor_the_password_is_sufficient(
    app: Flask, alice: Person, bob: Person, mails: Callable[[], list[Mail]]
) -> None:
    connect(app, alice)
    connect(app, bob)
    done = app.test_cli_runner().invoke(args=["end-two-factor", " Alice@Example.org "])
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


def test_end_two_factor_needs_a_user_with_a_second_factor(app: Flask, alice: Person) -> None:
    run = app.test_cli_runner().invoke
    assert "no two-factor login" in run(args=["end-two-factor", alice.email]).output
    assert alice.client.get("/account").status_code == 200
    assert "Nobody has this address" in run(args=["end-two-factor", "nobody@example.org"]).output
    assert run(args=["end-two-factor", "nobody@example.org"]).exit_code == 1
