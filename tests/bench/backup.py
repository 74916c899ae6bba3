"""Duration and size of a backup, and the duration of a restore, by the operators' commands.

BACKUP_REQUESTS says how many ended requests there are (20,000 if unset; docs/facts.md has the figures of 200,000).
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from flask import Flask

from tests.bench import servers
from tests.support import ROOT
from tests.support.past_calls import past_call
from waitercaller import create_app
from waitercaller.db import clock, schema
from waitercaller.db.client import Document, db, patiently
from waitercaller.model import restaurants, tables, users

TABLES = 40
PERIOD = timedelta(days=180)
BATCH_SIZE = 1000


def report() -> None:
    """Print the minutes of each command, and the numbers of documents and bytes."""
    number = int(os.environ.get("BACKUP_REQUESTS", "20000"))
    # With a small cache the embedded database may wait for ever while it evicts (docs/facts.md).
    with servers.database("--cache-size", "4G") as (environ, folder):
        app, path = create_app(servers.config(environ)), folder / "backup.bson.gz"
        print(f"backup and restore of {number:,} requests, in minutes from the start of each command:", flush=True)
        with app.app_context(), patiently():
            began = time.monotonic()
            _fill(app, number)
            print(f"  {_minutes(began)}  they are written", flush=True)
            _run(environ, "build-database")
            before = schema.document_counts(db())
            size = db().command("dbStats")["dataSize"]
            _run(environ, "backup", path)
            print(f"        {path.stat().st_size:,} bytes, of {size:,.0f} bytes of BSON", flush=True)
            db().drop_collection("requests")
            _run(environ, "restore", path, "--replace", "--yes")
            _run(environ, "check-database")
            assert schema.document_counts(db()) == before
        app.extensions["mongo"].close()


def _fill(app: Flask, number: int) -> None:
    """A restaurant with this many ended requests, without indexes: adding them afterwards takes half as long."""
    owner = users.create("alice@example.org", "Alice", "no hash", None)
    restaurant = restaurants.get(restaurants.create("Trattoria Lucia", owner, "Alice", "en", None))
    assert restaurant is not None
    tables.add_many(restaurant["_id"], [str(each + 1) for each in range(TABLES)], None)
    requests = _requests(restaurant, number)
    while batch := list(islice(requests, BATCH_SIZE)):
        db().requests.insert_many(batch)


def _requests(restaurant: restaurants.Restaurant, number: int) -> Iterator[Document]:
    now, places = clock.now(), tables.of_restaurant(restaurant["_id"])
    for each in range(number):
        at = now - PERIOD * ((each + 1) / number)
        yield past_call(restaurant, places[each % TABLES], at, kind=each % len(restaurant["kinds"]))


def _run(environ: dict[str, str], *words: Any) -> None:
    """Run this command of `flask`, and print its lines with the minutes since its start."""
    began = time.monotonic()
    command = [sys.executable, "-m", "flask", "--app", "wsgi", *map(str, words)]
    environ = {**os.environ, **environ}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(f"  {_minutes(began)}  {words[0]}: {line.rpartition('/')[2].rstrip()}", flush=True)
    assert process.returncode == 0, words[0]


def _minutes(began: float) -> str:
    return f"{(time.monotonic() - began) / 60:4.1f}"
