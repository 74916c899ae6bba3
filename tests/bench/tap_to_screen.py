"""Latency from the guest's tap to the card on another screen, in a real browser, by stage."""

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support import cast
from tests.support.browser import executable, launch
from tests.support.visitors import Visitors, comes_true, is_live
from tests.support.website import Website
from waitercaller.model import tables
from waitercaller.model.tables import Table

TAPS = 30
WARM_UP = 5

# All pages run on this machine, so their clocks agree.
TAPPED = """
document.addEventListener("click", (event) => {
  if (event.target.closest("[name=kind]")) sessionStorage.tapped = performance.timeOrigin + performance.now();
}, true);
"""
SEEN = """
window.times = {};
const now = () => performance.timeOrigin + performance.now();
const listen = EventSource.prototype.addEventListener;
EventSource.prototype.addEventListener = function (name, work) {
  listen.call(this, name, (event) => { if (name === "calls") window.arrived = now(); work(event); });
};
addEventListener("DOMContentLoaded", () => {
  new MutationObserver(() => {
    for (const card of document.querySelectorAll("#calls .table-card")) {
      const { table } = card.dataset;
      if (window.times[table]) continue;
      const times = window.times[table] = { arrived: window.arrived, drawn: now() };
      requestAnimationFrame(() => setTimeout(() => (times.painted = now())));
    }
  }).observe(document.getElementById("calls"), { childList: true, subtree: true });
});
"""


def report() -> None:
    """Print the median of each stage, and the slowest tap."""
    if executable() is None:
        print("tap → visible on the other screen: Chromium is missing")
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        website = Website(Path(folder))
        website.open()
        try:
            chromium = launch(playwright)
            _print(_measure(website, chromium))
            chromium.close()
        finally:
            website.close()


def _measure(website: Website, chromium: Browser) -> list[dict[str, float]]:
    alice = cast.hire(website.app, "Alice", restaurant="Trattoria Lucia")
    with website.app.app_context():
        tables.add_many(alice.restaurant_id, [str(number) for number in range(TAPS + WARM_UP)], None)
        documents = tables.of_restaurant(alice.restaurant_id)
    visitors = Visitors(website, chromium)
    screen, guest = visitors.logged_in(alice), visitors.come(viewport={"width": 390, "height": 780})
    screen.add_init_script(SEEN)
    guest.add_init_script(TAPPED)
    screen.goto(f"{alice.home}/dashboard")
    is_live(screen)
    return [_tap(website, screen, guest, document) for document in documents][WARM_UP:]


def _tap(website: Website, screen: Page, guest: Page, document: Table) -> dict[str, float]:
    """Milliseconds from the tap to each stage."""
    table = str(document["_id"])
    guest.context.clear_cookies()  # the limit per phone must not be reached
    guest.goto(f"/t/{document['code']}")
    guest.get_by_role("button", name="Call a waiter").click()
    comes_true(screen, "table => Boolean(window.times[table]?.painted)", table)
    times: dict[str, float] = screen.evaluate("table => window.times[table]", table)
    requests = website.app.extensions["mongo"].database.requests
    cast.wait_until(lambda: requests.find_one({"table_id": document["_id"]})["shown"])
    request = requests.find_one({"table_id": document["_id"]})
    guest.wait_for_load_state()
    tapped = float(guest.evaluate("Number(sessionStorage.tapped)"))
    written, receipt = request["first_at"].timestamp() * 1000, request["shown"][0]["at"].timestamp() * 1000
    moments = {"written": written, **times, "receipt": receipt}
    return {name: moment - tapped for name, moment in moments.items()}


def _print(taps: list[dict[str, float]]) -> None:
    median = {name: statistics.median(tap[name] for tap in taps) for name in taps[0]}
    parts = {
        "the tap reaches the store": median["written"],
        "on disk, heard by the watcher, drawn by the server, on the line": median["arrived"] - median["written"],
        "taken over by the page": median["drawn"] - median["arrived"],
        "painted": median["painted"] - median["drawn"],
    }
    slowest = max(tap["painted"] for tap in taps)
    print(
        f"tap → visible on the other screen: median {median['painted']:.0f} ms, slowest of {len(taps)} "
        f"{slowest:.0f} ms; " + "; ".join(f"{part}: {time:.0f} ms" for part, time in parts.items())
    )
    print(f"tap → the screen's receipt is on disk: median {median['receipt']:.0f} ms")
