"""A low-level HTTP client with control over target address, source address, headers and TLS."""

import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from types import TracebackType
from typing import Self

TIMEOUT_SECONDS = 60.0


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def header(self, name: str) -> str | None:
        """The value of this header; fails if it occurs more than once."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) < 2, (name, values)
        return values[0] if values else None


class Connection:
    """A connection to `address` (127.0.0.1:port or unix:/path), with TLS if `tls` is given."""

    def __init__(
        self, address: str, tls: ssl.SSLContext | None = None, name: str | None = None, source: str = ""
    ) -> None:
        self._http = HTTPConnection("unused", timeout=TIMEOUT_SECONDS)
        sock = _connect(address, source)
        self._http.sock = tls.wrap_socket(sock, server_hostname=name) if tls else sock

    def ask(
        self, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: bytes | None = None
    ) -> HTTPResponse:
        """Send a request with exactly these headers and Content-Length, and read the response's head."""
        self._http.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            self._http.putheader(name, value)
        if body is not None:
            self._http.putheader("Content-Length", str(len(body)))
        self._http.endheaders(body)
        return self._http.getresponse()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()


def visit(
    address: str,
    path: str,
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    body: bytes | None = None,
    tls: ssl.SSLContext | None = None,
    name: str | None = None,
    source: str = "",
) -> Answer:
    """One request on a new connection. Without a Host in `headers` it is `name`, or else 127.0.0.1."""
    headers = {"Host": name or "127.0.0.1", **(headers or {})}
    with Connection(address, tls, name, source) as connection:
        response = connection.ask(path, headers, method, body)
        return Answer(response.status, response.getheaders(), response.read())


def _connect(address: str, source: str) -> socket.socket:
    if address.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(TIMEOUT_SECONDS)
        sock.connect(address.removeprefix("unix:"))
        return sock
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), TIMEOUT_SECONDS, (source, 0) if source else None)
