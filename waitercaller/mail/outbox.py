"""The outbox: mails are documents first, and a background loop sends them.

A page enqueues a mail in the transaction of whatever it did and never waits for an SMTP server. `send_due` of any
process leases one mail at a time (see db/work_queue), so several processes do not send one twice. If a process dies
after the server took the mail, another one sends it again, with the same Message-ID.
"""

import logging
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import flask_mail
from flask import Flask, render_template
from flask_babel import force_locale
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from waitercaller.db import clock
from waitercaller.db.config import config
from waitercaller.db.faults import is_transient
from waitercaller.db.work_queue import WorkQueue
from waitercaller.mail import look, smtp
from waitercaller.model.face_entry import Face
from waitercaller.model.messages import OutboxMail, Registry

log = logging.getLogger(__name__)

BATCH_SIZE = 20  # mails that one call of `send_due` sends at most
RETENTION = {"sent": timedelta(days=7), "dropped": timedelta(days=7), "failed": timedelta(days=30)}  # by final state
KEEP_AFTER = timedelta(seconds=30)  # a lease that is older is renewed
QUEUE = WorkQueue[OutboxMail](
    collection="outbox",
    # Longer than the longest wait for one answer of the server; `_keep` renews it before each.
    lease_duration=timedelta(seconds=smtp.FINAL_DOT_SECONDS) + 2 * KEEP_AFTER,
    first_backoff=timedelta(seconds=15),
    longest_backoff=timedelta(hours=1),
    max_attempts=12,  # over about four hours
    retention=RETENTION,
)

_ADDRESS = re.compile(r"[^\s@<>,;:\x00-\x1f\x7f]+@[^\s@<>,;:\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Prepared:
    """What to send: the folder of templates/email, what its templates are rendered with, and whose face it has."""

    template: str
    context: dict[str, Any]
    face: Face = field(default_factory=Face)  # of the restaurant that the mail speaks for; empty: the product's own


class LeaseLost(Exception):
    """Another process has taken the mail meanwhile."""


# From (address, context) to what is sent. Addresses are looked up and links are made here, when the mail is sent: a
# page that did it would answer known and unknown addresses differently, and the outbox would hold links that work.
# The context also has `ordered_at`, when the mail was enqueued: links of several tries are of one order (model/tokens).
REGISTRY = Registry[Callable[[str, dict[str, Any]], Prepared | None]]()
prepares = REGISTRY.prepares


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
    """Enqueue a mail; idempotent per `occasion`. Raises ValueError where `to` is not one plain e-mail address.

    A mail that was dropped, because it had nothing to tell when it was sent, is enqueued again.
    """
    if not _ADDRESS.fullmatch(to):
        raise ValueError("not an e-mail address")
    host = urlsplit(config().public_url).hostname
    new = {"message_id": f"<{secrets.token_hex(16)}@{host}>", "created_at": clock.now()}
    mail: dict[str, Any] = {"name": name, "to": to, "language": language, "context": context, **new}
    if occasion:
        mail["_id"] = occasion
    if not QUEUE.enqueue(mail, txn):
        QUEUE.enqueue_again(occasion, "dropped", new)


def was_enqueued(occasion: str, since: datetime) -> bool:
    """Whether a mail for this occasion has been enqueued since then, and not been dropped."""
    mail = QUEUE.get(occasion)
    return mail is not None and mail["created_at"] > since and mail["state"] != "dropped"


def send_due(app: Flask) -> int:
    """Send the mails that are due, oldest first, at most BATCH_SIZE; returns how many were tried. Raises PyMongoError.

    Stops at the first one that shows that the server may be away: the others wait for the next round.
    """
    tried = 0
    with app.app_context():
        for mail in QUEUE.take(BATCH_SIZE):
            tried += 1
            if not _process(mail):
                break
    return tried


def _process(mail: OutboxMail) -> bool:
    """Send or drop a leased mail and note the result; False when the server may be away."""
    try:
        message = _message(mail)
        if message is not None:
            smtp.deliver(message, before_wait=lambda: _keep(mail))
    except LeaseLost:
        return True
    except Exception as error:  # whatever is wrong with one mail, the others must go out
        if is_transient(error):
            raise  # preparing asks the database; the lease brings the mail back
        return _note_failure(mail, error)
    QUEUE.finish(mail, "sent" if message else "dropped")
    return True


def _keep(mail: OutboxMail) -> None:
    """Renew the lease of a mail before the server is waited for. Raises LeaseLost."""
    if mail["next_at"] - clock.now() > QUEUE.lease_duration - KEEP_AFTER:
        return
    try:
        is_ours = QUEUE.extend(mail)
    except PyMongoError as error:
        if is_transient(error):
            return  # the server may take the mail right now: to break off would have it sent twice
        raise
    if not is_ours:
        raise LeaseLost


def _note_failure(mail: OutboxMail, error: Exception) -> bool:
    """Retry or give up; returns whether the server takes other mails, and only refused this one."""
    refused, reason = smtp.is_about_this_mail(error), smtp.reason(error)
    if smtp.is_permanent(error) or QUEUE.is_exhausted(mail):
        QUEUE.give_up(mail, f"the mail {mail['name']}", reason)
    else:
        QUEUE.retry(mail, refused=refused)
        about = (mail["name"], mail["_id"], mail["attempts"], reason)
        log.warning("could not send the mail %s (%s), attempt %d: %s", *about)
    return refused


def _message(mail: OutboxMail) -> look.Message | None:
    """The mail as it is sent, in the language of its reader; None when there is nothing to send."""
    with force_locale(mail["language"]):
        context = {**mail["context"], "ordered_at": mail["created_at"]}
        prepared = REGISTRY[mail["name"]](mail["to"], context)
        if prepared is None:
            return None
        public_url, its_look = config().public_url, look.of(prepared.face, mail["message_id"])
        subject, body, html = (
            render_template(
                f"email/{prepared.template}/{part}", public_url=public_url, look=its_look, **prepared.context
            )
            for part in ("subject.txt", "body.txt", "body.html")
        )
    message = look.Message(
        subject=" ".join(subject.split()),
        recipients=[mail["to"]],
        body=body,
        html=html,
        date=clock.now().timestamp(),
        extra_headers={"Auto-Submitted": "auto-generated"},  # RFC 3834: no automatic replies
    )
    message.msgId = mail["message_id"]
    if its_look.logo:
        message.add_logo(its_look.logo)
    return message
