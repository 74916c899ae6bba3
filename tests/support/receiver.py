"""A receiver of webhooks on this machine, which verifies signatures on its own (Standard Webhooks 1.0)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.https import https_server
from waitercaller.db import clock

TOLERANCE_SECONDS = 300


@dataclass
class Receiver:
    """Keeps what it takes; `answers` are the statuses to respond with, in order, then 204."""

    host: str
    messages: list[dict[str, Any]] = field(default_factory=list)  # the bodies
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)  # headers, in lower case, and body
    answers: list[int] = field(default_factory=list)
    extra_headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://{self.host}/hook"

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.asked]

    @property
    def events(self) -> list[str]:
        return sorted(each["type"] for each in self.messages)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        self.asked.append((headers, body))
        if self.answers:
            return self.answers.pop(0)
        self.messages.append(json.loads(body))
        return 204


def is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether this message is of whoever has the secret, and new."""
    key = base64.b64decode(secret.split("_", 1)[1])
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}".encode()
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    is_new = abs(clock.now().timestamp() - int(headers["webhook-timestamp"])) < TOLERANCE_SECONDS
    return is_new and f"v1,{expected}" in headers["webhook-signature"].split(" ")


@contextmanager
def receiver() -> Iterator[Receiver]:
    """The receiver on https://localhost during the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(found.take({name.lower(): value for name, value in self.headers.items()}, body))
            for name, value in found.extra_headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with https_server(Handler) as host:
        found = Receiver(host)
        yield found
