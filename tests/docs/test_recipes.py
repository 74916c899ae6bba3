"""The recipes of webhooks and buttons: what can be tried without the programs that they are for."""

import json
import re
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
    checks, relay = blocks("webhooks.md", "python")
    code: dict[str, Any] = {}
    exec(checks, code)
    compile(relay, "relay", "exec")
    body, now = b'{"type": "test"}', clock.now()
    headers = signature.headers(SECRET, "a message", now, body)
    assert code["is_ours"](SECRET, headers, body)
    assert not code["is_ours"](SECRET, headers, body + b" ")
    old = signature.headers(SECRET, "a message", now - timedelta(minutes=6), body)
    assert not code["is_ours"](SECRET, old, body)


def test_the_examples_are_json() -> None:
    examples = [json.loads(each) for page in ("webhooks.md", "buttons.md") for each in blocks(page, "json")]
    assert [sorted(each) for each in examples] == [["data", "timestamp", "type"], ["seen", "state", "wave"]]
