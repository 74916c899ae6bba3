"""Kinds: texts in several languages, choices, order, archiving; existing requests are not changed."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from tests.support.cast import Person
from tests.support.pages import form_in, opened
from waitercaller.model import offering, restaurants
from waitercaller.model.requests import transitions as requests
from waitercaller.model.standard_kinds import Kind, in_order, sound_of
from waitercaller.model.tables import Table
from waitercaller.settings import kinds

CHAIR = {"names-en": "A high chair", "names-de": "Ein Hochstuhl", "labels-en": "High chair", "icon": "chair"}


@pytest.fixture
def here(alice: Person) -> str:
    """The path of the kinds of Alice's restaurant."""
    return f"{alice.home}/settings/kinds"


@pytest.fixture
def offered(app: Flask, alice: Person) -> Callable[[], dict[str, Kind]]:
    """`offered()`: the ids of the offered kinds, in order."""

    def kept() -> dict[str, Kind]:
        found = app.extensions["mongo"].database.restaurants.find_one({"_id": alice.restaurant_id})
        return {kind["id"]: kind for kind in in_order(found["kinds"])}

    return kept


@pytest.fixture
def carol(hire: Callable[..., Person], alice: Person) -> Person:
    """Carol owns the Trattoria together with Alice."""
    return hire("Carol", role="owner", at=alice)


def press(person: Person, here: str, path: str, **form: str) -> Any:
    """Press a button of the page of kinds."""
    return person.client.submit(f"{here}{path}", form, page=here)


def save(person: Person, page: str, **changes: Any) -> Any:
    """Open a form, change this in it and send it."""
    return person.client.post(page, data={**opened(person, page), **changes})


def test_something_new_is_the_last_button_of_the_guest(
    alice: Person, here: str, offered: Callable[[], dict[str, Kind]], dana: Any, table: Table
) -> None:
    assert save(alice, f"{here}/new", **CHAIR, **{"choices-en": "Child\r\n Toddler \r\n"}).status_code == 303
    new = list(offered().values())[-1]
    assert new["names"] == {"en": "A high chair", "de": "Ein Hochstuhl"}
    assert new["labels"] == {"en": "High chair"}
    assert [choice["names"] for choice in new["choices"]] == [{"en": "Child"}, {"en": "Toddler"}]
    page = dana.get(f"/t/{table['code']}").text
    assert page.index("Some water") < page.index("A high chair")
    assert "Toddler" in page
    assert "Ein Hochstuhl" in dana.get(f"/t/{table['code']}?lang=de").text
    assert "A high chair" in dana.get(f"/t/{table['code']}?lang=pl").text  # without words of its own


def test_something_is_offered_in_a_zone_only(
    app: Flask, alice: Person, here: str, offered: Callable[[], dict[str, Kind]], dana: Any, table: Table
) -> None:
    with app.app_context():
        terrace = restaurants.ensure_zone(alice.restaurant_id, "Terrace")
    assert terrace
    for wrong, field in (
        ({"zones": "elsewhere"}, "zones"),
        ({"opens": "18:00"}, "opens"),
        ({"closes": "25:00"}, "closes"),
    ):
        refused = save(alice, f"{here}/water", **wrong)
        assert (refused.status_code, f'id="{field}-error"' in refused.text) == (400, True)
    assert save(alice, f"{here}/water", opens="18:00", closes="18:00").status_code == 400
    before = dana.get(f"/t/{table['code']}").text
    assert save(alice, f"{here}/water", zones=terrace, opens="22:00", closes="02:00").status_code == 303
    water = offered()["water"]
    assert (water.get("zones"), water.get("hours")) == ([terrace], {"opens": "22:00", "closes": "02:00"})
    assert "only: Terrace, 22:00–02:00" in " ".join(alice.client.get(here).text.split()).replace("&#39;", "'")
    assert "Some water" in before
    assert "Some water" not in dana.get(f"/t/{table['code']}").text
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', before))
    assert dana.post(f"/t/{table['code']}/call", data={**form, "kind": "water"}).status_code == 400
    with app.app_context():
        restaurant = restaurants.get(alice.restaurant_id)
        assert restaurant
        requests.open_request(restaurant, table, water, "a colleague entered it")
    assert "Some water" in dana.get(f"/t/{table['code']}").text, "it can be reminded of"
    assert dana.post(f"/t/{table['code']}/call", data={**form, "kind": "water"}).status_code == 303
    assert save(alice, f"{here}/water", zones=[], opens="", closes="").status_code == 303
    assert not offered()["water"].get("hours")


