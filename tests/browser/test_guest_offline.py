"""Without network no tap is lost or sent twice: the phone stores it, says so, and sends it when it can."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect

from tests.support.cast import Person, wait_until
from tests.support.visitors import Visitors, comes_true, press
from tests.support.website import Website
from waitercaller.model.tables import Table

pytestmark = pytest.mark.browser

MINUTES = 60_000


@pytest.fixture(autouse=True)
def _complaints(visitors: Visitors) -> None:
    """Tolerate Chromium's console errors about the missing network."""
    visitors.tolerate("net::ERR_")


@pytest.fixture
def taps(app: Flask) -> Callable[[], list[tuple[str, int]]]:
    """The requests so far: kind and number of reminders."""

    def called() -> list[tuple[str, int]]:
        found = app.extensions["mongo"].database.requests.find().sort("created_at")
        return [(request["kind"], request["reminders"]) for request in found]

    return called


def tap(guest: Page, button: str) -> None:
    guest.locator(f'button[value="{button}"]').click()


def nothing_waits(guest: Page) -> None:
    comes_true(guest, "localStorage.getItem('waitercaller.taps') === '[]'")


def is_sent(guest: Page) -> None:
    """The server has confirmed the call, and no tap is stored any more."""
    expect(guest.locator(".live")).to_be_visible()
    expect(guest.locator("#unsent")).to_be_hidden()
    nothing_waits(guest)


def test_a_tap_without_network_is_sent_once_there_is_one(dana: Page, taps: Any) -> None:
    dana.context.set_offline(True)
    tap(dana, "waiter")
    expect(dana.locator("#unsent")).to_contain_text("Not sent yet")
    expect(dana.locator("#unsent")).to_contain_text("It is sent as soon as there is a connection, until")
    expect(dana.locator("#headline")).to_be_hidden()
    dana.wait_for_timeout(700)
    tap(dana, "waiter")  # a second tap on the same button
    assert taps() == []
    dana.context.set_offline(False)
    is_sent(dana)
    assert taps() == [("waiter", 0)]


def test_a_tap_outlives_the_page(dana: Page, table: Table, taps: Any) -> None:
    phone = dana.context
    phone.set_offline(True)
    tap(dana, "bill/card")
    expect(dana.locator("#unsent")).to_be_visible()
    with pytest.raises(Exception, match=r"ERR_INTERNET_DISCONNECTED|NS_ERROR_OFFLINE"):
        dana.reload()
    dana.close()
    phone.set_offline(False)
    again = phone.new_page()
    again.goto(f"/T/{table['code']}")  # scanned again
    is_sent(again)
    assert taps() == [("bill", 0)]
    press(again, "Never mind, cancel my call")
    expect(again.locator("#headline")).to_have_text("Your call is cancelled")


@pytest.mark.chromium_only("Playwright does not read what Firefox posts")
def test_an_answer_that_was_lost_makes_no_second_request(visitors: Visitors, dana: Page, taps: Any) -> None:
    lost: list[int] = []

    def lose(route: Route) -> None:
        lost.append(route.fetch(max_redirects=0).status)
        route.abort() if len(lost) < 3 else route.continue_()

    dana.route("**/call*", lose)
    tap(dana, "waiter")
    is_sent(dana)
    assert lost == [200, 200, 200]
    assert taps() == [("waiter", 0)]


