"""Starts Chromium for tests and benchmarks."""

import shutil

from playwright.sync_api import Browser, Playwright

FLAGS = [
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


def shell_executable() -> str | None:
    """The path of Chromium's headless shell, or of Chromium where there is none; None if neither is installed.

    The shell has the same engine and takes half the CPU time; it lacks sound, wake locks, notifications and profiles.
    """
    return shutil.which("chromium-headless-shell") or executable()


def launch(playwright: Playwright, *further_flags: str) -> Browser:
    """Start Chromium."""
    return _launch(playwright, executable(), "--headless=new", *further_flags)


def launch_shell(playwright: Playwright) -> Browser:
    """Start the headless shell."""
    return _launch(playwright, shell_executable(), "--headless")


def _launch(playwright: Playwright, path: str | None, *further_flags: str) -> Browser:
    return playwright.chromium.launch(executable_path=path, args=[*FLAGS, *further_flags])
