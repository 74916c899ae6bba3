"""Password rules and hashing (argon2id, parameters from the configuration).

There are no composition rules; common passwords and names of the account are refused (NIST SP 800-63B, 3.1.1.2).

A password is verified as typed: not trimmed, truncated or case-folded. It is normalised to NFC (RFC 8265), because
keyboards send an "é" as one or two code points; NFKC would also equate different characters.
"""

import base64
import gzip
import secrets
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from passlib.hash import argon2

from waitercaller.db.config import config
from waitercaller.web.threads import in_thread

MIN_LENGTH = 10  # characters
MAX_LENGTH = 128
MAX_CODE_POINTS_PER_CHARACTER = 4  # sent by a keyboard, before NFC
COMMON_PASSWORDS = Path(__file__).parents[1] / "data" / "common-passwords.txt.gz"  # see the VERSION beside it
PRODUCT = "Waiter Caller"


def objection(password: str, *names: str) -> LazyString | None:
    """Why this is refused as a new password, or None; `names` are those of person, restaurant and e-mail address."""
    if is_too_long(password):
        return lazy_gettext("Please use at most %(number)d characters.", number=MAX_LENGTH)
    if len(_normalised(password)) < MIN_LENGTH:
        return lazy_gettext("Please use at least %(number)d characters.", number=MIN_LENGTH)
    if "\0" in password:
        return lazy_gettext("This contains a character that cannot be used in a password.")
    if _folded(password) in _folded_names(names):
        return lazy_gettext(
            "This is a name that others know: yours, the restaurant's or ours. Please think of another."
        )
    if password.strip().lower() in _common_passwords():
        return lazy_gettext("Many people use this password, so it is guessed first. Please think of another.")
    return None


def is_too_long(password: str) -> bool:
    """Whether this is longer than MAX_LENGTH characters, counted after NFC."""
    # Checked first without NFC, which takes seconds for a very long text.
    return len(password) > MAX_CODE_POINTS_PER_CHARACTER * MAX_LENGTH or len(_normalised(password)) > MAX_LENGTH


def hashed(password: str) -> str:
    """The hash to keep. Takes as long as the configured parameters make it; other greenlets go on meanwhile."""
    return str(in_thread(_hasher().hash, _normalised(password)))


def verify(password: str, password_hash: str | None) -> bool:
    """Whether the password matches the hash. None (unknown address) takes the same time and gives False."""
    return bool(in_thread(_hasher().verify, _normalised(password), password_hash or _dummy_hash()))


def needs_update(password_hash: str) -> bool:
    """Whether the hash has other parameters than the configured ones; then the next login hashes again."""
    return bool(_hasher().needs_update(password_hash))


def _hasher() -> Any:
    parameters = config()
    return argon2.using(  # type: ignore[no-untyped-call]
        type="ID",
        memory_cost=parameters.argon2_memory_kib,
        rounds=parameters.argon2_rounds,
        parallelism=parameters.argon2_threads,
    )


def _dummy_hash() -> str:
    """An argon2id hash with the configured parameters that no password matches (digest: all zeros)."""
    present = config()
    parameters = f"m={present.argon2_memory_kib},t={present.argon2_rounds},p={present.argon2_threads}"
    salt = base64.b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    return f"$argon2id$v=19${parameters}${salt}${'A' * 43}"


def _folded_names(names: tuple[str, ...]) -> set[str]:
    local_parts = [name.rpartition("@")[0] for name in names if "@" in name]
    return {_folded(name) for name in (PRODUCT, *names, *local_parts)} - {""}


def _folded(text: str) -> str:
    """`text` case-folded and without whitespace, to compare a password with names."""
    return "".join(_normalised(text).casefold().split())


@cache
def _common_passwords() -> frozenset[str]:
    with gzip.open(COMMON_PASSWORDS, "rt", encoding="utf-8") as lines:
        return frozenset(line.rstrip("\n") for line in lines)


def _normalised(password: str) -> str:
    return unicodedata.normalize("NFC", password)
