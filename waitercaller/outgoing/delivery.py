"""Delivers a message to an address that came from a browser or an owner, and so is not trusted.

Only https, no redirects, short timeouts, and only hosts that the operator has named (PUSH_SERVICES, WEBHOOK_HOSTS) or,
for webhooks, addresses of the internet: nobody can use this machine to reach what only this machine reaches
(server-side request forgery).
"""

import functools
import http.client
import ipaddress
import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Literal
from urllib.parse import SplitResult, urlsplit

TIMEOUT_SECONDS = 5.0  # for each step of the conversation
LONGEST_ENDPOINT = 1000  # characters
LONGEST_RETRY_AFTER = 3600  # seconds that a service may ask us to wait
HTTPS = 443
MOST_ADDRESSES = 2  # of one host that are tried
_HOST = re.compile(
    r"([a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}"
)  # other labels are no host name, and make the resolver raise UnicodeError

# What stands for IPv4 addresses in IPv6: a gateway would lead to the address inside.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Verdict = Literal["taken", "gone", "later", "refused"]


@dataclass(frozen=True)
class Answer:
    """What was answered; `gone` is the receiver for good, `later` asks for a retry, `refused` is final."""

    verdict: Verdict
    status: int
    wait: int = 0  # seconds, from Retry-After


class NotPublic(OSError):
    """The host has an address that is not one of the internet; nothing was sent."""


def is_allowed(endpoint: str, services: tuple[str, ...]) -> bool:
    """Whether this is an https URL at one of these hosts; "*." matches any labels, a port must be named.

    ("*",) allows every host.
    """
    parts = _parse(endpoint)
    if parts is None or parts.scheme != "https" or len(endpoint) > LONGEST_ENDPOINT:
        return False
    if parts.username is not None or parts.password is not None or parts.fragment:
        return False
    name = parts.hostname or ""
    host = name if parts.port in (None, HTTPS) else f"{name}:{parts.port}"
    return bool(_HOST.fullmatch(name)) and any(fnmatchcase(host, service) for service in services)


def host_of(endpoint: str) -> str:
    """The host, for the log: the rest of an endpoint is a secret that lets anybody send to it."""
    return urlsplit(endpoint).hostname or ""


def service_of(endpoint: str) -> tuple[str, int]:
    """The host and the port: what identifies a service."""
    parts = urlsplit(endpoint)
    return parts.hostname or "", parts.port or HTTPS


def post(endpoint: str, body: bytes, headers: dict[str, str], public_only: bool = False) -> Answer:
    """Send the message; with `public_only` to addresses of the internet alone, for hosts that no operator has named.

    Raises OSError (TimeoutError and NotPublic are) where there is no answer, or none that is valid HTTP.
    """
    parts = urlsplit(endpoint)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    kind = _PublicConnection if public_only else http.client.HTTPSConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS, context=_tls())
    try:
        connection.request("POST", target or "/", body, headers)
        response = connection.getresponse()
        return Answer(_verdict(response.status), response.status, _wait(response.getheader("Retry-After", "")))
    except http.client.HTTPException as error:
        raise ConnectionError(type(error).__name__) from error
    finally:
        connection.close()


def is_public(address: str) -> bool:
    """Whether this IP address is one of the internet, also inside the ways to write IPv4 addresses in IPv6."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        translated = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
        ip = ip.ipv4_mapped or ip.sixtofour or translated or ip
    return ip.is_global and not ip.is_multicast


class _PublicConnection(http.client.HTTPSConnection):
    """Connects to the addresses that were checked, so that a second look-up cannot lead elsewhere."""

    def connect(self) -> None:
        """Raises NotPublic where one of the host's addresses is not public."""
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(where[0]) for *_, where in found))
        if not all(map(is_public, addresses)):
            raise NotPublic(f"{self.host} is not a host of the internet")
        self.sock = _tls().wrap_socket(self._connected(addresses[:MOST_ADDRESSES]), server_hostname=self.host)

    def _connected(self, addresses: list[str]) -> socket.socket:
        """A connection to the first that takes one. Raises OSError."""
        *others, last = addresses
        for address in others:
            with suppress(OSError):
                return socket.create_connection((address, self.port), self.timeout)
        return socket.create_connection((last, self.port), self.timeout)


def _verdict(status: int) -> Verdict:
    if 200 <= status < 300:
        return "taken"
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return "gone"
    is_temporary = status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS) or status >= 500
    return "later" if is_temporary else "refused"


def _wait(asked: str) -> int:
    return min(int(asked), LONGEST_RETRY_AFTER) if asked.isascii() and asked.isdigit() else 0


def _parse(endpoint: str) -> SplitResult | None:
    """None for what is no valid URL: a port that is no number, control characters, spaces, other than ASCII."""
    if not endpoint.isascii() or any(ord(character) <= 32 or ord(character) == 127 for character in endpoint):
        return None
    try:
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError:
        return None
    return parts


@functools.cache
def _tls() -> ssl.SSLContext:
    """Trusts the system's certificate authorities, or those in the file named by SSL_CERT_FILE; read once."""
    return ssl.create_default_context()
