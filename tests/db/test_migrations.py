"""Two releases on one database: validators only grow wider, and the old release writes while the new one builds.

The "old release" is the code as it is; the "new" one has other validators and more indexes. See docs/migrations.md.
"""

import copy
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from bson import ObjectId
from flask import Flask
from pymongo import IndexModel
from pymongo.errors import WriteError

from config import Config
from tests.db.widening import LAST_RELEASE, narrowings
from tests.support.cast import Person, wait_until
from tests.support.together import at_once_in
from waitercaller.db import clock, schema
from waitercaller.db.client import db, patiently
from waitercaller.db.validators import DATE, TEXT, VALIDATORS
from waitercaller.hooks import outbox as hooks
from waitercaller.mail import outbox as mails
from waitercaller.model import (
    counters,
    erasure,
    face,
    invitations,
    logins,
    pauses,
    presence,
    subscriptions,
    tables,
    tokens,
    unheard,
    upkeep,
    users,
)
from waitercaller.model.requests import escalation, queries, seen, transitions
from waitercaller.model.restaurants import Actor, Restaurant, set_setting
from waitercaller.model.rollups import store as rollups
from waitercaller.model.tables import Table
from waitercaller.push import encryption
from waitercaller.push import outbox as pushes
from waitercaller.web import audit

Validators = dict[str, dict[str, Any]]

DOCUMENT_FAILED_VALIDATION = 121
BOB = Actor(id="bob", name="Bob")
NARROWED_ON_PURPOSE: set[str] = set()  # sentences of `narrowings`, for a release that meets the page's three conditions


# --- validators -------------------------------------------------------------------------------------------------------


def test_no_validator_is_narrower_than_in_the_last_release() -> None:
    """Else the old release would be refused its writes from `build-database` until it is stopped."""
    last: Validators = json.loads(LAST_RELEASE.read_text(encoding="utf-8"))
    found = [f"{name}.{each}" for name, old in last.items() for each in narrowings(old, VALIDATORS[name])]
    assert set(found) - NARROWED_ON_PURPOSE == set(), "see docs/migrations.md"


OLD = {
    "bsonType": "object",
    "required": ["a", "b"],
    "properties": {
        "a": {"bsonType": ["string", "null"]},
        "b": {"enum": ["x", "y"]},
        "c": {"bsonType": "array", "minItems": 1, "items": {"bsonType": "object", "required": ["id"]}},
        "d": {"bsonType": "string", "pattern": "^[A-Z]$"},
    },
    "anyOf": [{"required": ["e"]}, {"properties": {"c": {"minItems": 2}}}],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """OLD with this value at the dotted path; without the key if it is None."""
    new: Any = copy.deepcopy(OLD)
    *outer, last = path.split(".")
    inner = new
    for each in outer:
        inner = inner[each]
    inner[last] = value
    if value is None:
        del inner[last]
    return {"$jsonSchema": new}


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("required", ["a", "b", "c"], ': required ["a", "b"] → ["a", "b", "c"]'),
        ("properties.a.bsonType", "string", 'a: bsonType ["string", "null"] → "string"'),
        ("properties.a.minLength", 1, "a: minLength anything → 1"),
        ("properties.b.enum", ["x", "z"], 'b: enum ["x", "y"] → ["x", "z"]'),
        ("properties.c.minItems", 2, "c: minItems 1 → 2"),
        ("properties.c.maxItems", 9, "c: maxItems anything → 9"),
        ("properties.c.items.required", ["id", "at"], 'c[]: required ["id"] → ["id", "at"]'),
        ("properties.d.pattern", "^[A-F]$", 'd: pattern "^[A-Z]$" → "^[A-F]$"'),
        ("properties.f", {"bsonType": "date"}, 'f: bsonType anything → "date"'),
        ("additionalProperties", False, ": additionalProperties anything → false"),
        ("anyOf", [{"required": ["e"]}], ""),
        ("not", {"required": ["g"]}, ': not anything → {"required": ["g"]}'),
    ],
    ids=str,
)
def test_a_narrower_validator_is_found(path: str, value: Any, found: str) -> None:
    (sentence,) = narrowings({"$jsonSchema": OLD}, changed(path, value))
    assert sentence == found or (not found and sentence.startswith(": anyOf"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("required", ["a"]),
        ("properties.a.bsonType", ["null", "string", "int"]),
        ("properties.a", None),
        ("properties.b.enum", ["x", "y", "z"]),
        ("properties.c.minItems", 0),
        ("properties.c.items", None),
        ("properties.d.pattern", None),
        ("anyOf", [{"required": ["e"]}, {"required": ["g"]}, {"properties": {"c": {"minItems": 1}}}]),
        ("anyOf", None),
    ],
    ids=str,
)
def test_a_wider_validator_passes(path: str, value: Any) -> None:
    assert narrowings({"$jsonSchema": OLD}, changed(path, value)) == []