def test_a_reminder_before_the_call_is_answered_is_a_reminder(dana: Page, taps: Any) -> None:
    """The stream shows the call before the answer arrives, which brings the key of the next tap."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        if held:
            return route.continue_()
        held.append(route)
        route.fetch(max_redirects=0)
        return None

    dana.route("**/call*", hold)
    tap(dana, "waiter")
    expect(dana.get_by_role("button", name="Called — remind them")).to_be_visible()
    dana.wait_for_timeout(700)  # no double tap
    tap(dana, "waiter")
    held[0].continue_()
    expect(dana.get_by_text("The staff has been reminded.")).to_be_visible()
    assert taps() == [("waiter", 1)]


def test_a_refusal_leaves_a_later_tap_its_own_key(visitors: Visitors, dana: Page) -> None:
    """The same button, pressed in two pages of one phone; the second has no answer yet."""
    visitors.tolerate("status of 400", "net::ERR_")
    held: list[Route] = []
    dana.route("**/call*", lambda route: held.append(route))
    tap(dana, "waiter")
    wait_until(lambda: dana.evaluate("true") and held)
    later = dana.context.new_page()
    later.route("**/call*", lambda route: route.abort())
    later.goto(dana.url)
    tap(later, "waiter")
    expect(later.locator("#unsent")).to_be_visible()
    held[0].fulfill(status=400, json={"message": "Not now."})
    expect(dana.locator("#failed")).to_contain_text("Not now.")
    key = later.evaluate("JSON.parse(localStorage.getItem('waitercaller.taps'))[0].fields.form")
    assert key == later.locator("#call [name=form]").input_value()


def test_two_taps_without_network_are_both_sent_and_both_can_be_cancelled(dana: Page, taps: Any) -> None:
    dana.context.set_offline(True)
    tap(dana, "waiter")
    tap(dana, "water")
    expect(dana.locator("button.sending")).to_have_count(2)
    expect(dana.locator("#unsent h2")).to_have_text("Not sent yet · Call a waiter · Some water")
    dana.context.set_offline(False)
    expect(dana.locator(".live")).to_have_count(2)
    assert taps() == [("waiter", 0), ("water", 0)]
    press(dana, "Never mind, cancel my call")
    expect(dana.locator(".live")).to_have_count(0)


def test_a_cancelling_without_network_is_said_by_its_name(dana: Page, taps: Any) -> None:
    tap(dana, "waiter")
    is_sent(dana)
    dana.context.set_offline(True)
    press(dana, "Never mind, cancel my call")
    words = "Not sent yet · Never mind, cancel my call"
    expect(dana.locator("#unsent h2")).to_have_text(words)
    dana.evaluate("dispatchEvent(new Event('storage'))")  # as if another page of this phone had stored or sent a tap
    assert dana.locator("#unsent h2").text_content() == words
    dana.context.set_offline(False)
    expect(dana.locator("#headline")).to_have_text("Your call is cancelled")
    expect(dana.locator("#unsent")).to_be_hidden()


def test_the_last_choice_counts_of_those_made_without_network(app: Flask, dana: Page, taps: Any) -> None:
    dana.context.set_offline(True)
    tap(dana, "bill/card")
    tap(dana, "bill/cash")
    dana.context.set_offline(False)
    is_sent(dana)
    assert taps() == [("bill", 1)]
    assert [each["choice"] for each in app.extensions["mongo"].database.requests.find()] == ["cash"]


def test_a_note_is_sent_though_the_tap_before_it_was_still_on_its_way(
    app: Flask, website: Website, visitors: Visitors, alice: Person, table: Table
) -> None:
    requests = app.extensions["mongo"].database.requests
    app.extensions["mongo"].database.restaurants.update_one(
        {"_id": alice.restaurant_id}, {"$set": {"settings.notes": True}}
    )
    guest = visitors.come()
    guest.goto(f"/t/{table['code']}")
    on_its_way: list[Route] = []
    guest.route("**/call*", lambda route: route.continue_() if on_its_way else on_its_way.append(route))
    tap(guest, "waiter")
    wait_until(lambda: guest.evaluate("1") and on_its_way)
    guest.wait_for_timeout(700)
    guest.locator("#note").fill("A high chair")
    tap(guest, "waiter")
    guest.locator("#note").fill("And a spoon")
    on_its_way[0].continue_()
    wait_until(lambda: guest.evaluate("1") and [each["note"] for each in requests.find()] == ["A high chair"])
    is_sent(guest)
    expect(guest.locator("#note")).to_have_value("And a spoon")


def test_a_tap_that_could_not_be_sent_for_ten_minutes_is_not_sent_at_all(
    visitors: Visitors, table: Table, taps: Any
) -> None:
    guest = visitors.come()
    guest.clock.install()
    guest.goto(f"/t/{table['code']}")
    guest.context.set_offline(True)
    tap(guest, "waiter")
    expect(guest.locator("#unsent")).to_be_visible()
    guest.clock.fast_forward(10 * MINUTES)
    expect(guest.locator("#failed")).to_contain_text(
        "There was no connection for 10 minutes. Please tap again, or wave."
    )
    expect(guest.locator("#unsent")).to_be_hidden()
    guest.context.set_offline(False)
    tap(guest, "water")
    is_sent(guest)
    expect(guest.locator("#failed")).to_be_hidden()
    assert taps() == [("water", 0)]


def test_a_page_that_is_opened_too_late_says_that_the_tap_was_not_sent(dana: Page, table: Table, taps: Any) -> None:
    phone = dana.context
    phone.set_offline(True)
    tap(dana, "waiter")
    expect(dana.locator("#unsent")).to_be_visible()
    # A page that is being closed is no longer offline to Playwright, and would send the tap.
    dana.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('offline')); }")
    dana.close()
    phone.set_offline(False)
    again = phone.new_page()
    again.goto("/healthz")  # a page without our scripts, so the tap stays stored
    again.evaluate("""() => {
        const taps = JSON.parse(localStorage.getItem("waitercaller.taps"));
        for (const tap of taps) tap.at -= 11 * 60_000;
        localStorage.setItem("waitercaller.taps", JSON.stringify(taps));
    }""")
    again.goto(f"/t/{table['code']}")
    expect(again.locator("#failed")).to_contain_text("There was no connection for 10 minutes.")
    expect(again.locator(".live")).to_have_count(0)
    assert taps() == []


def test_a_network_that_answers_with_pages_of_its_own_is_no_answer(visitors: Visitors, dana: Page, taps: Any) -> None:
    """A captive portal, as in hotels."""
    visitors.tolerate("status of 502")
    answers = [(200, "<h1>Welcome to our Wi-Fi</h1>"), (502, "bad gateway"), (403, "<h1>Log in first</h1>")]

    def portal(route: Route) -> None:
        if not answers:
            return route.continue_()
        status, body = answers.pop(0)
        return route.fulfill(status=status, body=body, content_type="text/html")

    visitors.tolerate("status of 403")
    dana.route("**/call*", portal)
    tap(dana, "waiter")
    expect(dana.locator("#unsent")).to_be_visible()
    is_sent(dana)
    assert taps() == [("waiter", 0)]


def test_a_phone_that_keeps_nothing_still_sends(dana: Page, taps: Any) -> None:
    dana.evaluate("""() => {
        const refuse = () => { throw new DOMException("no", "SecurityError"); };
        Object.assign(Storage.prototype, { getItem: refuse, setItem: refuse });
    }""")
    dana.context.set_offline(True)
    tap(dana, "waiter")
    expect(dana.locator("#unsent")).to_be_visible()
    dana.context.set_offline(False)
    expect(dana.locator(".live")).to_be_visible()
    assert taps() == [("waiter", 0)]


def test_what_the_server_refuses_is_not_sent_again(visitors: Visitors, website: Website, dana: Page, taps: Any) -> None:
    visitors.tolerate("status of 400")
    tried: list[str] = []
    dana.on("request", lambda request: tried.append(request.url) if "/call" in request.url else None)
    dana.evaluate("document.querySelector('#call [name=form]').value = 'forged'")
    tap(dana, "waiter")
    expect(dana.locator("#failed")).to_contain_text("This page could not be read. Please scan the code")
    nothing_waits(dana)
    assert len(tried) == 1
    assert taps() == []


def test_a_tap_that_waited_is_answered_in_the_language_chosen_since(dana: Page, taps: Any) -> None:
    address = dana.url
    dana.goto(f"{address}?lang=it")
    dana.context.route("**/call*", lambda route: route.abort())
    tap(dana, "waiter")
    expect(dana.locator("#unsent")).to_be_visible()
    dana.context.unroute_all()
    dana.goto(f"{address}?lang=pt")
    is_sent(dana)
    assert dana.url.endswith("lang=pt")
    assert taps() == [("waiter", 0)]


def test_a_line_that_hangs_without_closing_is_told_of(visitors: Visitors, website: Website, table: Table) -> None:
    guest = visitors.come()
    guest.clock.install()
    guest.goto(f"/t/{table['code']}")
    with website.gunicorn.frozen():
        guest.clock.fast_forward(25_000)
        expect(guest.locator("#unconnected")).to_be_visible()
    expect(guest.locator("#unconnected")).to_be_hidden()
