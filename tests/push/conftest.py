"""Fixtures: a push service on this machine, phones that have subscribed to it, and calls that are pushed to them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest
from flask import Flask

from config import Config
from tests.support.cast import Person
from tests.support.push.phones import PRIVATE, Subscribe, Tell, browser, login_of
from tests.support.push.service import Phone, PushService, push_service
from tests.support.smtp import AUTHORITY
from waitercaller.alerts import messages
from waitercaller.model import restaurants, subscriptions
from waitercaller.model.requests import transitions as requests
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.tables import Table
from waitercaller.outgoing import delivery
from waitercaller.push import encryption


@pytest.fixture(scope="module")
def push_server() -> Iterator[PushService]:
    with push_service(encryption.public_key(PRIVATE)) as service:
        yield service


@pytest.fixture
def service(push_server: PushService, monkeypatch: pytest.MonkeyPatch) -> Iterator[PushService]:
    """The push service, without messages."""
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    delivery._tls.cache_clear()
    push_server.forget()
    yield push_server
    delivery._tls.cache_clear()


@pytest.fixture
def config(config: Config, service: PushService) -> Config:
    return replace(config, vapid_private_key=PRIVATE, push_services=(service.host,))


@pytest.fixture
def subscribe(app: Flask, service: PushService) -> Subscribe:
    """`subscribe(bob)`: Bob's phone, subscribed to all calls."""

    def subscribed(person: Person, choice: subscriptions.ActiveChoice = "all", name: str = "") -> Phone:
        phone = service.phone(name or person.name)
        with app.app_context():
            subscriptions.put(person.restaurant_id, person.member_id, login_of(person), browser(phone), choice)
        return phone

    return subscribed


@pytest.fixture
def tell(app: Flask, alice: Person, table: Table) -> Tell:
    """`tell("called")`: a guest at table 7 calls, and the push messages about this event are enqueued."""

    def told(event: messages.Event = "called", request: ServiceRequest | None = None) -> ServiceRequest:
        with app.app_context():
            restaurant = cast(Restaurant, restaurants.get(alice.restaurant_id))
            request = request or requests.open_request(restaurant, table, restaurant["kinds"][1], "a key")
            messages.enqueue(restaurant, event, None if event == "unheard" else request)
            return request

    return told
