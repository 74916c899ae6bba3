"""The guest's page in WebKit, as on an iPhone."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from selenium.webdriver.common.keys import Keys

from tests.support.cast import Person
from tests.support.webkit import WebKitWindow
from tests.support.website import Website
from tests.support.windows import PHONE, Windows
from waitercaller.db import clock
from waitercaller.db.client import Document
from waitercaller.model.tables import Table

WAITING = re.compile(r"Your call is sent|Your call is on \d+ staff screens?|Nobody has seen it yet — please wave")
OVERLOOKED = "Nobody has seen it yet — please wave"
NOT_SENT = re.compile("Not sent yet · Call a waiter It is sent as soon as there is a connection, until .*")


@pytest.fixture
def settle(app: Flask, alice: Person) -> Callable[[Document], None]:
    """`settle({"settings.notes": True})`: change Alice's restaurant."""

    def change(values: Document) -> None:
        app.extensions["mongo"].database.restaurants.update_one({"_id": alice.restaurant_id}, {"$set": values})

    return change


def test_each_state_of_a_call_is_read_as_it_comes(
    windows: Windows[WebKitWindow], settle: Callable[[Document], None], alice: Person, dana: WebKitWindow
) -> None:
    settle({"settings.escalation": {"remind_taker": 1, "tell_colleagues": 2, "give_back": 4}})
    dana.run("window.here = true")
    dana.press("button", "Call a waiter")
    dana.says("#headline", OVERLOOKED)
    assert dana.words(".steps .on") == ["Sent"]
    tablet = windows.dashboard(alice)
    dana.says("#headline", "Your call is on 1 staff screen")
    assert dana.words(".steps .on") == ["Sent", "Seen"]
    tablet.press(".table-card button", "I’m going")
    dana.says("#headline", "Alice is on the way")
    dana.says("#headline + p", "It takes longer than we thought. Everybody has been told again.")
    tablet.press(".table-card button", "Done")
    dana.says("#headline", "Done")
    dana.press("button", "Not yet?")
    dana.says("#headline", "Your call is on 1 staff screen")
    dana.press("button", "Never mind, cancel my call")
    dana.says("#headline", "Your call is cancelled")
    assert dana.value("window.here") is True, "the page was loaded anew"


def test_a_closed_house_offers_nothing(
    windows: Windows[WebKitWindow], settle: Callable[[Document], None], table: Table
) -> None:
    settle({"opening": {"state": "closed", "until": clock.now() + timedelta(days=2)}})
    guest = windows.guest(table)
    guest.says("#headline", "We are closed now")
    guest.shows_no("main button, textarea")


def test_a_tap_is_sent_once_the_website_answers_again(
    website: Website, app: Flask, windows: Windows[WebKitWindow], dana: WebKitWindow
) -> None:
    windows.tolerate("Could not connect", "access control checks")
    website.gunicorn.stop()
    dana.press("button", "Call a waiter")
    dana.says("#unsent", NOT_SENT)
    assert dana.value("JSON.parse(localStorage.getItem('waitercaller.taps')).length") == 1
    website.gunicorn.start()
    dana.says("#headline", WAITING)
    dana.shows_no("#unsent")
    assert app.extensions["mongo"].database.requests.count_documents({}) == 1


def test_a_guest_without_scripts_calls_and_reads_who_comes(
    windows: Windows[WebKitWindow], alice: Person, table: Table
) -> None:
    windows.tolerate("preloaded using link preload but not used")
    guest = windows.guest(table, scripts=False)
    tablet = windows.logged_in(alice, scripts=False)
    guest.press("button", "Call a waiter")
    guest.says("#headline", WAITING)
    tablet.goto(f"{alice.home}/dashboard")
    tablet.says(".no-script", "Scripts are off: this page loads itself again every 10 seconds, without a sound.")
    tablet.press(".table-card button", "I’m going")
    tablet.says("[role=status]", "Table 7: you are on the way.")
    guest.says("#headline", "Alice is on the way")  # the page reloads itself
    tablet.press(".table-card button", "Done")
    tablet.says("[role=status]", "Table 7: done.")


def test_arabic_is_read_from_the_right_and_nothing_moves_sideways(
    windows: Windows[WebKitWindow], alice: Person, table: Table
) -> None:
    guest = windows.guest(table, language="ar")
    assert guest.value("[document.documentElement.lang, document.documentElement.dir]") == ["ar", "rtl"]
    guest.press("button[value=waiter]")
    guest.shows(".steps li", 4)
    places = guest.value("[...document.querySelectorAll('.steps li')].map((step) => step.getBoundingClientRect().left)")
    assert places == sorted(places, reverse=True)
    assert guest.value("document.documentElement.scrollWidth") == PHONE[0]
    tablet = windows.dashboard(alice)
    tablet.press(".table-card button", "I’m going")
    guest.says("#headline", re.compile(".*Alice.*"))


def test_the_focus_stays_where_it_is_and_goes_to_the_headline_when_its_button_goes(dana: WebKitWindow) -> None:
    focused = "document.activeElement.matches(arguments[0])"
    dana.run("document.querySelector('button[value=water]').focus()")
    dana.type(Keys.ENTER)
    dana.shows(".cancel")
    assert dana.value(focused, "button[value=water]")
    dana.run("document.querySelector('.cancel').focus()")
    dana.type(Keys.ENTER)
    dana.says("#headline", "Your call is cancelled")
    dana.comes_true(focused, "#headline")
