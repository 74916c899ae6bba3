"""A screen and a guest's page as their scripts behave: one connection, an event stream on it, and forms beside that.

Waiting times are those of static/js/event-stream.js and static/js/presence.js.
"""

import json
import random
import re
import ssl
import time
from asyncio import AbstractEventLoop
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.drills.house.wire import Answer, Connection
from tests.support.deploy.apache import DOMAIN
from tests.support.deploy.guests import FORM
from waitercaller.live import streams

SILENCE_SECONDS = streams.HEARTBEAT_SECONDS + 3.0  # after which a stream counts as broken
MAX_BACKOFF_SECONDS = 8.0  # before jitter of ±50 %
SIGN_SECONDS = 25.0  # from one sign of life of a screen to the next, which follows an event
CARD = re.compile(rb"data-table=([0-9a-f]{24}) data-first-ms=\d+ data-ids='([0-9a-f ]+)'")
FORM_FIELD = re.compile(rb'name="form" value="([^"]+)"')
STREAM_FIELDS = {"accept": "text/event-stream"}
POST_FIELDS = {"content-type": FORM["Content-Type"], "sec-fetch-site": "same-origin", "accept": "application/json"}


@dataclass
class Counts:
    """What happened since the last report."""

    answers: Counter[str] = field(default_factory=Counter)  # "call 200"; 0: none
    broken: Counter[str] = field(default_factory=Counter)  # streams that ended without "bye", by why
    byes: Counter[str] = field(default_factory=Counter)  # by their reason
    asked: Counter[int] = field(default_factory=Counter)  # streams by the second in which they were asked for
    came: Counter[int] = field(default_factory=Counter)  # likewise, by their first event
    delays: list[float] = field(default_factory=list)  # seconds from a tap to the event, of each screen
    answer_seconds: list[float] = field(default_factory=list)  # of calls
    troubles: list[str] = field(default_factory=list)  # the first of each kind, with the number of streams then


@dataclass
class Net:
    """What all pages share: loop, TLS, Apache's port, what is counted, and how many streams are live."""

    loop: AbstractEventLoop
    tls: ssl.SSLContext
    port: int
    signs: bool
    counts: Counts = field(default_factory=Counts)
    live: int = 0

    def trouble(self, what: str) -> None:
        """Note it with the number of live streams, if it is the first of its kind."""
        if not any(each.startswith(f"{what} ") for each in self.counts.troubles):
            self.counts.troubles.append(f"{what} (while {self.live} were live)")

    def count(self, what: str, status: int) -> None:
        self.counts.answers[f"{what} {status}"] += 1
        if not status or status == 429 or status >= 500:
            self.trouble(f"{what} {status or 'without an answer'}")


class Stream(Answer):
    """The events of one stream of a page."""

    def __init__(self, page: "Page") -> None:
        super().__init__(lambda _status, _body: None)
        self._page = page

    def data(self, data: bytes) -> None:
        *events, self._body = (self._body + data).split(b"\n\n")
        for event in events if self.status == 200 else []:
            name, _, rest = event.partition(b"\n")
            if name.startswith(b"event: "):
                self._page.hear(self, name[7:].decode(), rest)

    def end(self, why: str) -> None:
        self._page.over(self, self.status, why or "ended")


class Page:
    """An open page, whose stream is opened again as often as it ends."""

    kind = ""

    def __init__(self, net: Net, source: str) -> None:
        self.net, self.source = net, source
        self.live = False
        self.live_since = 0.0
        self.settled: Callable[[], None] = lambda: None  # called when the first try has an outcome
        self.last_sign = 0.0
        self._failures = 0
        self._stream: Stream | None = None
        self._asked: tuple[Connection, Answer] | None = None  # for the stream, or a guest's page before it
        self._connection: Connection | None = None

    def path(self) -> str:
        """That of the stream."""
        raise NotImplementedError

    def fields(self) -> dict[str, str]:
        """The header fields that tell who asks."""
        return {}

    def event(self, data: bytes) -> None:
        """An event or a heartbeat has come."""

    def open(self) -> None:
        self._stream = Stream(self)
        self._ask(self.path(), self.fields() | STREAM_FIELDS, self._stream)
        self.net.counts.asked[int(self.last_sign)] += 1

    def _ask(self, path: str, fields: dict[str, str], answer: Answer) -> None:
        self.last_sign = time.monotonic()
        self._asked = self.connection(), answer
        self._asked[0].ask("GET", path, fields, b"", answer)

    def connection(self) -> Connection:
        """The present one, or a new one where that can take no more requests."""
        if self._connection is None or self._connection.ended:
            self._connection = Connection(self.net.loop, self.net.tls, DOMAIN, self.source, self.net.port)
        return self._connection

    def check(self, now: float) -> None:
        """Give up a stream that is silent, and open it again."""
        if self._asked and now - self.last_sign > SILENCE_SECONDS:
            (connection, answer), self._asked = self._asked, None
            connection.cancel(answer, "silent" if self.live else "no answer")

    def hear(self, stream: Stream, name: str, data: bytes) -> None:
        if stream is not self._stream:
            return
        self.last_sign = time.monotonic()
        if name == "bye":
            told = json.loads(data.removeprefix(b"data: "))
            self.net.counts.byes[told["reason"]] += 1
            self._lose(told["retry_ms"] / 1000)
            return
        self._failures = 0
        if not self.live:
            self.live, self.live_since = True, self.last_sign
            self.net.live += 1
            self.net.counts.came[int(self.last_sign)] += 1
            self._settle()
        self.event(data)

    def over(self, stream: Stream, status: int, why: str) -> None:
        """The stream has ended without "bye", or could not be opened."""
        if stream is not self._stream:
            return
        if status == 200:
            self.net.counts.broken[why] += 1
            self.net.trouble(f"a line broken: {why}")
        else:
            self.net.count("stream", status)
            if not status:
                self.net.trouble(f"no stream: {why}")
        self.fail()

    def fail(self) -> None:
        """Try again later."""
        self._lose(min(2.0**self._failures, MAX_BACKOFF_SECONDS) * (0.5 + random.random()))
        self._failures += 1
        self._settle()

    def _lose(self, seconds: float) -> None:
        if self.live:
            self.live = False
            self.net.live -= 1
        self._stream = self._asked = None
        self.net.loop.call_later(seconds, self.open)

    def _settle(self) -> None:
        settled, self.settled = self.settled, lambda: None
        settled()

    def post(self, what: str, path: str, form: dict[str, str], done: Callable[[int, bytes], None]) -> None:
        """Send a form on the page's connection; `done` gets status (0: none) and body."""

        def answered(status: int, body: bytes) -> None:
            self.net.count(what, status)
            done(status, body)

        body = urlencode(form).encode()
        self.connection().ask("POST", path, self.fields() | POST_FIELDS, body, Answer(answered))


