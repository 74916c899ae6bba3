"""Signed links that work once: `issue` makes one, `redeem` spends it.

A token is signed (its own salt for each purpose, SHA-256) and carries a random id and its expiry; the database keeps
only the id's hash. It is spent by one conditional update, dies when a newer one is issued for the same purpose and
subject, and is revoked with all others of its subject when the password or the address changes.
"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Literal, TypedDict, cast

from flask import current_app
from itsdangerous import BadData, URLSafeSerializer
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from waitercaller.db import clock
from waitercaller.db.client import db

# Machines' clocks differ: a token is neither refused nor kept alive for that reason alone.
CLOCK_LEEWAY = timedelta(seconds=90)
# How long a spent or expired token is remembered, so that its link can still say what happened to it.
RETENTION = timedelta(days=7)

Reason = Literal["invalid", "expired", "used"]


class Token(TypedDict):
    """What is kept of a link that works once."""

    _id: str  # SHA-256 of the random id that the link carries
    purpose: str  # chooses the salt
    subject: str  # what it is about: an id or an address
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None  # used, replaced or revoked
    purge_at: datetime  # RETENTION after it has expired


def documents() -> Collection[Token]:
    """The collection `tokens`."""
    return cast(Collection[Token], db().tokens)


class TokenError(Exception):
    """The token cannot be redeemed; `reason` tells why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.status = 400 if reason == "invalid" else 410  # of the page: it never worked, or does not any more


def serializer(salt: str) -> URLSafeSerializer:
    """What signs and verifies values for one use, named by `salt`; the older keys still verify."""
    keys = [*current_app.config["SECRET_KEY_FALLBACKS"], current_app.config["SECRET_KEY"]]
    return URLSafeSerializer(keys, salt=salt, signer_kwargs={"digest_method": hashlib.sha256})


def issue(purpose: str, subject: str, lifetime: timedelta) -> str:
    """Make a token for `subject` (an id or an address), good for `lifetime`; older ones of this purpose die."""
    now = clock.now()
    token_id = secrets.token_urlsafe(24)
    documents().update_many({"subject": subject, "purpose": purpose, "used_at": None}, {"$set": {"used_at": now}})
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
    return serializer(f"token:{purpose}").dumps([token_id, clock.milliseconds(now + lifetime)])


def peek(purpose: str, token: str, txn: ClientSession | None = None) -> str:
    """The subject of a token that could be redeemed now. Raises TokenError."""
    return _valid(purpose, token, txn)["subject"]


def redeem(purpose: str, token: str, txn: ClientSession | None = None) -> str:
    """Spend a token and return its subject; of several at once exactly one succeeds. Raises TokenError."""
    document = _valid(purpose, token, txn)
    spent = documents().update_one(
        {"_id": document["_id"], "used_at": None}, {"$set": {"used_at": clock.now()}}, session=txn
    )
    if not spent.modified_count:
        raise TokenError("used")
    return document["subject"]


def revoke(subject: str, txn: ClientSession | None = None) -> None:
    """Make every open token of `subject` worthless, whatever its purpose."""
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


def _hash(token_id: str) -> str:
    return hashlib.sha256(token_id.encode()).hexdigest()
