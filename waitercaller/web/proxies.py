"""The visitor's address and scheme, as proxies that are trusted tell them.

Each proxy appends to X-Forwarded-For the address that it was asked by, so the list is read from its end. PROXY_COUNT
proxies are trusted by number: whoever reaches our socket is one of them. Beyond these, an address that is in
TRUSTED_PROXIES is a proxy, and the one before it counts; the first one that is not is the visitor's. Whatever stands
before that was sent by the visitor, and is not believed.
"""

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from config import Network
from waitercaller.db.config import config

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class TrustedProxies:
    """WSGI middleware: REMOTE_ADDR is the visitor's, and the scheme is what a trusted proxy says.

    The last `number` addresses of X-Forwarded-For have been read before, by ProxyFix.
    """

    def __init__(self, app: "WSGIApplication", networks: tuple[Network, ...], number: int) -> None:
        self.app = app
        self.networks = networks
        self.number = number

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        address = address_in(environ.get("REMOTE_ADDR", ""))
        named = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
        named = named[: len(named) - self.number]
        if not self.number and self._trusts(address):
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip()
            environ["wsgi.url_scheme"] = scheme if scheme in ("http", "https") else environ["wsgi.url_scheme"]
        while self._trusts(address) and named and (before := address_in(named.pop())):
            address = before
            environ["REMOTE_ADDR"] = str(address)
        return self.app(environ, start_response)

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self.networks)


def init_app(app: Flask) -> None:
    number, networks = config(app).proxy_count, config(app).trusted_proxies
    if networks:
        app.wsgi_app = TrustedProxies(app.wsgi_app, networks, number)  # type: ignore[method-assign]
    if number:
        # A proxy passes the Host header on; X-Forwarded-Host is never trusted.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=number, x_proto=number)  # type: ignore[method-assign]


def address_in(word: str) -> Address | None:
    """The address that a proxy wrote: with a port, or in brackets, too; None if it is none, as "unknown"."""
    word = word.strip().strip('"')
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    try:
        address = ipaddress.ip_address(word)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
