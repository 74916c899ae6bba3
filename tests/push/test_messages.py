"""Push messages: recipients of each event, content, encryption, idempotency."""

from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config import Config
from tests.support.asvs import call_waiter
from tests.support.cast import Person
from tests.support.push.phones import Subscribe, browser, login_of, push_states, send, zones_of
from tests.support.push.service import PushService
from tests.support.together import at_once
from waitercaller.alerts import messages
from waitercaller.db import clock, work_queue
from waitercaller.db.client import db, transaction
from waitercaller.model import restaurants, subscriptions
from waitercaller.model import unheard as alerts
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.tables import Table
from waitercaller.push import outbox, sender

# --- what arrives -----------------------------------------------------------------------------------------------------


def test_a_call_reaches_a_phone_sealed_signed_and_in_words(
    database: Any, app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Any
) -> None:
    subscribe(bob)
    request = tell()
    assert send(app) == 1
    (message,) = service.messages
    home = f"/r/{bob.restaurant_id}/dashboard"
    assert set(message.text.pop("tokens")) == {"shown", "accept"}
    assert message.text == {
        "title": "Table 7: Bill",
        "text": "Called at #",
        "place": None,
        "at": clock.milliseconds(request["first_at"]),
        "tag": f"{home}#{request['_id']}",
        "url": home,
        "language": "en",
        "direction": "ltr",
        "silent": False,
        "action": "I’m going",
    }
    assert message.claims["sub"] == "mailto:hello@waitercaller.test"
    assert 100 <= int(message.headers["ttl"]) <= 120
    assert (message.headers["urgency"], message.headers["topic"]) == ("high", str(request["_id"]))
    assert push_states(app) == [("called", "sent")]
    assert send(app) == 0


def test_who_works_in_two_restaurants_reads_of_which_a_call_is(
    app: Flask, service: PushService, bob: Person, charlie: Person, subscribe: Subscribe, tell: Any
) -> None:
    with app.app_context():
        restaurants.add_member(charlie.restaurant_id, "Bob", "waiter", bob.user_id)
    subscribe(bob)
    tell()
    assert send(app) == 1
    (message,) = service.messages
    assert message.text["title"] == "Table 7: Bill · Trattoria Lucia"


@pytest.mark.moments
def test_the_roll_call_says_when_it_opens_and_nothing_once_a_phone_is_told_of_calls(
    app: Flask, service: PushService, alice: Person, bob: Person, subscribe: Subscribe
) -> None:
    now = clock.now()
    opens = (now + timedelta(minutes=10)).replace(second=0, microsecond=0)
    hours = [{"day": opens.weekday(), "opens": f"{opens:%H:%M}", "closes": f"{opens + timedelta(hours=1):%H:%M}"}]
    app.extensions["mongo"].database.restaurants.update_one({"_id": alice.restaurant_id}, {"$set": {"hours": hours}})
    restaurants.forget(alice.restaurant_id)
    subscribe(alice, "escalated")
    with app.app_context():
        messages.enqueue(cast(Restaurant, restaurants.get(alice.restaurant_id)), "not_ready", None, occasion="first")
    assert send(app) == 1
    assert service.messages[0].text["text"] == (
        "Opens at #. No screen with sound is open, and no phone is told of calls."
    )
    assert service.messages[0].text["at"] == clock.milliseconds(opens)
    subscribe(bob)
    with app.app_context():
        messages.enqueue(cast(Restaurant, restaurants.get(alice.restaurant_id)), "not_ready", None, occasion="next")
    send(app)
    assert len(service.messages) == 1


def test_no_message_holds_a_code_or_a_key(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Any, table: Table
) -> None:
    subscribe(bob)
    for event in ("called", "nagged", "raised", "alerted", "unheard"):
        tell(event)
    send(app)
    for message in service.messages:
        assert table["code"] not in str(message.text)
        assert "a key" not in str(message.text)
    assert table["code"] not in str(list(app.extensions["mongo"].database.pushes.find()))


def test_it_is_written_in_the_language_of_its_reader(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Any
) -> None:
    phone = subscribe(bob)
    with app.app_context():
        german = {**browser(phone), "language": "de"}
        subscriptions.put(bob.restaurant_id, bob.member_id, login_of(bob), cast(subscriptions.Browser, german), "all")
    tell()
    send(app)
    assert service.texts("Bob")[0][0] == "Tisch 7: Rechnung"


# --- recipients -------------------------------------------------------------------------------------------------------


