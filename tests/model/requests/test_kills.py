"""kill -9 before each write of each step and act: another process takes over, and nothing is missing or there twice.

The clock stands, so what is stored in the end is the same, to the last key, as if nobody had been killed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from pymongo import MongoClient
from pymongo.database import Database

from config import Config
from tests.support.calls import subscribe
from tests.support.cast import Person
from tests.support.contents import kept
from tests.support.killed import ACTS, Victims, ids_of, victims
from tests.support.settings import environ
from waitercaller.alerts import due_steps
from waitercaller.db import cache, clock, schema
from waitercaller.model import restaurants, settings, tables
from waitercaller.model.requests import seen
from waitercaller.push import encryption

pytestmark = [pytest.mark.slow, pytest.mark.needs_wire]

PRIVATE = encryption.new_private_key()
BEGIN = datetime(2031, 6, 4, 18, tzinfo=UTC)


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, vapid_private_key=PRIVATE)


class Scene:
    """Alice's restaurant with Bob and Clara, whose phones are told of everything, and mails; the clock stands."""

    def __init__(self, database: Any, where: ObjectId) -> None:
        self.database, self.where, self.now = database, where, BEGIN

    def follow(self, story: Sequence[str | int]) -> None:
        """These acts, with so many seconds in between."""
        for each in story:
            if isinstance(each, int):
                self.now += timedelta(seconds=each)
            elif each.startswith("only "):  # the page that did it died before it took the step that is due then
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(due_steps, "take_now", lambda _: None)
                    self.do(each.removeprefix("only "))
            else:
                self.do(each)

    def do(self, act: str) -> None:
        """In this process, which knows nothing yet."""
        cache.restaurants.clear()
        cache.tables.clear()
        (ACTS | BEFORE)[act](self.where)

    def contents(self) -> dict[str, list[str]]:
        """All that is stored, without what is random."""
        names = {str(each): f"request {number}" for number, each in enumerate(ids_of(self.where))}
        random = {"message_id": False}
        texts = {}
        for collection in schema.INDEXES:
            without = {"_id": False} if collection == "alerts" else random
            text = "\n".join(sorted(map(repr, self.database[collection].find({}, without))))
            for request_id, name in names.items():
                text = text.replace(request_id, name)
            texts[collection] = sorted(text.split("\n"))
        return texts


def sign(where: ObjectId) -> None:
    """Clara's phone shows the message."""
    restaurant = restaurants.get(where)
    clara = restaurants.member_with_id(restaurant, "clara") if restaurant else None
    assert clara
    seen.sign(where, ids_of(where)[0], clara)


def set_values(**values: object) -> Callable[[ObjectId], object]:
    return lambda where: settings.change(where, lambda _: values)


