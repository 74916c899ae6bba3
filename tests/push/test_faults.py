"""Faults of push messages: slow or unreachable services, expired subscriptions, members and logins that are gone."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from flask import Flask

from config import Config
from tests.support.cast import PASSWORD, Person
from tests.support.push.phones import Subscribe, Tell, browser, login_of, push_states, send
from tests.support.push.service import Phone, PushService
from tests.support.smtp import silent_server
from waitercaller.alerts import messages
from waitercaller.auth.account import leaving
from waitercaller.db import clock
from waitercaller.db.client import db
from waitercaller.model import erasure, logins, restaurants, subscriptions
from waitercaller.model import unheard as alerts
from waitercaller.model.requests import transitions as requests
from waitercaller.model.restaurants import Member, Restaurant
from waitercaller.model.users import User
from waitercaller.outgoing import delivery
from waitercaller.outgoing.circuit_breaker import CircuitBreaker
from waitercaller.push import encryption, sender


def subscribed(app: Flask, person: Person) -> list[str]:
    with app.app_context():
        return [each["endpoint"] for each in subscriptions.of_member(person.restaurant_id, person.member_id)]


def widest(app: Flask, person: Person) -> str | None:
    with app.app_context():
        restaurant = cast(Restaurant, restaurants.get(person.restaurant_id))
        return cast(Member, restaurants.member_with_id(restaurant, person.member_id)).get("push")


# --- the service ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_its_service_does_not_know_is_deleted(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Tell, status: int
) -> None:
    subscribe(bob)
    subscribe(bob, "escalated", name="tablet")
    service.answers["/Bob"] = [status]
    tell("alerted")
    send(app)
    assert len(subscribed(app, bob)) == 1
    assert widest(app, bob) == "escalated"
    assert sorted(push_states(app)) == [("alerted", "dropped"), ("alerted", "sent")]
    tell("unheard")
    assert send(app) == 0


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_cannot_now_is_asked_again_while_it_is_news(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Tell, later: Any, status: int
) -> None:
    subscribe(bob)
    service.answers["/Bob"] = [status, status]
    tell()
    assert send(app) == 1
    assert send(app) == 0
    later(seconds=3)
    assert send(app) == 1
    later(seconds=6)
    assert send(app) == 1
    assert len(service.asked) == 3
    assert push_states(app) == [("called", "sent")]
    assert int(service.messages[0].headers["ttl"]) <= 111


def test_a_service_says_when_it_wants_to_be_asked_again(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Tell, later: Any
) -> None:
    subscribe(bob)
    service.answers["/Bob"] = [429]
    service.extra_headers["Retry-After"] = "60"
    tell()
    send(app)
    later(seconds=50)
    assert send(app) == 0
    later(seconds=11)
    assert send(app) == 1
    assert len(service.messages) == 1


@pytest.mark.asvs("15.3.2")
@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 413])
def test_a_refusal_is_final_and_in_the_log_without_the_address_of_the_phone(
    app: Flask,
    service: PushService,
    bob: Person,
    subscribe: Subscribe,
    tell: Tell,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    phone = subscribe(bob)
    service.answers["/Bob"] = [status]
    service.extra_headers["Location"] = f"{service.address}/elsewhere"
    tell()
    with caplog.at_level(logging.INFO):
        send(app)
    assert push_states(app) == [("called", "failed")]
    assert service.asked == ["/Bob"]  # no redirect is followed
    assert "gave up the push message called" in caplog.text
    assert f"localhost refuses it: {status}" in caplog.text
    assert phone.endpoint not in caplog.text


def failing(app: Flask) -> int:
    with app.app_context():
        return len(subscriptions.failing())


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_phone_whose_service_refuses_our_messages_counts_as_deaf_until_it_takes_one(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Tell, status: int
) -> None:
    subscribe(bob)
    with app.app_context():
        (subscription,) = subscriptions.of_member(bob.restaurant_id, bob.member_id)
        subscriptions.note_signed(subscription["_id"])
        assert subscriptions.hearing() == {bob.restaurant_id: {bob.member_id}}
    service.answers["/Bob"] = [status]
    request = tell()
    send(app)
    assert failing(app) == 1
    with app.app_context():
        restaurant = cast(Restaurant, restaurants.get(bob.restaurant_id))
        assert subscriptions.hearing() == {}
        assert not messages.is_heard_by_a_phone(restaurant), "its owners are told by mail"
        subscriptions.note_signed(subscription["_id"])
        assert subscriptions.hearing() == {}
    tell("alerted", request)
    send(app)
    assert failing(app) == 0
    with app.app_context():
        assert messages.is_heard_by_a_phone(restaurant)


def test_a_phone_whose_service_was_asked_in_vain_until_it_was_no_news_counts_as_deaf(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Tell, later: Any
) -> None:
    subscribe(bob)
    service.answers["/Bob"] = [503, 503]
    tell()
    send(app)
    later(seconds=3)
    send(app)
    assert failing(app) == 0
    later(minutes=10)
    send(app)
    assert push_states(app) == [("called", "dropped")]
    assert failing(app) == 1


@pytest.mark.needs_wire
def test_a_service_that_never_answers_holds_up_nobody_for_long(
    app: Flask,
    make_app: Any,
    config: Config,
    service: PushService,
    bob: Person,
    alice: Person,
    subscribe: Subscribe,
    tell: Tell,
    later: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(sender, "breaker", CircuitBreaker(timeouts=2, open_for=timedelta(seconds=20)))
    with silent_server() as port:
        subscribe(alice)
        silent = Phone(f"https://localhost:{port}/Bob")
        with app.app_context():
            subscriptions.put(bob.restaurant_id, bob.member_id, login_of(bob), browser(silent), "all")
        patient = make_app(replace(config, push_services=(service.host, f"localhost:{port}")))
        tell()
        send(patient)
        assert len(service.messages) == 1
        assert push_states(app) == [("called", "due"), ("called", "sent")]
        later(seconds=10)
        send(patient)  # the second timeout in a row
    asked = []

    def awake(endpoint: str, *_: Any) -> delivery.Answer:
        asked.append(endpoint)
        return delivery.Answer("taken", 201)

    monkeypatch.setattr(delivery, "post", awake)
    later(seconds=15)
    send(patient)
    assert asked == []  # the circuit is open: each message would delay a whole batch
    later(seconds=6)
    send(patient)
    assert asked == [silent.endpoint]


def test_a_service_whose_certificate_is_not_trusted_gets_nothing(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    delivery._tls.cache_clear()
    subscribe(bob)
    tell()
    send(app)
    assert service.asked == []
    assert push_states(app) == [("called", "due")]


# --- messages that are not true ---------------------------------------------------------------------------------------


def test_a_call_that_somebody_has_taken_is_not_told_any_more(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Tell
) -> None:
    subscribe(bob)
    request = tell()
    with app.app_context():
        requests.accept(bob.restaurant_id, [request["_id"]], {"id": bob.member_id, "name": "Bob"})
    send(app)
    assert service.asked == []
    assert push_states(app) == [("called", "dropped")]


@pytest.mark.parametrize(("unheard", "state"), [(False, "dropped"), (True, "sent")])
def test_that_nobody_hears_is_told_as_long_as_nobody_does(
    app: Flask, alice: Person, subscribe: Subscribe, later: Any, unheard: bool, state: str
) -> None:
    subscribe(alice)
    with app.app_context():
        alerts.mark_unheard(alice.restaurant_id)
        later(minutes=3)
        messages.enqueue(cast(Restaurant, restaurants.get(alice.restaurant_id)), "unheard", None, occasion="tonight")
        if not unheard:
            alerts.clear_unheard(alerts.noted()[alice.restaurant_id], heard=True)
    send(app)
    assert push_states(app) == [("unheard", state)]


def test_old_news_is_not_sent(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Tell, later: Any
) -> None:
    subscribe(bob)
    tell()
    later(seconds=messages.AUDIENCES["called"].time_to_live.total_seconds())
    send(app)
    assert service.asked == []
    assert push_states(app) == [("called", "dropped")]


# --- members, logins --------------------------------------------------------------------------------------------------


def leave_work(app: Flask, bob: Person) -> None:
    restaurants.remove_member(bob.restaurant_id, bob.member_id)


def log_out(app: Flask, bob: Person) -> None:
    logins.end(login_of(bob))


def change_password(app: Flask, bob: Person) -> None:
    logins.end_all(bob.user_id)


def delete_account(app: Flask, bob: Person) -> None:
    user = cast(User, db().users.find_one({"_id": bob.user_id}))
    leaving.delete_account(user, leaving.memberships_of(bob.user_id), "en")


def forbid_the_service(app: Flask, bob: Person) -> None:
    app.extensions["config"] = replace(app.extensions["config"], push_services=("push.example.org",))


def change_the_key(app: Flask, bob: Person) -> None:
    app.extensions["config"] = replace(app.extensions["config"], vapid_private_key=encryption.new_private_key())


@pytest.mark.asvs("1.3.6")
@pytest.mark.parametrize(
    "end", [leave_work, log_out, change_password, delete_account, forbid_the_service, change_the_key]
)
def test_a_phone_whose_member_or_login_is_gone_gets_nothing_and_is_deleted(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Tell, end: Any
) -> None:
    subscribe(bob)
    tell()
    with app.app_context():
        end(app, bob)
    send(app)
    assert service.asked == []
    assert push_states(app) == [("called", "dropped")]
    assert subscribed(app, bob) == []


@pytest.mark.parametrize(
    ("page", "form"),
    [
        ("/account/verify", {"password": PASSWORD}),
        ("/account/password", {"current": PASSWORD, "password": "another correct horse"}),
    ],
)
def test_a_login_that_takes_anothers_place_in_its_browser_still_hears(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Tell, page: str, form: dict[str, str]
) -> None:
    subscribe(bob)
    before = login_of(bob)
    assert bob.client.submit(page, form).status_code == 303
    assert login_of(bob) != before
    tell()
    send(app)
    assert push_states(app) == [("called", "sent")]


def test_a_login_that_is_only_idle_still_hears(
    app: Flask, service: PushService, alice: Person, subscribe: Subscribe, tell: Tell, later: Any
) -> None:
    """Alice's login has been idle for a day."""
    subscribe(alice)
    later(hours=11)  # the VAPID token must stay within a day of the service's clock
    with app.app_context():
        long_ago = clock.now() - logins.PERSON_IDLE * 2
        db().logins.update_one({"_id": login_of(alice)}, {"$set": {"seen_at": long_ago}})
        assert logins.find(login_of(alice)) is None
    tell("alerted")
    send(app)
    assert len(service.messages) == 1


