"""An evening of calls while the database's answers are lost, its primary changes and its transactions conflict.

Whoever calls or acts does it again until it is confirmed, as phones and screens do. Afterwards nothing that was
confirmed is missing, and nothing has happened twice.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import pytest
from flask import Flask
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from tests.support.cast import Person
from tests.support.together import at_once_in
from tests.wire import faults
from tests.wire.cluster import Cluster
from tests.wire.faults import Fault
from waitercaller.alerts import due_steps
from waitercaller.db.client import db, transaction
from waitercaller.model import restaurants, tables
from waitercaller.model.requests import transitions
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.model.tables import Table

pytestmark = [pytest.mark.proxied, pytest.mark.usefixtures("impatient")]

T = TypeVar("T")
BOB = Actor(id="bob", name="Bob")
TABLES, PHONES, PATIENCE = 12, 4, 50
SERVED = ["called", "reminded", "accepted", "resolved", "reopened", "accepted", "resolved"]
WITHDRAWN = ["called", "reminded", "withdrawn"]
UNANSWERED = ["called", "reminded", "nagged", "raised", "alerted"]

FAULTS: dict[str, Callable[[], list[Fault]]] = {
    "answers are lost": lambda: [faults.lost_answers(every=5)],
    "connections close": lambda: [faults.closed_connections(every=7)],
    "primaries change": lambda: [faults.not_primary(every=9), faults.not_primary(code=11602, every=11)],
    "primaries step down": lambda: [faults.steps_down(every=5), faults.steps_down(code=91, every=7)],
    "transactions conflict": lambda: [faults.conflicts(every=5), faults.forgotten_transactions(every=3)],
    "all at once": lambda: [
        faults.lost_answers(every=9),
        faults.closed_connections(every=23),
        faults.not_primary(every=29),
        faults.steps_down(every=13),
        faults.conflicts(every=5),
        faults.forgotten_transactions(every=3),
    ],
}


def surely(work: Callable[[], T]) -> T:
    """Do it again until it is confirmed."""
    for _ in range(PATIENCE):
        try:
            return work()
        except PyMongoError:
            continue
    raise AssertionError("it was never confirmed")


class Evening:
    """What guests and staff of one restaurant do: a third is served twice, a third withdrawn, a third left waiting."""

    def __init__(self, restaurant: Restaurant) -> None:
        self.restaurant = restaurant
        self.confirmed: dict[str, Any] = {}  # what each tap was told: the id of its request

    def of_phone(self, phone: int) -> None:
        where = self.restaurant["_id"]
        for number, table in enumerate(surely(partial(tables.of_restaurant, where))):
            if number % PHONES == phone:
                request_id = self._call(table)
                acts: list[Callable[[Table, Any], None]] = [self._serve, self._withdraw, lambda *_: None]
                acts[number // PHONES](table, request_id)

    def _call(self, table: Table) -> Any:
        for key in ("first", "first", "second"):  # the first one twice: a phone that heard no answer
            tap = f"{key} of {table['name']}"
            kind = self.restaurant["kinds"][0]
            self.confirmed[tap] = surely(partial(transitions.open_request, self.restaurant, table, kind, tap))["_id"]
        return self.confirmed[tap]

    def _serve(self, _table: Table, request_id: Any) -> None:
        where = self.restaurant["_id"]
        for step in ("accept", "resolve", "reopen", "accept", "resolve"):
            whose = {"restaurant_id": where} if step == "reopen" else where
            surely(partial(getattr(transitions, step), whose, [request_id], BOB))

    def _withdraw(self, table: Table, _request_id: Any) -> None:
        def remove(txn: ClientSession | None) -> None:
            tables.remove(self.restaurant["_id"], table["_id"], txn)
            transitions.withdraw({"restaurant_id": self.restaurant["_id"], "table_id": table["_id"]}, txn)

        surely(partial(transaction, remove))


@pytest.mark.parametrize("kind", FAULTS)
def test_nothing_is_lost_and_nothing_is_doubled(
    app: Flask,
    alice: Person,
    cluster: Cluster,
    later: Callable[..., None],
    record_property: Callable[[str, object], None],
    kind: str,
) -> None:
    with app.app_context():
        restaurants.set_setting(alice.restaurant_id, "alert_mail", True)
        tables.add_many(alice.restaurant_id, [f"table {number}" for number in range(TABLES)], None)
        restaurant = restaurants.get(alice.restaurant_id)
    assert restaurant is not None
    evening, injected, before = Evening(restaurant), FAULTS[kind](), cluster.proxy.commands.total()
    with cluster.proxy.injecting(*injected):
        at_once_in(app, *(partial(evening.of_phone, phone) for phone in range(PHONES)))
        later(seconds=121)
        at_once_in(app, *[partial(surely, due_steps.escalate)] * 2)
        at_once_in(app, partial(surely, due_steps.escalate))  # what was broken off is made up for in the next second
    record_property("commands", cluster.proxy.commands.total() - before)
    record_property("faults", sum(fault.injected for fault in injected))
    assert all(fault.injected for fault in injected)
    with app.app_context():
        assert_nothing_is_lost(evening)
        assert_nothing_is_doubled()


def assert_nothing_is_lost(evening: Evening) -> None:
    stored = {key: request["_id"] for request in db().requests.find() for key in request["keys"]}
    assert len(evening.confirmed) == TABLES * 2
    told = {tap: stored.get(f"{tap}:{evening.restaurant['kinds'][0]['id']}") for tap in evening.confirmed}
    assert told == evening.confirmed


def assert_nothing_is_doubled() -> None:
    histories = Counter(" ".join(step["what"] for step in request["steps"]) for request in db().requests.find())
    expected = (SERVED, WITHDRAWN, UNANSWERED)
    assert histories == {" ".join(steps): TABLES // len(expected) for steps in expected}
    assert db().outbox.count_documents({"name": "unanswered"}) == 1, "one mail in a quarter of an hour"
