"""`pushed`: whose phones a request was pushed to, as far as push services have taken the messages."""

import re
from typing import Any

import pytest
from flask import Flask

from tests.support.cast import Person
from tests.support.push.phones import Subscribe, Tell, push_states, send
from tests.support.push.service import PushService
from waitercaller.alerts import due_steps
from waitercaller.db import clock
from waitercaller.model.requests import transitions
from waitercaller.outgoing import delivery
from waitercaller.push import sender


def pushed(database: Any) -> list[tuple[str, str]]:
    return [(each["member_id"], each["name"]) for each in database.requests.find_one()["pushed"]]


def test_a_message_that_the_service_took_is_recorded_with_its_time(
    app: Flask, database: Any, bob: Person, subscribe: Subscribe, tell: Tell, later: Any
) -> None:
    subscribe(bob)
    tell()
    later(seconds=2)
    send(app)
    assert pushed(database) == [(bob.member_id, "Bob")]
    request = database.requests.find_one()
    assert 2 <= (request["pushed"][0]["at"] - request["created_at"]).total_seconds() < 60


def test_what_was_refused_or_is_still_to_be_tried_is_not_recorded(
    app: Flask, database: Any, service: PushService, bob: Person, alice: Person, subscribe: Subscribe, tell: Tell
) -> None:
    subscribe(bob)
    subscribe(alice)
    service.answers = {"/Bob": [503], "/Alice": [400]}
    tell()
    send(app)
    assert push_states(app) == [("called", "due"), ("called", "failed")]
    assert pushed(database) == []


def test_a_message_that_is_tried_again_is_recorded_once_when_it_was_taken(
    app: Flask, database: Any, service: PushService, bob: Person, subscribe: Subscribe, tell: Tell, later: Any
) -> None:
    subscribe(bob)
    service.answers["/Bob"] = [503]
    tell()
    send(app)
    later(seconds=3)
    before = clock.now()
    send(app)
    assert pushed(database) == [(bob.member_id, "Bob")]
    assert database.requests.find_one()["pushed"][0]["at"] >= before


def test_a_message_that_two_processes_send_is_recorded_once(
    app: Flask,
    database: Any,
    bob: Person,
    subscribe: Subscribe,
    tell: Tell,
    later: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first is so slow that its lease ends, and the second takes the message over."""
    subscribe(bob)
    tell()
    asked: list[str] = []

    def slow(endpoint: str, *_: Any) -> delivery.Answer:
        asked.append(endpoint)
        if len(asked) == 1:
            later(seconds=31)
            send(app)
        return delivery.Answer("taken", 201)

    monkeypatch.setattr(delivery, "post", slow)
    send(app)
    assert len(asked) == 2
    assert pushed(database) == [(bob.member_id, "Bob")]


def test_a_fault_while_recording_does_not_send_it_again(
    app: Flask,
    service: PushService,
    bob: Person,
    subscribe: Subscribe,
    tell: Tell,
    later: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subscribe(bob)
    tell()
    monkeypatch.setattr(sender, "LISTENERS", [lambda *_: 1 / 0])
    send(app)
    later(seconds=40)
    send(app)
    assert len(service.messages) == 1
    assert push_states(app) == [("called", "sent")]


def test_the_message_that_somebody_goes_is_not_recorded(
    app: Flask,
    database: Any,
    service: PushService,
    alice: Person,
    bob: Person,
    subscribe: Subscribe,
    tell: Tell,
) -> None:
    subscribe(bob)
    request = tell()
    send(app)
    with app.app_context():
        transitions.accept(alice.restaurant_id, [request["_id"]], {"id": alice.member_id, "name": "Alice"})
        due_steps.escalate()
    while send(app):
        pass
    assert len(service.messages) == 2
    assert pushed(database) == [(bob.member_id, "Bob")]


def test_the_story_says_which_phones_were_sent_it_and_which_showed_it(
    app: Flask, service: PushService, alice: Person, bob: Person, subscribe: Subscribe, tell: Tell
) -> None:
    subscribe(bob)
    subscribe(alice)
    request = tell()
    send(app)
    message = next(each for each in service.messages if each.path == "/Bob")
    assert app.test_client().post("/push/shown", data={"token": message.text["tokens"]["shown"]}).status_code == 204
    page = bob.client.get(f"{bob.home}/history/{request['_id']}").text
    assert "Shown on Bob’s phone" in page
    assert "Shown on Alice’s phone" not in page
    sent = ", ".join(re.findall(r"Sent to phones: ([^<]+)", page))  # one line, or two where a second lies between
    assert sorted(sent.split(", ")) == ["Alice", "Bob"]
