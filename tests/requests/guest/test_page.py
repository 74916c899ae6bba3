"""The guest's page and actions, as Dana, who has only the table's code."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape
from werkzeug.test import TestResponse

from tests.support.cast import Person, visit
from waitercaller.db import cache
from waitercaller.db.client import Document
from waitercaller.model import tables
from waitercaller.model.requests import transitions
from waitercaller.model.tables import Table

UNKNOWN_CODE = "A" * 26


@dataclass
class Phone:
    """A guest's phone at one table: the page it shows, and its forms."""

    client: FlaskClient
    code: str
    address: str = ""

    def scan(self) -> TestResponse:
        self.address = f"/t/{self.code}"
        return self.look()

    def look(self) -> TestResponse:
        return self.client.get(self.address)

    def form(self) -> dict[str, str]:
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', self.look().text))

    def tap(self, kind: str = "waiter", **changes: Any) -> TestResponse:
        return self.send("call", {**self.form(), "kind": kind, **changes})

    def send(self, act: str, form: dict[str, Any] | None = None, **kwargs: Any) -> TestResponse:
        """Send a form, and follow the redirect."""
        answer = self.client.post(f"/t/{self.code}/{act}", data=form or self.form(), **kwargs)
        if answer.status_code == 303:
            self.address = answer.location
        return answer


@pytest.fixture
def table(app: Flask, alice: Person) -> Table:
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["Terrace 7"], None)
        return tables.of_restaurant(alice.restaurant_id)[0]


@pytest.fixture
def phone(table: Table, dana: FlaskClient) -> Phone:
    phone = Phone(dana, table["code"])
    phone.scan()
    return phone


@pytest.fixture
def requests_in(app: Flask) -> Callable[[], list[Document]]:
    return lambda: list(app.extensions["mongo"].database.requests.find().sort("created_at"))


@pytest.fixture
def staff(app: Flask, alice: Person, requests_in: Any) -> Callable[..., None]:
    """`staff(transitions.accept)`: Alice applies this to all requests."""

    def do(act: Any) -> None:
        with app.app_context():
            act(alice.restaurant_id, [each["_id"] for each in requests_in()], {"id": alice.member_id, "name": "Alice"})

    return do


def test_the_page_names_the_place_and_the_table_and_offers_every_kind(phone: Phone) -> None:
    page = phone.look().text
    for words in ("Trattoria Lucia", "Terrace 7", "Call a waiter", "The bill, please", "Some water"):
        assert words in page


def test_upper_case_as_printed_and_typed_in_lower_case_are_served_alike(phone: Phone) -> None:
    for path in (f"/T/{phone.code}", f"/t/{phone.code.lower()}"):
        page = phone.client.get(path)
        assert page.status_code == 200
        assert f'action="/t/{phone.code}/call"' in page.text


def test_a_tap_opens_a_request_and_leads_back_to_the_page(phone: Phone, requests_in: Any) -> None:
    assert phone.tap().status_code == 303
    (request,) = requests_in()
    assert (request["kind"], request["state"]) == ("waiter", "waiting")
    page = phone.look().text
    assert "Your call is sent" in page
    assert "Called — remind them" in page
    assert '<meta http-equiv="refresh"' in page


def test_each_page_is_of_its_own_table_and_phone(app: Flask, alice: Person, phone: Phone) -> None:
    """The process draws it once for all tables and phones."""
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["<8> & co"], None)
        other = next(each for each in tables.of_restaurant(alice.restaurant_id) if each["code"] != phone.code)
    phone.tap()
    mine, stranger = phone.form(), Phone(visit(app), other["code"])
    assert mine["r"] in phone.address
    assert f'href="{phone.address}&amp;lang=de"' in phone.look().text
    page = stranger.scan().text
    assert "<bdi>&lt;8&gt; &amp; co</bdi>" in page
    assert f'href="/t/{other["code"]}?lang=de"' in page
    assert not [value for value in (phone.code, "Terrace 7", *mine.values()) if value in page]
    assert "\0" not in page


def test_the_guest_reads_who_is_coming_and_that_it_is_done(phone: Phone, staff: Any) -> None:
    phone.tap()
    staff(transitions.accept)
    assert "Alice is on the way" in phone.look().text
    staff(transitions.resolve)
    page = phone.look().text
    assert "The staff says your call is done" in page
    assert "Not yet?" in page


def test_not_yet_brings_the_call_back_for_five_minutes(phone: Phone, staff: Any, later: Any, requests_in: Any) -> None:
    phone.tap()
    staff(transitions.resolve)
    assert phone.send("reopen").status_code == 303
    assert requests_in()[0]["state"] == "waiting"
    staff(transitions.resolve)
    later(minutes=6)
    assert "Not yet?" not in phone.look().text
    phone.send("reopen")
    assert requests_in()[0]["state"] == "resolved"


