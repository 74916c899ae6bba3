"""What the codes are: those of an app (RFC 6238; six digits, 30 seconds and SHA-1, as all have it) and recovery codes.

A recovery code has 120 random bits, so its SHA-256 is enough to keep: there is nothing to guess.
"""

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from datetime import datetime

import pyotp

ISSUER = "Waiter Caller"
PERIOD_SECONDS = 30  # seconds
TOLERATED_STEPS = 1  # before and after the present one: clocks of phones differ, and typing takes time
RECOVERY_CODE_COUNT = 10
RECOVERY_CODE_BYTES = 15


def new_secret() -> str:
    """A secret to share with an app: 160 random bits in base 32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, email: str) -> str:
    """What the QR code says, and what an app on the same phone opens."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def counter_of(secret: str, typed: str, now: datetime) -> int | None:
    """The number of the 30 seconds to which a typed code belongs, if that is now or one step off; else None."""
    present = int(now.timestamp()) // PERIOD_SECONDS
    app, code = pyotp.TOTP(secret), _normalised(typed)
    found = None
    for counter in range(
        present - TOLERATED_STEPS, present + TOLERATED_STEPS + 1
    ):  # always all: the time taken says nothing
        if hmac.compare_digest(app.generate_otp(counter).encode(), code.encode()):
            found = counter
    return found


def new_recovery_codes() -> list[str]:
    """Ten codes in groups of four, as they are shown."""
    return [
        in_groups(base64.b32encode(secrets.token_bytes(RECOVERY_CODE_BYTES)).decode())
        for _ in range(RECOVERY_CODE_COUNT)
    ]


def recovery_hash(typed: str) -> str:
    """What is kept of a recovery code; the same however its letters and groups are typed."""
    return hashlib.sha256(_normalised(typed).encode()).hexdigest()


def in_groups(text: str) -> str:
    """`text` in groups of four, for people to read and type."""
    return "-".join(re.findall(".{1,4}", text))


def _normalised(typed: str) -> str:
    return re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", typed)).upper()
