"""What a phone sends back: that it shows a message, and a tap on the message's button."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.asvs import call_waiter
from tests.support.cast import Person
from tests.support.push.phones import Subscribe, send
from tests.support.push.service import PushService
from waitercaller.alerts import due_steps, unheard_restaurants
from waitercaller.model import logins, restaurants, subscriptions
from waitercaller.model.tables import Table
from waitercaller.push import signatures


@pytest.fixture
def message(
    app: Flask, dana: FlaskClient, table: Table, service: PushService, bob: Person, subscribe: Subscribe
) -> Any:
    """The message of Dana's call as Bob's phone got it."""
    subscribe(bob)
    call_waiter(dana, table)
    send(app)
    return service.messages[-1].text


def shown(app: Flask, token: str) -> int:
    return app.test_client().post("/push/shown", data={"token": token}).status_code


def page(dana: FlaskClient, table: Table) -> str:
    return dana.get(f"/t/{table['code']}").text


def test_the_guest_reads_whose_phone_shows_the_call(
    app: Flask, dana: FlaskClient, table: Table, message: Any, later: Any
) -> None:
    assert "’s phone" not in page(dana, table)
    assert shown(app, message["tokens"]["shown"]) == 204
    later(seconds=10)
    assert "Your call is on Bob’s phone" in page(dana, table)


def test_without_a_signature_and_a_screen_the_guest_is_told_to_wave(
    dana: FlaskClient, table: Table, message: Any, later: Any
) -> None:
    later(seconds=6)
    assert "please wave" in page(dana, table)


def test_forged_replayed_foreign_and_late_signatures_are_refused(
    app: Flask, dana: FlaskClient, table: Table, message: Any, later: Any
) -> None:
    token = message["tokens"]["shown"]
    for bad in ("", "x", token[:-2], message["tokens"]["accept"]):
        assert shown(app, bad) == 400
    with app.app_context():
        of_nothing = signatures.token_of({"_id": "of no message"}, "shown")  # type: ignore[typeddict-item]
    assert shown(app, of_nothing) == 400
    later(minutes=3)
    assert shown(app, token) == 400, "the message is no news any more"
    assert "’s phone" not in page(dana, table)


def test_a_signature_is_good_once(app: Flask, message: Any) -> None:
    assert [shown(app, message["tokens"]["shown"]) for _ in range(2)] == [204, 400]


def test_the_button_on_the_message_accepts_once(
    app: Flask, dana: FlaskClient, table: Table, message: Any, bob: Person
) -> None:
    assert message["action"] == "I’m going"
    phone = app.test_client()
    answer = phone.post("/push/accept", data={"token": message["tokens"]["accept"]})
    assert answer.json == {"text": "You are on the way."}
    assert "Bob is on the way" in page(dana, table)
    assert phone.post("/push/accept", data={"token": message["tokens"]["accept"]}).status_code == 400


def test_somebody_else_was_faster_than_the_button(
    app: Flask, table: Table, message: Any, alice: Person, database: Any
) -> None:
    request = database.requests.find_one()
    alice.client.submit(f"{alice.home}/requests/{request['_id']}/accept", page=f"{alice.home}/dashboard")
    answer = app.test_client().post("/push/accept", data={"token": message["tokens"]["accept"]})
    assert answer.json == {"text": "Alice is on the way."}


def test_the_button_of_a_phone_whose_login_has_ended_does_nothing(
    app: Flask, message: Any, bob: Person, database: Any
) -> None:
    with app.app_context():
        logins.documents().update_many({}, {"$set": {"ended_at": database.requests.find_one()["first_at"]}})
    assert app.test_client().post("/push/accept", data={"token": message["tokens"]["accept"]}).status_code == 400
    assert database.requests.find_one()["state"] == "waiting"


def test_a_message_is_withdrawn_when_somebody_goes(
    app: Flask, service: PushService, message: Any, alice: Person, database: Any
) -> None:
    request = database.requests.find_one()
    alice.client.submit(f"{alice.home}/requests/{request['_id']}/accept", page=f"{alice.home}/dashboard")
    with app.app_context():
        due_steps.escalate()
    send(app)
    last = service.messages[-1].text
    assert (last["text"], last["silent"], last["tag"]) == ("Alice is on the way.", True, message["tag"])
    assert "action" not in last


def test_a_message_is_withdrawn_even_if_no_process_has_run_for_an_hour(
    app: Flask, service: PushService, message: Any, alice: Person, database: Any, later: Any
) -> None:
    """The process that enqueued the withdrawal has died before it noted that, and before it was sent."""
    request = database.requests.find_one()
    alice.client.submit(f"{alice.home}/requests/{request['_id']}/dismiss", page=f"{alice.home}/dashboard")
    with app.app_context():
        due_steps.escalate()
        database.requests.update_one({"_id": request["_id"]}, {"$set": {"untold": True}})
        later(hours=1)
        due_steps.escalate()
    send(app)
    told = [each for each in service.messages if each.text["silent"]]
    assert [int(each.headers["ttl"]) for each in told] == [1800]


def test_a_phone_that_signs_counts_as_hearing_until_it_leaves_a_message_unsigned(
    app: Flask, message: Any, bob: Person, later: Any
) -> None:
    def hears() -> bool:
        with app.app_context():
            return bob.member_id in subscriptions.hearing().get(bob.restaurant_id, set())

    assert not hears()
    shown(app, message["tokens"]["shown"])
    assert hears()
    later(hours=10)
    assert hears()
    with app.app_context():
        subscriptions.note_sent(subscriptions.of_member(bob.restaurant_id, bob.member_id)[0]["_id"])
    assert hears()
    later(seconds=21)
    assert not hears()


def test_a_house_with_phones_only_is_not_told_that_nobody_hears(
    app: Flask, message: Any, bob: Person, database: Any
) -> None:
    restaurants.documents().update_one(
        {"_id": bob.restaurant_id}, {"$set": {"opening": {"state": "open", "until": None}}}
    )
    unheard_restaurants.check()
    assert database.alerts.find_one()["unheard_since"] is not None
    shown(app, message["tokens"]["shown"])
    unheard_restaurants.check()
    assert database.alerts.find_one()["unheard_since"] is None


def test_whoever_is_asked_to_go_keeps_reading_that(
    app: Flask, service: PushService, message: Any, alice: Person, bob: Person, database: Any
) -> None:
    """The silent message to the others, that Bob is on the way, does not take the place of it on his phone."""
    request = database.requests.find_one()
    form = {"to": bob.member_id}
    alice.client.submit(f"{alice.home}/requests/{request['_id']}/pass", form, page=f"{alice.home}/dashboard")
    with app.app_context():
        due_steps.escalate()
    while send(app):
        pass
    assert service.messages[-1].text["text"] == "Alice asks you to go."
    assert not service.messages[-1].text["silent"]
