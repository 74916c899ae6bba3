"""A restore erases again who was erased since the backup, and says what it loses."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pymongo.database import Database

from config import Config
from tests.support.cast import PASSWORD, Person, visit
from waitercaller.db.client import db
from waitercaller.model import erasure, erasure_log, restaurants, tables
from waitercaller.model.tables import Table

pytestmark = pytest.mark.needs_wire

Run = Callable[..., str]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "erasures"


@pytest.fixture
def config(config: Config, log: Path) -> Config:
    return replace(config, erasure_log=str(log))


@pytest.fixture
def run(app: Flask) -> Run:
    """`run("backup", path)`: the output of a command of `flask`, which succeeds."""

    def ran(*words: object) -> str:
        done = app.test_cli_runner().invoke(args=[str(word) for word in words])
        assert done.exit_code == 0, done.output
        return done.output

    return ran


@pytest.fixture
def restored(run: Run, tmp_path: Path) -> Callable[[], str]:
    """`restored()`: the output of the restore of the backup, which is made now."""
    path = tmp_path / "backup.bson.gz"
    run("backup", path)
    return lambda: run("restore", path, "--replace", "--yes")


@pytest.fixture
def erase(app: Flask, later: Any) -> Callable[..., None]:
    """`erase(bob)`: Bob deletes his account, and it is carried out."""

    def erased(person: Person, **names: str) -> None:
        assert person.client.submit("/account/delete", names).status_code == 303
        later(minutes=2)
        with app.app_context():
            erasure.process_due()

    return erased


def log_in(app: Flask, person: Person) -> int:
    return visit(app).submit("/login", {"email": person.email, "password": PASSWORD}).status_code


def test_who_was_deleted_since_the_backup_is_deleted_again(
    app: Flask,
    alice: Person,
    bob: Person,
    request: pytest.FixtureRequest,
    erase: Callable[..., None],
) -> None:
    database = app.extensions["mongo"].database
    restored = request.getfixturevalue("restored")
    erase(bob)
    said = restored()
    assert "Erased again, by the log: 1 accounts, 0 restaurants." in said
    assert database.users.find_one({"email": bob.email}) is None
    assert log_in(app, bob) == 400
    assert log_in(app, alice) == 303
    found = database.restaurants.find_one({"_id": alice.restaurant_id})
    assert found is not None
    assert [member["name"] for member in found["members"]] == ["Alice"]
    assert database.erasures.count_documents({"user_id": bob.user_id}) == 1, "his audit and logins follow"
    told = database.outbox.count_documents({"name": "account_deleted", "state": "due"})
    assert told == 0, "they were told when they deleted it"


def test_a_restaurant_that_was_closed_since_is_closed_again(
    app: Flask, alice: Person, table: Table, request: pytest.FixtureRequest, erase: Any
) -> None:
    database = app.extensions["mongo"].database
    restored = request.getfixturevalue("restored")
    assert visit(app).get(f"/t/{table['code']}").status_code == 200
    with app.app_context():
        delete = re.findall(r'name="(name_[0-9a-f]+)"', alice.client.get("/account/delete").text)
    erase(alice, **dict.fromkeys(delete, "Trattoria Lucia"))
    assert len(log_lines(app)) == 2
    assert "1 accounts, 1 restaurants" in restored()
    found = database.restaurants.find_one({"_id": alice.restaurant_id})
    assert found is None or found["members"] == []
    assert visit(app).get(f"/t/{table['code']}").status_code == 404


def log_lines(app: Flask) -> list[str]:
    return Path(app.extensions["config"].erasure_log).read_text().splitlines()


def test_a_restaurant_that_somebody_else_owned_by_then_goes_on(
    app: Flask, alice: Person, bob: Person, hire: Any, request: pytest.FixtureRequest, erase: Any
) -> None:
    """In the backup she is its only owner: it must not be closed with her."""
    hire("Mona", role="manager", at=alice)
    restored = request.getfixturevalue("restored")
    with app.app_context():
        restaurants.set_role(alice.restaurant_id, bob.member_id, "owner")
    erase(alice)
    said = restored()
    assert "Mona owns Trattoria Lucia now" in said
    with app.app_context():
        restaurants.forget(alice.restaurant_id)
        found = restaurants.get(alice.restaurant_id)
    assert found is not None
    assert {member["name"]: member["role"] for member in found["members"]} == {"Bob": "waiter", "Mona": "owner"}


def test_the_log_holds_hashes_only_and_its_owner_alone_reads_it(
    app: Flask, alice: Person, bob: Person, erase: Any, log: Path
) -> None:
    erase(bob)
    (line,) = log.read_text().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ person [0-9a-f]{64}", line)
    for secret in (str(bob.user_id), bob.email, bob.name, bob.member_id):
        assert secret not in line
    assert log.stat().st_mode & 0o777 == 0o600
    before = log.read_text()
    with app.app_context():
        erasure_log.note("restaurant", alice.restaurant_id)
    assert log.read_text().startswith(before)


def test_an_erasure_that_cannot_be_noted_is_tried_again(
    app: Flask, alice: Person, bob: Person, log: Path, later: Any
) -> None:
    log.mkdir()
    bob.client.submit("/account/delete")
    later(minutes=2)
    with app.app_context():
        with pytest.raises(OSError, match="directory"):
            erasure.process_due()
        log.rmdir()
        later(minutes=5)
        while erasure.process_due():
            pass
        assert db().erasures.count_documents({}) == 0
    assert len(log.read_text().splitlines()) == 1


def test_the_command_alone_erases_again_and_says_where_there_is_no_log(
    app: Flask, alice: Person, bob: Person, run: Run, log: Path, database: Database[Any]
) -> None:
    assert "is not there: nobody is erased again" in run("erase-again")
    erasure_log.note("person", bob.user_id)
    assert "1 accounts" in run("erase-again")
    assert database.users.find_one({"email": bob.email}) is None
    assert "0 accounts" in run("erase-again")
    app.extensions["config"] = replace(app.extensions["config"], erasure_log="")
    assert "ERASURE_LOG is not set" in run("erase-again")


# --- what is lost -----------------------------------------------------------------------------------------------------


def test_the_cards_that_will_be_dead_are_named_before_anything_is_replaced(
    app: Flask, alice: Person, table: Table, hire: Any, run: Run, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    request.getfixturevalue("restored")
    hire("Nina", restaurant="Ninas Bar")
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["8", "9"], None)
        tables.rotate(alice.restaurant_id, table["_id"])
    said = run("restore", tmp_path / "backup.bson.gz")
    assert "was not touched" in said
    assert "Cards of Trattoria Lucia that will open no table; print them again: 7, 8, 9." in said
    assert "Restaurants made since the backup, which will be gone: Ninas Bar." in said
    assert "Accounts made since the backup, which will be gone: 1." in said


def test_where_nothing_is_lost_nothing_is_said(alice: Person, table: Table, restored: Callable[[], str]) -> None:
    said = restored()
    assert "Cards of" not in said
    assert "made since" not in said
    assert "Passwords, addresses and second factors are those of then" in said
