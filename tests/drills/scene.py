"""A restaurant on real processes (gunicorn with two workers, the embedded database), its guests and its screens."""

import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pymongo.errors import PyMongoError

from tests.support import databases
from tests.support.cast import device, hire, wait_until
from tests.support.deploy.guests import FORM, Guest
from tests.support.installation import Installation
from tests.support.visits import Answer, Connection, visit
from tests.support.website import Website
from waitercaller.db.client import patiently
from waitercaller.model import tables
from waitercaller.model.requests import queries
from waitercaller.model.tokens import serializer

TABLES = 60
PATIENCE_SECONDS = 300.0  # for what takes seconds where the machine is not busy
PAUSE_SECONDS = 0.1  # of a guest between two calls, and of a page before it tries again
SHOWN = re.compile(r"data-ids='([0-9a-f ]+)'")


class Scene(Website):
    """Alice's restaurant. Each visitor names its own address, as a proxy would."""

    target = "wsgi:app"
    stops_database = True
    database: databases.Server

    def __init__(self, folder: Path, **further: str) -> None:
        folder.mkdir()
        super().__init__(folder, **{"PROXY_COUNT": "1", "TMPDIR": str(folder), **further})

    def open(self) -> None:
        Installation.open(self)
        self.gunicorn.start(seconds=PATIENCE_SECONDS)
        with patiently():
            self.alice = hire(self.app, "Alice", restaurant="Trattoria Lucia")
            with self.app.app_context():
                tables.add_many(self.alice.restaurant_id, [str(number) for number in range(1, TABLES + 1)], None)
                self.tables = tables.of_restaurant(self.alice.restaurant_id)
            self.token = self.alice.client.csrf_token(f"{self.alice.home}/dashboard")  # before the cookie that holds it
        self.cookie = self.alice.client.cookie("session")

    def close(self) -> None:
        self.gunicorn.kill()  # open streams would make it wait
        super().close()

    def send(self, path: str, headers: dict[str, str] | None = None, **options: Any) -> Answer:
        """One request from a new address."""
        return visit(self.gunicorn.bind, path, {"X-Forwarded-For": address(), **(headers or {})}, **options)

    def act(self, path: str, **fields: object) -> int:
        """Send a form of Alice's; returns the status."""
        body = urlencode({"csrf_token": self.token, **fields}).encode()
        headers = {**FORM, "Cookie": f"session={self.cookie}", "Accept": "application/json"}
        return self.send(path, headers, method="POST", body=body).status

    def counter(self, name: str) -> str:
        """The session cookie of a new device of the restaurant."""
        with patiently():
            return device(self.app, self.alice, name).cookie("session")

    def live_ids(self) -> set[str]:
        """The ids of all live requests in the database."""
        with self.app.app_context(), patiently():
            return {str(each["_id"]) for each in queries.live_of_restaurant(self.alice.restaurant_id)}

    def requests(self) -> list[Any]:
        """All requests in the database."""
        with self.app.app_context(), patiently():
            return list(self.app.extensions["mongo"].database.requests.find())

    def key_of(self, form: str) -> str:
        """The one-time key of a call, as the database keeps it."""
        with self.app.app_context():
            return f"{serializer('guest-form').loads(form)[1]}:waiter"


@contextmanager
def opened(scene: Scene) -> Iterator[Scene]:
    try:
        scene.open()
        yield scene
    finally:
        scene.close()


def address() -> str:
    return f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"


class Screen:
    """An open dashboard: `shown` are the ids on it; None while its stream is closed, which it opens again."""

    def __init__(self, scene: Scene, cookie: str) -> None:
        self.shown: set[str] | None = None
        self.ended = threading.Event()
        self._scene, self._cookie = scene, cookie
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        path, headers = f"{self._scene.alice.home}/live", {"Host": "127.0.0.1", "Cookie": f"session={self._cookie}"}
        headers["X-Forwarded-For"] = address()
        while not self.ended.is_set():
            with suppress(OSError, HTTPException), Connection(self._scene.gunicorn.bind) as connection:
                self._read(iter(connection.ask(path, headers).readline, b""))
            self.shown = None
            self.ended.wait(random.uniform(1, 2))  # as the browser does, by the stream's "retry" on average

    def _read(self, lines: Iterator[bytes]) -> None:
        for line in lines:
            if self.ended.is_set():
                return
            if line.startswith(b"data:") and "html" in (data := json.loads(line[5:])):
                self.shown = {each for ids in SHOWN.findall(data["html"]) for each in ids.split()}


class Callers:
    """Guests who call at random tables, and Alice, who resolves what she sees; `keys` of all acknowledged calls."""

    def __init__(self, scene: Scene, guests: int) -> None:
        self.keys: list[str] = []
        self.answered: Counter[int] = Counter()
        self.slowest = 0.0  # seconds of one answer
        self._scene, self._goes_on, self._ended = scene, threading.Event(), threading.Event()
        self._busy = 0
        self._lock = threading.Lock()
        self._goes_on.set()
        works = [self._call] * guests + [self._resolve]
        self._threads = [threading.Thread(target=self._repeat, args=(each,), daemon=True) for each in works]
        for thread in self._threads:
            thread.start()

    def rest(self) -> None:
        """Wait until each has got an answer to what it was at."""
        self._goes_on.clear()
        wait_until(lambda: not self._busy, PATIENCE_SECONDS)

    def go_on(self) -> None:
        self._goes_on.set()

    def end(self) -> None:
        self._ended.set()
        self._goes_on.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._ended.is_set():
            self._goes_on.wait()
            with self._lock:
                self._busy += 1
            try:
                work()
            finally:
                with self._lock:
                    self._busy -= 1
            self._ended.wait(random.uniform(PAUSE_SECONDS, 5 * PAUSE_SECONDS))

    def _call(self) -> None:
        """One guest's call, sent again with the same key until it is acknowledged or refused."""
        guest = Guest(random.choice(self._scene.tables)["code"], self._scene.send)
        self._until(lambda: self._look(guest), {200})
        if self._until(guest.call, {303, 429}) == 303:
            key = self._scene.key_of(guest.form)
            with self._lock:
                self.keys.append(key)

    def _look(self, guest: Guest) -> int:
        answer = self._scene.send(f"/t/{guest.code}")
        match = re.search(r'name="form" value="([^"]+)"', answer.text)
        guest.form = match[1] if match else ""
        return answer.status

    def _resolve(self) -> None:
        with suppress(PyMongoError, OSError, HTTPException):  # what is killed is away
            for request_id in sorted(self._scene.live_ids())[:5]:
                self._scene.act(f"{self._scene.alice.home}/requests/{request_id}/resolve", ids=request_id)

    def _until(self, ask: Callable[[], int], wanted: set[int]) -> int:
        while True:
            began = time.monotonic()
            try:
                status = ask()
            except (OSError, HTTPException):
                status = 0
            with self._lock:
                self.answered[status] += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
            if status in wanted or self._ended.is_set():
                return status
            time.sleep(PAUSE_SECONDS)