# --- the rehearsal ----------------------------------------------------------------------------------------------------


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, vapid_private_key=encryption.new_private_key())


class OldRelease:
    """Writes documents of every collection, as its pages and jobs do."""

    def __init__(self, owner: Person, restaurant: Restaurant, table: Table) -> None:
        self.owner, self.restaurant, self.table = owner, restaurant, table
        self.rounds = 0

    def write(self) -> None:
        """One round. Raises PyMongoError where the database refuses."""
        name = str(ObjectId())
        self._of_people(name)
        self._of_guests(name)
        self._of_jobs(name)
        self.rounds += 1

    def write_until(self, over: threading.Event) -> None:
        while not over.is_set():
            self.write()

    def _of_people(self, name: str) -> None:
        where, address = self.restaurant["_id"], f"{name}@example.org"
        users.register(address, "Dora", "Dora's", "a hash", "en", "UTC", None)
        user_id = users.create(address, "Dora", "a hash", None)
        users.set_password(user_id, "another hash", None)
        _, login = logins.start(user_id, "127.0.0.1", "a browser")
        logins.end(login["_id"])
        token = tokens.issue("reset", str(user_id), timedelta(hours=1))
        tokens.redeem("reset", token)
        withdrawn = invitations.invite(where, address, "Dora", "waiter", BOB, "en", None)
        invitations.withdraw(where, withdrawn, None)
        invitations.invite(where, address, "Dora", "manager", BOB, "de", None)
        set_setting(where, "alert_mail", True)
        audit.record("role_changed", user_id=user_id, restaurant_id=where, actor=BOB, role="manager")
        counters.take(name, 3, clock.now() + timedelta(hours=1))
        mails.enqueue("password_changed", address)
        erasure.of_person(user_id, [], None)

    def _of_guests(self, name: str) -> None:
        where = self.restaurant["_id"]
        tables.add_many(where, [name], None)
        face.set_logo(where, face.Pictures(b"small", name.encode()))
        table = next(each for each in tables.of_restaurant(where) if each["name"] == name)
        ids = []
        for kind in self.restaurant["kinds"][:3]:
            for key in ("tap", "reminder"):
                call = transitions.open_request(self.restaurant, table, kind, f"{name} {key}", device=name)
            ids.append([call["_id"]])
        transitions.accept(where, ids[0], BOB)
        transitions.resolve(where, ids[0], BOB)
        transitions.dismiss(where, ids[1], BOB)
        pauses.review(where, queries.with_ids({"restaurant_id": where}, ids[1]))
        pauses.pause_table(table)
        seen.record(where, ids[2], name)
        (waiting,) = queries.with_ids({"restaurant_id": where}, ids[2])
        escalation.advance(waiting, escalation.turn_of(waiting, self.restaurant))
        tables.rotate(where, table["_id"])
        tables.remove(where, table["_id"])
        transitions.withdraw({"restaurant_id": where, "table_id": table["_id"]})

    def _of_jobs(self, name: str) -> None:
        where, now = self.restaurant["_id"], clock.now()
        screen = presence.Screen(id=name, member_id=None, name="", visible=True, audible=True, since=now)
        presence.hold(where, screen)
        presence.beat()
        browser = {"endpoint": f"https://push.example.org/{name}", "language": "en"}
        subscriptions.put(where, self.owner.member_id, name, cast(subscriptions.Browser, browser), "all")
        pushes.enqueue("called", where, [name], occasion=name, time_to_live=timedelta(hours=1))
        hooks.enqueue(where, [hooks.Message(name, "test", now, {})])
        upkeep.note("backup", name, 1)
        unheard.mark_unheard(where)
        rollups.run_now()


