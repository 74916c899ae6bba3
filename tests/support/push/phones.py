"""Helpers of the tests of push messages: subscriptions, and the events and states of enqueued messages."""

from collections.abc import Callable
from typing import cast

from flask import Flask

from tests.support.cast import Person
from tests.support.push.service import Phone
from waitercaller.db.client import db
from waitercaller.model import logins, restaurants, subscriptions
from waitercaller.model.service_request import ServiceRequest
from waitercaller.push import encryption, sender

PRIVATE = encryption.new_private_key()

Subscribe = Callable[..., Phone]
Tell = Callable[..., ServiceRequest]


def browser(phone: Phone) -> subscriptions.Browser:
    keys = {"key": encryption.public_key(PRIVATE), "browser": "a test", "language": "en"}
    return cast(subscriptions.Browser, {**phone.form, **keys})


def login_of(person: Person) -> str:
    with person.client.session_transaction() as session:
        return logins.hash_of(session["_user_id"])


def send(app: Flask) -> int:
    return sender.send_due(app)


def push_states(app: Flask) -> list[tuple[str, str]]:
    with app.app_context():
        return sorted((each["event"], each["state"]) for each in db().pushes.find())


def zones_of(app: Flask, person: Person, *zones: str) -> None:
    with app.app_context():
        db().restaurants.update_one(
            {"_id": person.restaurant_id, "members.id": person.member_id},
            {"$set": {"members.$[member].zones": list(zones)}},
            array_filters=[{"member.id": person.member_id}],
        )
        restaurants.forget(person.restaurant_id)
