"""Passwords: which are accepted, and how they are hashed (argon2id, parameters from the configuration).

There are no rules about digits and capitals; what is refused is what is tried first (NIST SP 800-63B, 3.1.1.2): the
common ones, and the names around the account.

A password is verified as it was typed: nothing is trimmed, cut or folded. Only its accents are written in one way
(NFC, as RFC 8265 has it for passwords), because keyboards differ in how they send an "é" that looks the same; NFKC
would go further and take different characters for one.
"""

import base64
import gzip
import secrets
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from gevent import monkey
from gevent.threadpool import ThreadPool
from passlib.hash import argon2

from waitercaller.db.config import config

T = TypeVar("T")

SHORTEST = 10  # characters
LONGEST = 128
PARTS = 4  # of which a keyboard may make up a character
# In a process: each takes ARGON2_MEMORY_KIB, however many strangers log in at the same time; the others wait.
HASHES_AT_ONCE = 2
COMMON = Path(__file__).parents[1] / "data" / "common-passwords.txt.gz"  # see the VERSION beside it
PRODUCT = "Waiter Caller"


def objection(password: str, *names: str) -> LazyString | None:
    """Why this cannot be somebody's new password, or None; `names` are those of the person, restaurant and address."""
    if is_too_long(password):
        return lazy_gettext("Please use at most %(number)d characters.", number=LONGEST)
    if len(_normal(password)) < SHORTEST:
        return lazy_gettext("Please use at least %(number)d characters.", number=SHORTEST)
    if "\0" in password:
        return lazy_gettext("This contains a character that cannot be used in a password.")
    if _bare(password) in _bare_names(names):
        return lazy_gettext(
            "This is a name that others know: yours, the restaurant's or ours. Please think of another."
        )
    if password.strip().lower() in _common():
        return lazy_gettext("Many people use this password, so it is guessed first. Please think of another.")
    return None


def is_too_long(password: str) -> bool:
    """Whether nobody can have this password. As it is counted, an "é" is one character, however a keyboard sends it."""
    # First, because to put the accents of a very long text in order stops this process for seconds.
    return len(password) > PARTS * LONGEST or len(_normal(password)) > LONGEST


def hashed(password: str) -> str:
    """The hash to keep. Takes as long as the configured parameters make it; other greenlets go on meanwhile."""
    return str(_in_thread(_hasher().hash, _normal(password)))


def verify(password: str, password_hash: str | None) -> bool:
    """Whether the password belongs to the hash. None (nobody has this address) takes as long and is False."""
    return bool(_in_thread(_hasher().verify, _normal(password), password_hash or _nobodys_hash()))


def needs_update(password_hash: str) -> bool:
    """Whether it was made with other parameters than the present ones; then hash anew at the next login."""
    return bool(_hasher().needs_update(password_hash))


def _hasher() -> Any:
    parameters = config()
    return argon2.using(  # type: ignore[no-untyped-call]
        type="ID",
        memory_cost=parameters.argon2_memory_kib,
        rounds=parameters.argon2_rounds,
        parallelism=parameters.argon2_threads,
    )


def _nobodys_hash() -> str:
    """A hash in argon2's form with the present parameters and a fresh salt that no password has (digest: all zeros)."""
    present = config()
    parameters = f"m={present.argon2_memory_kib},t={present.argon2_rounds},p={present.argon2_threads}"
    salt = base64.b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    return f"$argon2id$v=19${parameters}${salt}${'A' * 43}"


def _in_thread(function: Callable[..., T], *arguments: str) -> T:
    """Call it in a thread pool under a gevent worker: argon2 gives up the GIL, but would hold the event loop."""
    if not monkey.is_module_patched("threading"):
        return function(*arguments)
    result: T = _pool().apply(function, arguments)
    return result


@cache
def _pool() -> ThreadPool:
    """A pool of its own, made after the fork: gevent's, of ten, also looks up host names."""
    return ThreadPool(HASHES_AT_ONCE)


def _bare_names(names: tuple[str, ...]) -> set[str]:
    local_parts = [name.rpartition("@")[0] for name in names if "@" in name]
    return {_bare(name) for name in (PRODUCT, *names, *local_parts)} - {""}


def _bare(text: str) -> str:
    """`text` without what makes no difference to whoever guesses: capitals and spaces."""
    return "".join(_normal(text).casefold().split())


@cache
def _common() -> frozenset[str]:
    with gzip.open(COMMON, "rt", encoding="utf-8") as lines:
        return frozenset(line.rstrip("\n") for line in lines)


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)
