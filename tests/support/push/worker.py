"""Chromium's service worker as a phone: Playwright delivers to it what a push service would."""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Worker

from tests.support.cast import wait_until
from tests.support.visitors import comes_true


def worker_of(page: Page) -> Worker:
    """The service worker that controls this page."""
    page.evaluate("navigator.serviceWorker.ready")
    comes_true(page, "navigator.serviceWorker.controller !== null")
    return page.context.service_workers[0]


# Counts the messages that are shown: a test asks for them only then, since Chromium may lose one that is asked for
# while it is about to be shown.
COUNTS_SHOWN = """() => {
  const show = self.registration.showNotification.bind(self.registration);
  self.shown = 0;
  self.registration.showNotification = async (...what) => { await show(...what); self.shown += 1; };
}"""


def delivery_to(page: Page) -> Callable[[dict[str, Any]], None]:
    """A function that gives a decrypted push message to the service worker of this page and waits until it is shown."""
    worker = worker_of(page)
    worker.evaluate(COUNTS_SHOWN)
    devtools = page.context.new_cdp_session(page)
    origin = page.evaluate("location.origin")
    registrations: list[str] = []

    def note(event: dict[str, Any]) -> None:
        ours = [each for each in event["registrations"] if each["scopeURL"].startswith(f"{origin}/")]
        registrations.extend(each["registrationId"] for each in ours if not each["isDeleted"])

    devtools.on("ServiceWorker.workerRegistrationUpdated", note)
    devtools.send("ServiceWorker.enable")
    wait_until(lambda: page.evaluate("1") and registrations)
    to = {"origin": origin, "registrationId": registrations[-1]}

    def deliver(message: dict[str, Any]) -> None:
        count = shown_by(worker)
        devtools.send("ServiceWorker.deliverPushMessage", {**to, "data": json.dumps(message)})
        wait_until(lambda: shown_by(worker) > count)

    return deliver


def shown_by(worker: Worker) -> int:
    """How many messages this worker has shown since `delivery_to` was called."""
    return int(worker.evaluate("self.shown"))
