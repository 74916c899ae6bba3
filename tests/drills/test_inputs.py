"""2,000 requests by chance over all routes and forms, see `inputs`. N says how many, SEED which others.

CI sends 10,000 in all; `N=100000 SEED=7 make test ARGS=tests/drills/test_inputs.py` sends more, and
`make drills ARGS=inputs` sends them to real processes.
"""

import logging
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, got_request_exception
from mongomock.collection import Collection
from pymongo import UpdateOne

from config import Config
from tests.drills import inputs
from tests.drills.row import number
from tests.support.databases import Mongomock
from tests.support.visits import Answer
from waitercaller.push import encryption

PARTS = 4  # for several workers
FEWEST_ACCEPTED = 10  # routes, in each part: else all would be refused before it comes to the view
# What is written where nothing was accepted, too: counters of limits, when a login was used, the audit, open screens.
BESIDE = ("limits", "logins", "audit", "screens")


NEED_A_SERVER = frozenset({"ops.readyz", "staff.role"})  # mongomock knows neither their command nor array filters


@pytest.fixture
def database_kind() -> str:
    return "mongomock"


@pytest.fixture
def config(config: Config) -> Config:
    key = encryption.new_private_key()
    return replace(config, proxy_count=1, vapid_private_key=key, argon2_memory_kib=8)


class Written:
    """Counts writes that changed something in a collection of mongomock, but for those of broken transactions."""

    insert, update, delete = Collection._insert, Collection._update, Collection._delete
    transaction = Mongomock.transaction

    def __init__(self) -> None:
        self.counts = Counter[str]()

    def inserted(self, collection: Any, *args: Any, **options: Any) -> Any:
        self.counts[collection.name] += 1
        return Written.insert(collection, *args, **options)

    def updated(self, collection: Any, which: Any, change: Any, *args: Any, **options: Any) -> Any:
        result = Written.update(collection, which, change, *args, **options)
        if not {name.partition(".")[0] for names in change.values() for name in names} <= inputs.BESIDE_KEYS:
            self.counts[collection.name] += result["nModified"] + bool(result["upserted"])
        return result

    def deleted(self, collection: Any, *args: Any, **options: Any) -> Any:
        result = Written.delete(collection, *args, **options)
        self.counts[collection.name] += result["n"]
        return result

    def transacted(self, mongo: Mongomock, work: Any) -> Any:
        before = Counter(self.counts)
        try:
            return Written.transaction(mongo, work)
        except Exception:  # MongoDB would undo them
            self.counts = before
            raise

    def lasting(self) -> dict[str, int]:
        return {name: count for name, count in self.counts.items() if count and name not in BESIDE}


def bulk_write(collection: Any, updates: list[UpdateOne], **_: Any) -> None:
    """In place of mongomock's, which does not know PyMongo's present arguments."""
    for each in updates:
        collection.update_one(each._filter, each._doc, upsert=bool(each._upsert))


def as_method(bound: Callable[..., Any]) -> Callable[..., Any]:
    """A function for a class that calls this bound method with what it is a method of."""
    return lambda itself, *args, **options: bound(itself, *args, **options)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    found = Written()
    for name, count in (("_insert", found.inserted), ("_update", found.updated), ("_delete", found.deleted)):
        monkeypatch.setattr(Collection, name, as_method(count))
    monkeypatch.setattr(Collection, "bulk_write", bulk_write)
    monkeypatch.setattr(Mongomock, "transaction", as_method(found.transacted))
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_limits")
@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_is_sent_is_answered_and_what_is_refused_writes_nothing(
    app: Flask, written: Written, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # thousands of lines cost time
    raised: list[str] = []

    def note(_: Flask, exception: Exception, **__: Any) -> None:
        raised.append("".join(traceback.format_exception(exception)))

    def send(request: inputs.Request) -> Answer:
        browser = app.test_client(use_cookies=False)
        options: dict[str, Any] = {"method": request.method, "headers": request.headers, "data": request.body}
        with browser.open(request.path, **options, buffered=False) as answer:
            body = b"" if answer.mimetype == "text/event-stream" else answer.data
            return Answer(answer.status_code, list(answer.headers), body)

    got_request_exception.connect(note, app)
    app.testing = False  # an exception becomes a 500, as in production
    seed = number("SEED", inputs.SEED) * PARTS + part
    walker = inputs.Walker(app, seed, without=NEED_A_SERVER)
    row = inputs.run(walker, send, written.lasting, lambda: len(raised), number("N", 2_000) // PARTS)
    print(f"Seed {seed}: {row}")
    assert row.broken == [], "\n".join(map(str, [f"Seed {seed}:", row, *raised]))
    assert len(walker.accepted) > FEWEST_ACCEPTED