@pytest.mark.parametrize(
    ("hours", "time", "is_offered"),
    [
        (("11:00", "14:00"), "11:00", True),
        (("11:00", "14:00"), "14:00", False),
        (("22:00", "02:00"), "01:59", True),
        (("22:00", "02:00"), "12:00", False),
        (("22:00", "02:00"), "23:30", True),
    ],
)
def test_something_is_offered_within_hours_by_the_restaurants_clock(
    hours: tuple[str, str], time: str, is_offered: bool
) -> None:
    breakfast: Any = {
        "id": "breakfast",
        "active": True,
        "position": 1,
        "hours": {"opens": hours[0], "closes": hours[1]},
    }
    waiter: Any = {"id": "waiter", "active": True, "position": 0}
    rome: Any = {"time_zone": "Europe/Rome", "kinds": [breakfast, waiter]}
    hour, minute = map(int, time.split(":"))
    at = datetime(2026, 7, 1, hour, minute, tzinfo=ZoneInfo("Europe/Rome")).astimezone(UTC)
    assert (breakfast in offering.offered(rome, None, at)) is is_offered
    assert offering.was_offered(rome, None, at + offering.SENT_LATE - timedelta(seconds=1), breakfast) or not is_offered
    alone: Any = {**rome, "kinds": [breakfast]}
    assert offering.offered(alone, None, at) == [breakfast], "a guest needs something to tap"


def test_a_change_of_a_kind_changes_no_request(
    app: Flask, alice: Person, here: str, table: Table, offered: Callable[[], dict[str, Kind]]
) -> None:
    with app.app_context():
        restaurant = restaurants.get(alice.restaurant_id)
        assert restaurant
        bill: Any = offered()["bill"]
        requests.open_request(restaurant, table, bill, "a key", choice=bill["choices"][0])
    database = app.extensions["mongo"].database
    before = database.requests.find_one()
    changes = {"names-en": "Check, please", "labels-en": "Check", "icon": "hand", "choices-en": "Bitcoin"}
    form = {name: value for name, value in opened(alice, f"{here}/bill").items() if "choices" not in name}
    assert alice.client.post(f"{here}/bill", data={**form, **changes}).status_code == 303
    assert press(alice, here, "/bill/archive").status_code == 303
    assert "bill" not in offered()
    assert database.requests.find_one() == before
    page = alice.client.get(f"{alice.home}/dashboard").text
    assert "Bill" in page
    assert "Check" not in page


def test_a_choice_keeps_its_id_as_long_as_it_says_the_same(
    alice: Person, here: str, offered: Callable[[], dict[str, Kind]]
) -> None:
    before = {choice["names"]["en"]: choice["id"] for choice in offered()["bill"]["choices"]}
    form = opened(alice, f"{here}/bill")
    others = {name: "" for name in form if name.startswith("choices-")}
    form |= others | {"choices-en": "Split\nCard\nVoucher", "choices-de": "Getrennt\nKarte\nGutschein"}
    assert alice.client.post(f"{here}/bill", data=form).status_code == 303
    split, card, voucher = offered()["bill"]["choices"]
    assert (split["id"], card["id"]) == (before["Split"], before["Card"])
    assert voucher["id"] not in before.values()
    assert voucher["names"] == {"en": "Voucher", "de": "Gutschein"}
    assert split["names"] == {"en": "Split", "de": "Getrennt"}


def test_words_in_languages_that_are_not_offered_now_are_kept(
    app: Flask, alice: Person, here: str, offered: Callable[[], dict[str, Kind]]
) -> None:
    two = {"languages": ["de", "en"]}
    app.extensions["mongo"].database.restaurants.update_one({"_id": alice.restaurant_id}, {"$set": two})
    page = alice.client.get(f"{here}/bill").text
    assert "names-de" in page
    assert "names-fr" not in page
    assert save(alice, f"{here}/bill", **{"names-de": "Zahlen, bitte"}).status_code == 303
    bill = offered()["bill"]
    assert bill["names"]["de"] == "Zahlen, bitte"
    assert bill["names"]["fr"] == "L’addition, s’il vous plaît"
    assert all(len(choice["names"]) == 12 for choice in bill["choices"])


