"""Mail servers for tests: one based on aiosmtpd, and one that never answers."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support import CERTIFICATES
from tests.support.cast import Mail, read_mail
from tests.support.databases import free_port

AUTHORITY, CERTIFICATE = CERTIFICATES / "authority.pem", CERTIFICATES / "server.pem"
USERNAME, PASSWORD = "waitercaller", "a mail password"


class Mailbox:
    """Stores received mails; `answers` maps a recipient to the SMTP reply that refuses it."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.recipients: list[str] = []
        self.answers: dict[str, str] = {}
        self.data_answer = "250 OK"
        self.encrypted: list[bool] = []
        self.logins: list[bytes] = []

    async def handle_RCPT(  # noqa: N802 (the name is aiosmtpd's)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data_answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.mails.append(read_mail(envelope.content))
            self.recipients += envelope.rcpt_tos
            self.encrypted.append(session.ssl is not None)
        return self.data_answer

    def authenticate(self, server: SMTP, txn: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login)
        good = (data.login.decode(), data.password.decode()) == (USERNAME, PASSWORD)
        return AuthResult(success=good, handled=False)


@contextmanager
def mail_server(mailbox: Mailbox, *, starttls: bool = False, login: bool = False) -> Iterator[int]:
    """A mail server on this machine during the block; yields its port."""
    options: dict[str, Any] = {}
    if starttls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        options |= {"tls_context": context, "require_starttls": True}
    if login:
        options |= {"authenticator": mailbox.authenticate, "auth_required": True}
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@contextmanager
def silent_server() -> Iterator[int]:
    """A server that accepts connections and sends nothing; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])
