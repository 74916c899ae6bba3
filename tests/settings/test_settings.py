"""The settings: restaurant, escalation, zones, and no lost updates."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask

from tests.support.cast import Browser, Person
from tests.support.pages import form_in, opened
from tests.support.together import at_once_in
from waitercaller.model import restaurants, service_request, settings, tables
from waitercaller.model.service_request import DEFAULT_ESCALATION

HOUSE = {"name": "Trattoria Lucia", "time_zone": "Europe/Rome", "language": "it", "languages": ["it", "en", "ar"]}
ATTENTION = {"nag": "30", "all_zones": "60", "alert": "90", "alert_mail": "y"}


@pytest.fixture
def here(alice: Person) -> str:
    """The path of the settings of Alice's restaurant."""
    return f"{alice.home}/settings"


@pytest.fixture
def restaurant(app: Flask, alice: Person) -> Callable[[], Any]:
    """`restaurant()`: the present document of Alice's restaurant."""

    def kept() -> Any:
        found = app.extensions["mongo"].database.restaurants.find_one({"_id": alice.restaurant_id})
        assert found
        return dict(found)

    return kept


@pytest.fixture
def carol(hire: Callable[..., Person], alice: Person) -> Person:
    """Carol owns the Trattoria together with Alice."""
    return hire("Carol", role="owner", at=alice)


def events(app: Flask) -> list[tuple[str, dict[str, Any]]]:
    found = app.extensions["mongo"].database.audit.find().sort("_id")
    return [(entry["event"], entry["details"]) for entry in found]


# --- restaurant -------------------------------------------------------------------------------------------------------


def test_the_overview_says_how_everything_is_set(alice: Person, here: str) -> None:
    page = alice.client.get(here).text
    for words in ("Guests can call", "The bill, please", "12 languages", "None: all tables", "after 0:40", "1:20"):
        assert words in page
    assert "The time zone is not set yet" in page


def test_name_zone_and_languages(app: Flask, alice: Person, here: str, restaurant: Callable[[], Any]) -> None:
    form = {**opened(alice, f"{here}/house"), **HOUSE, "name": " Da  Lucia "}
    assert alice.client.post(f"{here}/house", data=form).status_code == 303
    kept = restaurant()
    assert (kept["name"], kept["time_zone"], kept["languages"]) == ("Da Lucia", "Europe/Rome", ["it", "en", "ar"])
    assert events(app) == [("settings_changed", {"section": "house"})]
    assert (
        "Settings changed</b>: <bdi>Name, place and languages" in alice.client.get(f"{alice.home}/staff/history").text
    )


def test_the_first_language_is_always_one_of_them(alice: Person, here: str, restaurant: Callable[[], Any]) -> None:
    form = {**opened(alice, f"{here}/house"), **HOUSE, "language": "pl", "languages": ["de"]}
    assert alice.client.post(f"{here}/house", data=form).status_code == 303
    assert restaurant()["languages"] == ["pl", "de"]


BAD_HOUSES: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "fill this in"),
    ({"name": "L" * 81}, "at most 80"),
    ({"name": "Lu\0cia"}, "cannot be shown"),
    ({"time_zone": "Europe/Atlantis"}, "one of the list"),
    ({"time_zone": "../../etc/passwd"}, "one of the list"),
    ({"time_zone": ""}, "one of the list"),
    ({"language": "tlh"}, "one of the list"),
    ({"languages": ["en", "tlh"]}, "from the list"),
    ({"name": ["Lucia", "Lucio"]}, "sent twice"),
]


def test_invalid_values_change_nothing_and_are_shown_again(
    alice: Person, here: str, restaurant: Callable[[], Any]
) -> None:
    before, form = restaurant(), {**opened(alice, f"{here}/house"), **HOUSE, "languages": ["it", "tr"]}
    for sent, sentence in BAD_HOUSES:
        answer = alice.client.post(f"{here}/house", data={**form, **sent})
        assert answer.status_code == 400, sent
        assert sentence in answer.text, sent
        assert 'value="tr" checked' in answer.text or "languages" in sent
    assert restaurant() == before


# --- when nobody comes ------------------------------------------------------------------------------------------------


def test_the_times_count_from_the_next_call_on(alice: Person, here: str, restaurant: Callable[[], Any]) -> None:
    answer = alice.client.post(f"{here}/attention", data={**opened(alice, f"{here}/attention"), **ATTENTION})
    assert answer.status_code == 303
    kept = restaurant()
    assert [time.total_seconds() for time in service_request.escalation_of(kept)] == [30, 60, 90, 60, 240, 360, 480]
    assert kept["settings"]["alert_mail"] is True
    assert "after 0:30" in alice.client.get(here).text


