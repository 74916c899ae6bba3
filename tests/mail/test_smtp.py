"""Sending mails by SMTP: leases, retries, giving up, TLS and authentication; each mail arrives once."""

import logging
import smtplib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from config import Config
from tests.support.cast import Mail
from tests.support.greetings import DANA, greet, outbox_of, with_greeting
from tests.support.smtp import AUTHORITY, PASSWORD, USERNAME, Mailbox, mail_server, silent_server
from tests.support.together import at_once
from waitercaller.db import clock
from waitercaller.mail import outbox, smtp

pytestmark = pytest.mark.needs_wire

Mails = Callable[[], list[Mail]]


@pytest.fixture
def app(app: Flask) -> Flask:
    return with_greeting(app)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def sender(app: Flask, make_app: Any, config: Config) -> Callable[..., Flask]:
    """`sender(port)`: an application that sends to the server at this port."""

    def made(port: int, **changes: Any) -> Flask:
        smtp = {"mail_folder": "", "mail_server": "localhost", "mail_port": port, "mail_security": "none", **changes}
        return with_greeting(make_app(replace(config, **smtp)))

    return made


# --- concurrent senders -----------------------------------------------------------------------------------------------


def test_one_call_takes_up_a_bounded_number(database: Any, app: Flask) -> None:
    for _ in range(outbox.BATCH_SIZE + 1):
        greet(app)
    assert outbox.send_due(app) == outbox.BATCH_SIZE
    assert outbox.send_due(app) == 1
    assert outbox.send_due(app) == 0


def test_two_senders_send_nothing_twice(app: Flask, sender: Any, mailbox: Mailbox) -> None:
    with mail_server(mailbox) as port:
        senders = [sender(port), sender(port)]
        for number in range(30):
            greet(app, name=str(number))

        def send(one: Flask) -> None:
            while any(document["state"] == "due" for document in outbox_of(app)):
                outbox.send_due(one)

        at_once(*(partial(send, one) for one in senders))
    assert sorted(int(sent.subject.split()[-1]) for sent in mailbox.mails) == list(range(30))


