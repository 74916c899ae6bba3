"""Fixtures: a receiver on this machine, and Alice's restaurant, whose webhook it is."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask

from config import Config
from tests.support.cast import Person
from tests.support.receiver import Receiver
from tests.support.receiver import receiver as serving
from tests.support.smtp import AUTHORITY
from waitercaller.alerts import due_steps
from waitercaller.hooks import sender
from waitercaller.model import restaurants, webhooks
from waitercaller.model.tables import Table
from waitercaller.outgoing import delivery
from waitercaller.outgoing.circuit_breaker import CircuitBreaker

Send = Callable[[], int]


@pytest.fixture(scope="module")
def hook_server() -> Iterator[Receiver]:
    with serving() as found:
        yield found


@pytest.fixture
def receiver(hook_server: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """The receiver, without messages."""
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    monkeypatch.setattr(sender, "breaker", CircuitBreaker(2, sender.breaker._open_for))
    delivery._tls.cache_clear()
    hook_server.__init__(hook_server.host)  # type: ignore[misc]  # forgets all
    yield hook_server
    delivery._tls.cache_clear()


@pytest.fixture
def config(config: Config, receiver: Receiver) -> Config:
    return replace(config, webhook_hosts=(receiver.host,))


@pytest.fixture
def told(app: Flask, alice: Person, table: Table, receiver: Receiver) -> Person:
    """Alice, whose restaurant has the receiver as its webhook."""
    with app.app_context():
        webhooks.put(alice.restaurant_id, receiver.url)
        restaurants.forget(alice.restaurant_id)
    return alice


@pytest.fixture
def send(app: Flask) -> Send:
    """`send()`: take the steps that are due, and send what is due; the number of messages that were tried."""

    def tried() -> int:
        with app.app_context():
            due_steps.escalate()
        return sender.send_due(app)

    return tried