def widened(rules: Any) -> Any:
    """By the page's recipe: null wherever a type is named, and a further value in each enumeration."""
    if isinstance(rules, list):
        return [widened(each) for each in rules]
    if not isinstance(rules, dict):
        return rules
    wider = {key: widened(each) for key, each in rules.items()}
    if "enum" in rules:
        wider["enum"] = [*rules["enum"], "of the new release"]
    if isinstance(rules.get("bsonType"), str):
        wider["bsonType"] = [rules["bsonType"], "null"]
    return wider


def narrowed(collection: str, key: str, rule: dict[str, Any] | None) -> Validators:
    """The present validators, but for this rule of a key; None requires the key in addition."""
    new = copy.deepcopy(VALIDATORS)
    inner = new[collection]["$jsonSchema"]
    if rule is None:
        inner["required"].append(key)
    else:
        inner["properties"][key] = rule
    return new


@pytest.fixture
def old_release(app: Flask, alice: Person, restaurant: Restaurant, table: Table) -> OldRelease:
    return OldRelease(alice, restaurant, table)


@pytest.fixture
def new_release(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[Validators], None]:
    """`new_release(validators)`: `build-database` has these validators, and one more index of each collection."""

    def install(validators: Validators) -> None:
        indexes = {name: [*known, IndexModel("new")] for name, known in schema.INDEXES.items()}
        monkeypatch.setattr(schema, "VALIDATORS", validators)
        monkeypatch.setattr(schema, "INDEXES", indexes)

    return install


def build() -> None:
    """`flask build-database`."""
    with patiently():
        schema.build(db())


def build_while_it_writes(app: Flask, old_release: OldRelease, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build, and let the old release write meanwhile: whole rounds while some collections are changed, some not yet."""
    ensure, over = schema._ensure_collection, threading.Event()

    def ensure_slowly(database: Any, name: str, options: Any) -> None:
        ensure(database, name, options)
        if name == "requests":
            begun = old_release.rounds
            wait_until(lambda: over.is_set() or old_release.rounds > begun + 1)

    def until_over(work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            over.set()

    with monkeypatch.context() as patch:
        patch.setattr(schema, "_ensure_collection", ensure_slowly)
        at_once_in(app, partial(until_over, partial(old_release.write_until, over)), partial(until_over, build))


def validator_of(name: str) -> Any:
    return db()[name].options()["validator"]


@pytest.mark.needs_wire
@pytest.mark.fresh_database
def test_the_old_release_is_refused_nothing_while_a_wider_one_is_built_nor_after_a_rollback(
    app: Flask,
    old_release: OldRelease,
    new_release: Callable[[Validators], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    wider: Validators = widened(VALIDATORS)
    assert [found for name in VALIDATORS for found in narrowings(VALIDATORS[name], wider[name])] == []
    new_release(wider)
    build_while_it_writes(app, old_release, monkeypatch)
    with app.app_context():
        old_release.write()
        assert {name: validator_of(name) for name in wider} == wider
        assert schema.missing_indexes(db()) == []
        assert [name for name in schema.INDEXES if db()[name].find_one() is None] == []
        monkeypatch.setattr(schema, "VALIDATORS", VALIDATORS)
        build()  # `upgrade.sh --rollback` runs the old release's
        assert {name: validator_of(name) for name in VALIDATORS} == VALIDATORS
        old_release.write()
    assert "WriteError" not in caplog.text  # what only logs a failure: the audit, a screen that opens


@pytest.mark.needs_wire
@pytest.mark.fresh_database
@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("collection", "key", "rule"),
    [
        ("requests", "state", {"enum": ["waiting", "accepted", "resolved", "cancelled", "withdrawn"]}),
        ("requests", "course", None),
        ("invitations", "member_id", TEXT),
        ("logins", "ended_at", DATE),
        ("users", "is_confirmed", None),
    ],
)
def test_a_release_that_narrows_is_caught(
    old_release: OldRelease,
    new_release: Callable[[Validators], None],
    collection: str,
    key: str,
    rule: dict[str, Any] | None,
) -> None:
    new = narrowed(collection, key, rule)
    assert [name for name in new if narrowings(VALIDATORS[name], new[name])] == [collection]
    new_release(new)
    build()
    with pytest.raises(WriteError) as refused:
        old_release.write()
    assert refused.value.code == DOCUMENT_FAILED_VALIDATION