def test_the_staffs_word_is_asked_for_in_the_restaurants_languages(
    app: Flask, alice: Person, here: str, offered: Callable[[], dict[str, Kind]]
) -> None:
    def asked(languages: list[str]) -> list[str]:
        two = {"languages": languages}
        app.extensions["mongo"].database.restaurants.update_one({"_id": alice.restaurant_id}, {"$set": two})
        return [name for name in opened(alice, f"{here}/water") if name.startswith("labels-")]

    assert asked(["ja"]) == ["labels-en"]  # the staff's pages are not in Japanese
    assert asked(["ja", "pl", "ar", "fr"]) == ["labels-pl", "labels-fr"]
    assert save(alice, f"{here}/water", **{"labels-fr": "Carafe"}).status_code == 303
    assert (offered()["water"]["labels"]["fr"], offered()["water"]["labels"]["de"]) == ("Carafe", "Wasser")
    assert save(alice, f"{here}/water", **{"labels-pl": "Sok"}).status_code == 303
    assert offered()["water"]["labels"] == {"pl": "Sok", "fr": "Carafe"}  # nobody reads the old word


def test_each_kind_has_its_own_of_three_sounds(
    app: Flask, alice: Person, here: str, table: Table, offered: Callable[[], dict[str, Kind]]
) -> None:
    assert {kind: sound_of(each) for kind, each in offered().items()} == {
        "waiter": "bell",
        "bill": "chime",
        "water": "knock",
    }
    form = opened(alice, f"{here}/water")
    assert form["sound"] == ["knock"]
    assert alice.client.post(f"{here}/water", data={**form, "sound": "chime"}).status_code == 303
    assert offered()["water"]["sound"] == "chime"
    with app.app_context():
        restaurant = restaurants.get(alice.restaurant_id)
        assert restaurant
        requests.open_request(restaurant, table, offered()["water"], "a key")
    assert "data-sound='chime'" in alice.client.get(f"{alice.home}/dashboard").text
    older = {name: value for name, value in opened(alice, f"{here}/water").items() if name != "sound"}
    assert alice.client.post(f"{here}/water", data={**older, "labels-en": "Aqua"}).status_code == 303
    assert offered()["water"]["sound"] == "chime"  # a page that knows no sounds changes none


def test_the_order_is_that_of_the_guests_page(alice: Person, here: str, offered: Callable[[], dict[str, Kind]]) -> None:
    assert press(alice, here, "/water/move", direction="up").status_code == 303
    assert press(alice, here, "/water/move", direction="up").status_code == 303
    assert press(alice, here, "/bill/move", direction="down").status_code == 303  # clamped at the end
    assert list(offered()) == ["water", "waiter", "bill"]


def test_what_is_archived_can_come_back_and_something_always_stays(
    alice: Person, here: str, offered: Callable[[], dict[str, Kind]]
) -> None:
    for kind in ("waiter", "bill"):
        assert press(alice, here, f"/{kind}/archive").status_code == 303
    answer = press(alice, here, "/water/archive")
    assert answer.status_code == 409
    assert "Guests need something to tap" in answer.text
    assert "No longer offered" in alice.client.get(here).text
    assert press(alice, here, "/waiter/offer").status_code == 303
    assert press(alice, here, "/waiter/offer").status_code == 303  # pressed twice
    assert list(offered()) == ["water", "waiter"]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"names-en": " "}, "fill this in"),
    ({"names-en": "N" * 41}, "at most 40"),
    ({"names-ja": "N" * 41}, "at most 40"),
    ({"names-de": "Hoch\0stuhl"}, "cannot be shown"),
    ({"labels-de": "L" * 21}, "at most 20"),
    ({"icon": "skull"}, "choose a picture"),
    ({"icon": ""}, "choose a picture"),
    ({"sound": "gong"}, "choose a sound"),
    ({"choices-en": "\n".join("1234567")}, "At most 6"),
    ({"choices-en": "Card\ncard"}, "there twice"),
    ({"choices-en": "Card\nCash", "choices-de": "Karte"}, "as many lines as in English"),
    ({"choices-de": "Karte"}, "as many lines as in English"),
    ({"choices-en": "C" * 41}, "at most 40"),
    ({"names-en": ["One", "Two"]}, "sent twice"),
]


