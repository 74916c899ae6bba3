"""Delivers a mail to the SMTP server, or into a folder where the local run keeps its mails."""

import ipaddress
import os
import secrets
import smtplib
import ssl
import traceback
from collections.abc import Callable
from contextlib import suppress
from email import charset
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import flask_mail
from flask import current_app

from waitercaller.db import clock
from waitercaller.db.config import config

# How long the server is waited for. RFC 5321, 4.5.3.2: a client that gives up before has a mail sent twice, because the
# server may have taken it already.
CONNECT_SECONDS = 30.0  # until the connection stands, with TLS from its begin where that is set
REPLY_SECONDS = 300.0  # until the answer to each command
FINAL_DOT_SECONDS = 600.0  # until the answer to the whole mail
GOODBYE_SECONDS = 10.0  # until the answer to QUIT, which nothing depends on
GreetingRefused = smtplib.SMTPHeloError
CLOSING = 421  # the answer after which a server ends the conversation

# Flask-Mail would send texts in 8 bits; not every server takes those or long lines, and all take quoted-printable.
charset.add_charset("utf-8", charset.SHORTEST, charset.QP, "utf-8")


def deliver(message: flask_mail.Message, before_wait: Callable[[], None] = lambda: None) -> None:
    """Deliver a mail. Raises OSError, of which SMTPException is one, also when TLS or the login fails.

    `before_wait` is called before each answer that is waited for, at most FINAL_DOT_SECONDS.
    """
    folder = config().mail_folder
    if folder:
        _write(message, Path(folder))
        return
    with Connection(current_app.extensions["mail"], before_wait) as connection:
        connection.send(message)


def own_name() -> str:
    """The name by which we greet the server (RFC 5321, 4.1.4): the site's host; of an address its literal."""
    host = urlsplit(config().public_url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"


def is_about_this_mail(error: Exception) -> bool:
    """Whether the server refused this mail alone. A refused login or sender is a fault of the configuration instead."""
    return isinstance(error, (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError))


def is_permanent(error: Exception) -> bool:
    """Whether the server refuses this mail for good."""
    return is_about_this_mail(error) and 500 <= _code(error) < 600


def reason(error: Exception) -> str:
    """What went wrong, for the log; without the server's answer, which often holds the address or parts of the mail."""
    name = type(error).__name__
    if isinstance(error, smtplib.SMTPException):
        cause = type(error.__context__).__name__ if error.__context__ else "without an answer"
        return f"{name} {_code(error) or cause}"
    if isinstance(error, OSError):
        return f"{name}: {error}"
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{name} in {place.name}, {place.filename}:{place.lineno}"


def _code(error: Exception) -> int:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(code for code, _ in error.recipients.values())  # a mail has one recipient
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0


class Client(smtplib.SMTP):
    """A conversation with the server that waits for each of its answers as long as `reply_seconds` says."""

    def __init__(
        self, host: str, port: int, before_wait: Callable[[], None], reply_seconds: float, **options: Any
    ) -> None:
        self.before_wait = before_wait
        self.reply_seconds = reply_seconds
        super().__init__(host, port, local_hostname=own_name(), timeout=CONNECT_SECONDS, **options)

    def getreply(self) -> tuple[int, bytes]:
        self.before_wait()
        if self.sock is not None:
            self.sock.settimeout(self.reply_seconds)
        return super().getreply()

    def ehlo(self, name: str = "") -> tuple[int, bytes]:
        """Raises GreetingRefused where the server ends the conversation, since it would not hear HELO any more."""
        code, answer = super().ehlo(name)
        if code == CLOSING:
            raise GreetingRefused(code, answer)
        return code, answer

    def data(self, msg: Any) -> tuple[int, bytes]:
        usual, self.reply_seconds = self.reply_seconds, max(self.reply_seconds, FINAL_DOT_SECONDS)
        try:
            return super().data(msg)
        finally:
            self.reply_seconds = usual

    def try_sender(self, address: str) -> tuple[int, bytes]:
        """What the server answers to a mail of this sender, before it knows to whom; none is sent."""
        answer = self.mail(address)
        self.rset()
        return answer


class TLSClient(Client, smtplib.SMTP_SSL):
    """The same, with TLS from the begin."""


class Connection(flask_mail.Connection):
    """Flask-Mail's connection, with timeouts, our own name, and the server's certificate verified.

    Trusted are the system's certificate authorities, or those in the file named by SSL_CERT_FILE.
    """

    def __init__(
        self,
        mail: flask_mail.Mail,
        before_wait: Callable[[], None] = lambda: None,
        reply_seconds: float | None = None,  # None: REPLY_SECONDS
    ) -> None:
        super().__init__(mail)
        self.before_wait = before_wait
        self.reply_seconds = REPLY_SECONDS if reply_seconds is None else reply_seconds

    def configure_host(self) -> smtplib.SMTP:
        tls = ssl.create_default_context()
        where = (self.mail.server, self.mail.port or 0, self.before_wait, self.reply_seconds)
        host = TLSClient(*where, context=tls) if self.mail.use_ssl else Client(*where)
        try:
            host.ehlo_or_helo_if_needed()
            if self.mail.use_tls:
                host.starttls(context=tls)
                host.ehlo_or_helo_if_needed()
            if self.mail.username and self.mail.password:
                host.login(self.mail.username, self.mail.password)
        except BaseException:
            host.close()
            raise
        return host

    def __exit__(self, exc_type: object, *_: object) -> None:
        if self.host is None:
            return
        if exc_type is None:
            assert isinstance(self.host, Client)
            self.host.before_wait, self.host.reply_seconds = (lambda: None), GOODBYE_SECONDS
            with suppress(OSError):  # the mail is accepted: an error of QUIT is none of the mail
                self.host.quit()
        self.host.close()


def _write(message: flask_mail.Message, folder: Path) -> None:
    """Put a mail into the folder as a file that mail programs open, and show it on the terminal."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{clock.now():%Y%m%dT%H%M%S.%f}-{secrets.token_hex(4)}.eml"
    unfinished = folder / f".{name}"
    unfinished.write_bytes(message.as_bytes())
    os.replace(unfinished, folder / name)
    text = f"\nTo: {message.recipients[0]}\nSubject: {message.subject}\n\n{message.body}\n"
    # Names come from visitors, and a terminal obeys control characters.
    print("".join(c for c in text if c.isprintable() or c in "\n\t"), flush=True)
