"""A real browser of the stated minimum (see the README): the Chromium 83 or 87 of Qt WebEngine 5.15."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import old_chromium
from tests.support.cast import Person
from tests.support.old_chromium import OldChromiumWindow
from tests.support.website import Website
from tests.support.windows import Windows, do_the_main_job
from waitercaller.model.tables import Table

pytestmark = pytest.mark.browser

OLD = re.compile(r"Chrome/8[37]\.")


@pytest.fixture
def windows(website: Website, tmp_path: Path) -> Iterator[Windows[OldChromiumWindow]]:
    """Opens windows; fails at the end if a page complained."""
    if not old_chromium.is_installed():
        pytest.skip(old_chromium.MISSING)
    windows = Windows(website, tmp_path, OldChromiumWindow)
    yield windows
    windows.leave()


def test_the_main_job_in_an_old_chromium(windows: Windows[OldChromiumWindow], alice: Person, table: Table) -> None:
    tablet, guest = windows.dashboard(alice), windows.guest(table)
    assert OLD.search(guest.value("navigator.userAgent"))
    assert guest.value("[innerWidth, 'at' in []]") == [390, False]
    do_the_main_job(tablet, guest)
    tablet.says("#live-words", "Live")
    assert tablet.value("document.title").startswith("Calls")


def test_a_call_is_passed_on_in_an_old_chromium(
    windows: Windows[OldChromiumWindow], alice: Person, bob: Person, table: Table
) -> None:
    tablet, guest = windows.dashboard(alice), windows.guest(table)
    guest.press("button", "Call a waiter")
    tablet.press(".table-card .more summary")
    tablet.press(".more-list button", "Pass on to somebody")
    tablet.press("#who .name", bob.name)
    tablet.says(".table-card .coming", "Bob is on the way")
    guest.says("#headline", "Bob is on the way")


def test_a_setting_is_saved_in_an_old_chromium(windows: Windows[OldChromiumWindow], alice: Person) -> None:
    window = windows.logged_in(alice)
    window.goto(f"{alice.home}/settings/attention")
    window.fill(nag="50")
    window.press("main button", "Save")
    window.says("[role=status]", "Saved.")
    window.goto(f"{alice.home}/settings/attention")
    assert window.value("document.getElementsByName('nag')[0].value") == "50"
