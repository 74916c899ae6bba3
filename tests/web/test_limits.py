"""Rate limits: who is limited, for how long, and nobody else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo.database import Database

from config import Config
from tests.support import databases, patience
from tests.support.together import at_once
from waitercaller.db import clock
from waitercaller.model import counters
from waitercaller.web import access, limits

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"
ALICE = "alice@example.org"
SHARED = [name for name, limit in limits.LIMITS.items() if limit.shared]

Check = Callable[..., None]


pytestmark = pytest.mark.usefixtures("fresh_limits")


@contextmanager
def visit(app: Flask, address: str = HOME) -> Iterator[None]:
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": address}):
        yield


def tries_until_refused(name: str, *keys: str, most: int = 10_000) -> int:
    for number in range(most):
        try:
            limits.check(name, *keys)
        except limits.LimitReached:
            return number
    raise AssertionError(f"{most} tries and no end")


# --- accounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("database")
def test_every_limit_ends_at_its_number_with_a_sentence_of_its_own(app: Flask) -> None:
    for name, limit in limits.LIMITS.items():
        with visit(app):
            assert tries_until_refused(name, ALICE) == min(each.tries for each in limit.allowances), name
            with pytest.raises(limits.LimitReached) as refused:
                limits.check(name, ALICE)
        assert str(refused.value.message).endswith("."), name
        assert refused.value.status == 429, name


@pytest.mark.usefixtures("database")
def test_who_waits_as_long_as_told_can_try_again(app: Flask, later: Callable[..., None]) -> None:
    with visit(app):
        later(minutes=5)
        assert tries_until_refused("login", ALICE) == 10
        with pytest.raises(limits.LimitReached) as refused:
            limits.check("login", ALICE)
        assert 595 < refused.value.retry_after <= 600
        later(seconds=refused.value.retry_after)
        limits.check("login", ALICE)


@pytest.mark.usefixtures("database")
def test_who_guesses_a_password_does_not_lock_its_owner_out_elsewhere(app: Flask) -> None:
    with visit(app, ELSEWHERE):
        assert tries_until_refused("login", ALICE) == 10
    with visit(app, HOME):
        limits.check("login", ALICE)


def test_who_guesses_many_accounts_from_one_address_is_stopped_and_leaves_few_traces(
    app: Flask, database: Database[dict[str, Any]]
) -> None:
    with visit(app, ELSEWHERE):
        served = 0
        for number in range(300):
            try:
                limits.check("login", f"somebody-{number}@example.org")
                served += 1
            except limits.LimitReached:
                pass
    assert served == 200
    assert database.limits.count_documents({}) == 201


@pytest.mark.usefixtures("database")
def test_a_success_clears_the_account_and_not_the_address(app: Flask) -> None:
    with visit(app):
        for _ in range(20):  # each after nine wrong ones
            for _ in range(10):
                limits.check("login", ALICE)
            limits.clear("login", ALICE)
        with pytest.raises(limits.LimitReached):
            limits.check("login", ALICE)


@pytest.mark.usefixtures("database")
def test_spelling_an_address_otherwise_does_not_help(app: Flask) -> None:
    with visit(app):
        assert tries_until_refused("login", ALICE) == 10
        with pytest.raises(limits.LimitReached):
            limits.check("login", " ALICE@Example.org")
        limits.check("login", "bob@example.org")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),  # one household
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
@pytest.mark.usefixtures("database")
def test_what_counts_as_one_address(app: Flask, first: str, second: str, same: bool) -> None:
    with visit(app, first):
        tries_until_refused("login", ALICE)
    with visit(app, second):
        assert (tries_until_refused("login", ALICE) == 0) == same


def test_the_store_holds_no_address_in_the_clear(app: Flask, database: Database[dict[str, Any]]) -> None:
    with visit(app):
        limits.check("login", ALICE)
    kept = str(list(database.limits.find()))
    assert "login" in kept
    assert "alice" not in kept
    assert HOME not in kept


def test_processes_share_what_they_count(
    database: Database[dict[str, Any]], app: Flask, make_app: Callable[[Config], Flask], config: Config
) -> None:
    other = make_app(config)
    other.extensions["mongo"] = app.extensions["mongo"]  # for mongomock; the others have their own client
    with visit(app):
        tries_until_refused("forgot", ALICE)
    with visit(other, ELSEWHERE), pytest.raises(limits.LimitReached):
        limits.check("forgot", ALICE)


@pytest.mark.needs_wire
@pytest.mark.usefixtures("database")
def test_of_many_tries_at_once_no_more_pass_than_may(app: Flask) -> None:
    def passed_of_five() -> int:
        passed = 0
        with visit(app):
            for _ in range(5):
                with suppress(limits.LimitReached):
                    limits.check("login", ALICE)
                    passed += 1
        return passed

    assert sum(at_once(*[passed_of_five] * 8)) == 10


# --- a store that is away ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["kill", "freeze"])
def test_without_the_store_limits_hold_in_the_process(
    frail_app: Flask,
    own_server: databases.Server,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    end: str,
) -> None:
    with visit(frail_app):
        limits.check("two_factor", ALICE)
        getattr(own_server, end)()
        monkeypatch.setattr(counters, "TIMEOUT_SECONDS", 0.2)
        assert tries_until_refused("two_factor", ALICE, most=20) == 5
        assert "counted in this process" in caplog.text
        limits.clear("two_factor", ALICE)
        limits.check("two_factor", ALICE)
        own_server.start() if end == "kill" else own_server.thaw()
        monkeypatch.setattr(counters, "TIMEOUT_SECONDS", patience.SECONDS)
        frail_app.extensions["mongo"].database.command("ping")
        left = tries_until_refused("two_factor", ALICE)
        # The store still knows the first; one that was frozen also what was sent to it, and not answered in time.
        assert left == 4 if end == "kill" else left <= 4


@pytest.mark.parametrize("name", SHARED)
def test_no_limit_is_open_while_the_store_is_away(
    app: Flask,
    own_server: databases.Server,
    make_app: Callable[[Config], Flask],
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    own_server.kill()
    app = make_app(replace(config, mongodb_uri=databases.with_name(own_server.uri, "frail")))
    app.extensions["mongo"].client.close()  # so that each try fails at once
    monkeypatch.setattr(counters, "TIMEOUT_SECONDS", 0.2)
    least = min(each.tries for each in limits.LIMITS[name].allowances)
    with visit(app):
        assert tries_until_refused(name, ALICE, most=least + 1) == least


def test_the_memory_of_counts_is_bounded(app: Flask) -> None:
    with visit(app):
        for number in range(100_000):
            limits.memory.take(str(number), 5, clock.now())
    assert len(limits.memory) == limits.MAX_MEMORY_ENTRIES


# --- the page, and forged addresses -----------------------------------------------------------------------------------


@pytest.fixture
def limited(make_app: Callable[[Config], Flask], config: Config) -> Callable[[int], FlaskClient]:
    """`limited(1)`: a browser for an application behind one proxy, whose page /limited is limited as `redeem` is."""

    def make(proxies: int) -> FlaskClient:
        app = make_app(replace(config, proxy_count=proxies, trusted_hosts=("localhost", "other.example")))

        @access.anyone
        def view() -> str:
            limits.check("redeem")
            return "served"

        app.add_url_rule("/limited", view_func=view)
        return app.test_client()

    return make


def served(client: FlaskClient, headers: Callable[[int], dict[str, str]], most: int = 100) -> int:
    """How many of `most` requests, each with its own headers, are accepted."""
    answers = [client.get("/limited", headers=headers(number)) for number in range(most)]
    return sum(answer.status_code == 200 for answer in answers)


def test_the_page_says_when_to_come_back(limited: Callable[[int], FlaskClient]) -> None:
    client = limited(0)
    served(client, lambda number: {}, most=60)
    answer = client.get("/limited")
    assert answer.status_code == 429
    assert 3500 < int(answer.headers["Retry-After"]) <= 3600
    assert "That was tried too often. It works again in 1 hour." in answer.text
    answer = client.get("/limited", headers={"Accept": "application/json"})
    assert answer.status_code == 429
    assert answer.json is not None
    assert "too often" in answer.json["message"]


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host", "True-Client-IP"])
@pytest.mark.parametrize("proxies", [0, 1])
def test_a_forged_address_does_not_help(limited: Callable[[int], FlaskClient], proxies: int, name: str) -> None:
    def forged(number: int) -> dict[str, str]:
        value = f"for=10.0.0.{number}" if name == "Forwarded" else f"10.0.0.{number}"
        if proxies and name == "X-Forwarded-For":
            value += f", {HOME}"  # the proxy appends the client's address
        return {name: value}

    assert served(limited(proxies), forged) == 60


def test_a_forged_host_does_not_help(limited: Callable[[int], FlaskClient]) -> None:
    assert served(limited(1), lambda number: {"Host": ("localhost", "other.example")[number % 2]}) == 60


def test_behind_a_proxy_each_visitor_counts_alone(limited: Callable[[int], FlaskClient]) -> None:
    assert served(limited(1), lambda number: {"X-Forwarded-For": f"10.0.{number}.1"}) == 100
