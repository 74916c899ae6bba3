"""A push service on this machine, which verifies VAPID (RFC 8292), and browsers, which decrypt messages (RFC 8291).

Both are implemented independently of the application's code.
"""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.support.https import https_server
from waitercaller.db import clock

CURVE = ec.SECP256R1()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


class Phone:
    """A subscribed browser with its own keys."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.private = ec.generate_private_key(CURVE)
        self.secret = os.urandom(16)

    @property
    def point(self) -> bytes:
        public = self.private.public_key()
        return public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)

    @property
    def form(self) -> dict[str, str]:
        """The fields that its page posts to subscribe."""
        return {"endpoint": self.endpoint, "p256dh": b64(self.point), "auth": b64(self.secret)}

    def open(self, body: bytes) -> bytes:
        """Decrypt a message's body."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        shared = self.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
        secret = derived(shared, self.secret, b"WebPush: info\0" + self.point + sender, 32)
        key = derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derived(secret, salt, b"Content-Encoding: nonce\0", 12)
        text, end, padding = AESGCM(key).decrypt(nonce, sealed, None).rpartition(b"\x02")
        assert end
        assert not padding.strip(b"\0")
        return text


@dataclass
class Message:
    """A received message: path, decrypted text, headers."""

    path: str
    headers: dict[str, str]
    body: bytes
    claims: dict[str, Any]
    text: dict[str, Any]


@dataclass
class PushService:
    """Receives messages; `answers` maps a path to the statuses to respond with, in order, then 201."""

    address: str
    public_key: str
    phones: dict[str, Phone] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answers: dict[str, list[int]] = field(default_factory=dict)
    extra_headers: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return self.address.removeprefix("https://")

    def forget(self) -> None:
        """Forget all messages and answers."""
        self.phones, self.messages, self.asked, self.answers, self.extra_headers = {}, [], [], {}, {}

    def phone(self, name: str) -> Phone:
        """A browser subscribed here."""
        return self.phones.setdefault(f"/{name}", Phone(f"{self.address}/{name}"))

    def texts(self, name: str) -> list[tuple[str, str]]:
        """Title and text of the messages this phone got."""
        return [
            (each.text["title"], each.text["place"] or each.text["text"])
            for each in self.messages
            if each.path == f"/{name}"
        ]

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        self.asked.append(path)
        if answers := self.answers.get(path):
            return answers.pop(0)
        claims = verified(headers["authorization"], self.public_key, self.address)
        assert headers["content-encoding"] == "aes128gcm"
        text = json.loads(self.phones[path].open(body))
        self.messages.append(Message(path, headers, body, claims, text))
        return 201


def verified(authorization: str, public_key: str, audience: str) -> dict[str, Any]:
    """The claims of a VAPID header; asserts signature, audience and expiry (RFC 8292)."""
    claims = signed_claims(authorization, public_key)
    assert claims["aud"] == audience
    now = clock.now().timestamp()
    assert now < claims["exp"] <= now + 24 * 3600
    assert claims["sub"].startswith(("mailto:", "https://"))
    return claims


def signed_claims(authorization: str, public_key: str) -> dict[str, Any]:
    """The claims of a VAPID header; asserts its signature."""
    scheme, _, rest = authorization.partition(" ")
    parameters = dict(each.strip().split("=", 1) for each in rest.split(","))
    assert scheme == "vapid"
    assert parameters["k"] == public_key, "another application server than the browser has subscribed to"
    head, payload, signature = parameters["t"].split(".")
    assert json.loads(unb64(head)) == {"typ": "JWT", "alg": "ES256"}
    raw = unb64(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, unb64(public_key))
    key.verify(der, f"{head}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))
    claims: dict[str, Any] = json.loads(unb64(payload))
    return claims


@contextmanager
def push_service(public_key: str) -> Iterator[PushService]:
    """The service on https://localhost during the block; invalid messages are answered with 400."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                status = service.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            except Exception as error:  # noqa: BLE001 (sent in the response, and printed)
                self.send_error(400, repr(error))
                return
            self.send_response(status)
            for name, value in service.extra_headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with https_server(Handler) as host:
        service = PushService(f"https://{host}", public_key)
        yield service