BAD_TIMES = [
    ({"nag": "9"}, "At least 10"),
    ({"nag": "-5"}, "At least 10"),
    ({"nag": ""}, "a number of seconds"),
    ({"nag": "soon"}, "a number of seconds"),
    ({"nag": "9" * 400}, "At most 3600"),
    ({"nag": "9" * 5000}, "a number of seconds"),
    ({"all_zones": "30"}, "must come after"),
    ({"alert": "60"}, "must come after"),
    ({"alert": "3601"}, "At most 3600"),
    ({"alert": "99999999999999999999"}, "At most 3600"),
    ({"repeat": "9"}, "At least 10"),
    ({"repeat": "3601"}, "At most 3600"),
    ({"tell_colleagues": "240"}, "must come after"),
    ({"give_back": "360"}, "must come after"),
    ({"give_back": "3601"}, "At most 3600"),
]


def test_bad_times_change_nothing(alice: Person, here: str, restaurant: Callable[[], Any]) -> None:
    form = {**opened(alice, f"{here}/attention"), **ATTENTION}
    for sent, sentence in BAD_TIMES:
        answer = alice.client.post(f"{here}/attention", data={**form, **sent})
        assert answer.status_code == 400, sent
        assert sentence in answer.text, sent
    assert restaurant()["settings"] == {}


def test_other_settings_stay(app: Flask, alice: Person, here: str, restaurant: Callable[[], Any]) -> None:
    with app.app_context():
        restaurants.set_setting(alice.restaurant_id, "two_factor_required", False)
    alice.client.post(f"{here}/attention", data={**opened(alice, f"{here}/attention"), **ATTENTION})
    alice.client.submit(f"{here}/notes", {"on": "yes"}, page=f"{here}/kinds")
    assert set(restaurant()["settings"]) == {"two_factor_required", "escalation", "alert_mail", "notes"}


# --- how long calls are kept ------------------------------------------------------------------------------------------


def test_the_owner_chooses_how_long_calls_are_kept(alice: Person, here: str, restaurant: Callable[[], Any]) -> None:
    assert "400 days" in alice.client.get(here).text
    form = opened(alice, f"{here}/keeping")
    for sent in ("29", "401", "", "many", "-30", "30.5", "9" * 5000):
        answer = alice.client.post(f"{here}/keeping", data={**form, "keep_calls_days": sent})
        assert answer.status_code == 400, sent
        assert "keep_calls_days-error" in answer.text, sent
    assert restaurant()["settings"] == {}
    assert alice.client.post(f"{here}/keeping", data={**form, "keep_calls_days": "30"}).status_code == 303
    assert restaurant()["settings"] == {"keep_calls_days": 30}
    assert "30 days" in alice.client.get(here).text
    answer = alice.client.post(f"{here}/keeping", data={**form, "keep_calls_days": "90"})  # it had shown 400
    assert answer.status_code == 409
    assert "“30”" in answer.text


# --- two owners at once -----------------------------------------------------------------------------------------------


def test_two_owners_change_different_things_and_both_count(
    alice: Person, carol: Person, here: str, restaurant: Callable[[], Any]
) -> None:
    alices, carols = (opened(person, f"{here}/house") for person in (alice, carol))
    assert alice.client.post(f"{here}/house", data={**alices, "name": "Da Lucia"}).status_code == 303
    assert carol.client.post(f"{here}/house", data={**carols, "time_zone": "Europe/Rome"}).status_code == 303
    kept = restaurant()
    assert (kept["name"], kept["time_zone"]) == ("Da Lucia", "Europe/Rome")
    assert len(kept["languages"]) == 12


def test_who_is_overtaken_reads_what_the_other_one_set_and_keeps_the_words(
    alice: Person, carol: Person, here: str, restaurant: Callable[[], Any]
) -> None:
    alices, carols = (opened(person, f"{here}/house") for person in (alice, carol))
    alice.client.post(f"{here}/house", data={**alices, "name": "Da Lucia", "time_zone": "Europe/Rome"})
    answer = carol.client.post(f"{here}/house", data={**carols, "name": "Chez Lucie"})
    assert answer.status_code == 409
    assert "Somebody else has just set this to “Da Lucia”." in answer.text
    assert 'value="Chez Lucie"' in answer.text
    assert restaurant()["name"] == "Da Lucia"
    again = form_in(answer.text, f"{here}/house")  # knowing it
    assert carol.client.post(f"{here}/house", data=again).status_code == 303
    assert (restaurant()["name"], restaurant()["time_zone"]) == ("Chez Lucie", "Europe/Rome")


def test_times_that_do_not_go_with_another_ones_are_not_kept(
    alice: Person, carol: Person, here: str, restaurant: Callable[[], Any]
) -> None:
    alices, carols = (opened(person, f"{here}/attention") for person in (alice, carol))
    assert alice.client.post(f"{here}/attention", data={**alices, "nag": "70"}).status_code == 303
    answer = carol.client.post(f"{here}/attention", data={**carols, "all_zones": "60"})
    assert answer.status_code == 409
    assert "Somebody else has just set this to “70”." in answer.text
    assert restaurant()["settings"]["escalation"] == {**DEFAULT_ESCALATION, "nag": 70}


