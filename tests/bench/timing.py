"""Whether response times reveal that an e-mail address has an account: known and unknown addresses alternate."""

import http.client
import random
import re
import statistics
import time
from urllib.parse import urlencode

from tests.bench import servers
from tests.support.gunicorn import Gunicorn
from waitercaller import create_app
from waitercaller.db import schema
from waitercaller.model import users
from waitercaller.web import passwords

TRIES = 200  # of each kind, each with its own account, since mails to one address are limited
WARM_UP = 10
HASHES = 20  # different salts: one salt alone makes argon2 about 1 % faster or slower
MAX_DIFFERENCE_PERCENT = 5.0


def report() -> None:
    """Print the medians at login (with a wrong password) and at "forgot", and their difference."""
    with servers.database() as (environ, folder):
        environ["PROXY_COUNT"] = "1"
        _accounts(environ)
        server = servers.serve("wsgi:app", environ, folder)
        try:
            for path, expected in (("/login", 400), ("/forgot", 303)):
                _compare(server, path, expected)
        finally:
            server.stop()


def _accounts(environ: dict[str, str]) -> None:
    app = create_app(servers.config(environ))
    with app.app_context():
        schema.build(app.extensions["mongo"].database)
        hashes = [passwords.hashed("correct horse battery staple") for _ in range(HASHES)]
        for number in range(TRIES + WARM_UP):
            users.create(_address("known", number), "Alice", hashes[number % HASHES], None)


def _compare(server: Gunicorn, path: str, expected: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    cookie, token = _form(connection, path)
    taken: dict[str, list[float]] = {"known": [], "other": []}
    for number in range(TRIES + WARM_UP):
        for name in random.sample(list(taken), 2):  # random order: deferred work of one must not always slow the other
            form = {"csrf_token": token, "email": _address(name, number), "password": "a wrong guess"}
            seconds = _post(connection, path, form, {"Cookie": cookie, "X-Forwarded-For": _visitor()}, expected)
            if number >= WARM_UP:
                taken[name].append(seconds)
    connection.close()
    known, other = (statistics.median(each) * 1000 for each in taken.values())
    print(
        f"{path}: known address {known:.2f} ms, unknown {other:.2f} ms "
        f"({TRIES} each), {abs(known - other) / other * 100:.1f} % apart (aim < {MAX_DIFFERENCE_PERCENT:g} %)"
    )


def _address(name: str, number: int) -> str:
    return f"{name}-{number:03}@example.org"


def _visitor() -> str:
    """A different IP address for each try, so that no limit is reached."""
    return ".".join(str(random.randint(1, 254)) for _ in range(4))


def _form(connection: http.client.HTTPConnection, path: str) -> tuple[str, str]:
    """The cookie and the CSRF token of this page's form, used for all tries."""
    connection.request("GET", path)
    answer = connection.getresponse()
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    token = re.search(r'name="csrf_token"[^>]*?value="([^"]+)"', answer.read().decode())
    if token is None:
        raise RuntimeError(f"{path} has no form")
    return cookie, token[1]


def _post(
    connection: http.client.HTTPConnection, path: str, form: dict[str, str], headers: dict[str, str], expected: int
) -> float:
    """Send the form; returns the seconds until the response is complete."""
    body = urlencode(form)
    headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    began = time.perf_counter()
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    seconds = time.perf_counter() - began
    if answer.status != expected:
        raise RuntimeError(f"{path}: {answer.status} instead of {expected}")
    return seconds
