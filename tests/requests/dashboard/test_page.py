"""The dashboard's page and actions, as Bob, a waiter."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from flask.testing import FlaskClient

from tests.support.cast import Person
from waitercaller.db.client import Document
from waitercaller.model import restaurants, tables
from waitercaller.model.requests import transitions
from waitercaller.push import outbox

ACTS = ["accept", "resolve", "dismiss", "reopen", "pass"]


@pytest.fixture
def call(app: Flask, alice: Person) -> Callable[..., ObjectId]:
    """`call("7", "bill")`: a guest at table 7 calls for the bill; returns the request's id."""

    def called(name: str = "7", kind: str = "waiter", zone: str = "") -> ObjectId:
        with app.app_context():
            zone_id = restaurants.ensure_zone(alice.restaurant_id, zone)
            if not any(table["name"] == name for table in tables.of_restaurant(alice.restaurant_id)):
                tables.add_many(alice.restaurant_id, [name], zone_id)
            table = next(table for table in tables.of_restaurant(alice.restaurant_id) if table["name"] == name)
            restaurant = restaurants.get(alice.restaurant_id)
            assert restaurant is not None
            chosen = next(each for each in restaurant["kinds"] if each["id"] == kind)
            return transitions.open_request(restaurant, table, chosen, str(ObjectId()))["_id"]

    return called


@pytest.fixture
def request_of(app: Flask) -> Callable[[ObjectId], Document]:
    return lambda request_id: app.extensions["mongo"].database.requests.find_one({"_id": request_id})


def cards_of(person: Person) -> str:
    """The list on this person's dashboard, without the page's blank cards."""
    return person.client.get(f"{person.home}/dashboard").text.partition('<div id="calls"')[2]


def tap(person: Person, request_id: ObjectId, act: str, query: str = "", **form: Any) -> Any:
    """Post what the button on a card sends, as a script does."""
    token = person.client.csrf_token(f"{person.home}/dashboard")
    return person.client.post(
        f"{person.home}/requests/{request_id}/{act}{query}",
        data={"csrf_token": token, **form},
        headers={"Accept": "application/json"},
    )


def test_nobody_is_waiting(bob: Person) -> None:
    assert "Nobody is waiting" in bob.client.get(f"{bob.home}/dashboard").text


def test_one_card_for_each_table_with_its_kinds_and_its_zone(bob: Person, call: Any) -> None:
    call("7", zone="Terrace")
    call("7", "bill")
    call("12", "water")
    page = cards_of(bob)
    assert "2 tables waiting" in page
    assert page.count("<article") == 2
    for words in ("Terrace", "Waiter", "Bill", "Water"):
        assert words in page


def test_without_scripts_a_card_leads_to_its_menu(bob: Person, call: Any, request_of: Any) -> None:
    waiter, bill = call(), call(kind="bill")
    menu = re.search(r"href=(requests/\w+/more)>", cards_of(bob))
    assert menu
    page = bob.client.get(f"{bob.home}/{menu[1]}")
    assert "Table 7" in page.text
    assert "Back in 5 minutes" not in page.text
    assert re.findall('formaction="([^"]+)"', page.text)[:2] == ["pass", "dismiss"]
    assert re.findall('name="ids" value="[0-9a-f]{24} ([^"]+)"', page.text) == [str(bill)] * 2
    tap(bob, bill, "accept", ids=f"{waiter} {bill}")
    assert "Back in 5 minutes" in bob.client.get(f"{bob.home}/{menu[1]}").text
    tap(bob, bill, "resolve", ids=f"{waiter} {bill}")
    assert bob.client.get(f"{bob.home}/{menu[1]}").location == f"{bob.home}/dashboard"


def test_without_scripts_the_buttons_of_a_card_act_for_all_of_it(bob: Person, call: Any, request_of: Any) -> None:
    waiter, bill = call(), call(kind="bill")
    for act, state in (("accept", "accepted"), ("resolve", "resolved")):
        button = re.search(f"<button[^>]* name={act} value='([^']+)'", cards_of(bob))
        assert button
        assert bob.client.submit(f"{bob.home}/dashboard", {act: button[1]}).location == f"{bob.home}/dashboard"
        assert [request_of(each)["state"] for each in (waiter, bill)] == [state] * 2


def test_without_scripts_taking_over_needs_the_name_that_was_seen(
    alice: Person, bob: Person, call: Any, request_of: Any
) -> None:
    request_id = call()
    tap(alice, request_id, "accept")
    button = re.search("name=accept value='([^']+)' formaction='([^']+)'", cards_of(bob))
    assert button
    bob.client.submit(f"{bob.home}/{button[2]}", {"accept": button[1]}, page=f"{bob.home}/dashboard")
    assert request_of(request_id)["by"]["name"] == "Bob"


@pytest.mark.parametrize("form", [{}, {"accept": ""}, {"resolve": "7"}, {"dismiss": "a" * 24}])
def test_a_button_without_ids_is_refused(bob: Person, form: dict[str, str]) -> None:
    assert bob.client.submit(f"{bob.home}/dashboard", form).status_code == 400


