"""What a manager does with all tables, with 30 and with 300 of them: CPU of the application, and the ratio of the two.

In this process, without a server of HTTP and without the database's time limits, so that a busy machine can measure it.
"""

import re
import time
from collections.abc import Callable

from flask import Flask

from tests.bench import servers
from tests.support import cast
from tests.support.cast import Person
from waitercaller import create_app
from waitercaller.db import schema
from waitercaller.db.client import patiently
from waitercaller.model import restaurants, tables

FEW, MANY = 30, 300
ZONES = 10
ROUNDS = 5
MAX_RATIO = 11.0  # as many times the tables, and some noise


def report() -> None:
    """Print both, for each page and form."""
    with servers.database() as (environ, _folder), patiently():
        environ |= {"TRUSTED_HOSTS": "localhost", "ARGON2_MEMORY_KIB": "8192", "ARGON2_ROUNDS": "1"}
        app = create_app(servers.config(environ))
        app.config["WTF_CSRF_ENABLED"] = False
        app.test_client_class = cast.Browser
        with app.app_context():
            schema.build(app.extensions["mongo"].database)
        owners = {number: _owner(app, number) for number in (FEW, MANY)}
        for name, act in ACTS.items():
            few, many = (_measure(owners[number], act) * 1000 for number in (FEW, MANY))
            print(f"{name}: {few:.1f} ms with {FEW} tables, {many:.1f} ms with {MANY}, ratio {many / few:.1f}")
    print(f"(CPU of the application; aim: a ratio of {MAX_RATIO:g} at most)")


def _owner(app: Flask, number: int) -> Person:
    """The owner of a restaurant with this many tables in ZONES zones."""
    owner = cast.hire(app, f"Alice-{number}")
    with app.app_context():
        for zone in range(ZONES):
            zone_id = restaurants.ensure_zone(owner.restaurant_id, f"Zone {zone}")
            tables.add_many(owner.restaurant_id, [str(each + 1) for each in range(zone, number, ZONES)], zone_id)
    return owner


def _measure(owner: Person, act: "Act") -> float:
    """CPU seconds of one act; the first round is the warm-up."""

    def send(path: str, **form: str) -> None:
        method = "POST" if form else "GET"
        answer = owner.client.open(f"{owner.home}/tables{path}", method=method, data=form or None)
        if answer.status_code not in (200, 303):
            raise RuntimeError(f"{path}: {answer.status_code}")

    spent = 0.0
    for number in range(ROUNDS + 1):
        order = owner.client.get(f"{owner.home}/tables/order").text
        before = time.process_time()
        act(send, order, number)
        if number:
            spent += time.process_time() - before
    return spent / ROUNDS


def _move(send: "Send", order: str, far: bool) -> None:
    """Move the first table of the page by one place, or to the end."""
    ids, seen = re.findall(r'data-table="(\w+)"', order), re.findall(r'name="seen" value="(\w+)"', order)
    send("/order", move=f"{ids[0]} after {ids[-1] if far else ids[1]}", seen=seen[0])


def _take_over(send: "Send", order: str, number: int) -> None:
    """A list in another order than the one before, with a new zone for all."""
    names = re.findall(r"<bdi>(\d+)</bdi>", order)
    names = names[number:] + names[:number]
    send("/import", rows="\n".join(f"{name},List {number}" for name in names))


Send = Callable[..., None]
Act = Callable[[Send, str, int], None]
ACTS: dict[str, Act] = {
    "the page of the tables": lambda send, _order, _number: send(""),
    "the page of their order": lambda send, _order, _number: send("/order"),
    "a move by one place": lambda send, order, _number: _move(send, order, far=False),
    "a move to the other end": lambda send, order, _number: _move(send, order, far=True),
    "the page of many at once": lambda send, _order, _number: send("/many"),
    "new codes for all": lambda send, _order, _number: send("/many", action="codes", chosen="all"),
    "the list as CSV": lambda send, _order, _number: send("/tables.csv"),
    "a list taken over": _take_over,
    "all codes as PDF": lambda send, _order, _number: send("/print.pdf"),
}
