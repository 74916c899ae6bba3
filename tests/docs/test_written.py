"""Written documents match docs/data.md: keys and types."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from flask.testing import FlaskClient

from config import Config
from tests.docs.test_data import COLLECTIONS, SCALARS, Key, documented
from tests.support.cast import Mail, Person
from tests.support.pages import form_in
from waitercaller.alerts import messages
from waitercaller.alerts import webhooks as telling
from waitercaller.db import clock
from waitercaller.db.client import db
from waitercaller.model import (
    buttons,
    duty,
    erasure,
    face,
    face_entry,
    letters,
    logins,
    operators,
    pauses,
    presence,
    profiles,
    restaurants,
    second_factors,
    settings,
    subscriptions,
    tables,
    tenancy,
    unheard,
    upkeep,
    users,
    webhooks,
)
from waitercaller.model.requests import opinions, seen
from waitercaller.model.rollups import store as rollups
from waitercaller.model.tables import Table
from waitercaller.push import encryption

HOUR = timedelta(hours=1)
FLAGS = ("alert_mail", "duty", "notes", "opinions", "two_factor_required")  # settings
TYPES = {**{told: type_ for type_, told in SCALARS.items()}, "object": dict, "null": type(None)}


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, vapid_private_key=encryption.new_private_key())


def faults(keys: dict[str, Key], document: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Differences between a document and the page."""
    children = {name.removeprefix(prefix) for name in keys if name.startswith(prefix)}
    children = {name for name in children if "." not in name}
    yield from (
        f"{prefix}{name} is missing" for name in children - set(document) if not keys[f"{prefix}{name}"].optional
    )
    for name, value in document.items():
        key = keys.get(f"{prefix}{name}", Key("ObjectId", True, "") if name == "_id" else None)
        if key is None:
            yield f"{prefix}{name} is not on the page"
            continue
        if not any(fits(value, type_) for type_ in key.type.split(" or ")):
            yield f"{prefix}{name} is {value!r}, not {key.type}"
        for ending, each in [(".", value)] if isinstance(value, dict) else [("[].", item) for item in listed(value)]:
            inner = f"{prefix}{name}{ending}"
            if isinstance(each, dict) and any(other.startswith(inner) for other in keys):
                yield from faults(keys, each, inner)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def fits(value: Any, type_: str) -> bool:
    """Whether a value has the type given in the page."""
    if type_.startswith("["):
        return isinstance(value, list) and all(fits(each, type_[1:-1]) for each in value)
    if type_.startswith("{"):
        inner = type_.partition(": ")[2][:-1]
        return isinstance(value, dict) and all(fits(each, inner) for each in value.values())
    return type(value) is TYPES[type_]


def test_what_is_written_is_on_the_page(
    app: Flask,
    alice: Person,
    bob: Person,
    table: Table,
    dana: FlaskClient,
    client: Any,
    mails: Callable[[], list[Mail]],
) -> None:
    client.submit(
        "/register",
        {"restaurant": "Zoe's", "name": "Zoe", "email": "zoe@example.org", "password": "four waiters in a row"},
    )
    alice.client.submit(
        f"{alice.home}/staff/invitations", {"email": "anna@example.org", "role": "waiter"}, page=f"{alice.home}/staff"
    )
    mails()
    address = f"/t/{table['code']}"
    dana.post(f"{address}/call", data={**form_in(dana.get(address).text, f"{address}/call"), "kind": "bill"})
    with app.app_context():
        _act(alice, bob, table)
        users.disable(bob.user_id, None)
        tenancy.suspend(alice.restaurant_id, None)
        for collection in COLLECTIONS:
            keys, documents = documented(collection), list(db()[collection].find())
            assert documents, collection
            assert [fault for document in documents for fault in faults(keys, document)] == [], collection


def _share_tables(alice: Person, bob: Person, table: Table) -> None:
    """Both are on duty; Bob has this table and a zone, and is on a break."""
    for person in (alice, bob):
        duty.begin(person.restaurant_id, person.member_id)
    duty.take(bob.restaurant_id, bob.member_id, [table["_id"]], ["5" * 12])
    duty.hand_over(bob.restaurant_id, bob.member_id, alice.member_id)


