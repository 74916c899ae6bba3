"""Starts Chromium for tests and benchmarks."""

import shutil

from playwright.sync_api import Browser, Playwright

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def executable() -> str | None:
    """The path of Chromium; None if it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def launch(playwright: Playwright, *further_flags: str) -> Browser:
    return playwright.chromium.launch(executable_path=executable(), args=[*FLAGS, *further_flags])
