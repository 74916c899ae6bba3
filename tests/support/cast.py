"""HTTP clients that act as browsers, people with a login, and mails as their readers see them."""

import functools
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from bson import ObjectId
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.test import TestResponse

from config import Config
from waitercaller.model import logins, restaurants, users
from waitercaller.web import passwords

PASSWORD = "correct horse battery staple"
WAIT_SECONDS = 60.0  # timeout for what normally takes milliseconds


class Browser(FlaskClient):
    """A test client with English as its language, which sends a page's forms with their CSRF token."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"

    def csrf_token(self, page: str) -> str:
        """The CSRF token of this browser, as in all its forms; from the form of this page if it has none yet."""
        if known := self._session().get("csrf_token"):
            secret_key = self._app.config["SECRET_KEY"]
            return str(URLSafeTimedSerializer(secret_key, salt="wtf-csrf-token").dumps(known))  # as Flask-WTF does
        match = re.search(r'name="csrf_token"[^>]*?value="([^"]+)"', self.get(page, follow_redirects=True).text)
        assert match, f"{page} has no form with a CSRF token"
        return match[1]

    @property
    def _app(self) -> Flask:
        assert isinstance(self.application, Flask)
        return self.application

    def _session(self) -> dict[str, Any]:
        """What Flask's session cookie of this browser holds."""
        cookie = self.get_cookie(self._app.config["SESSION_COOKIE_NAME"])
        interface = self._app.session_interface
        assert isinstance(interface, SecureCookieSessionInterface)
        signer = interface.get_signing_serializer(self._app)
        assert signer is not None
        try:
            session: dict[str, Any] = signer.loads(cookie.value) if cookie else {}
        except BadSignature:
            return {}
        return session

    def cookie(self, name: str) -> str:
        """The value of this browser's cookie."""
        cookie = self.get_cookie(name)
        assert cookie, f"there is no cookie called {name}"
        return cookie.value

    def submit(self, path: str, data: dict[str, Any] | None = None, *, page: str = "", **kwargs: Any) -> TestResponse:
        """Send a form to `path`, as from `page` (or `path` itself)."""
        token = self.csrf_token(page or path)
        return self.post(path, data={**(data or {}), "csrf_token": token}, **kwargs)


def visit(app: Flask) -> Browser:
    """A browser without a login."""
    client = app.test_client()
    assert isinstance(client, Browser)
    return client


@dataclass
class Person:
    """A person, with the restaurant they work in and their logged-in browser."""

    name: str
    email: str
    user_id: ObjectId
    client: Browser
    restaurant_id: ObjectId
    member_id: str
    password: str = PASSWORD

    @property
    def home(self) -> str:
        """The prefix of the paths of the restaurant's pages."""
        return f"/r/{self.restaurant_id}"


def hire(
    app: Flask, name: str, *, role: restaurants.Role = "owner", at: Person | None = None, restaurant: str = ""
) -> Person:
    """Create a logged-in person who works in the restaurant of `at`; without `at`, the owner of a new one."""
    email = f"{name.lower()}@example.org"
    with app.app_context():
        user_id = users.create(email, name, _hash(app.extensions["config"]), None)
        if at is None:
            restaurant_id = restaurants.create(restaurant or f"{name}'s", user_id, name, "en", None)
        else:
            restaurant_id = at.restaurant_id
            restaurants.add_member(restaurant_id, name, role, user_id)
        document = restaurants.get(restaurant_id)
        member = restaurants.member_of(document, user_id) if document else None
        assert member is not None
        secret, _login = logins.start(user_id, "127.0.0.1", "a test")
    return Person(name, email, user_id, _logged_in(app, secret), restaurant_id, member["id"])


def device(app: Flask, at: Person, name: str = "Counter", member_id: str | None = None) -> Browser:
    """A browser that is logged in as a device of this person's restaurant; with `member_id` as that member's phone."""
    with app.app_context():
        secret, _login = logins.start_device(at.restaurant_id, name, member_id, "127.0.0.1", "a device")
    return _logged_in(app, secret)


@functools.cache
def _hash(config: Config) -> str:
    """The hash of PASSWORD, cached: hashing is slow by design, and no test needs a salt per person."""
    return passwords.hashed(PASSWORD)


def _logged_in(app: Flask, secret: str) -> Browser:
    client = visit(app)
    with client.session_transaction() as session:
        session["_user_id"] = secret
        session["csrf_token"] = secrets.token_hex(20)  # as Flask-WTF makes it when the first form is shown
        session["_fresh"] = True
        session.permanent = True
    return client


@dataclass
class Mail:
    """A received mail; its links are those of the plain text."""

    to: str
    subject: str
    text: str
    html: str
    message: EmailMessage
    links: list[str]

    @property
    def path(self) -> str:
        """The path of the first link, for a test client."""
        return self.links[0].removeprefix("http://localhost")


def read_mail(content: bytes) -> Mail:
    """Parse a mail."""
    message: Any = message_from_bytes(content, policy=policy.default)
    text = message.get_body(("plain",)).get_content()
    links = re.findall(r"https?://[^\s<>\"]+", text)
    html = message.get_body(("html",)).get_content()
    return Mail(message["To"], message["Subject"], text, html, message, links)


def wait_until(condition: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
    """Wait until `condition()` is true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
