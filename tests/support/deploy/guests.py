"""Guests who call over plain HTTP, as a phone without scripts does, and try again until they have an answer."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.support.visits import Answer

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
DIRECT = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}  # what Apache would have said


@dataclass
class Guest:
    """`send` asks the site, or one machine of it: send(path, headers, method=…, body=…)."""

    code: str
    send: Callable[..., Answer]
    form: str = ""

    def look(self) -> None:
        """Open the page; its form carries the key of the call."""
        answer = self.send(f"/t/{self.code}", {})
        match = re.search(r'name="form" value="([^"]+)"', answer.text)
        assert match, (answer.status, answer.text)
        self.form = match[1]

    def call(self) -> int:
        """Send the form of the page that was opened; gives the status, 0 where there was no answer."""
        body = urlencode({"form": self.form, "kind": "waiter"}).encode()
        try:
            return self.send(f"/t/{self.code}/call", FORM, method="POST", body=body).status
        except OSError:
            return 0
