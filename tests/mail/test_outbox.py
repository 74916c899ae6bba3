"""The mail outbox: documents, preparation at sending, headers, and delivery into a folder."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from config import Config
from tests.support.cast import Mail
from tests.support.greetings import DANA, greet, outbox_of, with_greeting
from waitercaller.db import clock
from waitercaller.mail import outbox

Mails = Callable[[], list[Mail]]


@pytest.fixture
def app(app: Flask) -> Flask:
    return with_greeting(app)


@pytest.fixture
def preparing() -> Iterator[dict[str, Any]]:
    """The registry of preparing functions, restored after the test."""
    functions = outbox.REGISTRY.functions
    before = dict(functions)
    yield functions
    functions.clear()
    functions.update(before)


# --- documents --------------------------------------------------------------------------------------------------------


def test_a_mail_waits_in_the_outbox_and_is_sent_once(database: Any, app: Flask, mails: Mails) -> None:
    greet(app)
    assert outbox_of(app)[0]["state"] == "due"
    (sent,) = mails()
    assert (sent.to, sent.subject) == (DANA, "Grüße von Alice")
    assert "Äpfel für Alice." in sent.text
    (document,) = outbox_of(app)
    assert document["state"] == "sent"
    assert document["purge_at"] - clock.now() > timedelta(days=6)
    assert mails() == []


def test_headers_tell_machines_what_it_is(app: Flask, mails: Mails) -> None:
    greet(app)
    message = mails()[0].message
    assert message["From"] == "Waiter Caller <hello@waitercaller.test>"
    assert re.fullmatch(r"<[0-9a-f]{32}@localhost>", message["Message-ID"])
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Reply-To"] is None
    assert abs((message["Date"].datetime - clock.now()).total_seconds()) < 60


def test_links_lead_to_the_public_address(make_app: Any, app: Flask, config: Config, mails: Mails) -> None:
    elsewhere = with_greeting(make_app(replace(config, public_url="https://call.example.org")))
    greet(elsewhere)
    outbox.send_due(elsewhere)
    (sent,) = mails()
    assert sent.links == ["https://call.example.org/hello?from=Alice"]
    assert sent.message["Message-ID"].endswith("@call.example.org>")


def test_a_mail_is_written_in_its_readers_language(app: Flask, mails: Mails) -> None:
    greet(app, language="de")
    greet(app)
    assert [sent.text[:2] for sent in mails()] == ["de", "en"]


def test_a_mail_is_prepared_when_it_is_sent(app: Flask, mails: Mails, preparing: dict[str, Any]) -> None:
    @outbox.prepares("surprise")
    def prepare(to: str, context: dict[str, Any]) -> outbox.Prepared:
        return outbox.Prepared("greeting", {"name": f"{context['who']} to {to}"})

    with app.app_context():
        outbox.enqueue("surprise", DANA, who="Bob")
    assert mails()[0].subject == f"Grüße von Bob to {DANA}"
    assert outbox_of(app)[0]["context"] == {"who": "Bob"}


def test_a_mail_with_nothing_to_tell_is_dropped(
    database: Any, app: Flask, mails: Mails, preparing: dict[str, Any]
) -> None:
    @outbox.prepares("greeting")
    def prepare(to: str, context: dict[str, Any]) -> None:
        return None

    greet(app)
    assert mails() == []
    assert outbox_of(app)[0]["state"] == "dropped"


def test_a_mail_that_was_dropped_is_enqueued_again_and_one_that_was_sent_is_not(
    app: Flask, mails: Mails, preparing: dict[str, Any]
) -> None:
    news: list[outbox.Prepared | None] = [None, outbox.Prepared("greeting", {"name": "Bob"})]
    outbox.prepares("greeting")(lambda to, context: news.pop(0))
    for sent in (0, 1, 0):
        with app.app_context():
            outbox.enqueue("greeting", DANA, occasion="tonight")
        assert len(mails()) == sent
    (document,) = outbox_of(app)
    assert document["state"] == "sent"


@pytest.mark.needs_wire
def test_a_mail_of_a_transaction_that_failed_is_not_enqueued(database: Any, app: Flask) -> None:
    from waitercaller.db.client import transaction

    def work(txn: Any) -> None:
        outbox.enqueue("greeting", DANA, txn=txn, name="Alice")
        raise LookupError

    with pytest.raises(LookupError):
        transaction(work)
    assert outbox_of(app) == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "dana",
        "a@b@c",
        "da na@example.org",
        "dana@example.org\n",
        "dana@example.org\0",
        "dana@example.org\r\nBcc: eve@example.org",
        "dana@example.org,eve@example.org",
        "Dana <dana@example.org>",
    ],
)
def test_what_is_not_one_plain_address_is_refused(app: Flask, address: str) -> None:
    with pytest.raises(ValueError, match="not an e-mail address"):
        greet(app, address)
    assert outbox_of(app) == []


def test_names_cannot_add_headers_or_markup(app: Flask, mails: Mails) -> None:
    greet(app, name="Eve\r\nBcc: eve@example.org\r\n\r\n<svg onload=1>")
    (sent,) = mails()
    assert sent.subject == "Grüße von Eve Bcc: eve@example.org <svg onload=1>"
    assert sent.message["Bcc"] is None
    assert "<svg" not in sent.html


# --- the folder -------------------------------------------------------------------------------------------------------


def test_files_are_whole_and_in_order(app: Flask, config: Config) -> None:
    for number in range(3):
        greet(app, name=f"guest {number}")
    assert outbox.send_due(app) == 3
    files = sorted(Path(config.mail_folder).iterdir())
    assert [file.suffix for file in files] == [".eml"] * 3
    assert [f"guest {n}" in file.read_text() for n, file in enumerate(files)] == [True] * 3


def test_the_terminal_shows_the_mail_and_obeys_nothing(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    greet(app, name="\x1b[2JEve")
    outbox.send_due(app)
    shown = capsys.readouterr().out
    assert f"To: {DANA}\nSubject: Grüße von [2JEve\n\n" in shown
    assert "http://localhost/hello?from=[2JEve\nÄpfel" in shown
