"""Evenings by chance: whatever guests, staff, phones, screens and the clock do, nobody who waits is ever nobody's.

MODEL_STEPS says how many acts (500; CI does 9,500 more), MODEL_SEED which evenings; MODEL_DATABASE=mongomock takes
a seventh of the time. `MODEL_DATABASE=mongomock MODEL_STEPS=1000000 make test ARGS=tests/requests/test_evenings.py`
needs `-o faulthandler_timeout=0` in ARGS besides, for parts that take more than ten minutes.
"""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from hypothesis import HealthCheck, note, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from hypothesis.strategies import randoms, sampled_from

from config import Config
from tests.conftest import MakeApp
from tests.support.cast import Person
from tests.support.contents import kept
from tests.support.evening.acts import ACTS, WEIGHTS
from tests.support.evening.machine import BEGIN, HOST, Evening
from tests.support.push.phones import login_of
from waitercaller.db import clock
from waitercaller.model import presence, restaurants, tables
from waitercaller.push import encryption, sender

pytestmark = [pytest.mark.slow, pytest.mark.needs_wire]

STEPS = int(os.environ.get("MODEL_STEPS", "500"))
SEED = int(os.environ.get("MODEL_SEED", "0"))
LENGTH = 100  # acts of one evening
PARTS = 5  # for several workers
NAMES = [name for name, weight in WEIGHTS.items() for _ in range(weight)]  # chosen as often as they weigh
TABLES = ["1", "2", "3", "4"]


@pytest.fixture
def database_kind() -> str:
    return os.environ.get("MODEL_DATABASE", "wire")


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, vapid_private_key=encryption.new_private_key(), push_services=(HOST,))


class InTurn:
    """In place of a pool of threads: one after the other, so that the same evening happens again."""

    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> "InTurn":
        return self

    def __exit__(self, *_: object) -> None: ...

    map = staticmethod(map)


@pytest.fixture
def begin(
    app: Flask, make_app: MakeApp, config: Config, hire: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Evening]]:
    """`begin()`: a new evening, on a database that holds the restaurant and its people only."""
    present: list[Evening] = []
    monkeypatch.setattr(clock, "now", lambda: present[-1].now if present else BEGIN)
    monkeypatch.setattr(sender, "ThreadPoolExecutor", InTurn)
    monkeypatch.setattr(sender, "_ask", lambda subscription, _message, push: present[-1].ask(subscription, push))
    monkeypatch.setattr(presence, "REOPEN_GRACE_SECONDS", -1.0)  # a screen that closes is gone at the next heartbeat
    alice = hire("Alice", restaurant="Trattoria Lucia")
    roles: dict[str, restaurants.Role] = {"Maria": "manager", "Bob": "waiter", "Clara": "waiter"}
    people = [alice, *(hire(name, role=role, at=alice) for name, role in roles.items())]
    logins = {person.member_id: login_of(person) for person in people}
    with app.app_context():
        tables.add_many(alice.restaurant_id, TABLES, None)
        restore = kept(app.extensions["mongo"].database)
        apps = [app, make_app(config)]

        def begun() -> Evening:
            restore()
            for each in apps:
                presence.init_app(each)
            random.seed(SEED)  # for backoffs
            present.clear()
            present.append(Evening(ACTS, apps, alice.restaurant_id, dict(logins)))
            return present[-1]

        yield begun


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_happens_whoever_waits_is_never_nobodys(begin: Callable[[], Evening], part: int) -> None:
    class Evenings(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.evening = begin()

        @rule(name=sampled_from(NAMES), choose=randoms(use_true_random=False))
        def act(self, name: str, choose: random.Random) -> None:
            try:
                self.evening.act(name, choose)
            except Exception:
                note("\n".join(self.evening.log))
                raise

    evenings = settings(
        max_examples=max(1, STEPS // LENGTH // PARTS),
        stateful_step_count=LENGTH,
        database=None,
        deadline=None,
        suppress_health_check=[*HealthCheck],
    )
    run_state_machine_as_test(seed(SEED + part)(Evenings), settings=evenings)