def test_not_yet_brings_back_what_was_done_last_and_nothing_else(
    phone: Phone, staff: Any, later: Any, requests_in: Any
) -> None:
    phone.tap("water")
    staff(transitions.resolve)
    later(minutes=1)
    phone.tap("bill")
    staff(transitions.resolve)
    assert "Not yet?" in phone.look().text
    phone.send("reopen")
    assert [request["state"] for request in requests_in()] == ["resolved", "waiting"]
    phone.send("cancel")
    assert (
        "Not yet?" not in phone.look().text
    )  # the last call was cancelled by the guest, although another was resolved before
    phone.send("reopen")
    assert [request["state"] for request in requests_in()] == ["resolved", "cancelled"]


def test_the_phone_that_called_can_cancel(phone: Phone, requests_in: Any) -> None:
    phone.tap()
    assert "Never mind, cancel my call" in phone.look().text
    phone.send("cancel")
    assert requests_in()[0]["state"] == "cancelled"
    assert "Your call is cancelled" in phone.look().text


def test_another_phone_at_the_table_sees_the_call_but_cannot_cancel_it(
    app: Flask, phone: Phone, requests_in: Any
) -> None:
    phone.tap()
    other = Phone(app.test_client(), phone.code)
    page = other.scan().text
    assert "Your call is sent" in page
    assert "Never mind" not in page
    other.send("cancel")
    assert requests_in()[0]["state"] == "waiting"


def test_a_receipt_of_another_table_is_worth_nothing(app: Flask, phone: Phone, alice: Person, requests_in: Any) -> None:
    phone.tap()
    receipt = phone.form()["r"]
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["8"], None)
        code = next(table["code"] for table in tables.of_restaurant(alice.restaurant_id) if table["name"] == "8")
    Phone(app.test_client(), code).send("cancel", {"r": receipt})
    assert requests_in()[0]["state"] == "waiting"


def test_two_taps_on_one_page_are_one_request(phone: Phone, requests_in: Any) -> None:
    form = {**phone.form(), "kind": "waiter"}
    for _ in range(2):
        assert phone.client.post(f"/t/{phone.code}/call", data=form).status_code == 303
    (request,) = requests_in()
    assert request["reminders"] == 0


def test_a_tap_sent_again_after_the_end_is_answered_with_what_became_of_it(
    phone: Phone, staff: Any, requests_in: Any
) -> None:
    form = {**phone.form(), "kind": "waiter"}
    phone.send("call", form)
    staff(transitions.resolve)
    phone.send("call", form)
    assert len(requests_in()) == 1
    assert "The staff says your call is done" in phone.look().text


def test_tapping_again_on_the_new_page_reminds(phone: Phone, requests_in: Any) -> None:
    phone.tap()
    phone.tap()
    assert requests_in()[0]["reminders"] == 1


def test_a_page_left_open_overnight_cannot_call(phone: Phone, later: Any, requests_in: Any) -> None:
    form = {**phone.form(), "kind": "waiter"}
    later(hours=6, minutes=1)
    answer = phone.send("call", form)
    assert answer.status_code == 409
    assert "open for too long" in answer.text
    assert requests_in() == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"form": "forged"}, 400),
        ({"form": ""}, 400),
        ({"kind": "champagne"}, 400),
        ({"kind": ""}, 400),
        ({"kind": "waiter\0"}, 400),
        ({"kind": ["waiter", "bill"]}, 303),  # only the first value counts
        ({"r": "forged"}, 303),
        ({"r": "\0" * 5000}, 303),
        ({"r": "x" * 70_000}, 413),
    ],
)
def test_bad_values_are_refused_or_ignored_and_never_a_fault(
    phone: Phone, requests_in: Any, changes: dict[str, Any], status: int
) -> None:
    assert phone.tap(**changes).status_code == status
    assert len(requests_in()) == (1 if status == 303 else 0)


def test_a_kind_that_is_no_longer_offered_is_refused(app: Flask, phone: Phone, alice: Person, requests_in: Any) -> None:
    form = {**phone.form(), "kind": "water"}
    app.extensions["mongo"].database.restaurants.update_one(
        {"_id": alice.restaurant_id, "kinds.id": "water"}, {"$set": {"kinds.$.active": False}}
    )
    cache.restaurants.clear()
    assert "Some water" not in phone.look().text
    assert phone.send("call", form).status_code == 400
    assert requests_in() == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("act", ["call", "cancel", "reopen"])
