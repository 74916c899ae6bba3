"""A push service that hangs: calls go on, phones at another service are told, and in the end no message is due."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.drills.row import Row, broken, number
from tests.drills.scene import PATIENCE_SECONDS, Scene, opened
from tests.support.cast import hire, wait_until
from tests.support.deploy.guests import Guest
from tests.support.https import https_server
from tests.support.push.phones import PRIVATE, browser, login_of
from tests.support.push.service import Phone, PushService, push_service
from tests.support.smtp import AUTHORITY
from waitercaller.db.client import patiently
from waitercaller.model import subscriptions
from waitercaller.push import encryption

CALLS, HANGING_PHONES = 20, 5
PAUSE_SECONDS = 1.0  # between two calls
ANSWER_SECONDS = 1.0  # of a call, whatever push services do
TOLD_SECONDS = 15.0  # after the last call, until the other service has been asked about all


class HangingService:
    """Takes messages and answers none, until it is `well`."""

    def __init__(self, host: str, well: threading.Event) -> None:
        self.host, self.well = host, well


@contextmanager
def hanging_service(asked: Counter[str]) -> Iterator[HangingService]:
    """On https://localhost during the block; `asked` counts the messages of each phone."""
    well = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked[self.path] += 1
            well.wait(PATIENCE_SECONDS)
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # who asked has given up meanwhile
                self.close_connection = True

    with https_server(Handler) as host:
        try:
            yield HangingService(host, well)
        finally:
            well.set()


def rows(folder: Path) -> Iterator[Row]:
    """One round: CALLS calls while the phones of one of two services cannot be told."""
    asked = Counter[str]()
    with push_service(encryption.public_key(PRIVATE)) as service, hanging_service(asked) as hanging:
        settings = {"VAPID_PRIVATE_KEY": PRIVATE, "PUSH_SERVICES": f"{service.host},{hanging.host}"}
        with opened(Scene(folder / "pushes", SSL_CERT_FILE=str(AUTHORITY), **settings)) as scene:
            yield _run(scene, service, hanging, asked, number("N", CALLS))


def _run(scene: Scene, service: PushService, hanging: HangingService, asked: Counter[str], calls: int) -> Row:
    _subscribe(scene, "Bob", service.phone("bob"))
    for each in range(HANGING_PHONES):
        _subscribe(scene, f"Clara{each}", Phone(f"https://{hanging.host}/clara{each}"))
    slowest, acknowledged = 0.0, 0
    for each in range(calls):
        guest = Guest(scene.tables[each % len(scene.tables)]["code"], scene.send)
        guest.look()
        began = time.monotonic()
        acknowledged += guest.call() == 303
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(PAUSE_SECONDS)
    began = time.monotonic()
    wait_until(lambda: _states(scene, "called", "/bob") == Counter(sent=calls), PATIENCE_SECONDS)
    late = time.monotonic() - began
    unanswered = sum(asked.values())
    for request_id in scene.live_ids():
        scene.act(f"{scene.alice.home}/requests/{request_id}/resolve", ids=request_id)
    hanging.well.set()
    wait_until(lambda: not _states(scene)["due"], PATIENCE_SECONDS)
    ended = _states(scene)
    counts = {"calls acknowledged": acknowledged, "told at the other service": calls, "unanswered": unanswered}
    counts |= {f"messages {state} in the end": count for state, count in sorted(ended.items())}
    holds = broken(
        calls_lost=acknowledged == calls, call_late=slowest < ANSWER_SECONDS, others_told_late=late < TOLD_SECONDS
    )
    times = f"call {slowest:.2f} s; the other service has all {late:.1f} s after the last call"
    return Row("push service hangs", 1, counts, times, holds)


def _subscribe(scene: Scene, name: str, phone: Phone) -> None:
    with patiently():
        person = hire(scene.app, name, role="waiter", at=scene.alice)
        with scene.app.app_context():
            subscriptions.put(person.restaurant_id, person.member_id, login_of(person), browser(phone), "all")


def _states(scene: Scene, event: str = "", phone: str = "") -> Counter[str]:
    """How many messages are in each state; of one event and one phone, or of all."""
    with scene.app.app_context(), patiently():
        database = scene.app.extensions["mongo"].database
        phones = {each["_id"] for each in database.subscriptions.find() if each["endpoint"].endswith(phone)}
        found = database.pushes.find({"event": event} if event else {})
        return Counter(each["state"] for each in found if each["subscription_id"] in phones)
