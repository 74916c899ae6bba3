"""The proxy itself: takes connections, asks its rules about each command, and passes on what none of them minds.

One thread for each connection, as in the server behind. A statement of a transaction that is refused here ends the
transaction there, as mongod ends it.
"""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.wire import protocol
from tests.wire.exchange import Answer, Change, Close, LoseAnswer, Outcome, Refusal, Request, Rule
from tests.wire.protocol import Document, Message
from tests.wire.retries import Retries, unnumbered

HOST = "127.0.0.1"


@dataclass
class _Connection:
    client: socket.socket
    server: socket.socket
    user: str | None = None
    claims: str | None = None  # who it says it is, until the server agrees


class Proxy:
    """In front of the server at `server`; `rules` refuse, faults are let loose with `injecting`."""

    def __init__(self, server: tuple[str, int], rules: list[Rule]) -> None:
        self._server = server
        self._rules = rules
        self._faults: list[Rule] = []
        self._open: set[socket.socket] = set()
        self.refused: list[tuple[str, str]] = []  # database, words
        self.commands: Counter[str] = Counter()
        self.retries = Retries()
        self._listener = socket.create_server((HOST, 0), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections and end those that there are."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def injecting(self, *faults: Rule) -> Iterator[None]:
        """With these faults, asked in their order before the rules."""
        self._faults = [*self._faults, *faults]
        try:
            yield
        finally:
            self._faults = [each for each in self._faults if each not in faults]

    # --- one connection -----------------------------------------------------------------------------------------

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._open.add(client)
        with client, suppress(OSError), socket.create_connection(self._server) as server:
            self._open.add(server)
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(client, server)
            while (message := protocol.read(client)) and self._pass(connection, message):
                pass
            self._open.discard(server)
        self._open.discard(client)

    def _pass(self, connection: _Connection, message: Message) -> bool:
        """One command and what comes of it; False ends the connection."""
        body = protocol.document_of(message)
        request = Request(next(iter(body)), body, connection.user)
        self.commands[request.name] += 1
        if request.is_retryable_write and (known := self.retries.known(request)):
            outcome: Outcome | None = self._fault(request) or Answer(known)
        else:
            outcome = self._fault(request) or self._refusal(request)
        match outcome:
            case Close():
                return False
            case Answer(document, after_seconds):
                if request.in_transaction and document.get("ok") != 1 and request.name != "abortTransaction":
                    _abort(connection, request)
                time.sleep(after_seconds)
                if not message.more_to_come:
                    connection.client.sendall(protocol.answer(message, document).data)
                return True
        return self._run(connection, message, request, outcome)

    def _run(self, connection: _Connection, message: Message, request: Request, outcome: Outcome | None) -> bool:
        """Let the server do it, and hand on its answer, or answers where one brings more."""
        if request.is_retryable_write:
            message = protocol.with_document(message, unnumbered(request).body)
        connection.server.sendall(message.data)
        if message.more_to_come:
            return True
        while answer := protocol.read(connection.server):
            answer = self._heard(connection, request, answer)
            if isinstance(outcome, LoseAnswer):
                return False
            if isinstance(outcome, Change):
                time.sleep(outcome.after_seconds)
                answer = protocol.with_document(answer, outcome.change(protocol.document_of(answer)))
            connection.client.sendall(answer.data)
            if not answer.more_to_come:
                return True
        return False

    def _fault(self, request: Request) -> Outcome | None:
        return next((outcome for fault in self._faults if (outcome := fault(request))), None)

    def _refusal(self, request: Request) -> Outcome | None:
        for rule in self._rules:
            if outcome := rule(request):
                if isinstance(outcome, Refusal):
                    self.refused.append((request.database, str(outcome.document["errmsg"])))
                return outcome
        return None

    def _heard(self, connection: _Connection, request: Request, answer: Message) -> Message:
        """What the proxy itself learns from an answer, and what it has to say otherwise than the server."""
        if request.is_retryable_write:
            self.retries.keep(request, protocol.document_of(answer))
        elif request.name in ("hello", "ismaster", "isMaster", "saslStart", "saslContinue"):
            document = protocol.document_of(answer)
            _authenticated(connection, request, document)
            if "hosts" in document:
                return protocol.with_document(answer, self._renamed(document))
        return answer

    def _renamed(self, document: Document) -> Document:
        """The set's only member is this proxy; to the server's own address drivers would go past it.

        Without its topologyVersion drivers ask again after an error, instead of waiting for the server to tell: it does
        not know of the elections that are injected here.
        """
        mine = f"{HOST}:{self.port}"
        document.pop("topologyVersion", None)
        return {**document, "hosts": [mine], **{key: mine for key in ("me", "primary") if key in document}}


def _authenticated(connection: _Connection, request: Request, answer: Document) -> None:
    """Who the user of this connection is, once the server has agreed. SCRAM's first message says n=NAME."""
    asked, answered = request.body, answer
    if "speculativeAuthenticate" in asked:
        asked, answered = asked["speculativeAuthenticate"], answer.get("speculativeAuthenticate", {})
    payload = bytes(asked.get("payload", b""))
    if payload.startswith(b"n,,n="):
        connection.claims = payload[len(b"n,,n=") :].partition(b",")[0].decode()
    if answered.get("done") and answer.get("ok") == 1:
        connection.user = connection.claims


def _abort(connection: _Connection, request: Request) -> None:
    kept = {key: request.body[key] for key in ("lsid", "txnNumber", "autocommit")}
    connection.server.sendall(protocol.command({"abortTransaction": 1, **kept, "$db": "admin"}).data)
    protocol.read(connection.server)
