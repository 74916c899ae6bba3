"""The page of the webhook: address, secret, the latest messages, a test."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from tests.support.cast import Person
from waitercaller.db import clock
from waitercaller.hooks.outbox import QUEUE
from waitercaller.model import settings, webhooks
from waitercaller.model.webhook_entry import Webhook

URL = "https://hooks.example.org/abc?to=kitchen"


@pytest.fixture
def here(alice: Person) -> str:
    return f"{alice.home}/settings/webhook"


@pytest.fixture
def webhook(database: Any, alice: Person) -> Any:
    """`webhook()`: the present webhook of Alice's restaurant."""
    return lambda: webhooks.of(settings.get(alice.restaurant_id))


def test_an_address_gets_a_secret_that_stays_until_it_is_renewed(alice: Person, here: str, webhook: Any) -> None:
    page = alice.client.get(here).text
    assert "Send a test" not in page
    assert alice.client.submit(here, {"url": f" {URL} "}).status_code == 303
    first: Webhook = webhook()
    assert (first["url"], first["secret"][:6], len(first["secret"])) == (URL, "whsec_", 50)
    assert first["secret"] in alice.client.get(here).text
    alice.client.submit(here, {"url": "https://other.example.org/"})
    assert webhook() == {**first, "url": "https://other.example.org/"}
    alice.client.submit(f"{here}/secret", page=here)
    assert webhook()["secret"] != first["secret"]
    overview = alice.client.get(f"{alice.home}/settings").text
    assert "<bdi>other.example.org</bdi>" in overview
    alice.client.submit(f"{here}/remove", page=here)
    assert webhook() is None
    assert "no lamp, no chat" in alice.client.get(f"{alice.home}/settings").text
    assert "Settings changed</b>: <bdi>Webhook" in alice.client.get(f"{alice.home}/staff/history").text


def test_what_is_no_address_for_it_is_said_at_the_field_and_changes_nothing(
    alice: Person, here: str, webhook: Any
) -> None:
    token = alice.client.csrf_token(here)
    bad = {
        "": "fill this in",
        "http://hooks.example.org/": "begins with https://",
        "https://a:b@hooks.example.org/": "begins with https://",
        "https://hooks.example.org/#x": "begins with https://",
        "https://ex ample.org": "begins with https://",
        f"https://hooks.example.org/{'x' * 1000}": "at most 1000 characters",
        "https://127.0.0.1/": "no address of the internet",
        "https://169.254.169.254/latest": "no address of the internet",
        "https://localhost:8443/": "no address of the internet",
    }
    for url, sentence in bad.items():
        answer = alice.client.post(here, data={"url": url, "csrf_token": token})
        assert answer.status_code == 400, url
        assert 'id="url-error"' in answer.text
        assert sentence in answer.text, url
    assert webhook() is None


def test_the_operator_can_name_hosts_of_the_own_network(app: Flask, alice: Person, here: str, webhook: Any) -> None:
    app.extensions["config"] = replace(app.extensions["config"], webhook_hosts=("homeassistant:8123",))
    alice.client.submit(here, {"url": "https://homeassistant:8123/api/webhook/x"})
    assert webhook()["url"].startswith("https://homeassistant:8123/")


@pytest.mark.usefixtures("fresh_limits")
def test_a_test_and_what_came_of_it(database: Any, alice: Person, here: str) -> None:
    alice.client.submit(here, {"url": URL})
    assert "Nothing told yet" in alice.client.get(here).text
    alice.client.submit(f"{here}/test", page=here)
    page = alice.client.get(here).text
    assert "<bdi>Trattoria Lucia: this is a test.</bdi>" in page
    assert "On its way" in page
    (hook,) = QUEUE.take(1)
    QUEUE.retry(hook, tried_at=clock.now(), status=0, problem="internal")
    page = alice.client.get(here).text
    assert "Is tried again" in page
    assert "No address of the internet · 1 try" in page
    database.hooks.update_one({}, {"$set": {"state": "failed", "attempts": 10, "status": 503, "problem": None}})
    page = alice.client.get(here).text
    assert "Given up" in page
    assert "Answer: 503 · 10 tries" in page
    assert "Given up" in alice.client.get(f"{alice.home}/settings").text
    form = {"csrf_token": alice.client.csrf_token(here)}
    tries = [alice.client.post(f"{here}/test", data=form).status_code for _ in range(20)]
    assert tries == [303] * 19 + [429]
    assert database.hooks.count_documents({}) == 20


def test_only_owners_see_it(alice: Person, here: str, hire: Any) -> None:
    mona = hire("Mona", role="manager", at=alice)
    assert mona.client.get(here).status_code == 403