def test_bad_words_change_nothing_and_are_kept(
    alice: Person, here: str, offered: Callable[[], dict[str, Kind]]
) -> None:
    form = {**opened(alice, f"{here}/new"), **CHAIR, "names-fr": "Une chaise haute"}
    for sent, sentence in BAD:
        answer = alice.client.post(f"{here}/new", data={**form, **sent})
        assert answer.status_code == 400, sent
        assert sentence in answer.text, sent
        assert 'value="Une chaise haute"' in answer.text
    assert list(offered()) == ["waiter", "bill", "water"]


def test_there_are_no_more_than_a_guest_reads(
    monkeypatch: pytest.MonkeyPatch, alice: Person, here: str, offered: Callable[[], dict[str, Kind]]
) -> None:
    monkeypatch.setattr(kinds, "MAX_OFFERED", 3)
    answer = save(alice, f"{here}/new", **CHAIR)
    assert answer.status_code == 409
    assert "At most 3 at a time" in answer.text
    assert "Add another one" not in alice.client.get(here).text
    assert len(offered()) == 3


def test_two_owners_write_the_same_kind_in_two_languages_and_both_count(
    alice: Person, carol: Person, here: str, offered: Callable[[], dict[str, Kind]]
) -> None:
    alices, carols = (opened(person, f"{here}/water") for person in (alice, carol))
    assert press(alice, here, "/water/move", direction="up").status_code == 303
    assert alice.client.post(f"{here}/water", data={**alices, "names-de": "Wasser, bitte"}).status_code == 303
    assert carol.client.post(f"{here}/water", data={**carols, "names-fr": "Une carafe d’eau"}).status_code == 303
    assert list(offered()) == ["waiter", "water", "bill"]
    water = offered()["water"]["names"]
    assert (water["de"], water["fr"]) == ("Wasser, bitte", "Une carafe d’eau")


def test_of_two_owners_who_write_the_same_words_the_second_reads_the_firsts(
    alice: Person, carol: Person, here: str, offered: Callable[[], dict[str, Kind]]
) -> None:
    alices, carols = (opened(person, f"{here}/bill") for person in (alice, carol))
    lines = {name: "" for name in alices if name.startswith("choices-")}
    alice.client.post(f"{here}/bill", data={**alices, **lines, "choices-en": "Card\nCash", "names-fr": "Payer"})
    answer = carol.client.post(f"{here}/bill", data={**carols, **lines, "choices-en": "Card"})
    assert answer.status_code == 409
    assert "Somebody else has just set this to “Card, Cash”." in answer.text
    shown = form_in(answer.text, f"{here}/bill")
    assert shown["choices-en"] == ["Card"]
    assert shown["names-fr"] == ["Payer"]  # hers it was not
    assert carol.client.post(f"{here}/bill", data=shown).status_code == 303
    assert [choice["names"]["en"] for choice in offered()["bill"]["choices"]] == ["Card"]


def test_a_kind_that_nobody_has_is_not_found(alice: Person, here: str) -> None:
    assert alice.client.get(f"{here}/champagne").status_code == 404
    assert press(alice, here, "/champagne/archive").status_code == 404
    assert press(alice, here, "/champagne/move", direction="up").status_code == 404
    assert press(alice, here, "/water/move", direction="sideways").status_code == 400


def test_notes_are_switched_on_and_off(app: Flask, alice: Person, here: str) -> None:
    for answer, kept in (("yes", True), ("no", False)):
        sent = alice.client.submit(f"{alice.home}/settings/notes", {"on": answer}, page=here)
        assert sent.status_code == 303
        found = app.extensions["mongo"].database.restaurants.find_one({"_id": alice.restaurant_id})
        assert found["settings"]["notes"] is kept
    assert alice.client.submit(f"{alice.home}/settings/notes", {"on": "maybe"}, page=here).status_code == 400