def test_whoever_subscribes_a_phone_last_has_it(
    app: Flask, service: PushService, bob: Person, alice: Person, subscribe: Subscribe, tell: Tell
) -> None:
    subscribe(bob, name="shared")
    subscribe(alice, "escalated", name="shared")
    assert (widest(app, bob), widest(app, alice)) == ("none", "escalated")
    tell()
    assert send(app) == 0


def test_one_member_has_a_bounded_number_of_phones(app: Flask, bob: Person, subscribe: Subscribe) -> None:
    for number in range(subscriptions.MAX_BROWSERS_PER_MEMBER + 2):
        subscribe(bob, name=str(number))
    kept = [endpoint.rpartition("/")[2] for endpoint in subscribed(app, bob)]
    assert kept == [str(number) for number in range(2, subscriptions.MAX_BROWSERS_PER_MEMBER + 2)]


def test_without_a_key_nothing_is_enqueued_or_sent(
    app: Flask, service: PushService, bob: Person, subscribe: Subscribe, tell: Tell
) -> None:
    subscribe(bob)
    app.extensions["config"] = replace(app.extensions["config"], vapid_private_key="")
    tell()
    assert push_states(app) == []
    assert send(app) == 0


# --- stored data ------------------------------------------------------------------------------------------------------


def test_the_subscriptions_of_a_removed_member_are_deleted_at_once(
    app: Flask, alice: Person, bob: Person, subscribe: Subscribe
) -> None:
    subscribe(bob)
    subscribe(alice)
    gone = alice.client.submit(f"{alice.home}/staff/members/{bob.member_id}/remove", page=f"{alice.home}/staff")
    assert gone.status_code == 303
    assert (len(subscribed(app, bob)), len(subscribed(app, alice))) == (0, 1)


def test_a_person_can_download_which_phones_are_told_but_not_where_they_are_reached(
    app: Flask, bob: Person, subscribe: Subscribe
) -> None:
    phone = subscribe(bob, "escalated")
    held = bob.client.submit("/account/export", page="/account/export").json
    assert held is not None
    assert [(each["browser"], each["choice"]) for each in held["phones"]] == [("a test", "escalated")]
    assert phone.endpoint not in str(held)


@pytest.mark.needs_wire
def test_phones_go_with_their_restaurant(
    app: Flask, alice: Person, bob: Person, subscribe: Subscribe, later: Any
) -> None:
    subscribe(bob)
    with app.app_context():
        delete_account(app, alice)
        later(minutes=2)
        while erasure.process_due():
            pass
        assert db().subscriptions.count_documents({}) == 0
