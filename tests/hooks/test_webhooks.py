"""Webhooks: what is told of calls, signed, retried, given up loudly, and never to what only this machine reaches."""

import json
import logging
import socket
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from config import Config
from tests.docs.test_recipes import blocks
from tests.hooks.conftest import Send
from tests.support.calls import BOB, call, found
from tests.support.cast import Person
from tests.support.receiver import Receiver, is_signed
from tests.support.smtp import silent_server
from waitercaller.alerts import unheard_restaurants, webhooks
from waitercaller.hooks import sender, signature
from waitercaller.model import unheard
from waitercaller.model import webhooks as stored
from waitercaller.model.requests import escalation, rehearsals, transitions
from waitercaller.model.tables import Table
from waitercaller.outgoing import delivery


def secret_of(told: Person) -> str:
    webhook = stored.of(found(told.restaurant_id))
    assert webhook
    return webhook["secret"]


def keys(message: Any) -> Any:
    """The keys of a JSON object and of those within it."""
    return {name: keys(value) for name, value in message.items()} if isinstance(message, dict) else None


def hooks(database: Any) -> list[tuple[str, str, int]]:
    return [(each["event"], each["state"], each["attempts"]) for each in database.hooks.find().sort("_id")]


@pytest.mark.proxied
def test_a_call_is_told_step_by_step_and_signed(
    database: Any, told: Person, receiver: Receiver, send: Send, later: Any
) -> None:
    where = told.restaurant_id
    request = call(where)
    send()
    (message,) = receiver.messages
    assert message["type"] == "call.called"
    assert message["timestamp"].endswith("Z")
    (example,) = (json.loads(each) for each in blocks("webhooks.md", "json"))
    assert keys(message) == keys(example)
    about = message["data"]
    assert (about["text"], about["step"], about["waiting"], about["test"]) == ("Table 7: Waiter", "called", 1, False)
    assert about["call"] | {"since": ""} == {
        "id": str(request["_id"]),
        "table": "7",
        "zone": None,
        "kind": "waiter",
        "kind_name": "Waiter",
        "choice": None,
        "since": "",
    }
    headers, body = receiver.asked[0]
    assert is_signed(secret_of(told), headers, body)
    assert not is_signed(secret_of(told), headers, body + b" ")
    call(where, "another tap")
    later(seconds=130)
    send()
    transitions.accept(where, [request["_id"]], BOB)
    transitions.resolve(where, [request["_id"]], BOB)
    transitions.reopen({"restaurant_id": where}, [request["_id"]], BOB)
    send()
    assert send() == 0
    steps = [(each["type"], each["data"]["step"]) for each in receiver.messages]
    assert sorted(steps) == [
        ("call.called", "called"),
        ("call.done", "resolved"),
        ("call.escalated", "alerted"),
        ("call.escalated", "nagged"),
        ("call.escalated", "raised"),
        ("call.reminded", "reminded"),
        ("call.taken", "accepted"),
        ("call.waits_again", "reopened"),
    ]
    assert len(set(receiver.ids)) == 8
    assert "Bob" not in str(receiver.asked)


def test_a_step_that_was_taken_meanwhile_is_told_too(database: Any, told: Person, receiver: Receiver) -> None:
    """A reminder comes between reading a request and noting that it was told."""
    request = call(told.restaurant_id)
    (read,) = escalation.hook_due()
    webhooks.enqueue_steps(found(told.restaurant_id), read)
    call(told.restaurant_id, "another tap")
    escalation.note_hook_told(read)
    (again,) = escalation.hook_due()
    webhooks.enqueue_steps(found(told.restaurant_id), again)
    escalation.note_hook_told(again)
    assert escalation.hook_due() == []
    assert [event for event, _, _ in hooks(database)] == ["call.called", "call.reminded"]
    assert str(request["_id"]) in database.hooks.find_one()["_id"]


def test_a_rehearsal_is_told_as_a_test(database: Any, told: Person, receiver: Receiver, send: Send, later: Any) -> None:
    rehearsals.begin(found(told.restaurant_id), BOB)
    send()
    (message,) = receiver.messages
    assert (message["data"]["test"], message["data"]["text"], message["data"]["waiting"]) == (True, "Test call", 0)


def test_that_nobody_hears_is_told_once(
    app: Flask, database: Any, told: Person, receiver: Receiver, send: Send, later: Any
) -> None:
    call(told.restaurant_id)
    send()
    for _ in range(3):
        unheard_restaurants.check()
        later(seconds=unheard.UNHEARD_AFTER.total_seconds() + 1)
    send()
    assert receiver.events.count("restaurant.unheard") == 1
    text = next(each["data"]["text"] for each in receiver.messages if each["type"] == "restaurant.unheard")
    assert text == "Trattoria Lucia: nobody would hear a call."


def test_a_restaurant_without_a_webhook_writes_nothing(database: Any, alice: Person, table: Table, send: Send) -> None:
    call(alice.restaurant_id)
    assert send() == 0
    assert (database.hooks.count_documents({}), "hook_due" in database.requests.find_one()) == (0, False)


