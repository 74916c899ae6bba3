"""What the doctor says of the ways out: the mail server, the push services, the log of erasures."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.ops.test_doctor import look, of
from tests.push.conftest import push_server, service, subscribe
from tests.support.cast import Person
from tests.support.push.phones import PRIVATE, Subscribe, browser, login_of
from tests.support.push.service import Phone, PushService
from tests.support.smtp import Mailbox, mail_server
from waitercaller.db import clock
from waitercaller.db.client import db
from waitercaller.model import subscriptions
from waitercaller.ops.doctor import Finding

__all__ = ["look", "push_server", "service", "subscribe"]

Look = Callable[..., list[Finding]]
PLAIN: dict[str, Any] = {"mail_folder": "", "mail_server": "localhost", "mail_security": "none"}


# --- the mail server --------------------------------------------------------------------------------------------------


def test_it_greets_as_mails_do_and_tells_the_answer(app: Flask, look: Look) -> None:
    mailbox = Mailbox()
    with mail_server(mailbox) as port:
        findings = look(**PLAIN, mail_port=port, public_url="https://call.example.org")
    finding = of(findings, "lets us in")
    assert finding.state == "good"
    assert 'to our greeting "call.example.org" it says: ' in finding.what
    assert mailbox.greetings == ["call.example.org"]
    assert mailbox.mails == []


@pytest.mark.parametrize("answer", ["421 4.7.0 Try again later, closing connection", "550 5.7.1 who are you"])
def test_a_server_that_refuses_our_greeting_is_bad(app: Flask, look: Look, answer: str) -> None:
    mailbox = Mailbox()
    mailbox.ehlo_answer = mailbox.helo_answer = answer
    with mail_server(mailbox) as port:
        finding = of(look(**PLAIN, mail_port=port), "refuses our greeting")
    assert finding.state == "BAD"
    assert '"localhost"' in finding.what
    assert answer[4:] in finding.what
    assert "PUBLIC_URL" in finding.advice


def test_a_server_that_refuses_our_sender_is_bad(app: Flask, look: Look) -> None:
    mailbox = Mailbox()
    mailbox.sender_answer = "553 5.7.1 Sender address rejected: not owned by user"
    with mail_server(mailbox) as port:
        finding = of(look(**PLAIN, mail_port=port), "refuses our sender")
    assert finding.state == "BAD"
    assert "553 5.7.1 Sender address rejected" in finding.what
    assert "MAIL_SENDER" in finding.advice


# --- push services ----------------------------------------------------------------------------------------------------


def test_without_a_key_no_phone_is_told(app: Flask, look: Look) -> None:
    assert of(look(vapid_private_key=""), "phones are told of no calls").state == "note"


def test_push_services_that_take_our_messages(app: Flask, look: Look, bob: Person) -> None:
    finding = of(look(vapid_private_key=PRIVATE), "Push services take our messages")
    assert (finding.state, "mailto:hello@waitercaller.test" in finding.what) == ("good", True)


def test_a_push_service_that_refuses_us_is_named(app: Flask, look: Look, bob: Person) -> None:
    with app.app_context():
        for name in ("one", "two"):
            phone = Phone(f"https://push.example.org/{name}")
            subscriptions.put(bob.restaurant_id, bob.member_id, login_of(bob), browser(phone), "all")
        for each in subscriptions.of_member(bob.restaurant_id, bob.member_id):
            subscriptions.note_failed(each["_id"])
    finding = of(look(vapid_private_key=PRIVATE), "push.example.org does not take our messages")
    assert finding.state == "BAD"
    assert "told nothing: 2" in finding.what
    assert "mailto:hello@waitercaller.test" in finding.advice
    with app.app_context():  # of a phone that nobody has told anything since, nothing is known
        db().subscriptions.update_many({}, {"$set": {"failed_at": clock.now() - timedelta(days=8)}})
    assert of(look(vapid_private_key=PRIVATE), "Push services take our messages").state == "good"


def test_a_phone_whose_service_takes_messages_again_is_well(
    app: Flask, look: Look, bob: Person, service: PushService, subscribe: Subscribe
) -> None:
    subscribe(bob)
    with app.app_context():
        subscription_id = db().subscriptions.find_one()["_id"]  # type: ignore[index]
        subscriptions.note_failed(subscription_id)
        subscriptions.clear_failed(subscription_id)
    assert of(look(vapid_private_key=PRIVATE), "Push services take our messages").state == "good"


# --- the log of erasures ----------------------------------------------------------------------------------------------


def test_erasures_that_are_noted_nowhere(app: Flask, look: Look, tmp_path: Path) -> None:
    assert of(look(erasure_log=""), "ERASURE_LOG is empty").state == "note"
    missing = of(look(erasure_log=str(tmp_path / "nowhere" / "log")), "cannot be written")
    assert (missing.state, "folder" in missing.advice) == ("BAD", True)
    assert of(look(erasure_log=str(tmp_path / "log")), "Erasures are noted in").state == "good"
