"""Makes the README's pictures from the demo restaurant: guest, dashboard and report, into docs/pictures/.

`python -m tests.pictures`, or `make pictures`. It takes a minute or two: the evening has to begin first.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, FloatRect, Page, expect, sync_playwright

from tests.support import browser as browsers
from waitercaller.local import network, processes
from waitercaller.local.server import ROOT

FOLDER = ROOT / "docs" / "pictures"
CARDS = 6  # that the dashboard shall show at least
PATIENCE_MS = 300_000
STOP_SECONDS = 30.0


@contextmanager
def demo() -> Iterator[dict[str, str]]:
    """A demo in a folder that is removed: its `url`, `email` and `password`, and the `guest`'s path."""
    port = str(network.free_port())
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "waitercaller", "run", "--demo", "--data", folder]
        environ = {"PATH": "/usr/bin:/bin", "PORT": port}
        server = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, start_new_session=True)
        try:
            assert server.stdout
            said = ""
            while "A guest at table 1" not in said:
                line = server.stdout.readline().decode()
                assert line, said
                said += line
            words = re.search(r"Log in as (?P<email>\S+) with the password (?P<password>\S+)", said)
            path = re.search(r"/t/\S+", said)
            assert words
            assert path
            yield {"url": f"http://127.0.0.1:{port}", "guest": path[0], **words.groupdict()}
        finally:
            processes.stop(server, STOP_SECONDS)


def staff(browser: Browser, found: dict[str, str]) -> Page:
    """The dashboard, logged in."""
    page = browser.new_context(
        base_url=found["url"], viewport={"width": 1440, "height": 756}, locale="en-GB", color_scheme="light"
    ).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto("/login")
    page.get_by_label("E-mail").fill(found["email"])
    page.get_by_label("Password", exact=True).fill(found["password"])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/dashboard")
    return page


def main() -> None:
    """Wait for a busy moment; call as a guest at table 1, and go there as the staff."""
    expect.set_options(timeout=PATIENCE_MS)
    with demo() as found, sync_playwright() as playwright:
        browser = browsers.launch(playwright)
        dashboard = staff(browser, found)
        guest = browser.new_context(
            base_url=found["url"], viewport={"width": 360, "height": 640}, device_scale_factor=2, locale="en-GB"
        ).new_page()
        guest.goto(found["guest"])
        guest.get_by_role("button", name="Call a waiter").click(timeout=PATIENCE_MS)
        card = dashboard.locator("article.table-card[data-title='Table 1']")
        card.get_by_role("button", name="I’m going").click()
        expect(guest.locator("#headline")).to_contain_text("is on the way")
        guest.screenshot(path=FOLDER / "guest.png")
        expect(dashboard.locator("article.table-card").nth(CARDS - 1)).to_be_visible()
        dashboard.screenshot(path=FOLDER / "dashboard.png")
        dashboard.goto(f"{dashboard.url.partition('/dashboard')[0]}/report?days=28")
        report: FloatRect = {"x": 330, "y": 80, "width": 780, "height": 1440}
        dashboard.screenshot(path=FOLDER / "report.png", full_page=True, clip=report)
        browser.close()


if __name__ == "__main__":
    main()
