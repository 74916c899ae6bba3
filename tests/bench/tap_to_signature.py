"""Time from a guest's tap to the signature of a member's phone: a real browser's service worker shows the message.

The push service is on this machine, so what it takes from there to a phone elsewhere is not in it.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench.tap_to_screen import TAPPED
from tests.support import cast
from tests.support.browser import executable, launch
from tests.support.cast import Person
from tests.support.push.phones import PRIVATE, browser, login_of
from tests.support.push.service import PushService, push_service
from tests.support.push.worker import delivery_to, worker_of
from tests.support.smtp import AUTHORITY
from tests.support.visitors import Visitors
from tests.support.website import Website
from waitercaller.db import clock
from waitercaller.model import subscriptions, tables
from waitercaller.model.tables import Table
from waitercaller.push import encryption

TAPS = 20
WARM_UP = 3
POLL_SECONDS = 0.002

Deliver = Callable[[dict[str, Any]], object]


def report() -> None:
    """Print the median and the slowest, and the median of each part."""
    if executable() is None:
        print("tap → signed by a phone: Chromium is missing")
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        push_service(encryption.public_key(PRIVATE)) as service,
        sync_playwright() as playwright,
    ):
        settings = {"VAPID_PRIVATE_KEY": PRIVATE, "PUSH_SERVICES": service.host, "SSL_CERT_FILE": str(AUTHORITY)}
        website = Website(Path(folder), **settings)
        website.open()
        try:
            chromium = launch(playwright)
            _print(_measure(website, chromium, service))
            chromium.close()
        finally:
            website.close()


def _measure(website: Website, chromium: Browser, service: PushService) -> list[dict[str, float]]:
    alice = cast.hire(website.app, "Alice", restaurant="Trattoria Lucia")
    visitors = Visitors(website, chromium)
    phone = visitors.logged_in(alice, permissions=["notifications"], service_workers="allow")
    phone.goto(f"{alice.home}/notifications")
    worker_of(phone)
    deliver = delivery_to(phone)
    _subscribe(website, alice, service)
    with website.app.app_context():
        tables.add_many(alice.restaurant_id, [str(number) for number in range(TAPS + WARM_UP)], None)
        documents = tables.of_restaurant(alice.restaurant_id)
    guest = visitors.come(viewport={"width": 390, "height": 780})
    guest.add_init_script(TAPPED)
    return [_tap(website, service, deliver, guest, document) for document in documents][WARM_UP:]


def _subscribe(website: Website, alice: Person, service: PushService) -> None:
    keys = browser(service.phone("Alice"))
    with website.app.app_context():
        subscriptions.put(alice.restaurant_id, alice.member_id, login_of(alice), keys, "all")


def _tap(website: Website, service: PushService, deliver: Deliver, guest: Page, document: Table) -> dict[str, float]:
    """Milliseconds from the tap to each moment."""
    title = f"Table {document['name']}: Waiter"
    guest.context.clear_cookies()  # the limit per phone must not be reached
    guest.goto(f"/t/{document['code']}")
    guest.get_by_role("button", name="Call a waiter").click()
    while not (texts := [each.text for each in service.messages if each.text["title"] == title]):
        time.sleep(POLL_SECONDS)
    arrived = clock.now().timestamp() * 1000
    deliver(texts[0])
    requests = website.app.extensions["mongo"].database.requests
    cast.wait_until(lambda: requests.find_one({"table_id": document["_id"]})["signed"])
    request = requests.find_one({"table_id": document["_id"]})
    tapped = float(guest.evaluate("Number(sessionStorage.tapped)"))
    written, signed = request["first_at"].timestamp() * 1000, request["signed"][0]["at"].timestamp() * 1000
    return {name: at - tapped for name, at in {"written": written, "arrived": arrived, "signed": signed}.items()}


def _print(taps: list[dict[str, float]]) -> None:
    median = {name: statistics.median(tap[name] for tap in taps) for name in taps[0]}
    parts = {
        "the tap reaches the store": median["written"],
        "sealed, and at the push service": median["arrived"] - median["written"],
        "shown by the service worker, and its signature is stored": median["signed"] - median["arrived"],
    }
    slowest = max(tap["signed"] for tap in taps)
    print(
        f"tap → signed by a phone: median {median['signed']:.0f} ms, slowest of {len(taps)} {slowest:.0f} ms; "
        + "; ".join(f"{part}: {time:.0f} ms" for part, time in parts.items())
    )
