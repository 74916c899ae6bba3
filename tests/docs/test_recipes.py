"""The recipes of webhooks and buttons: what can be tried without the programs that they are for."""

import http.client
import http.server
import json
import re
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from waitercaller.db import clock
from waitercaller.hooks import signature

DOCS = Path(__file__).parents[2] / "docs"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Loader(yaml.SafeLoader):
    """Reads the tags of ESPHome and Home Assistant, such as !secret, as texts."""


Loader.add_multi_constructor("!", lambda loader, _tag, node: loader.construct_scalar(node))


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of this language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text("utf-8"), re.M | re.S)


@pytest.mark.parametrize(("page", "number"), [("webhooks.md", 2), ("buttons.md", 2)])
def test_the_yaml_can_be_read(page: str, number: int) -> None:
    found = [yaml.load(block, Loader) for block in blocks(page, "yaml")]
    assert [type(each) for each in found] == [dict] * number


def test_the_python_knows_what_is_ours() -> None:
    code: dict[str, Any] = {}
    exec(blocks("webhooks.md", "python")[0], code)
    body, now = b'{"type": "test"}', clock.now()
    headers = signature.headers(SECRET, "a message", now, body)
    assert code["is_ours"](SECRET, headers, body)
    assert not code["is_ours"](SECRET, headers, body + b" ")
    old = signature.headers(SECRET, "a message", now - timedelta(minutes=6), body)
    assert not code["is_ours"](SECRET, old, body)
    for stranger in ({}, {**headers, "webhook-timestamp": "now"}, {**headers, "webhook-signature": "v1,ä"}):
        assert not code["is_ours"](SECRET, stranger, body)


def test_the_relay_passes_on_to_telegram_what_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    checks, relay = blocks("webhooks.md", "python")
    relay, server, _ = relay.partition("http.server.HTTPServer(")
    assert server
    monkeypatch.setattr("os.environ", {"SECRET": SECRET, "BOT_TOKEN": "1:a", "CHAT_ID": "-7"})
    code: dict[str, Any] = {}
    exec(checks + relay, code)
    told: list[Any] = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *words, timeout: told.append(words))
    body = b'{"data": {"text": "Table 7: The bill"}}'
    with http.server.HTTPServer(("127.0.0.1", 0), code["Relay"]) as relaying:
        threading.Thread(target=relaying.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        answers = []
        for headers in ({}, signature.headers(SECRET, "a message", clock.now(), body)):
            connection = http.client.HTTPConnection("127.0.0.1", relaying.server_port, timeout=60)
            connection.request("POST", "/", body, headers)
            answers.append(connection.getresponse().status)
        relaying.shutdown()
    assert answers == [403, 204]
    form = b"chat_id=-7&text=Table+7%3A+The+bill"
    assert told == [("https://api.telegram.org/bot1:a/sendMessage", form)]


def test_the_examples_are_json() -> None:
    examples = [json.loads(each) for page in ("webhooks.md", "buttons.md") for each in blocks(page, "json")]
    assert [sorted(each) for each in examples] == [["data", "timestamp", "type"], ["seen", "state", "wave"]]