def _subscribe(restaurant_id: ObjectId, bob: Person) -> None:
    """A phone, and a message to it."""
    browser: subscriptions.Browser = {
        "endpoint": "https://push.test/1",
        "p256dh": "…",
        "auth": "…",
        "key": "…",
        "browser": "…",
        "language": "en",
    }
    subscriptions.put(restaurant_id, bob.member_id, "a login", browser, "all")
    (subscription,) = subscriptions.of_member(restaurant_id, bob.member_id)
    messages.enqueue_trial(restaurant_id, subscription["_id"])


def _operate(alice: Person) -> None:
    operators.add(alice.user_id)
    upkeep.note("backup", "waitercaller-20261126T041000Z.bson.gz", 3)


def _connect(restaurant_id: ObjectId, table: Table) -> None:
    """A webhook that has been told something, and a button that was heard."""
    webhooks.put(restaurant_id, "https://hooks.test/1")
    telling.enqueue_test(settings.get(restaurant_id), "a test")
    buttons.renew(restaurant_id, table["_id"])
    for each in tables.of_restaurant(restaurant_id):
        if "button" in each:
            buttons.note_heard(each)


def _act(alice: Person, bob: Person, table: Table) -> None:
    """Further operations that write documents or optional keys."""
    now, restaurant_id = clock.now(), alice.restaurant_id
    call = db().requests.find_one({}) or {}
    for act in ("accept", "resolve", "reopen"):
        bob.client.submit(f"{bob.home}/requests/{call['_id']}/{act}", page=f"{bob.home}/dashboard")
        opinions.keep({"restaurant_id": restaurant_id}, call["_id"], "good")
    screen: presence.Screen = {
        "id": "5" * 32,
        "member_id": bob.member_id,
        "name": "Bob",
        "visible": True,
        "audible": True,
        "since": now,
    }
    presence.hold(restaurant_id, screen)
    presence.beat()
    seen.record(restaurant_id, [call["_id"]], "5" * 32, name="Bob", member_id=bob.member_id)
    seen.note_pushed(restaurant_id, call["_id"], restaurants.get(restaurant_id)["members"][0], now)  # type: ignore[index]
    pauses.pause_table(table)
    tables.rotate(restaurant_id, table["_id"])
    logins.start_device(restaurant_id, "Counter", None, "127.0.0.1", "a test")
    _subscribe(restaurant_id, bob)
    unheard.mark_unheard(restaurant_id)
    for note in unheard.noted().values():
        unheard.record_alert(note)
    rollups.run_now()
    span = {"opens": "18:00", "closes": "02:00"}
    set_by_owner = {
        "hours": [{"day": 0, **span}],
        "exceptions": [{"date": "2026-12-24", "spans": [span]}],
        "opening": {"state": "open", "until": now + HOUR},
    }
    settings.change(restaurant_id, lambda _now: set_by_owner)
    _share_tables(alice, bob, table)
    _connect(restaurant_id, table)
    links = [face_entry.Link(label="Menu", url="https://lucia.test/")]
    settings.change(restaurant_id, lambda now: face.changed(now, {"colour": "#8a3b12", "links": links}))
    face.set_logo(restaurant_id, face.Pictures(b"small", b"large"))
    values = {"escalation": {"nag": 30, "all_zones": 60, "alert": 90}, "keep_calls_days": 90}
    for name, value in {**values, **dict.fromkeys(FLAGS, True)}.items():
        restaurants.set_setting(restaurant_id, name, value)
    letters.choose(restaurant_id, alice.member_id, True)
    secret = second_factors.offer(alice.user_id, "a login")
    second_factors.turn_on(alice.user_id, secret, 1, ["a recovery code"], None)
    second_factors.offer(bob.user_id, "a login")
    profiles.ask_for_address(bob.user_id, "bob@example.net", None)
    user = users.get(alice.user_id)
    restaurant = restaurants.get(restaurant_id)
    assert user
    assert restaurant
    users.record_login(user)
    _operate(alice)
    users.record_leaving(bob.user_id, ObjectId(), "5" * 12, None)
    erasure.of_person(bob.user_id, [bob.member_id], None)
    erasure.of_member(restaurant, bob.member_id, None)
