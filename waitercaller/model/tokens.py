"""Signed single-use tokens for links.

A token is signed (with a salt for each purpose, SHA-256) and contains a random id and its expiry; the database stores
only the id's hash. It is redeemed by one conditional update, which ends all others of the same purpose and subject;
replaced when a newer one is ordered for them; and revoked with all others of its subject when the password or the
address changes. A mail that is sent again, because the server's answer was lost, has a token of the same order: each of
them works until one is used.
"""

import functools
import hashlib
import hmac
import secrets
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Literal, TypedDict, cast

from flask import current_app
from itsdangerous import BadData, URLSafeSerializer
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from waitercaller.db import clock
from waitercaller.db.client import db

# Tolerated difference between the clocks of machines.
CLOCK_LEEWAY = timedelta(seconds=90)
RETENTION = timedelta(days=7)  # after the expiry, so that the link's page can tell "used" and "expired" from "invalid"

# For somebody who types what another one reads out: no letter or digit that looks or sounds like another one's twin.
CODE_SIGNS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 8  # 31^8 codes; a limit allows some tries in a quarter of an hour

Reason = Literal["invalid", "expired", "used"]


class Token(TypedDict):
    """The stored part of a token."""

    _id: str  # SHA-256 of the token's random id
    purpose: str  # chooses the salt
    subject: str  # an id or an e-mail address
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None  # used, replaced or revoked
    purge_at: datetime  # RETENTION after `expires_at`


def documents() -> Collection[Token]:
    """The collection `tokens`."""
    return cast(Collection[Token], db().tokens)


class TokenError(Exception):
    """The token cannot be redeemed, for `reason`; `status` is that of the HTTP response."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.status = 400 if reason == "invalid" else 410


def serializer(salt: str) -> URLSafeSerializer:
    """A serializer that signs with the current key and also verifies with the fallback keys."""
    return _serializer((*current_app.config["SECRET_KEY_FALLBACKS"], current_app.config["SECRET_KEY"]), salt)


@functools.lru_cache
def _serializer(keys: tuple[str, ...], salt: str) -> URLSafeSerializer:
    return URLSafeSerializer(keys, salt=salt, signer_kwargs={"digest_method": hashlib.sha256})


def issue(purpose: str, subject: str, lifetime: timedelta, ordered_at: datetime | None = None) -> str:
    """Issue a token for `subject` with this lifetime; those of earlier orders for the same purpose are replaced.

    `ordered_at` is when it was asked for, if several tokens may be issued for one order. None: now, once.
    """
    return _issue(purpose, subject, lifetime, secrets.token_urlsafe(24), ordered_at)


def issue_with_code(purpose: str, subject: str, lifetime: timedelta) -> tuple[str, str]:
    """A token as by `issue`, and a short code that stands for it: see `of_code`."""
    code = "".join(secrets.choice(CODE_SIGNS) for _ in range(CODE_LENGTH))
    return _issue(purpose, subject, lifetime, _id_of_code(purpose, code)), code


def of_code(purpose: str, typed: str) -> str:
    """The token that a code stands for, whatever its state; of it letters and digits count. Raises TokenError."""
    letters = [each for each in unicodedata.normalize("NFKC", typed).upper() if each.isalnum()]
    code = "".join(str(unicodedata.decimal(each, each)) for each in letters)
    token_id = _id_of_code(purpose, code)
    document = documents().find_one({"_id": _hash(token_id), "purpose": purpose})
    if document is None:
        raise TokenError("invalid")
    return _signed(purpose, token_id, document["expires_at"])


def _issue(purpose: str, subject: str, lifetime: timedelta, token_id: str, ordered_at: datetime | None = None) -> str:
    now = max(clock.now(), ordered_at or clock.now())  # the clock of the machine that took the order may be ahead
    replaced: dict[str, object] = {"subject": subject, "purpose": purpose, "used_at": None}
    if ordered_at:
        replaced["created_at"] = {"$lt": ordered_at}
    documents().update_many(replaced, {"$set": {"used_at": now}})
    documents().insert_one(
        {
            "_id": _hash(token_id),
            "purpose": purpose,
            "subject": subject,
            "created_at": now,
            "expires_at": now + lifetime,
            "used_at": None,
            "purge_at": now + lifetime + RETENTION,
        }
    )
    return _signed(purpose, token_id, now + lifetime)


def peek(purpose: str, token: str, txn: ClientSession | None = None) -> str:
    """The subject of a valid token, without redeeming it. Raises TokenError."""
    return _valid(purpose, token, txn)["subject"]


def redeem(purpose: str, token: str, txn: ClientSession | None = None) -> str:
    """Redeem a token and return its subject, and end the others of its purpose and subject. Raises TokenError.

    Of concurrent calls exactly one succeeds.
    """
    document = _valid(purpose, token, txn)
    redeemed = documents().update_one(
        {"_id": document["_id"], "used_at": None}, {"$set": {"used_at": clock.now()}}, session=txn
    )
    if not redeemed.modified_count:
        raise TokenError("used")
    others = {"subject": document["subject"], "purpose": purpose, "used_at": None}
    documents().update_many(others, {"$set": {"used_at": clock.now()}}, session=txn)
    return document["subject"]


def revoke(subject: str, txn: ClientSession | None = None) -> None:
    """Revoke all open tokens of `subject`, for any purpose."""
    documents().update_many({"subject": subject, "used_at": None}, {"$set": {"used_at": clock.now()}}, session=txn)


def _valid(purpose: str, token: str, txn: ClientSession | None) -> Token:
    try:
        token_id, expires_ms = serializer(f"token:{purpose}").loads(token)
    except (BadData, ValueError, TypeError):
        raise TokenError("invalid") from None
    document = documents().find_one({"_id": _hash(token_id), "purpose": purpose}, session=txn)
    if clock.now() > datetime.fromtimestamp(expires_ms / 1000, UTC) + CLOCK_LEEWAY:
        raise TokenError("expired")
    if document is None:
        raise TokenError("invalid")
    if document["used_at"] is not None:
        raise TokenError("used")
    return document


def _signed(purpose: str, token_id: str, expires_at: datetime) -> str:
    return serializer(f"token:{purpose}").dumps([token_id, clock.milliseconds(expires_at)])


def _id_of_code(purpose: str, code: str) -> str:
    """The random id of a code's token: made with the secret key, since all codes could be hashed in minutes."""
    secret = f"codes {current_app.secret_key!s}".encode()
    return hmac.digest(secret, f"{purpose}\0{code}".encode(), "sha256").hex()


def _hash(token_id: str) -> str:
    return hashlib.sha256(token_id.encode()).hexdigest()