# What happens before, beside ACTS.
BEFORE: dict[str, Callable[[ObjectId], object]] = {
    "sign": sign,
    "wait long": set_values(settings={"escalation": {"nag": 600, "all_zones": 700, "alert": 800}}),
    "open": set_values(opening={"state": "open", "until": None}),
    "open at ten past six": set_values(hours=[{"day": day, "opens": "18:10", "closes": "23:00"} for day in range(7)]),
}
# By what is killed: what has happened before, and the act.
CASES: dict[str, tuple[Sequence[str | int], str]] = {
    "announced": (["only call"], "escalate"),
    "nagged": (["call", 40], "escalate"),
    "raised": (["call", 40, "escalate", 40], "escalate"),
    "alerted": (["call", 80, "escalate", 40], "escalate"),
    "repeated": (["call", 120, "escalate", 60], "escalate"),
    "what was missed": (["call", 600], "escalate"),
    "reminder told while it waits": (["wait long", "call", 30, "call-again", 30], "escalate"),
    "reminder told while somebody goes": (["call", "accept", "escalate", 30, "call-again", 30], "escalate"),
    "receiver told": (["call", "only pass-on"], "escalate"),
    "receiver checked, without a sign": (["call", "pass-on", "escalate", 20], "escalate"),
    "receiver checked, with a sign": (["call", "pass-on", "escalate", "sign", 20], "escalate"),
    "taker reminded": (["call", "accept", "escalate", 240], "escalate"),
    "colleagues told": (["call", "accept", 240, "escalate", 120], "escalate"),
    "returned": (["call", "accept", 360, "escalate", 120], "escalate"),
    "reminded after five minutes": (["call", "accept", "postpone", "escalate", 300], "escalate"),
    "outcome of accept": (["call", "accept"], "escalate"),
    "outcome of pass on": (["call", "pass-on"], "escalate"),
    "outcome of resolve": (["call", "resolve"], "escalate"),
    "outcome of dismiss": (["call", "accept", "dismiss"], "escalate"),
    "outcome of cancel": (["call", 40, "escalate", "cancel"], "escalate"),
    "outcome of withdraw": (["call", "withdraw"], "escalate"),
    "call": ([], "call"),
    "call again": (["call", 10], "call-again"),
    "call again, a minute later": (["wait long", "call", 61], "call-again"),
    "accept": (["call"], "accept"),
    "take over": (["call", "accept", "escalate"], "take-over"),
    "pass on": (["call"], "pass-on"),
    "postpone": (["call", "accept"], "postpone"),
    "resolve": (["call"], "resolve"),
    "dismiss": (["call", "accept", "escalate"], "dismiss"),
    "cancel": (["call"], "cancel"),
    "withdraw": (["call"], "withdraw"),
    "reopen": (["call", "resolve", "escalate", 10], "reopen"),
    "reopen what was called anew": (["call", "resolve", 10, "call-again", 10], "reopen"),
    "unheard": (["open", "unheard", 120], "unheard"),
    "roll call": (["open at ten past six"], "roll-call"),
}


@pytest.fixture
def scene(app: Flask, alice: Person, hire: Callable[..., Person], monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    people = {"bob": hire("Bob", role="waiter", at=alice), "clara": hire("Clara", role="waiter", at=alice)}
    with app.app_context():
        database = app.extensions["mongo"].database
        scene = Scene(database, alice.restaurant_id)
        monkeypatch.setattr(clock, "now", lambda: scene.now)
        tables.add_many(alice.restaurant_id, ["7"], None)
        for name, person in people.items():  # by the names of tests.support.killed
            whose = {"_id": alice.restaurant_id, "members.id": person.member_id}
            database.restaurants.update_one(whose, {"$set": {"members.$.id": name}})
            person.member_id = name
        for person in (alice, *people.values()):
            subscribe(database, person, "all")
        restaurants.set_setting(alice.restaurant_id, "alert_mail", True)
        yield scene


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    folder = tmp_path_factory.mktemp("victims")
    variables = environ("mongodb://127.0.0.1:9/none", "http://localhost", folder, VAPID_PRIVATE_KEY=PRIVATE)
    with victims(variables, folder / "log") as started:
        yield started


@pytest.fixture
def past_the_proxy(database_uri: str) -> Iterator[Database[Any]]:
    """The same database, for what the application has no right to do."""
    with MongoClient[dict[str, Any]](database_uri, tz_aware=True) as client:
        yield client.get_default_database()


@pytest.mark.parametrize("case", CASES)
def test_what_is_killed_before_a_write_is_done_by_another_process_once(
    scene: Scene, killer: Victims, past_the_proxy: Database[Any], config: Config, case: str
) -> None:
    story, act = CASES[case]
    scene.follow(story)
    restore = kept(past_the_proxy)
    before = scene.contents()
    scene.follow([act, "escalate"])
    wanted = scene.contents()
    assert wanted != before, "there is something to be done"
    for last in count(1):
        restore()
        was_killed = killer.do(config.mongodb_uri, act, scene.where, last)
        assert was_killed or last > 1, "there is something to be written"
        scene.follow([act, "escalate"] if was_killed else ["escalate"])  # whoever did it, does it again
        assert scene.contents() == wanted, f"killed before write {last}"
        if not was_killed:
            break
    print(f"{case}: killed {last - 1} times")
