"""The staff's screen in WebKit, as on an iPad."""

import re
from collections.abc import Callable

from selenium.webdriver.common.keys import Keys

from tests.browser.test_drawing import TONES
from tests.browser.test_drawing import call as call  # a fixture
from tests.support.cast import Person
from tests.support.webkit import WebKitWindow
from tests.support.website import Website
from tests.support.windows import PHONE, Windows, do_the_main_job

NOT_LIVE = re.compile("Not live since .* — trying again")
RED = "getComputedStyle(document.querySelector('.bar')).backgroundColor"
BELL_HZ = 1568  # its first stroke
SILENCE_MS = 19_000  # a hanging stream is detected after 18 s, checked every second


def test_the_main_job_between_a_phone_and_a_tablet(
    windows: Windows[WebKitWindow], alice: Person, dana: WebKitWindow
) -> None:
    tablet = windows.dashboard(alice)
    assert dana.value("innerWidth") == PHONE[0]
    do_the_main_job(tablet, dana)
    tablet.press("#toasts button", "Undo")
    tablet.says(".table-card h2", "7")


def test_a_restart_of_the_website_is_said_in_red_and_all_is_right_afterwards(
    website: Website, windows: Windows[WebKitWindow], bob: Person, call: Callable[[str], None]
) -> None:
    windows.tolerate("Could not connect", "network connection was lost")
    tablet = windows.dashboard(bob)
    tablet.run("window.here = true")
    calm = tablet.value(RED)
    website.gunicorn.stop()
    tablet.says("#live-words", NOT_LIVE)
    tablet.shows("#unknown")
    assert tablet.value(RED) != calm
    call("4")
    website.gunicorn.start()
    tablet.says(".table-card h2", "4")
    tablet.says("#live-words", "Live")
    tablet.comes_true(f"{RED} === arguments[0]", calm)
    assert tablet.value("window.here") is True, "the page was loaded anew"


def test_a_line_that_is_silent_without_closing_is_noticed(
    website: Website, windows: Windows[WebKitWindow], bob: Person
) -> None:
    tablet = windows.dashboard(bob)
    with website.gunicorn.frozen():
        tablet.run(f"const now = Date.now; Date.now = () => now() + {SILENCE_MS}")
        tablet.says("#live-words", NOT_LIVE)
    tablet.says("#live-words", "Live")


def test_keys_after_a_click_mark_the_card_and_act_on_no_unmarked_one(
    windows: Windows[WebKitWindow], bob: Person, call: Callable[[str], None]
) -> None:
    """WebKit does not mark a focus that a script sets after a click."""
    for name in ("4", "5"):
        call(name)
    tablet = windows.dashboard(bob)
    tablet.shows(".table-card", 2)
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    focused = "document.activeElement.matches('.table-card') && document.activeElement.querySelector('h2').innerText"
    tablet.press(".table-card:nth-of-type(2) .clock")
    assert tablet.value(outline) == "none"
    tablet.type("r")  # the second card has the focus, and nobody sees that
    assert [tablet.value(outline), tablet.value(focused)] == ["solid", "5"]
    tablet.type("k")
    assert [tablet.value(outline), tablet.value(focused)] == ["solid", "4"]
    assert tablet.words(".table-card h2") == ["4", "5"]
    tablet.type("a")
    tablet.says(".table-card .mine", "You are on the way")
    tablet.comes_true("!document.querySelector('.cards.settling')")
    tablet.type("j")
    assert tablet.value(focused) == "5"
    tablet.type("r")
    tablet.shows(".table-card", 1)
    tablet.says(".table-card h2", "4")


def test_a_call_is_passed_on_by_a_dialog_that_keeps_the_focus(
    windows: Windows[WebKitWindow], alice: Person, bob: Person, call: Callable[[str], None]
) -> None:
    call("4")
    tablet = windows.dashboard(alice)
    tablet.shows_no("dialog")
    for leaves in (True, False):
        tablet.press(".table-card .more summary")
        tablet.press(".more-list button", "Pass on to somebody")
        tablet.shows("#who:modal")
        assert tablet.words("#who h2") == ["Pass on to Table 4"]
        if leaves:
            tablet.type(Keys.ESCAPE)
            tablet.shows_no("dialog")
            tablet.comes_true("document.activeElement.closest('.table-card') !== null")
    tablet.press("#who .name", bob.name)
    tablet.shows_no("dialog")
    tablet.says(".table-card .coming", "Bob is on the way")


def test_the_bell_rings_after_a_gesture_and_says_so_before(
    windows: Windows[WebKitWindow], bob: Person, call: Callable[[str], None]
) -> None:
    tablet = windows.dashboard(bob, script=TONES)
    rung = f"heard.filter((each) => each === {BELL_HZ}).length"
    assert tablet.value("document.getElementById('bell').dataset.state") == "blocked"
    tablet.says("#unheard p", re.compile("No sound yet: the browser waits for a tap on this page.*"))
    assert tablet.value(rung) == 0
    tablet.press("#unheard button", "Turn the sound on")
    tablet.comes_true(f"{rung} > 0")  # to be heard at once
    tablet.shows_no("#unheard")
    assert tablet.value("document.getElementById('bell').dataset.state") == "on"
    before = tablet.value(rung)
    call("4")
    tablet.comes_true(f"{rung} > arguments[0]", before)


def test_what_this_engine_lacks_or_refuses_is_said(windows: Windows[WebKitWindow], bob: Person) -> None:
    tablet = windows.dashboard(bob)
    lacks = "['PushManager' in window, 'getBattery' in navigator, 'vibrate' in navigator]"
    assert tablet.value(lacks) == [False, False, False]
    tablet.says("#unheard p", re.compile(".*This screen may fall asleep: .*"))  # a wake lock wants a touch
    tablet.press("#bell summary")
    tablet.shows_no("#unheard")
    tablet.press("#notices-switch")
    tablet.says("#notices-blocked", "This browser shows no notices for this page. Its settings can allow them.")
    tablet.goto(f"{bob.home}/notifications")
    words = "This browser cannot show messages while it is closed. Try another one, or another device."
    tablet.says("#here-words", words)
    tablet.shows_no("#here-form")