def test_a_tap_accepts_the_whole_card(bob: Person, call: Any, request_of: Any) -> None:
    waiter, bill = call(), call(kind="bill")
    answer = tap(bob, waiter, "accept", ids=f"{waiter} {bill}")
    assert answer.json == {"ok": True, "message": "Table 7: you are on the way."}
    for request_id in (waiter, bill):
        assert request_of(request_id)["by"] == {"id": bob.member_id, "name": "Bob"}
    assert "Bob is on the way" in bob.client.get(f"{bob.home}/dashboard").text


def test_without_a_list_the_address_names_the_request(bob: Person, call: Any, request_of: Any) -> None:
    waiter, bill = call(), call(kind="bill")
    tap(bob, waiter, "resolve")
    assert request_of(waiter)["state"] == "resolved"
    assert request_of(bill)["state"] == "waiting"


def test_the_loser_is_told_who_has_it(alice: Person, bob: Person, call: Any) -> None:
    request_id = call()
    tap(alice, request_id, "accept")
    answer = tap(bob, request_id, "accept")
    assert (answer.status_code, answer.json) == (409, {"ok": False, "message": "Alice has it."})


def test_a_second_tap_of_the_winner_says_so(bob: Person, call: Any) -> None:
    request_id = call()
    tap(bob, request_id, "accept")
    assert tap(bob, request_id, "accept").json["message"] == "Table 7: you have it already."


def test_taking_over_needs_the_name_that_was_seen(alice: Person, bob: Person, call: Any, request_of: Any) -> None:
    request_id = call()
    tap(alice, request_id, "accept")
    assert tap(bob, request_id, "accept", f"?from={alice.member_id}").status_code == 200
    assert request_of(request_id)["by"]["name"] == "Bob"
    assert tap(alice, request_id, "accept", f"?from={alice.member_id}").status_code == 409


def test_a_call_is_passed_on_and_the_other_one_is_on_the_way(
    alice: Person, bob: Person, call: Any, request_of: Any
) -> None:
    request_id = call()
    answer = tap(bob, request_id, "pass", to=alice.member_id)
    assert answer.json == {"ok": True, "message": "Table 7: Alice is on the way."}
    passed = request_of(request_id)
    assert (passed["state"], passed["by"]["name"], passed["steps"][-1]["by"]["name"]) == ("accepted", "Alice", "Bob")
    assert "Passed on by Bob" in alice.client.get(f"{alice.home}/dashboard").text
    assert tap(bob, request_id, "pass", to=alice.member_id).json["message"] == "Alice has it."
    assert tap(alice, request_id, "pass", to=bob.member_id).json["message"] == "Table 7: Bob is on the way."


def test_a_call_is_passed_on_to_members_of_the_restaurant_only(bob: Person, charlie: Person, call: Any) -> None:
    request_id = call()
    assert tap(bob, request_id, "pass", to=charlie.member_id).status_code == 400
    assert tap(bob, request_id, "pass", to="").status_code == 400


def test_without_scripts_passing_on_asks_to_whom(alice: Person, bob: Person, call: Any, request_of: Any) -> None:
    request_id = call()
    asked = bob.client.submit(f"{bob.home}/requests/{request_id}/pass", page=f"{bob.home}/dashboard")
    page = bob.client.get(asked.location)
    assert "Pass on to" in page.text
    assert f'name="to" value="{alice.member_id}"' in page.text
    assert bob.member_id not in page.text
    form = {"ids": str(request_id), "to": alice.member_id}
    bob.client.submit(f"{bob.home}/requests/{request_id}/pass", form, page=asked.location)
    assert request_of(request_id)["by"]["name"] == "Alice"


def test_a_round_takes_what_still_waits_and_says_who_has_the_rest(alice: Person, bob: Person, call: Any) -> None:
    ids = [call(name, zone="Terrace") for name in ("4", "5", "7")]
    tap(alice, ids[1], "accept")
    answer = tap(bob, ids[0], "accept", ids=" ".join(map(str, ids)))
    assert answer.json == {"ok": True, "message": "2 tables: you are on the way. Table 5: Alice has it."}


def test_cards_look_as_old_as_the_restaurant_says(app: Flask, bob: Person, call: Any, later: Any) -> None:
    def looks() -> list[str]:
        return re.findall(r"data-level='(\w+)'", bob.client.get(f"{bob.home}/dashboard").text)

    request_id = call()
    seen = [looks()]
    for seconds in (41, 40):
        later(seconds=seconds)
        seen.append(looks())
    assert seen == [[], ["warn"], ["late"]]
    app.extensions["mongo"].database.restaurants.update_one(
        {"_id": bob.restaurant_id}, {"$set": {"settings.escalation": {"nag": 60, "all_zones": 300, "alert": 400}}}
    )
    later()
    assert looks() == ["warn"]
    tap(bob, request_id, "accept")
    assert looks() == ["coming"]
    later(seconds=800)
    assert looks() == ["late"]