def test_a_form_that_does_not_say_what_it_showed_overwrites_nothing(
    alice: Person, here: str, restaurant: Callable[[], Any]
) -> None:
    before, form = restaurant(), {**opened(alice, f"{here}/house"), **HOUSE, "name": "Da Lucia"}
    for seen in ("", "{", "[" * 5000, "[]", '{"name":"x"}'):
        assert alice.client.post(f"{here}/house", data={**form, "seen": seen}).status_code == 409
    assert restaurant() == before


@pytest.mark.needs_wire
def test_many_changes_at_the_same_moment_all_count(app: Flask, alice: Person, restaurant: Callable[[], Any]) -> None:
    def add(number: int) -> None:
        zone = {"id": f"{number}", "name": f"{number}", "key": f"{number}"}
        settings.change(alice.restaurant_id, lambda now: {"zones": [*now["zones"], zone]})

    at_once_in(app, *(partial(add, number) for number in range(6)))
    assert sorted(zone["id"] for zone in restaurant()["zones"]) == [str(number) for number in range(6)]


# --- zones ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def zone(app: Flask, alice: Person) -> str:
    """The terrace with table 1; the bar comes after it. Its id."""
    with app.app_context():
        terrace = restaurants.ensure_zone(alice.restaurant_id, "Terrace")
        restaurants.ensure_zone(alice.restaurant_id, "Bar")
        tables.add_many(alice.restaurant_id, ["1"], terrace)
    assert terrace
    return terrace


def post_zone(browser: Browser, here: str, path: str, **form: str) -> Any:
    return browser.submit(f"{here}/zones{path}", form, page=f"{here}/zones")


def names(restaurant: Callable[[], Any]) -> list[str]:
    return [each["name"] for each in restaurant()["zones"]]


def test_zones_are_added_renamed_and_put_in_order(
    alice: Person, here: str, zone: str, restaurant: Callable[[], Any]
) -> None:
    assert post_zone(alice.client, here, "", zone_name=" Garden ").status_code == 303
    assert post_zone(alice.client, here, f"/{zone}", zone_name="Roof").status_code == 303
    assert post_zone(alice.client, here, f"/{zone}/move", direction="down").status_code == 303
    assert post_zone(alice.client, here, f"/{zone}/move", direction="down").status_code == 303
    assert post_zone(alice.client, here, f"/{zone}/move", direction="down").status_code == 303  # clamped at the end
    assert names(restaurant) == ["Bar", "Garden", "Roof"]
    assert restaurant()["zones"][2] == {"id": zone, "name": "Roof", "key": "roof"}


def test_a_zone_that_is_removed_leaves_its_tables_and_its_waiters(
    app: Flask, alice: Person, bob: Person, here: str, zone: str, restaurant: Callable[[], Any]
) -> None:
    database = app.extensions["mongo"].database
    mine = {"_id": alice.restaurant_id, "members.id": bob.member_id}
    database.restaurants.update_one(mine, {"$set": {"members.$.zones": [zone, "another"]}})
    assert post_zone(alice.client, here, f"/{zone}/remove").status_code == 303
    assert names(restaurant) == ["Bar"]
    assert database.tables.find_one()["zone_id"] is None
    assert [member["zones"] for member in restaurant()["members"]] == [[], ["another"]]
    assert post_zone(alice.client, here, f"/{zone}/remove").status_code == 404
    assert events(app)[-1] == ("settings_changed", {"section": "zones", "name": "Terrace"})


BAD_ZONES = [
    ("", "fill this in"),
    ("TERRACE", "Another zone has this name"),
    ("Z" * 41, "at most 40"),
    ("A\0", "cannot be"),
]


def test_a_bad_name_of_a_zone_changes_nothing(
    alice: Person, here: str, zone: str, restaurant: Callable[[], Any]
) -> None:
    bar = restaurant()["zones"][1]["id"]
    for name, sentence in BAD_ZONES:
        for path in ("", f"/{bar}"):
            answer = post_zone(alice.client, here, path, zone_name=name)
            assert answer.status_code == 400, name
            assert sentence in answer.text, name
    assert names(restaurant) == ["Terrace", "Bar"]


def test_there_are_no_more_zones_than_pages_can_draw(
    monkeypatch: pytest.MonkeyPatch, alice: Person, here: str, zone: str, restaurant: Callable[[], Any]
) -> None:
    monkeypatch.setattr(restaurants, "MAX_ZONES", 2)
    answer = post_zone(alice.client, here, "", zone_name="Garden")
    assert answer.status_code == 400
    assert "2 zones at most" in answer.text
    assert names(restaurant) == ["Terrace", "Bar"]


def test_what_is_not_there_is_not_found(alice: Person, here: str, zone: str) -> None:
    for path, form in (("/nothing", {"zone_name": "X"}), ("/nothing/move", {"direction": "up"}), ("/nothing", {})):
        assert post_zone(alice.client, here, path, **form).status_code == 404
    assert post_zone(alice.client, here, f"/{zone}/move", direction="sideways").status_code == 400
