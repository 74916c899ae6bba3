"""Whoever has no login any more, however the last one ended, cannot be reached, and goes off duty."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.support.cast import PASSWORD, Mail, Person, device
from waitercaller.alerts import uncovered
from waitercaller.db import clock
from waitercaller.model import duty, logins, restaurants, settings
from waitercaller.model.tables import Table

pytestmark = pytest.mark.needs_wire

ANOTHER_PASSWORD = "a lighthouse without a keeper"


@pytest.fixture
def bob_here(app: Flask, here: Any, bob: Person, table: Table) -> Person:
    """Bob, on duty, with table 7."""
    assert duty.begin(bob.restaurant_id, bob.member_id)
    assert duty.take(bob.restaurant_id, bob.member_id, [table["_id"]], []) == []
    return bob


@pytest.fixture
def is_on(here: Any, later: Callable[..., None]) -> Callable[[Person], bool]:
    """Whether this person is on duty, once the logins that have ended were checked."""

    def checked(person: Person) -> bool:
        later(seconds=logins.SUCCESSOR_GRACE.total_seconds())
        uncovered.check_ended_logins()
        assert here.logins.count_documents({"unchecked": True}) == 0
        return duty.entry_of(settings.get(person.restaurant_id), person.member_id, clock.now()) is not None

    return checked


def log_out(app: Flask, bob: Person, mails: Callable[[], list[Mail]]) -> None:
    bob.client.submit("/logout", page="/account")


def reset_the_password(app: Flask, bob: Person, mails: Callable[[], list[Mail]]) -> None:
    visitor: Any = app.test_client()
    visitor.submit("/forgot", {"email": bob.email})
    visitor.get(mails()[-1].path)
    assert visitor.submit("/reset", {"password": ANOTHER_PASSWORD}).status_code == 303


def end_by_an_operator(app: Flask, bob: Person, mails: Callable[[], list[Mail]]) -> None:
    assert app.test_cli_runner().invoke(args=["end-logins", bob.email]).exit_code == 0


def end_everybodys(app: Flask, bob: Person, mails: Callable[[], list[Mail]]) -> None:
    assert app.test_cli_runner().invoke(args=["end-logins", "--all"]).exit_code == 0


def end_the_one_in_the_list(app: Flask, bob: Person, mails: Callable[[], list[Mail]]) -> None:
    with bob.client.session_transaction() as session:
        this = logins.hash_of(session["_user_id"])
    bob.client.submit("/account/sessions/end", {"login": this}, page="/account/sessions")


@pytest.mark.parametrize(
    "end", [log_out, reset_the_password, end_by_an_operator, end_everybodys, end_the_one_in_the_list]
)
def test_however_the_last_login_ends_its_person_goes_off_duty_and_the_owner_is_told(
    app: Flask,
    bob_here: Person,
    is_on: Callable[[Person], bool],
    hire: Callable[..., Person],
    mails: Callable[[], list[Mail]],
    end: Callable[..., None],
) -> None:
    nina = hire("Nina", role="waiter", at=bob_here)
    device(app, nina, "Nina’s phone", nina.member_id)
    assert duty.begin(nina.restaurant_id, nina.member_id)
    end(app, bob_here, mails)
    assert not is_on(bob_here)
    told = [mail for mail in mails() if mail.subject.startswith("Tables without anybody")]
    assert len(told) == 1 or end is end_everybodys  # in whose turn Nina may come first


def test_whoever_has_another_login_or_a_phone_stays(
    app: Flask, bob_here: Person, is_on: Callable[[Person], bool]
) -> None:
    _, second = logins.start(bob_here.user_id, "127.0.0.1", "another browser")
    bob_here.client.submit("/logout", page="/account")
    assert is_on(bob_here)
    device(app, bob_here, "Bob’s phone", bob_here.member_id)
    logins.end(second["_id"])
    assert is_on(bob_here)
    logins.end_devices(bob_here.restaurant_id)
    assert not is_on(bob_here)


def test_a_new_password_keeps_this_browser_and_its_member_on_duty(
    here: Any, bob_here: Person, is_on: Callable[[Person], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the end of all logins and the new one of this browser the background may look."""
    start = logins.start

    def slowly(*args: Any, **more: Any) -> Any:
        uncovered.check_ended_logins()
        return start(*args, **more)

    monkeypatch.setattr(logins, "start", slowly)
    form = {"current": PASSWORD, "password": ANOTHER_PASSWORD}
    assert bob_here.client.submit("/account/password", form).location == "/account"
    assert here.logins.count_documents({"unchecked": True}) == 1
    assert is_on(bob_here)


def test_the_phone_of_a_member_without_an_account(
    app: Flask, here: Any, alice: Person, is_on: Callable[[Person], bool]
) -> None:
    anna = restaurants.add_member(alice.restaurant_id, "Anna", "waiter", None)
    assert anna
    person = Person("Anna", "", alice.user_id, device(app, alice, "Anna’s phone", anna), alice.restaurant_id, anna)
    device(app, alice)
    assert duty.begin(alice.restaurant_id, anna)
    counter = next(each for each in logins.devices_of(alice.restaurant_id) if not each.get("member_id"))
    logins.end(counter["_id"])
    assert is_on(person)
    person.client.submit("/logout", page=f"{alice.home}/dashboard")
    assert not is_on(person)


def test_a_login_whose_check_fails_does_not_keep_the_others_from_theirs(
    here: Any, bob_here: Person, alice: Person, is_on: Callable[[Person], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    of_user = restaurants.of_user
    monkeypatch.setattr(restaurants, "of_user", lambda user: 1 / 0 if user == alice.user_id else of_user(user))
    logins.end_all(alice.user_id)
    logins.end_all(bob_here.user_id)
    assert not is_on(bob_here)