def test_that_the_managers_were_alerted_stands_on_the_card(app: Flask, bob: Person, call: Any) -> None:
    request_id = call()
    app.extensions["mongo"].database.requests.update_one({"_id": request_id}, {"$set": {"level": 3}})
    assert "The managers have been alerted" in cards_of(bob)
    assert "data-level='late'" in cards_of(bob)
    tap(bob, request_id, "accept")
    assert "The managers have been alerted" not in cards_of(bob)


def test_done_nobody_there_and_undo(bob: Person, call: Any, request_of: Any) -> None:
    request_id = call()
    for act, state in (("resolve", "resolved"), ("reopen", "waiting"), ("dismiss", "dismissed"), ("reopen", "waiting")):
        assert tap(bob, request_id, act).status_code == 200
        assert request_of(request_id)["state"] == state
    assert [step["by"]["name"] for step in request_of(request_id)["steps"][1:]] == ["Bob"] * 4


def test_what_just_ended_can_be_undone_from_the_page(bob: Person, call: Any) -> None:
    request_id = call()
    tap(bob, request_id, "resolve")
    assert f"requests/{request_id}/reopen" in bob.client.get(f"{bob.home}/dashboard").text


def test_without_scripts_a_tap_leads_back_with_a_sentence(bob: Person, call: Any) -> None:
    request_id = call()
    answer = bob.client.submit(f"{bob.home}/requests/{request_id}/accept", page=f"{bob.home}/dashboard")
    assert (answer.status_code, answer.location) == (303, f"{bob.home}/dashboard")
    assert "Table 7: you are on the way." in bob.client.get(answer.location).text


@pytest.mark.parametrize("act", ACTS)
def test_a_tap_without_its_token_changes_nothing(bob: Person, call: Any, request_of: Any, act: str) -> None:
    request_id = call()
    assert bob.client.post(f"{bob.home}/requests/{request_id}/{act}").status_code == 400
    assert request_of(request_id)["state"] == "waiting"


@pytest.mark.parametrize("act", ACTS)
def test_requests_of_others_are_not_found(charlie: Person, call: Any, request_of: Any, act: str) -> None:
    request_id = call()
    assert tap(charlie, request_id, act).status_code == 404
    assert request_of(request_id)["state"] == "waiting"


TOO_MANY = " ".join(f"{number:024x}" for number in range(61))


@pytest.mark.parametrize("ids", ["nonsense", "1 2 3", "\0", TOO_MANY], ids=["words", "numbers", "NUL", "too many"])
def test_a_misshapen_list_is_refused(bob: Person, call: Any, request_of: Any, ids: str) -> None:
    request_id = call()
    assert tap(bob, request_id, "resolve", ids=ids).status_code == 400
    assert request_of(request_id)["state"] == "waiting"


def test_an_action_on_an_ended_call_says_so(bob: Person, call: Any) -> None:
    request_id = call()
    tap(bob, request_id, "resolve")
    assert tap(bob, request_id, "accept").json["message"] == "Table 7: that call is over already."


def test_get_changes_nothing(bob: Person, call: Any, request_of: Any) -> None:
    request_id = call()
    for act in ACTS:
        assert bob.client.get(f"{bob.home}/requests/{request_id}/{act}").status_code == 405
    assert request_of(request_id)["state"] == "waiting"


def test_malformed_ids_are_not_found(bob: Person) -> None:
    for path in ("/r/nonsense/dashboard", f"/r/{ObjectId()}/dashboard", "/r/%00/dashboard"):
        assert bob.client.get(path).status_code == 404


def test_a_stranger_is_asked_to_log_in(client: FlaskClient, alice: Person) -> None:
    answer = client.get(f"{alice.home}/dashboard")
    assert answer.status_code == 303
    assert answer.location == f"/login?next=/r/{alice.restaurant_id}/dashboard"


def test_a_call_of_an_earlier_version_is_shown_everywhere(
    app: Flask, bob: Person, call: Any, request_of: Callable[[ObjectId], Document]
) -> None:
    """During a deployment the previous version still writes requests, without the new fields."""
    request_id = call()
    unknown_then = {"level": "", "choice_labels": ""}
    app.extensions["mongo"].database.requests.update_one({"_id": request_id}, {"$unset": unknown_then})
    assert 'data-count="1"' in bob.client.get(f"{bob.home}/dashboard").text
    assert "Still waiting" in bob.client.get(f"{bob.home}/history").text
    with app.test_request_context():
        push: Any = {"restaurant_id": bob.restaurant_id, "context": {"request_id": request_id}}
        restaurant: Any = {"_id": bob.restaurant_id}
        message = outbox.REGISTRY["called"](push, restaurant, "en")
        assert message is not None
        assert message["title"] == "Table 7: Waiter"


@pytest.mark.parametrize(
    ("path", "room"),
    [("dashboard", "Calls"), ("tables", "Tables"), ("staff", "People"), ("report", "Report"), ("settings", "Settings")],
)
def test_the_bar_says_in_which_room_one_is(alice: Person, path: str, room: str) -> None:
    bar, _, _ = alice.client.get(f"{alice.home}/{path}").text.partition("</header>")
    assert re.findall(r'<a href="[^"]*" aria-current="page">([^<]*)</a>', bar) == [room]