@pytest.mark.needs_wire
@pytest.mark.parametrize(
    ("event", "hearing"),
    [
        ("called", {"Bob"}),
        ("nagged", {"Bob"}),
        ("raised", {"Bob", "Mona", "Alice", "Nina"}),
        ("alerted", {"Bob", "Mona", "Alice", "Nina"}),
        ("unheard", {"Mona", "Alice"}),
    ],
)
def test_calls_go_to_their_zones_and_what_waits_to_everybody(
    app: Flask,
    hire: Any,
    alice: Person,
    bob: Person,
    service: PushService,
    subscribe: Subscribe,
    tell: Any,
    table: Table,
    later: Any,
    event: messages.Event,
    hearing: set[str],
) -> None:
    with app.app_context():
        alerts.mark_unheard(alice.restaurant_id)
        terrace = restaurants.ensure_zone(alice.restaurant_id, "Terrace")
        hall = restaurants.ensure_zone(alice.restaurant_id, "Hall")
        db().tables.update_one({"_id": table["_id"]}, {"$set": {"zone_id": terrace}})
        table["zone_id"] = terrace
    mona, nina = hire("Mona", role="manager", at=alice), hire("Nina", role="waiter", at=alice)
    zones_of(app, bob, cast(str, terrace))
    zones_of(app, nina, cast(str, hall))
    for person, choice in ((alice, "escalated"), (mona, "escalated"), (bob, "all"), (nina, "all")):
        subscribe(person, choice)
    hire("Olaf", role="waiter", at=alice)  # has no subscription
    later(minutes=3)
    tell(event)
    send(app)
    assert {message.path[1:] for message in service.messages} == hearing


@pytest.mark.needs_wire
def test_who_has_no_zones_has_all_and_a_table_without_one_is_everybodys(
    app: Flask, bob: Person, alice: Person, service: PushService, subscribe: Subscribe, tell: Any
) -> None:
    zones_of(app, bob, "another zone")
    subscribe(bob)
    subscribe(alice)
    tell()
    send(app)
    assert {message.path for message in service.messages} == {"/Bob", "/Alice"}


def test_another_restaurant_hears_nothing(
    app: Flask, charlie: Person, bob: Person, service: PushService, subscribe: Subscribe, tell: Any
) -> None:
    subscribe(charlie)
    subscribe(bob)
    tell("alerted")
    send(app)
    assert [message.path for message in service.messages] == ["/Bob"]


def test_where_nobody_has_subscribed_a_call_costs_no_query(
    app: Flask, alice: Person, tell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = tell()

    def refuse() -> None:
        raise AssertionError("the database was asked")

    with app.app_context():
        restaurant = cast(Restaurant, restaurants.get(alice.restaurant_id))
        monkeypatch.setattr(subscriptions, "db", refuse)
        monkeypatch.setattr(work_queue, "db", refuse)
        messages.enqueue(restaurant, "alerted", request)


# --- once -------------------------------------------------------------------------------------------------------------


def test_the_same_step_is_enqueued_once_and_a_new_one_again(
    database: Any, app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Any
) -> None:
    subscribe(bob)
    request = tell()
    tell("called", request)
    tell("nagged", request)
    again = cast(ServiceRequest, {**request, "steps": [*request["steps"], {"what": "nagged"}, {"what": "reopened"}]})
    tell("nagged", again)
    assert [event for event, _ in push_states(app)] == ["called", "nagged", "nagged"]


@pytest.mark.needs_wire
def test_a_message_is_enqueued_only_if_its_transaction_commits(
    database: Any, app: Flask, alice: Person, bob: Person, subscribe: Subscribe, tell: Any
) -> None:
    subscribe(bob)
    request = tell()
    restaurant = cast(Restaurant, restaurants.get(alice.restaurant_id))

    def fail(txn: Any) -> None:
        messages.enqueue(restaurant, "raised", request, txn)
        raise LookupError

    with pytest.raises(LookupError):
        transaction(fail)
    transaction(lambda txn: messages.enqueue(restaurant, "alerted", request, txn))
    assert [event for event, _ in push_states(app)] == ["alerted", "called"]


@pytest.mark.needs_wire
def test_two_senders_send_nothing_twice(
    make_app: Any, config: Config, app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Any
) -> None:
    for number in range(6):
        subscribe(bob, name=f"phone{number}")
    for event in ("called", "alerted"):
        tell(event)
    senders = [make_app(config), make_app(config)]

    def work(one: Flask) -> None:
        while any(state == "due" for _, state in push_states(app)):
            sender.send_due(one)

    at_once(*(partial(work, one) for one in senders))
    assert len(service.asked) == len(service.messages) == 12


def test_the_message_of_a_sender_that_died_is_sent_by_another(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Any, later: Any
) -> None:
    subscribe(bob)
    tell()
    with app.app_context():
        assert len(list(outbox.QUEUE.take(40))) == 1
    assert send(app) == 0
    later(seconds=outbox.QUEUE.lease_duration.total_seconds() + 1)
    assert send(app) == 1
    assert len(service.messages) == 1


def test_a_guests_tap_is_told_to_phones_and_the_same_tap_again_is_not(
    app: Flask, dana: FlaskClient, table: Table, service: PushService, bob: Person, subscribe: Subscribe
) -> None:
    subscribe(bob)
    for _ in range(2):
        call_waiter(dana, table)
    send(app)
    assert service.texts("Bob") == [("Table 7: Waiter", "Called at #")]
