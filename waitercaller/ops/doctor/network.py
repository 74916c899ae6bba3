"""Checks of DNS, the TLS certificate, and the mail server."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parseaddr
from urllib.parse import SplitResult, urlsplit

from flask import current_app

from config import Config
from waitercaller.db import clock
from waitercaller.mail import smtp
from waitercaller.ops.doctor.finding import Finding, bad, good, note

TIMEOUT_SECONDS = 10.0
MAIL_REPLY_SECONDS = 30.0  # for each answer; mails are waited for longer (mail/smtp)
MAIL_ACCEPTED = 250
MIN_CERTIFICATE_DAYS = 14  # certbot renews 30 days before expiry: by then several renewals have failed

RENEWAL_ADVICE = "certbot renew --dry-run shows why it is not renewed; the log is /var/log/letsencrypt/letsencrypt.log."
MAIL_ADVICE = (
    "Nobody can confirm an address until it works: check MAIL_SERVER, MAIL_PORT and MAIL_SECURITY (587 with starttls, "
    "465 with tls), MAIL_USERNAME, MAIL_PASSWORD; many hosters close the way out until they are asked to open it."
)


def name(config: Config) -> Iterator[Finding]:
    """Whether the host of PUBLIC_URL resolves."""
    host = _address(config).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        yield bad(
            f"{host} has no address: {error}.",
            "Where your domain is kept, make its A record (and AAAA, if this machine has IPv6) point to this machine.",
        )
    else:
        addresses = sorted({str(each[4][0]) for each in found})
        yield good(f"{host} is at {', '.join(addresses)}.")


def certificate(config: Config) -> Iterator[Finding]:
    """The TLS certificate at PUBLIC_URL, verified as by a browser."""
    address = _address(config)
    if address.scheme != "https":
        return  # reported by `machine.settings`
    host, port = address.hostname or "", address.port or 443
    trust = ssl.create_default_context()
    try:
        with (
            socket.create_connection((host, port), timeout=TIMEOUT_SECONDS) as plain,
            trust.wrap_socket(plain, server_hostname=host) as tls,
        ):
            ends = _ends_at(tls)
    except ssl.SSLCertVerificationError as error:
        yield bad(f"Browsers refuse the certificate of {host}: {error.verify_message}.", RENEWAL_ADVICE)
    except OSError as error:
        yield bad(
            f"Nobody answers at {host}:{port} with a certificate: {error}.",
            "Is Apache running (systemctl status apache2), and do the firewall and the A record let visitors in?",
        )
    else:
        yield _lifetime(host, ends)


def mail(config: Config) -> Iterator[Finding]:
    """A conversation with the mail server as a mail begins it: greeting, encryption, login, sender."""
    if config.mail_folder:
        yield note("MAIL_FOLDER is set: mails are written there and sent to nobody.", "Empty it, and set MAIL_SERVER.")
        return
    place = f"{config.mail_server}:{config.mail_port}"
    try:
        with smtp.Connection(current_app.extensions["mail"], reply_seconds=MAIL_REPLY_SECONDS) as connection:
            assert isinstance(connection.host, smtp.Client)
            greeted = connection.host.ehlo_resp or connection.host.helo_resp or b""
            code, answer = connection.host.try_sender(parseaddr(config.mail_sender)[1])
    except smtp.GreetingRefused as error:
        yield bad(
            f'The mail server {place} refuses our greeting "{smtp.own_name()}": {_answer(error.smtp_error)}.',
            "That is the host of PUBLIC_URL. Does it have an address, and may this machine send by that server?",
        )
    except OSError as error:
        yield bad(f"The mail server {place} cannot be used: {smtp.reason(error)}.", MAIL_ADVICE)
    else:
        if code != MAIL_ACCEPTED:
            words = f"The mail server {place} refuses our sender: {code} {_answer(answer)}."
            yield bad(words, "MAIL_SENDER must be one that it sends mails of.")
        yield from _mail_is_open(config, place, _answer(greeted))


def _mail_is_open(config: Config, place: str, greeted: str) -> Iterator[Finding]:
    login = f" as {config.mail_username}" if config.mail_username else ", without a login"
    words = f'The mail server {place} lets us in{login}; to our greeting "{smtp.own_name()}" it says: {greeted}'
    if config.mail_security == "none" and config.mail_server not in ("localhost", "127.0.0.1", "::1"):
        yield note(f"{words}. Nothing is encrypted.", "Set MAIL_SECURITY to starttls or tls.")
    else:
        yield good(f"{words}.")


def _answer(text: bytes | str) -> str:
    """The first line of an answer, as far as a terminal shows it."""
    first = (text.decode(errors="replace") if isinstance(text, bytes) else text).partition("\n")[0]
    return "".join(character for character in first if character.isprintable())


def _lifetime(host: str, ends: datetime) -> Finding:
    days = (ends - clock.now()).days
    words = f"The certificate of {host} is good for {days} days, until {ends:%Y-%m-%d}."
    return good(words) if days >= MIN_CERTIFICATE_DAYS else bad(words, RENEWAL_ADVICE)


def _ends_at(tls: ssl.SSLSocket) -> datetime:
    presented = tls.getpeercert()
    assert presented is not None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(presented["notAfter"])), UTC)


def _address(config: Config) -> SplitResult:
    return urlsplit(config.public_url)
