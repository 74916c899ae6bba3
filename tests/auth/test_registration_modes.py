"""REGISTRATION: open, by invitation, or closed after the first restaurant; `flask invite-owner`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from config import Config
from tests.auth.test_register import ALICE
from tests.support.cast import Browser, Mail, Person, hire, visit
from waitercaller.model import tenancy

INVITED = {name: value for name, value in ALICE.items() if name != "email"}
CLOSED = "New restaurants join by invitation of whoever runs this site."


@pytest.fixture
def config(config: Config, request: pytest.FixtureRequest) -> Config:
    return replace(config, registration=getattr(request, "param", "invitation"))


def invite(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["invite-owner", *words])


def has_account(app: Flask, email: str) -> bool:
    return app.extensions["mongo"].database.users.find_one({"email": email}) is not None


def test_by_invitation_the_pages_say_so_and_nobody_registers(app: Flask) -> None:
    visitor = visit(app)
    for page in ("/", "/login"):
        answer = visitor.get(page)
        assert CLOSED in answer.text
        assert "/register" not in answer.text
    assert visitor.get("/register").status_code == 403
    assert CLOSED in visitor.submit("/register", ALICE, page="/login").text
    assert app.extensions["mongo"].database.registrations.count_documents({}) == 0


@pytest.mark.parametrize("printed", [False, True])
def test_an_invited_owner_registers_with_the_invited_address_only(
    app: Flask, mails: Callable[[], list[Mail]], printed: bool
) -> None:
    done = invite(app, " Alice@Example.org ", *(["--print"] if printed else []))
    assert done.exit_code == 0, done.output
    path = done.output.strip().removeprefix("http://localhost") if printed else mails()[0].path
    alice = visit(app)
    assert alice.get(path).location == "/register"
    assert 'name="email"' not in alice.get("/register").text
    assert alice.submit("/register", {**INVITED, "password": "alice@example.org"}).status_code == 400
    assert alice.submit("/register", {**INVITED, "email": "mallory@example.org"}).status_code == 303
    [mail] = mails()
    assert mail.to == "alice@example.org"
    alice.get(mail.path)
    assert alice.submit("/confirm").location.endswith("/first-call")

    again = visit(app)
    again.get(path)
    assert again.get("/register").status_code == 410, "it is used"
    assert again.get("/register").status_code == 403, "and then the page is that of everybody"
    assert "has an account already" in invite(app, "alice@example.org").output


def test_an_invitation_that_was_made_up_or_is_no_address_opens_nothing(app: Flask) -> None:
    visitor = visit(app)
    visitor.get("/register/made-up")
    answer = visitor.get("/register")
    assert answer.status_code == 400
    assert "ask whoever runs this site" in answer.text
    assert invite(app, "alice").exit_code == 1


@pytest.mark.parametrize("config", ["first"], indirect=True)
def test_after_the_first_restaurant_registration_is_closed(app: Flask, mails: Callable[[], list[Mail]]) -> None:
    def register(browser: Browser, email: str) -> str:
        assert browser.submit("/register", {**ALICE, "email": email}).status_code == 303
        browser.get(mails()[0].path)
        return email

    first, late = visit(app), visit(app)
    assert "first restaurant here" in first.get("/register").text
    register(first, "alice@example.org")
    register(late, "late@example.org")
    token = late.csrf_token("/confirm")
    assert first.submit("/confirm").status_code == 303
    answer = late.post("/confirm", data={"csrf_token": token})
    assert answer.status_code == 403
    assert "closed in the meantime" in answer.text
    assert not has_account(app, "late@example.org")
    assert visit(app).get("/register").status_code == 403


@pytest.mark.needs_wire
@pytest.mark.parametrize("config", ["first"], indirect=True)
def test_of_two_who_confirm_in_one_instant_one_has_the_first_restaurant(
    app: Flask, mails: Callable[[], list[Mail]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As MongoDB does it: Mallory's transaction began before Alice's ended, so it finds no restaurant.

    (The embedded server has such transactions run again, whatever they have written.)
    """
    browsers = visit(app), visit(app)
    for browser, email in zip(browsers, ("alice@example.org", "mallory@example.org"), strict=True):
        browser.submit("/register", {**ALICE, "email": email})
        browser.get(mails()[0].path)
    monkeypatch.setattr(tenancy, "is_empty", lambda _txn=None: True)
    assert [browser.submit("/confirm").status_code for browser in browsers] == [303, 403]
    database = app.extensions["mongo"].database
    assert [each["email"] for each in database.users.find()] == ["alice@example.org"]
    assert [each["is_first"] for each in database.restaurants.find()] == [True]


def test_a_member_joins_while_registration_is_closed(app: Flask, mails: Callable[[], list[Mail]]) -> None:
    alice: Person = hire(app, "Alice", restaurant="Trattoria Lucia")
    wanted: dict[str, Any] = {"email": "bob@example.org", "name": "Bob", "role": "waiter"}
    alice.client.submit(f"{alice.home}/staff/invitations", wanted, page=f"{alice.home}/staff")
    bob = visit(app)
    bob.get(mails()[0].path)
    assert bob.submit("/invitation", {"name": "Bob", "password": ALICE["password"]}).status_code == 303
    with bob.session_transaction() as session:
        session.pop("_flashes", None)
    assert "/restaurants/new" not in bob.get("/restaurants").text
    assert CLOSED in bob.get("/restaurants/new").text
    wanted = {"restaurant": "Bob's", "time_zone": "Europe/Rome"}
    assert bob.submit("/restaurants/new", wanted, page="/restaurants").status_code == 403, "nor does a member add one"
    assert app.extensions["mongo"].database.restaurants.count_documents({}) == 1
