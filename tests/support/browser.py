"""Starts Chromium and Firefox for tests and benchmarks."""

import os
import shutil
import sys
from pathlib import Path

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
# The panels of the address bar are pages of their own, drawn for each window; a spare process is started for each page,
# in case it goes elsewhere. Chromium takes the last such list alone: the others are those of Playwright's that matter.
NO_FEATURES = "--disable-features=" + ",".join(
    [
        *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup", "SpareRendererForSitePerProcess"),
        *("HttpsUpgrades", "MediaRouter", "PaintHolding", "OptimizationHints", "AimEnabled", "PreconnectToSearch"),
        *("NetworkTimeServiceQuerying", "DestroyProfileOnBrowserClose"),
    ]
)
FIREFOX_PREFERENCES: dict[str, str | float | bool] = {
    "layout.css.prefers-color-scheme.content-override": 1,  # light, whatever the desktop has
    "dom.push.serverURL": "wss://127.0.0.1:9/",  # nothing leaves this computer
    "dom.ipc.processCount": 1,  # a process for each page takes much CPU time
    "dom.ipc.processPrelaunch.enabled": False,
    "fission.autostart": False,
}
FIREFOX_PROXY = Path(__file__).with_name("firefox_for_playwright.py")


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
    return playwright.chromium.launch(executable_path=path, args=[*FLAGS, NO_FEATURES, *further_flags])


def firefox_executable() -> str | None:
    """The path of Firefox; None if it is not installed."""
    return shutil.which("firefox-esr") or shutil.which("firefox")


def launch_firefox(playwright: Playwright) -> Browser:
    """Start Firefox, without a sound device."""
    path = firefox_executable()
    assert path, "Firefox is missing: sudo apt-get install firefox-esr"
    environ: dict[str, str | float | bool] = {
        **os.environ,
        "FIREFOX": path,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # the proxy runs with this Python
        "PULSE_SERVER": "unix:/dev/null",  # no sound device, whatever this computer has
        "ALSA_CONFIG_PATH": "/dev/null",
    }
    return playwright.firefox.launch(
        channel="moz-firefox",
        executable_path=FIREFOX_PROXY,
        env=environ,
        firefox_user_prefs=FIREFOX_PREFERENCES,
        timeout=120_000,  # a busy machine takes longer than the usual 30 seconds
    )
