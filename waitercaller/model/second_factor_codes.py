"""Codes of second factors: TOTP (RFC 6238; six digits, 30 seconds, SHA-1, as apps expect) and recovery codes.

A recovery code has 120 random bits, so a plain SHA-256 is sufficient for its storage.
"""

import base64
import hashlib
import hmac
import re
import secrets
from datetime import datetime

import pyotp

from waitercaller.model.typed_codes import normalised

ISSUER = "Waiter Caller"
PERIOD_SECONDS = 30
TOLERATED_STEPS = 1  # periods before and after the current one: clocks differ, and typing takes time
RECOVERY_CODE_COUNT = 10
RECOVERY_CODE_BYTES = 15


def new_secret() -> str:
    """A new TOTP secret: 160 random bits in base 32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, email: str) -> str:
    """The otpauth:// URI, for the QR code and as a link."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def counter_of(secret: str, typed: str, now: datetime) -> int | None:
    """The TOTP counter of a typed code within TOLERATED_STEPS of the current one; None if it matches none."""
    present = int(now.timestamp()) // PERIOD_SECONDS
    app, code = pyotp.TOTP(secret), normalised(typed)
    found = None
    for counter in range(present - TOLERATED_STEPS, present + TOLERATED_STEPS + 1):  # without early exit: constant time
        if hmac.compare_digest(app.generate_otp(counter).encode(), code.encode()):
            found = counter
    return found


def new_recovery_codes() -> list[str]:
    """RECOVERY_CODE_COUNT new codes in groups of four characters."""
    return [
        in_groups(base64.b32encode(secrets.token_bytes(RECOVERY_CODE_BYTES)).decode())
        for _ in range(RECOVERY_CODE_COUNT)
    ]


def recovery_hash(typed: str) -> str:
    """The SHA-256 of a recovery code, normalised for case and grouping."""
    return hashlib.sha256(normalised(typed).encode()).hexdigest()


def in_groups(text: str) -> str:
    """`text` in groups of four characters, separated by hyphens."""
    return "-".join(re.findall(".{1,4}", text))
