"""The outbox: mails are documents first, and a sender takes them from there.

A page that owes somebody a mail writes a document, in the transaction of whatever it did, and never waits for an SMTP
server. The sender of any process leases one document at a time (see leases), so that several processes never send one
twice. (If a process died after the server took the mail, another one sends it again, with the same Message-ID.)
"""

import logging
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import flask_mail
from flask import Flask, current_app, render_template
from flask_babel import force_locale
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError, PyMongoError

from waitercaller.db import clock, work_queue
from waitercaller.db.client import Document, db
from waitercaller.mail import smtp

log = logging.getLogger(__name__)

BATCH = 20  # mails that one call of `send_due` takes up at most
LEASE = timedelta(minutes=2)  # longer than a conversation whose every step just meets delivery.TIMEOUT
ATTEMPTS = 12  # which take about four hours
FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(hours=1)
KEPT = {"sent": timedelta(days=7), "dropped": timedelta(days=7), "failed": timedelta(days=30)}

_ADDRESS = re.compile(r"[^\s@<>,;:\x00-\x1f\x7f]+@[^\s@<>,;:\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Prepared:
    """What to send: the folder of templates/email and what they are rendered with."""

    template: str
    context: dict[str, Any]


Prepare = Callable[[str, dict[str, Any]], Prepared | None]

_prepares: dict[str, Prepare] = {}


def prepares(name: str) -> Callable[[Prepare], Prepare]:
    """Register what turns (address, context) of a mail called `name` into what is sent, when it is sent.

    There the address is looked up and the link is made: a page that did it would answer known and unknown addresses
    differently, and the outbox would hold links that work. None means that there is nothing to send.
    """

    def register(prepare: Prepare) -> Prepare:
        _prepares[name] = prepare
        return prepare

    return register


def init_app(app: Flask) -> None:
    flask_mail.Mail(app)


def enqueue(
    name: str,
    to: str,
    /,
    *,
    txn: ClientSession | None = None,
    language: str = "en",
    occasion: str = "",
    **context: Any,
) -> None:
    """Owe `to` a mail, and no second one for the same `occasion`. Raises ValueError for what is no plain address.

    One that was dropped, because there was nothing to tell when its turn came, has not been sent: it is owed again.
    """
    if not _ADDRESS.fullmatch(to):
        raise ValueError("not an e-mail address")
    document = {"name": name, "to": to, "language": language, "context": context, **_due()}
    if occasion:
        document["_id"] = occasion
    try:
        db().outbox.insert_one(document, session=txn)
    except DuplicateKeyError:
        if not occasion or txn:
            raise
        db().outbox.update_one({"_id": occasion, "state": "dropped"}, {"$set": _due(), "$unset": {"purge_at": ""}})


def was_owed(occasion: str, since: datetime) -> bool:
    """Whether a mail for this occasion has been owed since then, and not been dropped."""
    lately = {"_id": occasion, "created_at": {"$gt": since}, "state": {"$ne": "dropped"}}
    return db().outbox.find_one(lately) is not None


def send_due(app: Flask) -> int:
    """Take up the mails that are due, oldest first, at most BATCH of them; returns how many. Raises PyMongoError."""
    with app.app_context():
        for taken in range(BATCH):
            leased = work_queue.take("outbox", LEASE)
            if not leased:
                return taken
            if not _deal_with(leased[0]):
                return taken + 1  # the server may be away: one mail has found out, the others wait for the next round
    return BATCH


def _due() -> Document:
    now = clock.now()
    host = urlsplit(current_app.extensions["config"].public_url).hostname
    return {
        "message_id": f"<{secrets.token_hex(16)}@{host}>",  # made once, so that a mail that comes twice is seen as one
        "state": "due",
        "attempts": 0,
        "next_at": now,  # when somebody may try; while somebody does, when the lease ends
        "created_at": now,
    }


def _deal_with(document: Document) -> bool:
    """Send or drop a leased mail and note what became of it; whether it went well enough to go on with the next."""
    try:
        message = _message(document)
        if message is not None:
            smtp.deliver(message)
    except PyMongoError:
        raise  # preparing asks the database; the lease brings the mail back
    except Exception as error:  # noqa: BLE001 (whatever is wrong with one mail, the others must go out)
        return _note_failure(document, error)
    _end(document, "sent" if message else "dropped")
    return True


def _note_failure(document: Document, error: Exception) -> bool:
    refused = smtp.is_about_this_mail(error)
    about = (document["name"], document["_id"], document["attempts"], smtp.reason(error))
    if smtp.is_permanent(error) or document["attempts"] >= ATTEMPTS:
        _end(document, "failed")
        log.error("gave up the mail %s (%s) after %d attempts: %s", *about)
    else:
        pause = work_queue.pause(document["attempts"], FIRST_PAUSE, LONGEST_PAUSE)
        work_queue.move("outbox", document, {"next_at": clock.now() + pause, "refused": refused})
        log.warning("could not send the mail %s (%s), attempt %d: %s", *about)
    return refused


def _end(document: Document, state: str) -> None:
    work_queue.end("outbox", document, state, KEPT[state])


def _message(document: Document) -> flask_mail.Message | None:
    """The mail as it is sent, in the language of whoever reads it; None when there is nothing to send."""
    with force_locale(document["language"]):
        name, context = document["name"], document["context"]
        prepared = _prepares[name](document["to"], context) if name in _prepares else Prepared(name, context)
        if prepared is None:
            return None
        public_url = current_app.extensions["config"].public_url
        subject, body, html = (
            render_template(f"email/{prepared.template}/{part}", public_url=public_url, **prepared.context)
            for part in ("subject.txt", "body.txt", "body.html")
        )
    message = flask_mail.Message(
        subject=" ".join(subject.split()),
        recipients=[document["to"]],
        body=body,
        html=html,
        date=clock.now().timestamp(),
        extra_headers={"Auto-Submitted": "auto-generated"},  # no "I am on holiday" in return
    )
    message.msgId = document["message_id"]
    return message
