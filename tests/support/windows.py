"""Windows of browsers that Playwright cannot drive: what is done in them, and who opens them.

How a window runs a script, is clicked and typed into is its engine's; see webkit.py and old_chromium.py. As with
`visitors.Visitors`, each window has its own cookies, and what its pages complain of fails the test.
"""

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from tests.support.cast import WAIT_SECONDS, Person
from tests.support.website import Website
from waitercaller.model.tables import Table

PHONE = (390, 844)
TABLET = (1024, 768)
PAUSE_SECONDS = 0.05  # between two looks at a page

# Functions of the page. An element with these words is one that says them or is called so.
SHOWN = """
const isShown = (element) => element.getClientRects().length > 0;
const shown = (css) => [...document.querySelectorAll(css)].filter(isShown);
const words = (element) => (element.innerText || "").replace(/\\s+/g, " ").trim();
"""
# The middle of the thing to press; nothing while it is covered or takes no clicks. Notes whether the next click hits:
# the page may be drawn anew just now.
SPOT = (
    SHOWN
    + """
const [css, wanted] = arguments;
const isMeant = (each) => wanted === null || [words(each), each.getAttribute("aria-label")].includes(wanted);
const thing = shown(css).find(isMeant);
if (!thing) return null;
thing.scrollIntoView({ block: "center" });
const { left, top, width, height } = thing.getBoundingClientRect();
const spot = [Math.round(left + width / 2), Math.round(top + height / 2)];
const found = document.elementFromPoint(...spot);
if (!thing.contains(found)) return null;
delete window.hit;
const isHit = (target) => shown(css).some((each) => isMeant(each) && each.contains(target));
addEventListener("mousedown", ({ target }) => { window.hit = isHit(target); }, { capture: true, once: true });
return spot;
"""
)


class Window(ABC):
    """A window of a browser. `faults` are the exceptions of its driver while a page is just being replaced."""

    faults: tuple[type[Exception], ...] = ()

    def __init__(self, website: Website) -> None:
        self.website = website

    @abstractmethod
    def open(self, url: str) -> None:
        """Load this page, and wait until it is loaded."""

    @abstractmethod
    def run(self, script: str, *arguments: Any) -> Any:
        """Run a function's body in the page, with `arguments`; returns its value."""

    @abstractmethod
    def click(self, left: int, top: int) -> None:
        """Click at this place of the page, in pixels."""

    @abstractmethod
    def type(self, text: str) -> None:
        """Press these keys, one after the other."""

    @abstractmethod
    def set_cookie(self, name: str, value: str) -> None: ...

    @abstractmethod
    def complaints(self) -> list[str]:
        """What its pages have complained of."""

    @abstractmethod
    def close(self) -> None: ...

    def goto(self, path: str) -> None:
        """Load this page of the website."""
        self.open(self.website.url + path)

    def value(self, expression: str, *arguments: Any) -> Any:
        return self.run(f"return {expression}", *arguments)

    def comes_true(self, expression: str, *arguments: Any) -> None:
        """Wait until this expression is true in the page."""
        self._wait(lambda: self.value(expression, *arguments), expression)

    def words(self, css: str) -> list[str]:
        """What the elements say that this selector finds and that are shown."""
        said: list[str] = self.run(f"{SHOWN} return shown(arguments[0]).map(words)", css)
        return said

    def says(self, css: str, expected: str | re.Pattern[str]) -> None:
        """Wait until the element says this, or something that matches this pattern in whole."""
        pattern = expected if isinstance(expected, re.Pattern) else re.compile(re.escape(expected))
        last: list[str] = []

        def does() -> bool:
            last[:] = self.words(css)
            return bool(last) and pattern.fullmatch(last[0]) is not None

        self._wait(does, f"{css} to say {expected!r}", last)

    def shows(self, css: str, count: int | None = None) -> None:
        """Wait until something that this selector finds is shown, or exactly so many."""
        number = f"{SHOWN} const number = shown(arguments[0]).length;"
        test = "return number > 0" if count is None else f"return number === {count}"
        self._wait(lambda: self.run(number + test, css), f"{css} to be shown")

    def shows_no(self, css: str) -> None:
        self.shows(css, 0)

    def press(self, css: str, words: str | None = None) -> None:
        """Click the middle of the first shown element that this selector finds, and that says or is called so."""

        def is_hit() -> bool:
            spot = self.run(SPOT, css, words)
            if spot is None:
                return False
            self.click(*spot)
            with suppress(*self.faults):
                return self.value("window.hit") is not False
            return True  # the page is gone; without scripts, nothing is noted

        self._wait(is_hit, f"{css} {words or ''} to be pressed")

    def fill(self, **fields: str) -> None:
        """Type into form fields by name, in place of what is there."""
        for name, text in fields.items():
            self.run("const field = document.getElementsByName(arguments[0])[0]; field.focus(); field.select()", name)
            self.type(text)

    def _wait(self, condition: Callable[[], object], what: str, last: list[str] | None = None) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            with suppress(*self.faults):
                if condition():
                    return
            assert time.monotonic() < deadline, f"waited in vain for {what}" + (f", not {last}" if last else "")
            time.sleep(PAUSE_SECONDS)


