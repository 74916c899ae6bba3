"""Tokens: signature, expiry, single use and revocation."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from itsdangerous import URLSafeSerializer
from pymongo.database import Database

from config import Config
from tests.support.together import at_once_in
from waitercaller.db import clock
from waitercaller.model import tokens
from waitercaller.model.tokens import TokenError

HOUR = timedelta(hours=1)

TokenDatabase = Database[dict[str, Any]]


def reason(purpose: str, token: str) -> str:
    """Why this token cannot be redeemed."""
    with pytest.raises(TokenError) as refusal:
        tokens.redeem(purpose, token)
    return refusal.value.reason


def test_a_token_gives_its_subject_back_once(database: TokenDatabase) -> None:
    token = tokens.issue("reset", "alice", HOUR)
    assert tokens.redeem("reset", token) == "alice"
    assert reason("reset", token) == "used"


def test_peeking_does_not_redeem(database: TokenDatabase) -> None:
    token = tokens.issue("reset", "alice", HOUR)
    assert tokens.peek("reset", token) == tokens.peek("reset", token) == "alice"
    assert tokens.redeem("reset", token) == "alice"


def test_a_token_is_invalid_for_another_purpose(database: TokenDatabase) -> None:
    token = tokens.issue("confirm", "alice", HOUR)
    assert reason("reset", token) == "invalid"
    assert tokens.redeem("confirm", token) == "alice"


@pytest.mark.parametrize("token", ["", ".", "a.b", "ä", "W10.x" * 50, "\0", "e30.e30"])
def test_malformed_tokens_are_refused(database: TokenDatabase, token: str) -> None:
    assert reason("reset", token) == "invalid"


def test_a_changed_token_is_refused(database: TokenDatabase) -> None:
    token = tokens.issue("reset", "alice", HOUR)
    assert reason("reset", ("B" if token[0] == "A" else "A") + token[1:]) == "invalid"
    assert reason("reset", token[:-2] + ("AA" if token[-2:] != "AA" else "QQ")) == "invalid"


def test_a_token_signed_with_another_key_is_refused(database: TokenDatabase, config: Config) -> None:
    forged = URLSafeSerializer("a guessed key", salt="token:reset").dumps(["id", 9_999_999_999_999])
    assert reason("reset", forged) == "invalid"


def test_a_token_expires(database: TokenDatabase, later: Callable[..., None]) -> None:
    token = tokens.issue("reset", "alice", HOUR)
    later(hours=1, minutes=2)
    assert reason("reset", token) == "expired"


@pytest.mark.parametrize("seconds", [-90, 89])
def test_clocks_may_differ_by_90_seconds(database: TokenDatabase, later: Callable[..., None], seconds: int) -> None:
    fresh = tokens.issue("reset", "alice", HOUR)
    later(seconds=seconds)
    assert tokens.peek("reset", fresh) == "alice"
    later(hours=1)
    assert tokens.peek("reset", fresh) == "alice"


def test_a_newer_token_replaces_the_older(database: TokenDatabase) -> None:
    older, others = tokens.issue("reset", "alice", HOUR), tokens.issue("reset", "bob", HOUR)
    newer = tokens.issue("reset", "alice", HOUR)
    assert reason("reset", older) == "used"
    assert tokens.redeem("reset", newer) == "alice"
    assert tokens.redeem("reset", others) == "bob"


def test_tokens_of_one_order_work_until_one_is_used(database: TokenDatabase, later: Callable[..., None]) -> None:
    earlier = tokens.issue("reset", "alice", HOUR)
    later(minutes=1)
    ordered_at = clock.now()
    first = tokens.issue("reset", "alice", HOUR, ordered_at)
    later(minutes=10)
    second = tokens.issue("reset", "alice", HOUR, ordered_at)
    assert reason("reset", earlier) == "used"
    assert tokens.peek("reset", second) == tokens.peek("reset", first) == "alice"
    assert tokens.redeem("reset", first) == "alice"
    assert reason("reset", second) == "used"


def test_an_older_order_that_comes_late_ends_no_newer_one(database: TokenDatabase, later: Callable[..., None]) -> None:
    older = clock.now()
    later(minutes=1)
    newer = clock.now()
    link = tokens.issue("reset", "alice", HOUR, newer)
    later(minutes=1)
    tokens.issue("reset", "alice", HOUR, older)
    assert tokens.redeem("reset", link) == "alice"


def test_an_order_taken_by_a_clock_that_is_ahead_is_one_order(
    database: TokenDatabase, later: Callable[..., None]
) -> None:
    ordered_at = clock.now() + timedelta(seconds=2)
    first = tokens.issue("reset", "alice", HOUR, ordered_at)
    later(minutes=1)
    tokens.issue("reset", "alice", HOUR, ordered_at)
    assert tokens.redeem("reset", first) == "alice"


def test_revoking_ends_all_tokens_of_a_subject_and_no_others(database: TokenDatabase) -> None:
    hers = [tokens.issue(purpose, "alice", HOUR) for purpose in ("reset", "change")]
    his = tokens.issue("reset", "bob", HOUR)
    tokens.revoke("alice")
    assert [reason("reset", hers[0]), reason("change", hers[1])] == ["used", "used"]
    assert tokens.redeem("reset", his) == "bob"


def test_stored_values_cannot_be_redeemed(database: TokenDatabase) -> None:
    token = tokens.issue("reset", "alice", HOUR)
    token_id = tokens.serializer("token:reset").loads(token)[0]
    assert token not in str(database.tokens.find_one())
    assert token_id not in str(database.tokens.find_one())


def test_tokens_signed_with_a_fallback_key_are_valid(
    database: TokenDatabase, make_app: Callable[[Config], Flask], config: Config, app: Flask
) -> None:
    token = tokens.issue("reset", "alice", HOUR)
    new_key = "another key for tests: 3Hn8sLd6wQ1yBc5f"
    successor = make_app(replace(config, secret_key=new_key, secret_key_fallbacks=(config.secret_key,)))
    successor.extensions["mongo"] = app.extensions["mongo"]
    stranger = make_app(replace(config, secret_key=new_key))
    stranger.extensions["mongo"] = app.extensions["mongo"]
    with stranger.app_context():
        assert reason("reset", token) == "invalid"
    with successor.app_context():
        assert tokens.redeem("reset", token) == "alice"


@pytest.mark.needs_wire
def test_of_twenty_concurrent_redemptions_one_succeeds(database: TokenDatabase, app: Flask) -> None:
    token = tokens.issue("reset", "alice", HOUR)

    def redeem() -> str:
        try:
            return tokens.redeem("reset", token)
        except TokenError as error:
            return error.reason

    assert sorted(at_once_in(app, *[redeem] * 20)) == ["alice"] + ["used"] * 19
