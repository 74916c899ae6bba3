"""Two web machines behind the load balancer: live updates across both, draining, reload, and the death of one."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.client import HTTPResponse
from pathlib import Path

import pytest
from flask import Flask

from tests.support import databases
from tests.support.cast import Person, wait_until
from tests.support.deploy.apache import DOMAIN, Apache
from tests.support.deploy.guests import DIRECT, Guest
from tests.support.deploy.load import Load, load
from tests.support.deploy.site import BEHIND_APACHE, behind_apache
from tests.support.gunicorn import Gunicorn
from tests.support.installation import Installation
from tests.support.visits import Answer, Connection, visit
from waitercaller.db.client import Document
from waitercaller.model import tables

UNHEALTHY_AFTER_SECONDS = 2.5  # two failed health checks, one per second, with a margin
REQUESTS_PER_PHASE = 150
CALLERS = 5
# A page that asks no database: on a busy machine the others may say 503, as they should when it answers late.
NO_QUERY = "/login"


@dataclass
class Pair:
    """The gunicorns of two web machines (`web`), and the Apache that balances between them."""

    installation: Installation
    web: list[Gunicorn]
    apache: Apache

    def __post_init__(self) -> None:
        self.tls = self.apache.trust()

    def visit(self, path: str, headers: dict[str, str] | None = None, **options: object) -> Answer:
        place = f"127.0.0.1:{self.apache.https}"
        return visit(place, path, headers, tls=self.tls, name=DOMAIN, **options)  # type: ignore[arg-type]

    def connect(self) -> Connection:
        return Connection(f"127.0.0.1:{self.apache.https}", self.tls, DOMAIN)

    def answered_by(self) -> Counter[str]:
        """The number of requests that each machine answered with status 200, by its address."""
        lines = self.apache.log("waitercaller-access").splitlines()
        return Counter(line.rpartition(" ")[2] for line in lines if " 200 " in line)

    def both_serve(self) -> None:
        """Wait until the balancer sends requests to both."""
        before = self.answered_by()

        def both() -> bool:
            self.visit("/healthz")
            now = self.answered_by()
            return all(now[f"http://{each.bind}"] > before[f"http://{each.bind}"] for each in self.web)

        wait_until(both)


@pytest.fixture(scope="module")
def shared_pair(programs: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    programs("apache2", "openssl")
    binds = [f"127.0.0.1:{databases.free_port()}" for _ in range(2)]
    apache = Apache(binds)
    apache.certify()
    installation = Installation(tmp_path_factory.mktemp("pair"), apache.url, **BEHIND_APACHE)
    web = [behind_apache(installation, f"web{number}", bind, 1) for number, bind in enumerate(binds, 1)]
    pair = Pair(installation, web, apache)
    try:
        installation.open()
        for each in pair.web:
            each.start()
        apache.start()
        yield pair
    finally:
        for each in pair.web:
            each.stop()
        apache.close()
        installation.close()


@pytest.fixture
def pair(shared_pair: Pair) -> Iterator[Pair]:
    """Both machines serve; the database is empty."""
    for each in shared_pair.web:
        each.start()
    shared_pair.both_serve()
    yield shared_pair
    shared_pair.installation.empty()


@pytest.fixture
def app(pair: Pair) -> Flask:
    return pair.installation.app


@pytest.fixture
def codes(app: Flask, alice: Person) -> list[str]:
    """The codes of the tables 1 to 40."""
    with app.app_context():
        tables.add_many(alice.restaurant_id, [str(number) for number in range(1, 41)], None)
        return [table["code"] for table in tables.of_restaurant(alice.restaurant_id)]


def run_until(asked: Load, more: int) -> None:
    """Wait until the load has made this many more requests."""
    until = asked.total + more
    wait_until(lambda: asked.total >= until, 60)


def directly(web: Gunicorn) -> Callable[..., Answer]:
    """A function that sends requests to this machine, bypassing the balancer."""

    def send(path: str, headers: dict[str, str], **options: object) -> Answer:
        return visit(web.bind, path, {"Host": DOMAIN, **DIRECT, **headers}, **options)  # type: ignore[arg-type]

    return send


def test_a_call_taken_by_one_appears_on_a_screen_held_by_the_other(pair: Pair, alice: Person, codes: list[str]) -> None:
    cookie = alice.client.get_cookie("__Host-session")
    assert cookie is not None
    with pair.connect() as connection:  # one of the two holds this screen
        screen = connection.ask(f"{alice.home}/live", {"Host": DOMAIN, "Cookie": f"__Host-session={cookie.value}"})
        assert screen.status == 200
        for web, code, table in zip(pair.web, codes, ("1", "2"), strict=False):
            guest = Guest(code, directly(web))
            guest.look()
            assert guest.call() == 303
            while f">{table}<" not in (shown := screen.readline().decode()):
                assert shown, "the stream has ended"


def test_visitors_go_to_both(pair: Pair) -> None:
    before = pair.answered_by()
    for _ in range(20):
        assert pair.visit("/healthz").status == 200
    after = pair.answered_by() - before
    assert min(after[f"http://{each.bind}"] for each in pair.web) >= 5


def test_a_machine_that_drains_first_stops_without_losing_a_request(pair: Pair, codes: list[str]) -> None:
    web = pair.web[0]
    path = f"/t/{codes[0]}"
    connections = [pair.connect() for _ in range(10)]
    streams = [each.ask(f"{path}/live", {"Host": DOMAIN}) for each in connections]
    with load(lambda: pair.visit(NO_QUERY).status) as asked:
        run_until(asked, REQUESTS_PER_PHASE)
        Path(web.environ["DRAIN_FILE"]).touch()
        time.sleep(UNHEALTHY_AFTER_SECONDS)
        served = pair.answered_by()[f"http://{web.bind}"]
        run_until(asked, 20)
        assert pair.answered_by()[f"http://{web.bind}"] == served  # no further requests are sent there
        web.stop()
        run_until(asked, REQUESTS_PER_PHASE)
        web.start()
        run_until(asked, REQUESTS_PER_PHASE)
    assert asked.lost == 0, asked.answered
    ended = sum(stream.read() is not None for stream in streams if not _goes_on(stream))
    assert 1 <= ended <= 9  # the streams of the stopped machine got a "bye"; the others continue
    for each in connections:
        each.__exit__(None, None, None)


def _goes_on(stream: HTTPResponse) -> bool:
    """Whether this stream has received no "bye" event."""
    while True:
        line = stream.readline()
        if line.startswith(b"event: bye"):
            return False
        if line.startswith(b"event: ping"):
            return True


def test_reloads_under_load_lose_nothing(pair: Pair) -> None:
    with load(lambda: pair.visit(NO_QUERY).status) as asked:
        run_until(asked, 50)
        for web in pair.web:
            web.reload()
            run_until(asked, REQUESTS_PER_PHASE)
    assert asked.lost == 0, asked.answered


def test_a_machine_that_dies_loses_what_it_was_at_and_each_guest_has_called_once(
    pair: Pair, app: Flask, alice: Person, codes: list[str]
) -> None:
    guests = [Guest(code, pair.visit) for code in codes]
    for guest in guests:
        guest.look()
    waiting, lost, called = iter(guests), Counter[int](), threading.Event()

    def call_them() -> None:
        for guest in iter(partial(next, waiting, None), None):
            while (status := guest.call()) != 303:  # the same form, with the same idempotency key
                lost[status] += 1
                time.sleep(0.1)
            called.set()

    threads = [threading.Thread(target=call_them) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    called.wait()
    pair.web[0].kill()
    for thread in threads:
        thread.join()
    assert sum(lost.values()) <= CALLERS, lost  # requests in flight; later ones go to the other machine
    assert open_requests(app, alice) == [1] * len(codes)


def test_an_answer_that_was_lost_is_given_to_the_same_key(
    pair: Pair, app: Flask, alice: Person, codes: list[str]
) -> None:
    first, second = (Guest(codes[0], directly(web)) for web in pair.web)
    first.look()
    assert first.call() == 303
    pair.web[0].kill()  # the call is stored; assume that its answer was lost
    second.form = first.form
    assert [second.call(), second.call()] == [303, 303]
    assert open_requests(app, alice) == [1]


def open_requests(app: Flask, alice: Person) -> list[int]:
    """The number of live requests of each table that has any; asserts that no table has had more than one."""
    found: list[Document] = list(app.extensions["mongo"].database.requests.find({"restaurant_id": alice.restaurant_id}))
    assert all(request["live"] for request in found)
    return list(Counter(request["table_id"] for request in found).values())
