"""Delivers an encrypted message to a push service, whose address came from a browser and so is not trusted.

Only https, only the hosts that the operator allows (PUSH_SERVICES), no redirects, short timeouts: nobody can use this
machine to reach what only this machine reaches (server-side request forgery).
"""

import functools
import http.client
import re
import ssl
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Literal
from urllib.parse import SplitResult, urlsplit

TIMEOUT_SECONDS = 5.0  # for each step of the conversation
LONGEST_ENDPOINT = 1000  # characters
LONGEST_RETRY_AFTER = 3600  # seconds that a service may ask us to wait
HTTPS = 443
_HOST = re.compile(
    r"([a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}"
)  # other labels are no host name, and make the resolver raise UnicodeError

Verdict = Literal["taken", "gone", "later", "refused"]


@dataclass(frozen=True)
class Answer:
    """What a push service answered; `gone` is the browser for good, `later` asks for a retry, `refused` is final."""

    verdict: Verdict
    status: int
    wait: int = 0  # seconds, from Retry-After


def is_allowed(endpoint: str, services: tuple[str, ...]) -> bool:
    """Whether this is an https URL at one of these hosts; "*." matches any labels, a port must be named."""
    parts = _parse(endpoint)
    if parts is None or parts.scheme != "https" or len(endpoint) > LONGEST_ENDPOINT:
        return False
    if parts.username is not None or parts.password is not None or parts.fragment:
        return False
    name = parts.hostname or ""
    host = name if parts.port in (None, HTTPS) else f"{name}:{parts.port}"
    return bool(_HOST.fullmatch(name)) and any(fnmatchcase(host, service) for service in services)


def host_of(endpoint: str) -> str:
    """The host, for the log: the rest of an endpoint is a secret that lets anybody send to that browser."""
    return urlsplit(endpoint).hostname or ""


def service_of(endpoint: str) -> tuple[str, int]:
    """The host and the port: what identifies a service."""
    parts = urlsplit(endpoint)
    return parts.hostname or "", parts.port or HTTPS


def post(endpoint: str, body: bytes, headers: dict[str, str]) -> Answer:
    """Send the message. Raises OSError (TimeoutError is one) where there is no answer, or none that is valid HTTP."""
    parts = urlsplit(endpoint)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS, context=_tls())
    try:
        connection.request("POST", target or "/", body, headers)
        response = connection.getresponse()
        return Answer(_verdict(response.status), response.status, _wait(response.getheader("Retry-After", "")))
    except http.client.HTTPException as error:
        raise ConnectionError(type(error).__name__) from error
    finally:
        connection.close()


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
