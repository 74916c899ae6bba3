"""Authorisation, and self-contained tokens."""

import ast
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer

from config import Config
from tests.support import ROOT
from tests.support.asvs import calls, hidden_fields, routes, sources
from tests.support.cast import Browser, Person
from waitercaller.model import tokens
from waitercaller.model.tables import Table
from waitercaller.web import access

RULES = ROOT / "docs/security-rules.md"
DAY = 24 * 3600


def staff_routes(app: Flask, method: str) -> list[Any]:
    return [rule for rule in routes(app, method) if rule.rule.startswith(access.STAFF_PREFIX)]


def post(person: Person, path: str, **form: str) -> int:
    assert isinstance(person.client, Browser)
    token = person.client.csrf_token(f"{person.home}/dashboard")
    return person.client.post(path, data={"csrf_token": token, **form}).status_code


# --- V8.1 authorization documentation ---------------------------------------------------------------------------------


@pytest.mark.asvs("8.1.1")
def test_the_rules_say_what_each_role_may_use(app: Flask) -> None:
    written = RULES.read_text()
    rooms = {rule.endpoint.split(".")[0] for rule in app.url_map.iter_rules()} - {"static", "favicon"}
    assert [room for room in sorted(rooms) if f"`{room}`" not in written] == []
    assert all(f"**{role}**" in written for role in access.RANKS)


@pytest.mark.asvs("8.1.2")
def test_the_rules_say_which_fields_of_a_thing_can_be_changed() -> None:
    section = RULES.read_text().partition("### Fields\n")[2].partition("\n## ")[0]
    rows = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}
    assert rows >= {"restaurants", "users", "logins", "invitations", "tables", "requests"}


# --- V8.2 general authorization design --------------------------------------------------------------------------------


@pytest.mark.asvs("8.2.3")
def test_a_form_changes_its_own_fields_only(app: Flask, alice: Person, table: Table) -> None:
    assert isinstance(alice.client, Browser)
    path = f"{alice.home}/tables/{table['_id']}"
    more = {"code": "A" * 26, "restaurant_id": "0" * 24, "removed_at": "now", "position": "9", "_id": "0" * 24}
    assert alice.client.submit(path, {"name": "8", "zone": "", **more}).status_code == 303
    changed = app.extensions["mongo"].database.tables.find_one({"_id": table["_id"]})
    assert changed == {**table, "name": "8", "name_key": "8"}


# --- V8.3 operation level authorization, V8.4 other considerations ----------------------------------------------------


@pytest.mark.asvs("8.3.1")
@pytest.mark.parametrize("role", ["owner", "manager"])
def test_what_a_browser_says_of_itself_gives_no_right(
    app: Flask, alice: Person, bob: Person, table: Table, role: str
) -> None:
    bob.client.set_cookie("role", role)
    for name in ("X-Role", "X-User-Id", "X-Original-User"):
        bob.client.environ_base[f"HTTP_{name.upper().replace('-', '_')}"] = role
    assert bob.client.get(f"{alice.home}/tables?role={role}").status_code == 403
    assert post(bob, f"{alice.home}/tables/{table['_id']}/remove", role=role, member_id=alice.member_id) == 403
    assert app.extensions["mongo"].database.tables.count_documents({"removed_at": None}) == 1


# --- V9.1 token source and integrity ----------------------------------------------------------------------------------


@pytest.fixture
def tap(dana: FlaskClient, table: Table) -> Callable[[str], int]:
    """`tap(field)`: the status of a guest's tap whose page carried this signed field."""

    def send(field: str) -> int:
        return dana.post(f"/t/{table['code']}/call", data={"form": field, "kind": "waiter"}).status_code

    return send


@pytest.fixture
def field(dana: FlaskClient, table: Table) -> str:
    """The signed field of a guest's page."""
    return hidden_fields(dana.get(f"/t/{table['code']}").text)["form"]


@pytest.mark.asvs("9.1.1")
def test_a_changed_field_of_a_guests_form_is_refused(tap: Any, field: str, app: Flask) -> None:
    payload, _, signature = field.rpartition(".")
    for forged in (payload, f"{payload}.", f"{payload[:-1]}A.{signature}", f"{payload}.{signature[::-1]}", ""):
        assert tap(forged) == 400
    assert app.extensions["mongo"].database.requests.count_documents({}) == 0
    assert tap(field) == 303


@pytest.mark.asvs("9.1.2")
@pytest.mark.parametrize("digest", [hashlib.sha1, hashlib.md5, hashlib.sha512])
def test_one_algorithm_signs_and_no_other_is_believed(tap: Any, field: str, app: Flask, digest: Any) -> None:
    with app.app_context():
        values = tokens.serializer("guest-form").loads(field)
    other = URLSafeSerializer(str(app.secret_key), salt="guest-form", signer_kwargs={"digest_method": digest})
    assert tap(other.dumps(values)) == 400


@pytest.mark.asvs("9.1.3")
def test_keys_come_from_the_configuration_only(tap: Any, field: str, app: Flask) -> None:
    with app.app_context():
        values = tokens.serializer("guest-form").loads(field)
    attackers = URLSafeSerializer("k" * 40, salt="guest-form", signer_kwargs={"digest_method": hashlib.sha256})
    assert tap(attackers.dumps(values)) == 400
    for path, tree in sources():
        for name, call in calls(tree):
            if name.endswith("Serializer"):
                assert (path.name, ast.unparse(call.args[0])) == ("tokens.py", "keys")


# --- V9.2 token content -----------------------------------------------------------------------------------------------


@pytest.mark.asvs("9.2.1")
def test_an_expired_token_is_refused(tap: Any, field: str, later: Callable[..., None]) -> None:
    later(hours=5, minutes=59)
    assert tap(field) == 303
    later(minutes=2)
    assert tap(field) == 409


@pytest.mark.asvs("9.2.2")
@pytest.mark.parametrize("purpose", ["guest-receipt", "token:reset", "cookie-session", "csrf-token"])
def test_a_token_of_another_purpose_is_refused(tap: Any, field: str, app: Flask, purpose: str) -> None:
    with app.app_context():
        values = tokens.serializer("guest-form").loads(field)
        assert tap(tokens.serializer(purpose).dumps(values)) == 400


@pytest.mark.asvs("9.2.3")
def test_a_token_for_another_table_is_refused(app: Flask, alice: Person, tap: Any, dana: FlaskClient) -> None:
    assert isinstance(alice.client, Browser)
    assert alice.client.submit(f"{alice.home}/tables", {"names": "8", "zone": ""}).status_code == 303
    other = app.extensions["mongo"].database.tables.find_one({"name": "8"})
    assert tap(hidden_fields(dana.get(f"/t/{other['code']}").text)["form"]) == 409


@pytest.mark.needs_wire
@pytest.mark.asvs("9.2.4")
def test_a_token_of_another_installation_is_refused(
    make_app: Any, config: Config, tap: Any, dana: FlaskClient, table: Table
) -> None:
    other = make_app(replace(config, secret_key="another key for tests: 9fJ3kLq8wZ2xV5n"))
    page = other.test_client().get(f"/t/{table['code']}").text
    assert tap(hidden_fields(page)["form"]) == 400
