"""Delivers a mail to the SMTP server, or into a folder where the local run keeps its mails."""

import os
import secrets
import smtplib
import ssl
import traceback
from contextlib import suppress
from email import charset
from pathlib import Path

import flask_mail
from flask import current_app

from waitercaller.db import clock
from waitercaller.db.config import config

TIMEOUT_SECONDS = 10.0  # for each step of the conversation with the SMTP server

# Flask-Mail would send texts in 8 bits; not every server takes those or long lines, and all take quoted-printable.
charset.add_charset("utf-8", charset.SHORTEST, charset.QP, "utf-8")


def deliver(message: flask_mail.Message) -> None:
    """Deliver a mail. Raises OSError, of which SMTPException is one, also when TLS or the login fails."""
    folder = config().mail_folder
    if folder:
        _write(message, Path(folder))
        return
    with Connection(current_app.extensions["mail"]) as connection:
        connection.send(message)


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


class Connection(flask_mail.Connection):
    """Flask-Mail's connection, with a timeout and with the server's certificate verified, neither of which it does.

    Trusted are the system's certificate authorities, or those in the file named by SSL_CERT_FILE.
    """

    def configure_host(self) -> smtplib.SMTP:
        tls = ssl.create_default_context()
        server, port = self.mail.server, self.mail.port or 0
        if self.mail.use_ssl:
            host: smtplib.SMTP = smtplib.SMTP_SSL(server, port, timeout=TIMEOUT_SECONDS, context=tls)
        else:
            host = smtplib.SMTP(server, port, timeout=TIMEOUT_SECONDS)
        try:
            if self.mail.use_tls:
                host.starttls(context=tls)
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
