"""Mail servers for tests: one based on aiosmtpd, and one that never answers."""

import socket
import ssl
from collections.abc import Callable, Iterator
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
    """Stores received mails; `answers` maps a recipient to the SMTP reply that refuses it.

    Where it `takes_all`, it stores a mail whatever `data_answer` says, as a server whose answer is lost. `on_data` is
    called while the client waits for that answer.
    """

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.recipients: list[str] = []
        self.answers: dict[str, str] = {}
        self.data_answer = "250 OK"
        self.takes_all = False
        self.on_data: Callable[[], object] = lambda: None
        self.greetings: list[str] = []  # the names that clients said
        self.ehlo_answer = self.helo_answer = ""  # refuse every greeting
        self.sender_answer = ""  # refuses every sender
        self.encrypted: list[bool] = []
        self.logins: list[bytes] = []

    async def handle_EHLO(  # noqa: N802 (the name is aiosmtpd's)
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.greetings.append(hostname)
        if self.ehlo_answer:
            return [self.ehlo_answer]
        session.host_name = hostname
        return responses

    async def handle_HELO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str) -> str:  # noqa: N802
        session.host_name = hostname
        return self.helo_answer or f"250 {server.hostname}"

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.sender_answer:
            return self.sender_answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.on_data()
        if self.takes_all or self.data_answer.startswith("250"):
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
