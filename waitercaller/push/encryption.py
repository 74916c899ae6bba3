"""Encryption for one browser (RFC 8291, aes128gcm) and our signature for its push service (RFC 8292, VAPID).

Both are short on top of the package cryptography; the examples of the RFCs are our tests.
"""

import base64
import json
import os
from datetime import timedelta
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from waitercaller.db import clock

CURVE = ec.SECP256R1()
RECORD_SIZE = 4096
VAPID_LIFETIME = timedelta(hours=12)  # a service refuses more than a day
PUBLIC_KEY_SIZE, SECRET_SIZE, SALT_SIZE = 65, 16, 16


def encode(data: bytes) -> str:
    """Base64url without padding, as both RFCs write keys and signatures."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def new_private_key() -> str:
    """A key for VAPID_PRIVATE_KEY."""
    return encode(ec.generate_private_key(CURVE).private_numbers().private_value.to_bytes(32))


def public_key(private: str) -> str:
    """Our public key, by which browsers and push services know us."""
    return encode(_point(_private(private).public_key()))


def are_keys(p256dh: str, auth: str) -> bool:
    """Whether these can be the keys of a browser: a point of the curve, and a secret."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decode(p256dh))
        return len(decode(p256dh)) == PUBLIC_KEY_SIZE and len(decode(auth)) == SECRET_SIZE
    except ValueError:
        return False


def seal(
    text: bytes, p256dh: str, auth: str, ours: ec.EllipticCurvePrivateKey | None = None, salt: bytes | None = None
) -> bytes:
    """Encrypt for the browser with these keys; `ours` and `salt` are new for each message, and only tests give them."""
    ours, salt = ours or ec.generate_private_key(CURVE), salt or os.urandom(SALT_SIZE)
    theirs, our_point = decode(p256dh), _point(ours.public_key())
    shared = ours.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, theirs))
    secret = _derive(shared, decode(auth), b"WebPush: info\0" + theirs + our_point, 32)
    key = _derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD_SIZE.to_bytes(4) + len(our_point).to_bytes(1) + our_point
    return header + AESGCM(key).encrypt(nonce, text + b"\x02", None)  # 2: the last record


def authorization(endpoint: str, private: str, contact: str) -> str:
    """The Authorization header for the push service of this endpoint; `contact` is a mailto: or https: URL."""
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int((clock.now() + VAPID_LIFETIME).timestamp()),
        "sub": contact,
    }
    signed = ".".join(encode(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
    r, s = decode_dss_signature(_private(private).sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"vapid t={signed}.{encode(r.to_bytes(32) + s.to_bytes(32))}, k={public_key(private)}"


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def _private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(decode(text)), CURVE)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