AnyWindow = TypeVar("AnyWindow", bound=Window)


class Windows(Generic[AnyWindow]):
    """Opens windows of one browser, and closes them."""

    def __init__(self, website: Website, folder: Path, opened: Callable[..., AnyWindow]) -> None:
        self.website = website
        self.folder = folder
        self.tolerated: list[str] = []
        self._opened = opened
        self._windows: list[AnyWindow] = []

    def come(self, size: tuple[int, int] = TABLET, **options: Any) -> AnyWindow:
        """A new window without a login; `options` as its engine has them."""
        folder = self.folder / f"window {len(self._windows) + 1}"
        folder.mkdir()
        window = self._opened(self.website, size, folder, **options)
        self._windows.append(window)
        return window

    def logged_in(self, person: Person, size: tuple[int, int] = TABLET, **options: Any) -> AnyWindow:
        window = self.come(size, **options)
        window.set_cookie("session", person.client.cookie("session"))
        return window

    def dashboard(self, person: Person, size: tuple[int, int] = TABLET, **options: Any) -> AnyWindow:
        """The live dashboard of this person's restaurant."""
        window = self.logged_in(person, size, **options)
        window.goto(f"{person.home}/dashboard")
        window.says("#live-words", "Live")
        return window

    def guest(self, table: Table, **options: Any) -> AnyWindow:
        """The guest's page of this table, on a phone."""
        window = self.come(PHONE, **options)
        window.goto(f"/t/{table['code']}")
        return window

    def tolerate(self, *words: str) -> None:
        """Ignore complaints that contain one of these texts, since the test provokes them."""
        self.tolerated.extend(words)

    def leave(self) -> None:
        """Close all windows; fails if a page complained."""
        complaints = []
        for window in self._windows:
            complaints += window.complaints()
            window.close()
        unexpected = [each for each in complaints if not any(words in each for words in self.tolerated)]
        assert not unexpected, "pages complained:\n" + "\n".join(unexpected)


def do_the_main_job(tablet: Window, guest: Window) -> None:
    """A guest calls, and whoever has the tablet, Alice, goes and is done; neither page is loaded anew."""
    for window in (tablet, guest):
        window.run("window.here = true")
    guest.press("button", "Call a waiter")
    guest.says("#headline", "Your call is on 1 staff screen")
    tablet.says("#sentence", re.compile("1 table waiting · oldest 0:.."))
    tablet.says(".table-card h2", "7")
    tablet.press(".table-card button", "I’m going")
    guest.says("#headline", "Alice is on the way")
    tablet.says(".table-card .mine", "You are on the way")
    tablet.press(".table-card button", "Done")
    tablet.says("#sentence", "Nobody is waiting")
    guest.says("#headline", "Done")
    for window in (tablet, guest):
        assert window.value("window.here") is True, "the page was loaded anew"
