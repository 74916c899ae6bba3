"""Links of mails that were sent again, since the server's answer was lost: all of one order work until one is used."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from config import Config
from tests.support.cast import PASSWORD, Browser, Person, visit
from tests.support.smtp import Mailbox, mail_server
from waitercaller.mail import outbox

pytestmark = pytest.mark.needs_wire

NEW = {"password": "another correct horse"}
REGISTRATION = {"email": "new@example.org", "name": "Nina", "restaurant": "Bar", "password": PASSWORD}
TRIES = 3


@pytest.fixture
def links(app: Flask, make_app: Any, config: Config, later: Callable[..., None]) -> Callable[[str], list[str]]:
    """`links("/reset/")`: the paths of the links in the due mails, each sent TRIES times."""

    def sent(beginning: str) -> list[str]:
        mailbox = Mailbox()
        mailbox.takes_all = True
        with mail_server(mailbox) as port:
            smtp: dict[str, Any] = {
                "mail_folder": "",
                "mail_server": "localhost",
                "mail_port": port,
                "mail_security": "none",
            }
            sender = make_app(replace(config, **smtp))
            for answer in [*["451 4.3.0 try again"] * (TRIES - 1), "250 OK"]:
                mailbox.data_answer = answer
                outbox.send_due(sender)
                later(minutes=1)
        return [mail.path for mail in mailbox.mails if mail.links and mail.path.startswith(beginning)]

    return sent


def registers(alice: Person, visitor: Browser) -> None:
    visitor.submit("/register", REGISTRATION)


def forgets(alice: Person, visitor: Browser) -> None:
    visitor.submit("/forgot", {"email": alice.email})


def invites(alice: Person, visitor: Browser) -> None:
    token = alice.client.csrf_token(f"{alice.home}/staff")
    values = {"csrf_token": token, "email": "anna@example.org", "role": "waiter"}
    alice.client.post(f"{alice.home}/staff/invitations", data=values)


def moves(alice: Person, visitor: Browser) -> None:
    alice.client.submit("/account/email", {"email": "new@example.org", "password": PASSWORD})


@pytest.mark.parametrize("which", range(TRIES))
@pytest.mark.parametrize(
    ("orders", "page", "form"),
    [
        (registers, "/confirm", {"password": PASSWORD}),
        (forgets, "/reset", NEW),
        (invites, "/invitation", {"name": "Anna", **NEW}),
        (moves, "/email", {"password": PASSWORD}),
    ],
)
def test_any_of_them_works_and_then_none(
    app: Flask,
    alice: Person,
    links: Callable[[str], list[str]],
    orders: Callable[[Person, Browser], None],
    page: str,
    form: dict[str, str],
    which: int,
) -> None:
    orders(alice, visit(app))
    found = links(f"{page}/")
    assert len(set(found)) == TRIES
    reader = visit(app)
    reader.get(found[which])
    assert reader.submit(page, form).status_code == 303
    for path in found:
        assert visit(app).get(path, follow_redirects=True).status_code == 410


@pytest.mark.parametrize(
    ("orders", "page"), [(registers, "/confirm"), (forgets, "/reset"), (invites, "/invitation"), (moves, "/email")]
)
def test_a_mail_scanner_that_opens_them_all_uses_none_up(
    app: Flask,
    alice: Person,
    links: Callable[[str], list[str]],
    orders: Callable[[Person, Browser], None],
    page: str,
) -> None:
    orders(alice, visit(app))
    found = links(f"{page}/")
    scanner = visit(app)
    for path in found:
        scanner.head(path, follow_redirects=True)
        assert scanner.get(path, follow_redirects=True).status_code == 200
    for path in found:
        assert visit(app).get(path, follow_redirects=True).status_code == 200
