"""Random requests over all routes and forms: no 5xx, no traceback in the log, nothing written on 4xx.

Half of them are the forms of pages that were seen before, filled in and then spoilt; the others are made up.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException as Unrouted
from werkzeug.routing import RequestRedirect

from tests.drills.page_forms import PageForm, forms_of
from tests.drills.row import Row, broken, number
from tests.drills.scene import Scene, opened
from tests.support.asvs import address as path_of
from tests.support.calls import call
from tests.support.cast import hire
from tests.support.visits import Answer, Connection
from tests.web.test_input import forms
from waitercaller.db.client import patiently
from waitercaller.model import restaurants, tables

SEED = 1
# Collections that only requests change, not what processes do by themselves.
LASTING = ("restaurants", "tables", "invitations", "registrations", "users")
# What is written where nothing was accepted, too: a page that sets up a second factor has a new one each time.
BESIDE_KEYS = {"two_factor_offer"}
NOT_TRIED = {"auth.logout"}  # it would end the login that the others are tried with
LIFETIME = 500  # requests with one restaurant: its pages become longer, and its limits are used up
METHODS = ("GET", "GET", "POST", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS")
VALUES: Sequence[bytes] = (
    *(b"", b" ", b"0", b"-1", b"9" * 400, b"1e309", b"NaN", b"true", b"null", b"[]", b"{}", b"waiter", b"7"),
    *(b"\x00", b"\r\nX-Evil: 1", b"\xff\xfe", b"\xed\xa0\x80", b"%", b"%00", b"%zz", b"{$ne: null}", b"$where", b"a.b"),
    *(b"../../../etc/passwd", b"<script>alert(1)</script>", b"{{7*7}}", b"' OR 1=1 --", b"x" * 5_000, b"x" * 70_000),
    *("\u202e\u0000".encode(), "\U0001f37d".encode() * 50, "e\u0301".encode() * 200, b"1-999999999", b"1,2,,-,3-1"),
    *(b"alice@example.org", b"a@b@c", b"2026-02-30", b"25:61", b"https://[::1", b"//evil.example", b"0" * 24),
    *(
        b"0001-01-01",
        b"9999-12-31",
        b"24:00",
        b"2026-11-29T02:30",
        b"60.0",
        b"+7",
        b"\xd9\xa7",
        b"0x7f",
        str(2**64).encode(),
    ),
    *(
        b"https://user@host:99999/",
        b"xn--a.example",
        b"\xf0\x9f\x8d\xbd@\xc3\xbc.example",
        b"f" * 24,
        b"A" * 26,
        b";",
        b"'",
    ),
)
URLENCODED = "application/x-www-form-urlencoded"
TYPES: tuple[str, ...] = (URLENCODED, "multipart/form-data; boundary=x", "multipart/form-data")
TYPES += ("application/json", "text/plain; charset=utf-7", "application/x-www-form-urlencoded; charset=no", "")
HEADERS: tuple[str, ...] = ("Accept", "Accept-Language", "Cookie", "Range", "If-None-Match", "If-Modified-Since")
HEADERS += ("Referer", "Origin", "Sec-Fetch-Site", "X-Forwarded-Proto", "Authorization", "User-Agent", "Last-Event-ID")
FURTHER_FIELDS = ("csrf_token", "form", "ids", "screen", "kind", "note", "code", "to", "from", "next", "$where", "")


@dataclass
class Request:
    method: str
    path: str  # with the query
    headers: dict[str, str]
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.path[:200]} {self.headers} {self.body[:400]!r}"


Send = Callable[[Request], Answer]  # its status is 0 where there is no answer
Kept = Callable[[], dict[str, Any]]


class Walker:
    """Makes requests by chance, of an owner and of guests, to all endpoints but those `without`; alike for one seed."""

    def __init__(self, app: Flask, seed: int = SEED, without: frozenset[str] = frozenset()) -> None:
        self.accepted: set[str] = set()  # the endpoints of POSTs that were
        self._chance, self._app, self._owners = random.Random(seed), app, 0
        self._names = sorted(
            {name for each in forms() for name in vars(each) if hasattr(getattr(each, name), "field_class")}
        )
        self._names += FURTHER_FIELDS
        self._without = NOT_TRIED | without | {""}
        self._rules = [each for each in app.url_map.iter_rules() if each.endpoint not in self._without]
        self.posts = {each.endpoint for each in self._rules if "POST" in (each.methods or ())}
        self.begin()

    def begin(self) -> None:
        """Begin with another restaurant, which has tables, a zone, a waiter and a call."""
        self._owners += 1
        self._forms: dict[str, list[PageForm]] = {}
        self.is_over = False
        with self._app.app_context(), patiently():
            self._owner = hire(self._app, f"Alice{self._owners}")
            restaurant_id = self._owner.restaurant_id
            tables.add_many(restaurant_id, ["1-3"], restaurants.ensure_zone(restaurant_id, "Garden"))
            restaurants.add_member(restaurant_id, "Otto", "waiter", None)
            self._table = tables.of_restaurant(restaurant_id)[0]
            call(restaurant_id)
            self._token = self._owner.client.csrf_token(
                f"{self._owner.home}/dashboard"
            )  # before the cookie that holds it
            self._cookie = self._owner.client.cookie("session")

    def request(self) -> Request:
        """The next request."""
        kind = self._chance.random()
        if kind < 0.55 and self._forms:
            made = self._sent_form(self._chance.choice(self._forms[self._chance.choice(sorted(self._forms))]))
        elif kind < 0.65:
            made = Request("GET", self._path(), {})
        else:
            made = self._made_up()
        made.headers.setdefault("Cookie", f"session={self._cookie}")
        made.headers.setdefault(
            "X-Forwarded-For", ".".join(["10", *(str(self._chance.randrange(256)) for _ in range(3))])
        )
        return made

    def note(self, request: Request, answer: Answer) -> None:
        """Take the forms of a page that was got, and see whether this restaurant is still ours."""
        if request.method == "GET" and answer.status == 200:
            path = request.path.partition("?")[0]
            for form in forms_of(answer.text, path):
                if (endpoint := self._endpoint(form.path)) not in self._without:
                    self._forms.setdefault(endpoint, []).append(form)
        if request.method == "POST" and 200 <= answer.status < 400:
            self.accepted.add(self._endpoint(request.path))
        self.is_over = answer.status == 303 and urlsplit(answer.header("Location") or "").path == "/login"

    def _path(self) -> str:
        return path_of(self._app, self._chance.choice(self._rules), self._owner, self._table)

    def _endpoint(self, path: str) -> str:
        """The endpoint of a POST to this path; empty if there is none."""
        try:
            endpoint, _ = self._app.url_map.bind("localhost").match(urlsplit(path).path, method="POST")
        except (Unrouted, RequestRedirect, ValueError):
            return ""
        return str(endpoint)

    def _sent_form(self, form: PageForm) -> Request:
        """A form as it may be sent: in a third of all cases as it should be."""
        pairs = [(name, value.encode()) for name, value in form.filled(self._chance)]
        for _ in range(self._chance.randrange(3)):
            self._spoil(pairs)
        if not form.is_post:
            return Request("GET", f"{form.path.partition('?')[0]}?{_encoded(pairs)[:2000].decode()}", {})
        headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": URLENCODED}
        if self._chance.random() < 0.2:
            headers["Accept"] = "application/json"
        if not form.files:
            return Request("POST", form.path, headers, _encoded(pairs))
        headers["Content-Type"] = "multipart/form-data; boundary=limit"
        return Request("POST", form.path, headers, _multipart(pairs, form.files))

    def _spoil(self, pairs: list[tuple[str, bytes]]) -> None:
        """Change one field; seldom the token, without which nothing else would be looked at."""
        place = self._chance.randrange(len(pairs) or 1)
        if not pairs or (pairs[place][0] == "csrf_token" and self._chance.random() < 0.9):
            return
        name, value = pairs[place]
        match self._chance.randrange(8):
            case 0:
                del pairs[place]
            case 1:
                pairs.append((name, self._value()))
            case 2:
                pairs[place] = (self._chance.choice(self._names), value)
            case _:
                pairs[place] = (name, self._value())

    def _made_up(self) -> Request:
        path = self._path()
        if self._chance.random() < 0.2:
            parts = path.split("/")
            parts[self._chance.randrange(1, len(parts))] = quote_from_bytes(self._value()[:1000])
            path = "/".join(parts)
        if self._chance.random() < 0.4:
            path += "?" + self._fields(2)[:2000].decode("ascii")
        # Errors cost less as JSON than as a page.
        headers = {"Accept": "application/json"} if self._chance.random() < 0.8 else {}
        headers |= {name: self._header() for name in self._chance.sample(HEADERS, self._chance.randrange(3))}
        made = Request(self._chance.choice(METHODS), path, headers)
        if made.method in ("POST", "PUT"):
            kind = URLENCODED if self._chance.random() < 0.8 else self._chance.choice(TYPES)
            headers["Content-Type"] = kind
            made.body = self._body(kind)
        return made

    def _body(self, kind: str) -> bytes:
        if not kind.startswith(URLENCODED):
            return self._chance.choice(VALUES)
        token = f"csrf_token={self._token}&".encode() if self._chance.random() < 0.9 else b""
        return token + self._fields(6)

    def _fields(self, most: int) -> bytes:
        return _encoded(
            [(self._chance.choice(self._names), self._value()) for _ in range(self._chance.randrange(most + 1))]
        )

    def _header(self) -> str:
        value = self._value()[:1000].decode("latin-1")
        return "".join(each for each in value if each.isprintable() and each != "\xff") or "x"

    def _value(self) -> bytes:
        if self._chance.random() < 0.8:
            return self._chance.choice(VALUES)
        ranges = ((0x20, 0x7F), (0xA0, 0x2FFF), (0x1F300, 0x1FAFF), (1, 0x10FFFF))
        letters = (
            chr(self._chance.randrange(*self._chance.choice(ranges))) for _ in range(self._chance.randrange(1, 60))
        )
        return "".join(letters).encode(errors="replace")


def _encoded(pairs: list[tuple[str, bytes]]) -> bytes:
    return "&".join(f"{quote_from_bytes(name.encode())}={quote_from_bytes(each)}" for name, each in pairs).encode()


def _multipart(pairs: list[tuple[str, bytes]], files: set[str]) -> bytes:
    parts = []
    for name, value in pairs:
        file = '; filename="tables.csv"' if name in files else ""
        parts.append(
            f'--limit\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + value + b"\r\n"
        )
    return b"".join(parts) + b"--limit--\r\n"


def rows(folder: Path) -> Iterator[Row]:
    """N (1000) requests, by the seed SEED (1)."""
    with opened(Scene(folder / "inputs")) as scene:
        count, seed = number("N", 1000), number("SEED", SEED)
        walker = Walker(scene.app, seed)
        yield run(walker, _send_to(scene), lambda: _kept(scene), lambda: scene.gunicorn.log.count("Traceback"), count)


def run(walker: Walker, send: Send, kept: Kept, tracebacks: Callable[[], int], count: int) -> Row:
    """So many requests; `kept` returns what is stored, which a refused request must not change."""
    statuses, bad, wrote, slowest, before = Counter[int](), list[str](), list[str](), 0.0, kept()
    for each in range(count):
        if walker.is_over or each % LIFETIME == LIFETIME - 1:
            walker.begin()
            before = kept()
        request = walker.request()
        began = time.monotonic()
        answer = send(request)
        slowest = max(slowest, time.monotonic() - began)
        status = answer.status
        statuses[status // 100] += 1
        if status >= 500 or not status:
            bad.append(f"{request}: {status}")
        now = kept()
        if status >= 400 and now != before:
            changed = sorted(name for name in now if now[name] != before.get(name))
            wrote.append(f"{', '.join(changed)} by {request}: {status}")
        before = now
        walker.note(request, answer)
    traces = tracebacks()
    counts = {f"× {each}xx": statuses[each] for each in sorted(statuses)}
    counts |= {"tracebacks": traces, "written on 4xx": len(wrote)}
    counts |= {f"of {len(walker.posts)} routes for POST that accepted one": len(walker.accepted & walker.posts)}
    holds = broken(tracebacks=not traces)
    holds += [f"5xx: {each}" for each in bad[:5]] + [f"wrote: {each}" for each in wrote[:5]]
    return Row("inputs by chance", count, counts, f"{slowest:.1f} s", holds)


def _send_to(scene: Scene) -> Send:
    def send(request: Request) -> Answer:
        headers = {"Host": "127.0.0.1", "Sec-Fetch-Site": "same-origin", **request.headers}
        try:
            with Connection(scene.gunicorn.bind) as connection:
                response = connection.ask(request.path, headers, request.method, request.body or None)
                is_stream = response.headers.get_content_type() == "text/event-stream"  # it does not end
                return Answer(response.status, response.getheaders(), b"" if is_stream else response.read())
        except (OSError, HTTPException):
            return Answer(0, [], b"")

    return send


def _kept(scene: Scene) -> dict[str, Any]:
    with scene.app.app_context(), patiently():
        return stored(scene.app)


def stored(app: Flask) -> dict[str, Any]:
    """What a refused request must not change."""
    database = app.extensions["mongo"].database
    requests = sorted((str(each["_id"]), each["keys"]) for each in database.requests.find({}, {"keys": True}))
    kept = {name: list(database[name].find({}, dict.fromkeys(BESIDE_KEYS, False))) for name in LASTING}
    return kept | {"requests": requests}
