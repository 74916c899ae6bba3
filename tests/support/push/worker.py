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


def delivery_to(page: Page) -> Callable[[dict[str, Any]], object]:
    """A function that delivers a decrypted push message to the service worker of this page."""
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
    return lambda message: devtools.send("ServiceWorker.deliverPushMessage", {**to, "data": json.dumps(message)})