def test_what_was_before_it_and_what_is_no_news_is_not_told(
    database: Any, alice: Person, table: Table, receiver: Receiver, send: Send, later: Any
) -> None:
    old = call(alice.restaurant_id)
    later(seconds=1)
    stored.put(alice.restaurant_id, receiver.url)
    found(alice.restaurant_id)
    transitions.accept(alice.restaurant_id, [old["_id"]], BOB)
    send()
    assert receiver.events == ["call.taken"]
    later(hours=2)
    transitions.resolve(alice.restaurant_id, [old["_id"]], BOB)
    send()
    assert receiver.events == ["call.done", "call.taken"]


# --- faults -----------------------------------------------------------------------------------------------------------


def test_it_is_retried_under_the_same_id_and_given_up_loudly(
    app: Flask, database: Any, told: Person, receiver: Receiver, later: Any, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [500] * 10
    receiver.extra_headers["Location"] = receiver.url
    webhooks.enqueue_test(found(told.restaurant_id), "a test")
    with caplog.at_level(logging.WARNING):
        for _ in range(11):
            sender.send_due(app)
            later(minutes=15)
    assert receiver.ids == ["a test"] * 10
    assert hooks(database) == [("test", "failed", 10)]
    assert database.hooks.find_one()["status"] == 500
    (given_up,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert "gave up the webhook's message test" in given_up.getMessage()
    assert "/hook" not in caplog.text, "the address may hold a secret"


def test_it_is_tried_again_until_it_is_taken(
    database: Any, told: Person, receiver: Receiver, send: Send, later: Any
) -> None:
    receiver.answers = [404, 307]
    webhooks.enqueue_test(found(told.restaurant_id), "a test")
    assert [send(), send()] == [1, 0]
    for _ in range(2):
        later(seconds=13)
        send()
    assert hooks(database) == [("test", "sent", 3)]
    assert len(receiver.messages) == 1


def test_a_receiver_that_is_gone_is_not_asked_again(
    database: Any, told: Person, receiver: Receiver, send: Send
) -> None:
    receiver.answers = [410]
    webhooks.enqueue_test(found(told.restaurant_id), "a test")
    send()
    assert hooks(database) == [("test", "failed", 1)]


def test_a_message_to_a_webhook_that_was_removed_is_dropped(
    database: Any, told: Person, receiver: Receiver, send: Send
) -> None:
    webhooks.enqueue_test(found(told.restaurant_id), "a test")
    stored.remove(told.restaurant_id)
    send()
    assert (hooks(database), receiver.asked) == ([("test", "dropped", 1)], [])


def test_a_receiver_that_never_answers_is_left_alone_for_a_while(
    database: Any, told: Person, send: Send, later: Any, monkeypatch: pytest.MonkeyPatch, app: Flask
) -> None:
    monkeypatch.setattr(delivery, "TIMEOUT_SECONDS", 0.05)
    with silent_server() as port:
        app.extensions["config"] = allowing(app, f"localhost:{port}")
        stored.put(told.restaurant_id, f"https://localhost:{port}/hook")
        for occasion in ("one", "two"):
            webhooks.enqueue_test(found(told.restaurant_id), occasion)
        send()
        assert {each["problem"] for each in database.hooks.find()} == {"timeout"}
        later(seconds=10)
        send()
    assert [tries for *_, tries in hooks(database)] == [1, 1], "what was not tried does not count"


def allowing(app: Flask, host: str) -> Config:
    config: Config = app.extensions["config"]
    return replace(config, webhook_hosts=(host,))


# --- nothing that only this machine reaches ---------------------------------------------------------------------------


def leading_to(*addresses: str) -> Any:
    """A look-up that finds these addresses, whatever the name."""
    return lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]


@pytest.mark.asvs("1.3.6")
def test_a_host_that_leads_inside_is_not_even_connected_to(
    app: Flask, database: Any, told: Person, receiver: Receiver, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where only one of its addresses does."""
    app.extensions["config"] = allowing(app, "homeassistant.lan")
    port = receiver.host.partition(":")[2]

    monkeypatch.setattr(socket, "getaddrinfo", leading_to("93.184.216.34", "127.0.0.1"))
    monkeypatch.setattr(socket, "create_connection", None)
    stored.put(told.restaurant_id, f"https://hooks.example.org:{port}/hook")
    webhooks.enqueue_test(found(told.restaurant_id), "a test")
    send()
    assert (database.hooks.find_one()["problem"], receiver.asked) == ("internal", [])


def test_a_public_host_is_asked_at_the_address_that_was_checked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name in TLS; a second address is tried where the first takes no connection."""
    port = int(receiver.host.partition(":")[2])
    tried, reached = [], socket.create_connection(("127.0.0.1", port), 5)

    def connected(where: tuple[str, int], timeout: float) -> socket.socket:
        tried.append(where)
        if len(tried) == 1:
            raise OSError("no route")
        return reached

    monkeypatch.setattr(socket, "getaddrinfo", leading_to("93.184.216.34", "93.184.216.35"))
    monkeypatch.setattr(socket, "create_connection", connected)
    assert delivery.post(receiver.url, b"{}", {}, public_only=True).status == 204
    assert tried == [("93.184.216.34", port), ("93.184.216.35", port)]


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of Standard Webhooks' reference libraries."""
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signature.headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"
