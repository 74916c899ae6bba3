"""“Was it all right?”: asked once, of the phone that called, and read by managers and owners only."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.requests.guest.test_page import Phone
from tests.support.cast import Person
from waitercaller.model.requests import transitions

QUESTION, THANKS = "Was it all right?", "Thank you."


@pytest.fixture
def database(app: Flask) -> Any:
    """The database, outside of an application context, which would keep the visitor of the request before."""
    return app.extensions["mongo"].database


def say(phone: Phone, opinion: str) -> Any:
    return phone.send("opinion", {**phone.form(), "opinion": opinion})


@pytest.fixture
def done(app: Flask, database: Any, alice: Person) -> Callable[[], Any]:
    """`done()`: Alice ends the live call; returns its document."""

    def ended() -> Any:
        (call,) = database.requests.find({"live": True})
        by: Any = {"id": alice.member_id, "name": alice.name}
        with app.app_context():
            transitions.resolve(alice.restaurant_id, [call["_id"]], by)
        return database.requests.find_one({"_id": call["_id"]})

    return ended


@pytest.mark.proxied
def test_the_phone_that_called_is_asked_once_and_only_managers_read_it(
    database: Any, come: Callable[[], Phone], done: Callable[[], Any], alice: Person, bob: Person
) -> None:
    first, second = come(), come()
    first.tap()
    assert QUESTION not in first.look().text
    call = done()
    assert (QUESTION in first.look().text, QUESTION in second.look().text) == (True, False)
    assert say(second, "bad").status_code == 303  # nothing that it may say anything of
    assert say(first, "perfect").status_code == 400
    assert database.requests.find_one({"_id": call["_id"]}) == call
    assert say(first, "good").status_code == 303
    page = first.look().text
    assert (THANKS in page, QUESTION in page) == (True, False)
    say(first, "bad")  # sent again from another page
    assert database.requests.find_one({"_id": call["_id"]}) == {**call, "opinion": "good"}  # and all else as it was
    told = "The guest says that it was all right."
    story = f"{alice.home}/history/{call['_id']}"
    assert (told in alice.client.get(story).text, told in bob.client.get(story).text) == (True, False)
    assert "yes: 1, no: 0." in alice.client.get(f"{alice.home}/report").text
    first.send("reopen")
    done()
    assert QUESTION not in first.look().text


def test_nobody_is_asked_later_or_of_what_was_not_done_or_where_the_owner_wants_no_answers(
    database: Any, come: Callable[[], Phone], done: Callable[[], Any], alice: Person, later: Callable[..., None]
) -> None:
    phone = come()
    phone.tap()
    phone.send("cancel")
    assert QUESTION not in phone.look().text
    phone.scan()
    phone.tap()
    call = done()
    alice.client.submit(f"{alice.home}/settings/opinions", {"on": "no"}, page=f"{alice.home}/settings/kinds")
    assert QUESTION not in phone.look().text
    say(phone, "good")
    alice.client.submit(f"{alice.home}/settings/opinions", {"on": "yes"}, page=f"{alice.home}/settings/kinds")
    assert QUESTION in phone.look().text
    later(minutes=6)
    say(phone, "good")
    assert "opinion" not in database.requests.find_one({"_id": call["_id"]})
