"""Guests who call with plain HTTP requests, as a phone without scripts, and retry until they get a response."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import urlencode

from tests.support.visits import Answer

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
DIRECT = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}  # the headers that Apache would add


@dataclass
class Guest:
    """`send(path, headers, method=…, body=…)` requests the site, or one of its machines."""

    code: str
    send: Callable[..., Answer]
    form: str = ""

    def look(self) -> None:
        """Open the page; its form contains the call's idempotency key."""
        answer = self.send(f"/t/{self.code}", {})
        match = re.search(r'name="form" value="([^"]+)"', answer.text)
        assert match, (answer.status, answer.text)
        self.form = match[1]

    def call(self) -> int:
        """Send the form of the opened page; returns the status, or 0 without a response."""
        body = urlencode({"form": self.form, "kind": "waiter"}).encode()
        try:
            return self.send(f"/t/{self.code}/call", FORM, method="POST", body=body).status
        except (OSError, HTTPException):  # the second: a response that breaks off
            return 0