class Screen(Page):
    """A dashboard; `on_cards` hears of each new card (table, ids) that it shows."""

    kind = "screen"

    def __init__(self, net: Net, source: str, home: str, login: dict[str, str]) -> None:
        super().__init__(net, source)
        self._home, self._login = home, login
        self._id = random.randbytes(16).hex()
        self._told_at = 0.0
        self._shown: set[str] = set()
        self.on_cards: Callable[[Screen, list[tuple[str, str]]], None] = lambda _screen, _cards: None

    def path(self) -> str:
        self._told_at = time.monotonic()
        return f"{self._home}/live?screen={self._id}&visible=1&audible=1&trouble=&answers=1"

    def fields(self) -> dict[str, str]:
        return {"cookie": self._login["cookie"]}

    def event(self, data: bytes) -> None:
        cards = [(table.decode(), ids.decode()) for table, ids in CARD.findall(data)]
        if cards:
            self.on_cards(self, cards)
        if not self.net.signs:
            return
        ids = {each for _, many in cards for each in many.split()}
        if new := sorted(ids - self._shown):
            self._shown |= ids
            words = " ".join(new)
            self._say("shown", {"ids": words, "rang": words})
        if time.monotonic() - self._told_at > SIGN_SECONDS:
            self._told_at = time.monotonic()
            self._say("screens", {"visible": "1", "audible": "1", "trouble": ""})

    def act(self, what: str, request_ids: str, done: Callable[[int, bytes], None]) -> None:
        """A button of a card: "accept" or "resolve"."""
        path = f"{self._home}/requests/{request_ids.split()[0]}/{what}"
        form = {"ids": request_ids, "as": self._login["as"], "csrf_token": self._login["token"]}
        self.post(what, path, form, done)

    def _say(self, what: str, form: dict[str, str]) -> None:
        form |= {"screen": self._id, "csrf_token": self._login["token"]}
        self.post(what, f"{self._home}/{what}", form, lambda _status, _body: None)


class Guest(Page):
    """A phone without cookies, which its receipt tells from others."""

    kind = "guest"

    def __init__(self, net: Net, source: str, code: str) -> None:
        super().__init__(net, source)
        self._code, self._form, self._receipt = code, "", ""

    def path(self) -> str:
        receipt = {"r": self._receipt} if self._receipt else {}
        return f"/t/{self._code}/live?{urlencode({**receipt, 'form': self._form})}"

    def open(self) -> None:
        """At first the page itself, whose form the stream and each call need."""
        if self._form:
            super().open()
            return
        self._ask(f"/t/{self._code}", {}, Answer(self._looked))

    def call(self, done: Callable[[dict[str, Any] | None], None]) -> None:
        """Tap; `done` gets the answer, or None."""

        def answered(status: int, body: bytes) -> None:
            answer: dict[str, Any] | None = json.loads(body) if status == 200 else None
            if answer and answer["called"]:
                self._form, self._receipt = answer["form"], answer["r"]
            done(answer if answer and answer["called"] else None)

        form = {"form": self._form, "r": self._receipt, "kind": "waiter", "answer": "state"}
        self.post("call", f"/t/{self._code}/call", form, answered)

    def _looked(self, status: int, body: bytes) -> None:
        self.net.count("page", status)
        if found := FORM_FIELD.search(body):
            self._form = found[1].decode()
            self.open()
        else:
            self.fail()
