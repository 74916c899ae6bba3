"""Random hostile requests over all routes and forms: no 5xx, no traceback in the log, nothing written on 4xx."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from flask import Flask

from tests.drills.row import Row, broken, number
from tests.drills.scene import Scene, opened
from tests.support.asvs import address as path_of
from tests.support.cast import Person
from tests.web.test_input import forms
from waitercaller.db.client import patiently
from waitercaller.model.tables import Table

SEED = 1
# Collections that only requests change, not what processes do by themselves.
LASTING = ("restaurants", "tables", "invitations", "registrations", "users")
NOT_TRIED = {"auth.logout"}  # it would end the login that the others are tried with
METHODS = ("GET", "GET", "POST", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS")
VALUES: Sequence[bytes] = (
    *(b"", b" ", b"0", b"-1", b"9" * 400, b"1e309", b"NaN", b"true", b"null", b"[]", b"{}", b"waiter", b"7"),
    *(b"\x00", b"\r\nX-Evil: 1", b"\xff\xfe", b"\xed\xa0\x80", b"%", b"%00", b"%zz", b"{$ne: null}", b"$where", b"a.b"),
    *(b"../../../etc/passwd", b"<script>alert(1)</script>", b"{{7*7}}", b"' OR 1=1 --", b"x" * 5_000, b"x" * 70_000),
    *("\u202e\u0000".encode(), "\U0001f37d".encode() * 50, "e\u0301".encode() * 200, b"1-999999999", b"1,2,,-,3-1"),
    *(b"alice@example.org", b"a@b@c", b"2026-02-30", b"25:61", b"https://[::1", b"//evil.example", b"0" * 24),
)
TYPES: tuple[str, ...] = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data")
TYPES += ("application/json", "text/plain; charset=utf-7", "application/x-www-form-urlencoded; charset=no", "")
HEADERS: tuple[str, ...] = (
    "Accept",
    "Accept-Language",
    "Cookie",
    "Range",
    "If-None-Match",
    "If-Modified-Since",
    "Referer",
    "Origin",
)
HEADERS += ("Sec-Fetch-Site", "X-Forwarded-Proto", "Authorization", "User-Agent", "Last-Event-ID")

Send = Callable[[str, str, dict[str, str], bytes], int]  # method, path, headers, body → status; 0: no answer


class Walker:
    """Makes requests by chance: the same ones for the same seed."""

    def __init__(self, app: Flask, person: Person, table: Table, token: str, seed: int = SEED) -> None:
        self.chance = random.Random(seed)
        self._fields = [name for form in forms() for name in vars(form) if hasattr(getattr(form, name), "field_class")]
        self._fields += [
            "csrf_token",
            "form",
            "ids",
            "screen",
            "kind",
            "note",
            "code",
            "to",
            "from",
            "next",
            "$where",
            "",
        ]
        rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in NOT_TRIED]
        self._rules = [rule for rule in rules if not rule.endpoint.endswith("live")]  # a stream does not end
        self._app, self._person, self._table, self._token = app, person, table, token

    def request(self) -> tuple[str, str, dict[str, str], bytes]:
        """Method, path with query, headers and body of the next request."""
        rule = self.chance.choice(self._rules)
        path = path_of(self._app, rule, self._person, self._table)
        if self.chance.random() < 0.2:
            parts = path.split("/")
            parts[self.chance.randrange(1, len(parts))] = quote_from_bytes(self._value()[:1000])
            path = "/".join(parts)
        if self.chance.random() < 0.4:
            path += "?" + self._form(2)[:2000].decode("ascii")
        headers = {name: self._header() for name in self.chance.sample(HEADERS, self.chance.randrange(3))}
        method, body = self.chance.choice(METHODS), b""
        if method in ("POST", "PUT"):
            kind = TYPES[0] if self.chance.random() < 0.8 else self.chance.choice(TYPES)
            headers["Content-Type"] = kind
            body = self._body(kind)
        return method, path, headers, body

    def _body(self, kind: str) -> bytes:
        if not kind.startswith(TYPES[0]):
            return self.chance.choice(VALUES)
        token = f"csrf_token={self._token}&".encode() if self.chance.random() < 0.9 else b""
        return token + self._form(6)

    def _form(self, most: int) -> bytes:
        pairs = [(self.chance.choice(self._fields), self._value()) for _ in range(self.chance.randrange(most + 1))]
        return "&".join(f"{quote_from_bytes(name.encode())}={quote_from_bytes(each)}" for name, each in pairs).encode()

    def _header(self) -> str:
        value = self._value()[:1000].decode("latin-1")
        return "".join(each for each in value if each.isprintable() and each != "\xff") or "x"

    def _value(self) -> bytes:
        return self.chance.choice(VALUES)


def rows(folder: Path) -> Iterator[Row]:
    """N (1000) requests, by the seed SEED (1)."""
    with opened(Scene(folder / "walk")) as scene:
        count, seed = number("N", 1000), number("SEED", SEED)
        walker = Walker(scene.app, scene.alice, scene.tables[0], scene.token, seed)
        yield run(walker, _send_to(scene), lambda: _kept(scene), lambda: scene.gunicorn.log.count("Traceback"), count)


def run(walker: Walker, send: Send, kept: Callable[[], Any], tracebacks: Callable[[], int], count: int) -> Row:
    """So many requests; `kept` returns what is stored, which a refused request must not change."""
    statuses, bad, wrote, slowest, before = Counter[int](), list[str](), list[str](), 0.0, kept()
    for _ in range(count):
        method, path, headers, body = walker.request()
        began = time.monotonic()
        status = send(method, path, headers, body)
        slowest = max(slowest, time.monotonic() - began)
        statuses[status // 100] += 1
        what = f"{method} {path[:120]} {headers} {body[:200]!r}: {status}"
        if status >= 500 or not status:
            bad.append(what)
        if status >= 300:
            now = kept()
            if status >= 400 and now != before:
                wrote.append(what)
            before = now
        elif method not in ("GET", "HEAD", "OPTIONS"):
            before = kept()
    traces = tracebacks()
    counts = {f"× {each}xx": statuses[each] for each in sorted(statuses)}
    counts |= {"tracebacks": traces, "written on 4xx": len(wrote)}
    holds = (
        broken(tracebacks=not traces) + [f"5xx: {each}" for each in bad[:5]] + [f"wrote: {each}" for each in wrote[:5]]
    )
    return Row("hostile requests", count, counts, f"{slowest:.1f} s", holds)


def _send_to(scene: Scene) -> Send:
    def send(method: str, path: str, headers: dict[str, str], body: bytes) -> int:
        headers = {"Cookie": f"session={scene.cookie}", "Sec-Fetch-Site": "same-origin", **headers}
        try:
            return scene.send(path, headers, method=method, body=body or None).status
        except (OSError, HTTPException):
            return 0

    return send


def _kept(scene: Scene) -> dict[str, Any]:
    with scene.app.app_context(), patiently():
        return stored(scene.app)


def stored(app: Flask) -> dict[str, Any]:
    """What a refused request must not change."""
    database = app.extensions["mongo"].database
    requests = sorted((str(each["_id"]), each["keys"]) for each in database.requests.find({}, {"keys": True}))
    return {name: list(database[name].find()) for name in LASTING} | {"requests": requests}
