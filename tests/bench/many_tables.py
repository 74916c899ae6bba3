"""What a manager does with all tables, with 30 and with 300 of them: worker CPU of each, and the ratio of the two."""

import http.client
import re
from collections.abc import Callable
from urllib.parse import urlencode

from flask import Flask

from tests.bench import servers
from tests.support import cast
from tests.support.cast import Person
from tests.support.gunicorn import Gunicorn
from waitercaller import create_app
from waitercaller.db import schema
from waitercaller.model import restaurants, tables

FEW, MANY = 30, 300
ZONES = 10
ROUNDS = 10
MAX_RATIO = 11.0  # as many times the tables, and some noise

Send = Callable[..., str]


def report() -> None:
    """Print both, for each page and form."""
    with servers.database() as (environ, folder):
        environ |= {"TRUSTED_HOSTS": "127.0.0.1,localhost", "ARGON2_MEMORY_KIB": "8192", "ARGON2_ROUNDS": "1"}
        app = create_app(servers.config(environ))
        app.test_client_class = cast.Browser
        with app.app_context():
            schema.build(app.extensions["mongo"].database)
        owners = {number: _owner(app, number) for number in (FEW, MANY)}
        server = servers.serve("wsgi:app", environ, folder)
        try:
            for name, act in ACTS.items():
                few, many = (_measure(server, owners[number], act) * 1000 for number in (FEW, MANY))
                print(f"{name}: {few:.1f} ms with {FEW} tables, {many:.1f} ms with {MANY}, ratio {many / few:.1f}")
        finally:
            server.stop()
    print(f"(CPU of the worker; aim: a ratio of {MAX_RATIO:g} at most)")


def _owner(app: Flask, number: int) -> Person:
    """The owner of a restaurant with this many tables in ZONES zones."""
    owner = cast.hire(app, f"Alice-{number}")
    with app.app_context():
        for zone in range(ZONES):
            zone_id = restaurants.ensure_zone(owner.restaurant_id, f"Zone {zone}")
            tables.add_many(owner.restaurant_id, [str(each + 1) for each in range(zone, number, ZONES)], zone_id)
    owner.client.get(f"{owner.home}/tables")
    return owner


def _measure(server: Gunicorn, owner: Person, act: Callable[[Send, str, int], object]) -> float:
    """CPU seconds of one act; the first round is the warm-up."""
    cookie = owner.client.cookie("session")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    spent, order = 0.0, ""

    def send(path: str, **form: str) -> str:
        headers = {"Cookie": f"session={cookie}", "Content-Type": "application/x-www-form-urlencoded"}
        token = "".join(re.findall(r'name="csrf_token" value="([^"]+)"', order)[:1])
        body = urlencode({**form, "csrf_token": token}) if form else None
        connection.request("POST" if form else "GET", f"{owner.home}/tables{path}", body, headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        if answer.status not in (200, 303):
            raise RuntimeError(f"{path}: {answer.status}")
        return text

    for number in range(ROUNDS + 1):
        order = send("/order")
        before = servers.cpu_seconds(server)
        act(send, order, number)
        if number:
            spent += servers.cpu_seconds(server) - before
    connection.close()
    return spent / ROUNDS


def _move(send: Send, order: str, far: bool) -> str:
    """Move the first table of the page to the next place, or to the end."""
    ids, seen = re.findall(r'data-table="(\w+)"', order), re.findall(r'name="seen" value="(\w+)"', order)
    return send("/order", move=f"{ids[0]} after {ids[-1] if far else ids[1]}", seen=seen[0])


def _take_over(send: Send, order: str, number: int) -> str:
    """A list in another order than the one before."""
    names = re.findall(r"<bdi>(\d+)</bdi>", order)
    names = names[number:] + names[:number]
    return send("/import", rows="\n".join(f"{name},Zone {(int(name) - 1) % ZONES}" for name in names))


ACTS: dict[str, Callable[[Send, str, int], object]] = {
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
