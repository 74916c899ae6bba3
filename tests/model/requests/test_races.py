"""Concurrent escalation in processes that may be killed: each step happens exactly once.

Concurrent taps, acceptances, cancellations and undos are tested in test_transitions.
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from config import Config
from tests.support import ROOT, settings
from tests.support.calls import BOB, call, subscribe
from tests.support.cast import Person, wait_until
from tests.support.stepper import WHERE
from tests.support.together import at_once_in
from waitercaller.alerts import due_steps
from waitercaller.db.client import Document
from waitercaller.local import processes
from waitercaller.model import restaurants, tables
from waitercaller.model.requests import handover, transitions
from waitercaller.model.restaurants import Actor
from waitercaller.push import encryption

pytestmark = [pytest.mark.slow, pytest.mark.needs_wire]

LATE = 600.0  # seconds between the taps and the processes' clocks
ONCE = ["called", "nagged", "raised", "alerted"]

Stepper = subprocess.Popen[bytes]


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, vapid_private_key=encryption.new_private_key())


@pytest.fixture
def stored(app: Flask) -> Iterator[Any]:
    """The database, in an application context."""
    with app.app_context():
        yield app.extensions["mongo"].database


@pytest.fixture
def owner(stored: Any, alice: Person) -> Person:
    """Alice's restaurant, with mails at the last step and a push subscription for all calls."""
    restaurants.set_setting(alice.restaurant_id, "alert_mail", True)
    subscribe(stored, alice, "all")
    return alice


@pytest.fixture
def start(config: Config, tmp_path: Path) -> Iterator[Callable[..., Stepper]]:
    """`start("where")`: an escalating process, which kills itself at this point."""
    mails = Path(config.mail_folder)
    key = config.vapid_private_key
    environ = settings.environ(config.mongodb_uri, config.public_url, mails, VAPID_PRIVATE_KEY=key)
    started: list[Stepper] = []

    def begin(where: str = "") -> Stepper:
        with (tmp_path / f"stepper{len(started)}.log").open("wb") as output:
            command = [sys.executable, "-m", "tests.support.stepper", str(LATE), where]
            started.append(processes.start(command, folder=ROOT, environ=os.environ | environ, output=output))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def taps(person: Person, number: int) -> list[Document]:
    """Requests of `number` tables of this restaurant."""
    tables.add_many(person.restaurant_id, [str(each) for each in range(1, number + 1)], None)
    return [dict(call(person.restaurant_id, f"tap {each}", each)) for each in range(number)]


def is_done(stored: Any) -> bool:
    return bool(stored.requests.count_documents({"level": 3}) == stored.requests.count_documents({}))


def assert_each_once(stored: Any, number: int) -> None:
    """Assert that every request took each step once, with a push message of the last, and one mail for all of them."""
    histories = [[step["what"] for step in request["steps"]] for request in stored.requests.find()]
    assert histories == [ONCE] * number
    told = Counter((each["context"]["request_id"], each["event"]) for each in stored.pushes.find())
    assert {event for _, event in told} == {"alerted"}
    assert len(told) == number
    assert set(told.values()) == {1}
    assert stored.outbox.count_documents({"name": "unanswered"}) == 1, "further ones come 15 minutes later"


@pytest.mark.parametrize("where", WHERE)
def test_a_step_is_atomic_when_its_process_is_killed(
    owner: Person, stored: Any, start: Callable[..., Stepper], later: Callable[..., None], where: str
) -> None:
    taps(owner, 1)
    victim = start(where)
    assert victim.wait(30) == -signal.SIGKILL
    later(seconds=LATE)

    def survivor_is_done() -> bool:
        due_steps.escalate()
        return is_done(stored)

    wait_until(survivor_is_done)
    assert_each_once(stored, 1)


def test_two_processes_with_one_killed_at_work_take_each_step_once(
    owner: Person, stored: Any, start: Callable[..., Stepper]
) -> None:
    number = 40
    taps(owner, number)
    victim, _survivor = start(), start()
    wait_until(lambda: stored.requests.count_documents({"level": {"$gt": 0}}) >= 10)
    victim.kill()
    wait_until(lambda: is_done(stored), 60)
    assert_each_once(stored, number)


@pytest.mark.needs_wire
@pytest.mark.parametrize("act", ["accept", "resolve", "release"])
def test_a_step_and_a_concurrent_action_of_staff_are_consistent(
    app: Flask, owner: Person, stored: Any, later: Callable[..., None], act: str
) -> None:
    """The messages of a step that lost may be enqueued already; they are dropped when they are due."""
    where = owner.restaurant_id
    acts: dict[str, Callable[[list[Any]], object]] = {
        "accept": lambda ids: transitions.accept(where, ids, BOB),
        "resolve": lambda ids: transitions.resolve(where, ids, BOB),
        "release": lambda ids: (transitions.accept(where, ids, BOB), handover.release(where, "bob", None)),
    }
    waiting = taps(owner, 10)
    later(seconds=41)
    for ids in ([request["_id"]] for request in waiting):
        at_once_in(app, due_steps.escalate, partial(acts[act], ids))
        after = stored.requests.find_one({"_id": ids[0]})
        history = [step["what"] for step in after["steps"]]
        assert history.count("nagged") <= 1
        nags = {"context.request_id": ids[0], "event": "nagged"}
        assert history.count("nagged") <= stored.pushes.count_documents(nags) <= 1
        assert (after["due_at"] is None) == (not after["live"])
        if act != "release" and "nagged" in history:
            assert history.index("nagged") == 1, "before somebody went, not after"


@pytest.mark.needs_wire
def test_concurrent_accepting_and_passing_on_are_consistent(app: Flask, owner: Person, stored: Any) -> None:
    """The card and the guest's page name the same member."""
    where, clara = owner.restaurant_id, Actor(id="clara", name="Clara")
    histories = set()
    for ids in ([request["_id"]] for request in taps(owner, 10)):
        at_once_in(
            app, partial(transitions.accept, where, ids, BOB), partial(transitions.pass_on, where, ids, clara, BOB)
        )
        after = stored.requests.find_one({"_id": ids[0]})
        histories.add(" ".join(step["what"] for step in after["steps"]))
        assert (after["state"], after["by"], after["live"]) == ("accepted", clara, True)
    assert histories <= {"called passed", "called accepted passed"}