def test_the_mail_of_a_killed_sender_is_sent_by_another(
    database: Any, app: Flask, mails: Mails, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(message: Any, **_: Any) -> None:
        raise SystemExit

    greet(app)
    with monkeypatch.context() as patched:
        patched.setattr(smtp, "deliver", die)
        with pytest.raises(SystemExit):
            outbox.send_due(app)
    message_id = outbox_of(app)[0]["message_id"]
    assert mails() == []
    later(minutes=12)
    (sent,) = mails()
    assert sent.message["Message-ID"] == message_id


def test_a_sender_whose_lease_ran_out_changes_nothing(app: Flask, later: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent_by = []

    def slow(message: Any, **_: Any) -> None:
        sent_by.append("slow")
        later(minutes=12)
        monkeypatch.setattr(smtp, "deliver", lambda message, **_: sent_by.append("other"))
        outbox.send_due(app)
        raise smtplib.SMTPServerDisconnected

    greet(app)
    monkeypatch.setattr(smtp, "deliver", slow)
    outbox.send_due(app)
    assert sent_by == ["slow", "other"]
    assert outbox_of(app)[0]["state"] == "sent"


def test_a_server_that_needs_ten_minutes_after_the_mail_gets_it_once(
    app: Flask, sender: Any, mailbox: Mailbox, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 5321, 4.5.3.2: ten minutes for the answer to the whole mail, five for each other."""
    clients: list[smtp.Client] = []
    patience: list[float | None] = []

    class Watched(smtp.Client):
        def getreply(self) -> tuple[int, bytes]:
            clients.append(self)
            try:
                return super().getreply()
            finally:
                patience.append(self.sock.gettimeout() if self.sock else None)

    monkeypatch.setattr(smtp, "Client", Watched)
    greet(app)
    with mail_server(mailbox) as port:
        one, other = sender(port), sender(port)

        def ten_minutes() -> None:
            later(minutes=10)
            assert clients[-1].sock is not None
            patience.append(clients[-1].sock.gettimeout())
            assert outbox.send_due(other) == 0, "the lease is over"

        mailbox.on_data = ten_minutes
        outbox.send_due(one)
        assert outbox_of(app)[0]["state"] == "sent"
        assert outbox.send_due(other) == 0
    assert len(mailbox.mails) == 1
    assert patience == [*[300.0] * 4, *[600.0] * 3, smtp.GOODBYE_SECONDS]  # 220, EHLO, MAIL, RCPT; DATA; QUIT


def test_a_long_conversation_keeps_its_lease(
    app: Flask, sender: Any, mailbox: Mailbox, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer may take five minutes or ten; together they take longer than a lease."""
    taken: list[int] = []

    class Slow(smtp.Client):
        def docmd(self, cmd: str, args: str = "") -> tuple[int, bytes]:
            answer = super().docmd(cmd, args)
            later(minutes=9)
            taken.append(outbox.send_due(other))
            return answer

        def rcpt(self, recip: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
            later(minutes=9)
            taken.append(outbox.send_due(other))
            return super().rcpt(recip, options)

    monkeypatch.setattr(smtp, "Client", Slow)
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    greet(app)
    with mail_server(mailbox, starttls=True, login=True) as port:
        login = {"mail_security": "starttls", "mail_username": USERNAME, "mail_password": PASSWORD}
        one, other = sender(port, **login), sender(port)
        outbox.send_due(one)
    assert len(taken) > 2
    assert not any(taken)
    assert len(mailbox.mails) == 1


def test_a_sender_that_has_lost_its_lease_breaks_off_before_the_mail_is_there(
    app: Flask, sender: Any, mailbox: Mailbox, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []

    class Stopped(smtp.Client):
        def rcpt(self, recip: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
            if not taken:
                later(minutes=12)  # as if the process had slept
                taken.append(0)
                taken[0] = outbox.send_due(other)
            return super().rcpt(recip, options)

    monkeypatch.setattr(smtp, "Client", Stopped)
    greet(app)
    with mail_server(mailbox) as port:
        one, other = sender(port), sender(port)
        outbox.send_due(one)
    assert taken == [1]
    assert len(mailbox.mails) == 1
    assert outbox_of(app)[0]["state"] == "sent"


# --- faults -----------------------------------------------------------------------------------------------------------


def test_failures_are_tried_again_later_and_later_and_given_up_loudly(
    database: Any, app: Flask, later: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(message: Any, **_: Any) -> None:
        raise smtplib.SMTPServerDisconnected(f"go away, {DANA}")

    monkeypatch.setattr(smtp, "deliver", refuse)
    greet(app)
    pauses = []
    while outbox_of(app)[0]["state"] == "due":
        assert outbox.send_due(app) == 1
        assert outbox.send_due(app) == 0
        pauses.append(outbox_of(app)[0]["next_at"] - clock.now())
        later(hours=1.5)
    assert len(pauses) == outbox.QUEUE.max_attempts
    assert timedelta(seconds=10) < pauses[0] < timedelta(seconds=20)
    assert timedelta(minutes=40) < pauses[-2] < timedelta(minutes=80)
    (document,) = outbox_of(app)
    assert (document["state"], document["attempts"]) == ("failed", outbox.QUEUE.max_attempts)
    assert document["purge_at"] - clock.now() > timedelta(days=28)
    loud = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(loud) == 1
    assert "gave up the mail greeting" in loud[0]
    assert DANA not in caplog.text


def test_a_mail_that_cannot_be_written_does_not_hold_up_the_others(
    app: Flask, mails: Mails, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context():
        outbox.enqueue("unheard_of", DANA)
    greet(app)
    assert [sent.subject for sent in mails()] == ["Grüße von Alice"]
    assert [document["state"] for document in outbox_of(app)] == ["due", "sent"]
    assert "could not send the mail unheard_of" in caplog.text


def test_what_the_database_refuses_is_given_up_and_without_it_the_lease_brings_the_mail_back(
    app: Flask, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[Exception] = [ServerSelectionTimeoutError("away"), *[OperationFailure("not allowed", 13)] * 12]

    def fail(mail: Any) -> None:
        raise errors.pop(0)

    monkeypatch.setattr(outbox, "_message", fail)
    greet(app)
    with pytest.raises(ServerSelectionTimeoutError):
        outbox.send_due(app)
    for _ in range(11):
        later(hours=1.5)
        assert outbox.send_due(app) == 1
    assert outbox_of(app)[0]["state"] == "failed"


def test_a_server_that_is_away_is_asked_once_in_a_round(app: Flask, sender: Any) -> None:
    with silent_server() as port:
        pass  # closed: nothing listens on the port now
    for _ in range(3):
        greet(app)
    assert outbox.send_due(sender(port)) == 1
    assert sorted(document["attempts"] for document in outbox_of(app)) == [0, 0, 1]


def test_a_silent_server_is_not_waited_for(
    app: Flask, sender: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(smtp, "REPLY_SECONDS", 0.2)
    greet(app)
    with silent_server() as port:
        outbox.send_due(sender(port))
    assert outbox_of(app)[0]["state"] == "due"
    assert "TimeoutError" in caplog.text


def test_a_recipient_refused_for_good_is_given_up_at_once(
    app: Flask, sender: Any, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox.answers[DANA] = f"550 5.1.1 <{DANA}> unknown"
    greet(app)
    greet(app, "bob@example.org")
    with mail_server(mailbox) as port:
        assert outbox.send_due(sender(port)) == 2
    assert [document["state"] for document in outbox_of(app)] == ["failed", "sent"]
    assert "SMTPRecipientsRefused 550" in caplog.text
    assert DANA not in caplog.text


@pytest.mark.parametrize("answer", ["450 4.2.1 mailbox busy", "451 4.7.1 greylisted"])
def test_a_recipient_refused_for_now_is_tried_again(
    app: Flask, sender: Any, mailbox: Mailbox, later: Any, answer: str
) -> None:
    greet(app)
    with mail_server(mailbox) as port:
        one = sender(port)
        mailbox.answers[DANA] = answer
        greet(app, "bob@example.org")
        assert outbox.send_due(one) == 2  # the server works: the next mail is sent
        assert [document["state"] for document in outbox_of(app)] == ["due", "sent"]
        mailbox.answers.clear()
        later(minutes=1)
        outbox.send_due(one)
    assert mailbox.recipients == ["bob@example.org", DANA]
    assert mailbox.mails[1].message["Message-ID"] == outbox_of(app)[0]["message_id"]


def test_contents_refused_for_good_are_given_up(app: Flask, sender: Any, mailbox: Mailbox) -> None:
    mailbox.data_answer = "554 5.7.1 spam"
    greet(app)
    with mail_server(mailbox) as port:
        outbox.send_due(sender(port))
    assert outbox_of(app)[0]["state"] == "failed"


# --- a real server ----------------------------------------------------------------------------------------------------


def test_a_server_gets_what_the_folder_would_get(app: Flask, sender: Any, mailbox: Mailbox) -> None:
    greet(app)
    with mail_server(mailbox) as port:
        outbox.send_due(sender(port))
    (sent,) = mailbox.mails
    assert (sent.to, sent.subject) == (DANA, "Grüße von Alice")
    assert "Äpfel für Alice." in sent.text
    assert sent.message["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    ("public_url", "name"),
    [
        ("https://call.example.org", "call.example.org"),
        ("http://192.0.2.7:8000", "[192.0.2.7]"),
        ("http://[2001:db8::1]", "[IPv6:2001:db8::1]"),
    ],
)
def test_it_greets_by_the_name_of_the_site(
    app: Flask, sender: Any, mailbox: Mailbox, public_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the name of the machine, which is [127.0.0.1] on many: some servers refuse that with 421."""
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    greet(app)
    with mail_server(mailbox, starttls=True) as port:
        outbox.send_due(sender(port, mail_security="starttls", public_url=public_url))
    assert mailbox.greetings == [name, name]  # again after STARTTLS
    assert outbox_of(app)[0]["state"] == "sent"


@pytest.mark.asvs("12.3.2")
def test_an_untrusted_certificate_is_refused(
    app: Flask, sender: Any, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    greet(app)
    with mail_server(mailbox, starttls=True) as port:
        outbox.send_due(sender(port, mail_security="starttls"))
    assert mailbox.mails == []
    assert outbox_of(app)[0]["state"] == "due"
    assert "SSLCertVerificationError" in caplog.text


@pytest.mark.asvs("12.3.2")
def test_a_certificate_of_another_host_is_refused(
    app: Flask, sender: Any, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    greet(app)
    with mail_server(mailbox, starttls=True) as port:
        outbox.send_due(sender(port, mail_security="starttls", mail_server="127.0.0.1"))
    assert mailbox.mails == []


def test_an_authority_of_ones_own_is_named_by_ssl_cert_file(
    app: Flask, sender: Any, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    greet(app)
    with mail_server(mailbox, starttls=True) as port:
        outbox.send_due(sender(port, mail_security="starttls"))
    assert mailbox.encrypted == [True]
    assert outbox_of(app)[0]["state"] == "sent"


def test_a_server_without_encryption_gets_nothing(app: Flask, sender: Any, mailbox: Mailbox) -> None:
    greet(app)
    with mail_server(mailbox) as port:
        outbox.send_due(sender(port, mail_security="starttls", mail_username=USERNAME, mail_password=PASSWORD))
    assert (mailbox.mails, mailbox.logins) == ([], [])
    assert outbox_of(app)[0]["state"] == "due"


@pytest.mark.parametrize(("password", "state"), [(PASSWORD, "sent"), ("wrong", "due")])
def test_the_server_may_want_a_login(
    app: Flask, sender: Any, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, password: str, state: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    greet(app)
    with mail_server(mailbox, starttls=True, login=True) as port:
        outbox.send_due(sender(port, mail_security="starttls", mail_username=USERNAME, mail_password=password))
    assert mailbox.logins[0] == USERNAME.encode()
    assert outbox_of(app)[0]["state"] == state