def test_other_sites_cannot_send_the_form(phone: Phone, requests_in: Any, act: str, site: str) -> None:
    form = {**phone.form(), "kind": "waiter"}
    answer = phone.send(act, form, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert "sent from another site" in answer.text
    assert requests_in() == []


@pytest.mark.parametrize(
    "path",
    [
        f"/t/{UNKNOWN_CODE}",
        f"/T/{UNKNOWN_CODE}",
        f"/t/{UNKNOWN_CODE}/live",
        "/t/short",
        "/t/",
        "/t/%00",
        "/t/" + "É" * 26,
        "/t/" + "A" * 5000,
    ],
)
def test_unknown_and_malformed_codes_are_not_found(dana: FlaskClient, path: str) -> None:
    answer = dana.get(path)
    assert answer.status_code == 404
    assert "text/html" in answer.content_type


def test_posts_to_unknown_codes_are_not_found(dana: FlaskClient) -> None:
    for act in ("call", "cancel", "reopen"):
        assert dana.post(f"/t/{UNKNOWN_CODE}/{act}").status_code == 404


def test_get_and_head_change_nothing(phone: Phone, requests_in: Any) -> None:
    phone.tap()
    before = requests_in()
    for path in (phone.address, f"/T/{phone.code}"):
        phone.client.get(path)
        phone.client.head(path)
        phone.client.get(path, headers={"Sec-Purpose": "prefetch"})
    for act in ("call", "cancel", "reopen"):
        assert phone.client.get(f"/t/{phone.code}/{act}").status_code == 405
        assert phone.client.head(f"/t/{phone.code}/{act}").status_code == 405
    assert requests_in() == before


def test_a_replaced_code_follows_and_cancels_but_does_not_call(
    app: Flask, phone: Phone, alice: Person, table: Table, requests_in: Any, later: Any
) -> None:
    phone.tap()
    with app.app_context():
        tables.rotate(alice.restaurant_id, table["_id"])
    page = phone.look().text
    assert "scan the new code" in page
    assert "Your call is sent" in page
    answer = phone.tap("bill")
    assert answer.status_code == 409
    assert len(requests_in()) == 1
    phone.send("cancel")
    assert requests_in()[0]["state"] == "cancelled"
    later(hours=25)
    assert phone.look().status_code == 404


def test_a_replaced_code_brings_no_ended_call_back(
    app: Flask, phone: Phone, alice: Person, table: Table, staff: Any, requests_in: Any
) -> None:
    phone.tap()
    staff(transitions.resolve)
    form = phone.form()
    with app.app_context():
        tables.rotate(alice.restaurant_id, table["_id"])
    assert phone.send("reopen", form).status_code == 409
    assert requests_in()[0]["state"] == "resolved"


def test_a_removed_table_is_not_found(app: Flask, phone: Phone, alice: Person, table: Table) -> None:
    with app.app_context():
        tables.remove(alice.restaurant_id, table["_id"])
    assert phone.look().status_code == 404


@pytest.mark.parametrize("name", ['"><svg onload=alert(1)>', "🍕 Terrasse", "שולחן שבע", "'; DROP TABLE--"])
def test_names_are_text(app: Flask, alice: Person, dana: FlaskClient, name: str) -> None:
    with app.app_context():
        tables.add_many(alice.restaurant_id, [name], None)
        code = tables.of_restaurant(alice.restaurant_id)[0]["code"]
    phone = Phone(dana, code)
    page = phone.scan().text
    assert str(escape(name)) in page
    assert "<svg onload" not in page
    phone.tap()
    dashboard = alice.client.get(f"{alice.home}/dashboard").text
    assert str(escape(name)) in dashboard
    assert "<svg onload" not in dashboard


def test_the_page_speaks_german_by_preference_and_by_choice(phone: Phone) -> None:
    by_preference = phone.client.get(phone.address, headers={"Accept-Language": "de-AT,de;q=0.9"}).text
    by_choice = phone.client.get(phone.address, query_string={"lang": "de"}).text
    for page in (by_preference, by_choice):
        assert '<html lang="de"' in page
        assert "Bedienung rufen" in page


def test_a_chosen_language_is_kept_over_every_tap(phone: Phone) -> None:
    phone.address += "?lang=de"
    for act, pattern in (("call", 'action="([^"]+)"'), ("cancel", 'formaction="([^"]+/cancel[^"]*)"')):
        action = re.search(pattern, phone.look().text)
        assert action is not None, act
        answer = phone.client.post(action[1], data={**phone.form(), "kind": "waiter"})
        assert "lang=de" in answer.location
        phone.address = answer.location


def test_no_page_sets_a_cookie_and_a_tap_needs_none(phone: Phone, requests_in: Any) -> None:
    assert "Set-Cookie" not in phone.scan().headers
    phone.tap()
    phone.client.delete_cookie("device")
    page = phone.look()
    assert "Set-Cookie" not in page.headers
    assert "Never mind, cancel my call" in page.text  # the receipt identifies the phone
    phone.send("cancel")
    assert requests_in()[0]["state"] == "cancelled"
