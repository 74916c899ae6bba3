"""Processes that do one act of the product and are killed before their n-th write: `python -m tests.support.killed`.

One that has imported everything reads a line `DATABASE ACT RESTAURANT MILLISECONDS N` for each, forks, and prints how
that one ended: 0, or -9 when it was killed. Its clock stands at MILLISECONDS.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bson import ObjectId
from flask import Flask
from pymongo import monitoring

from config import Config
from tests.support import ROOT
from waitercaller import create_app
from waitercaller.alerts import due_steps, roll_call, unheard_restaurants
from waitercaller.db import clock
from waitercaller.db.client import Mongo
from waitercaller.model import restaurants, tables
from waitercaller.model.requests import queries, transitions
from waitercaller.model.restaurants import Actor
from waitercaller.model.service_request import Scope, documents

WRITES = {"insert", "update", "delete", "findAndModify", "bulkWrite", "commitTransaction"}
PHONE = "a" * 32
BOB, CLARA = Actor(id="bob", name="Bob"), Actor(id="clara", name="Clara")


def call(restaurant_id: ObjectId, key: str) -> None:
    """A guest at the first table calls, as on the guest's page."""
    restaurant = restaurants.get(restaurant_id)
    assert restaurant
    table = tables.of_restaurant(restaurant_id)[0]
    opened = transitions.open_request(restaurant, table, restaurant["kinds"][0], key, device=PHONE)
    due_steps.take_now([opened])


def _reopen(restaurant_id: ObjectId) -> None:
    ids = [each["_id"] for each in queries.recently_ended(restaurant_id)]
    transitions.reopen({"restaurant_id": restaurant_id}, ids, BOB)
    due_steps.take_now(queries.with_ids({"restaurant_id": restaurant_id}, ids))


def _pass_on(restaurant_id: ObjectId) -> None:
    transitions.pass_on(restaurant_id, ids_of(restaurant_id), CLARA, BOB)
    due_steps.take_now(queries.live_of_restaurant(restaurant_id))


def ids_of(restaurant_id: ObjectId) -> list[ObjectId]:
    """All requests, in the order of their calls."""
    return [each["_id"] for each in documents().find({"restaurant_id": restaurant_id}).sort("created_at")]


def _where(restaurant_id: ObjectId) -> Scope:
    return {"restaurant_id": restaurant_id, "table_id": tables.of_restaurant(restaurant_id)[0]["_id"]}


ACTS: dict[str, Callable[[ObjectId], object]] = {
    "escalate": lambda _: due_steps.escalate(),
    "call": lambda where: call(where, "a key"),
    "call-again": lambda where: call(where, "another key"),
    "accept": lambda where: transitions.accept(where, ids_of(where), BOB),
    "take-over": lambda where: transitions.accept(where, ids_of(where), CLARA, taken_from=BOB["id"]),
    "pass-on": _pass_on,
    "postpone": lambda where: transitions.postpone(where, ids_of(where), BOB),
    "resolve": lambda where: transitions.resolve(where, ids_of(where), BOB),
    "dismiss": lambda where: transitions.dismiss(where, ids_of(where), BOB),
    "cancel": lambda where: transitions.cancel(_where(where), ids_of(where), [PHONE]),
    "withdraw": lambda where: transitions.withdraw(_where(where)),
    "reopen": _reopen,
    "unheard": lambda _: unheard_restaurants.check(),
    "roll-call": lambda _: roll_call.check(),
}


class _Kill(monitoring.CommandListener):
    """Kills this process as it is about to send its `last` write."""

    def __init__(self, last: int) -> None:
        self.left = last

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.left -= event.command_name in WRITES
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


def _main() -> None:
    app = create_app(Config.from_env(os.environ))
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _act(app, *line.split())
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _act(app: Flask, uri: str, act: str, restaurant_id: str, now: str, last: str) -> None:
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(now))
    clock.now = lambda: moment
    monitoring.register(_Kill(int(last)))
    app.extensions["mongo"] = Mongo(uri)
    with app.app_context():
        ACTS[act](ObjectId(restaurant_id))
    os._exit(0)


class Victims:
    """For tests: has an act done by a process that is killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._read("ready")

    def do(self, uri: str, act: str, restaurant_id: ObjectId, last: int) -> bool:
        """Whether the process was killed before its `last` write; False: it had no more, and did all."""
        assert self._process.stdin
        print(uri, act, restaurant_id, clock.milliseconds(clock.now()), last, file=self._process.stdin, flush=True)
        return self._read("0", str(-signal.SIGKILL)) != "0"

    def _read(self, *expected: str) -> str:
        assert self._process.stdout
        answer = self._process.stdout.readline().strip()
        assert answer in expected, answer
        return answer


@contextmanager
def victims(environ: Mapping[str, str], log: Path) -> Iterator[Victims]:
    """Starts the process that they are forked from."""
    command = [sys.executable, "-m", "tests.support.killed"]
    pipe = subprocess.PIPE
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environ, stdin=pipe, stdout=pipe, stderr=errors, text=True
        ) as process,
    ):
        yield Victims(process)


if __name__ == "__main__":
    _main()
