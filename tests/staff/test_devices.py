"""Devices: counter tablets, which ask for the member, and phones of members without an e-mail address."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner

from tests.live.test_streams import Stream
from tests.support.cast import Person
from waitercaller.db import clock
from waitercaller.db.client import Document
from waitercaller.model import logins, restaurants
from waitercaller.model.requests import transitions as requests
from waitercaller.model.tables import Table

Hire = Callable[..., Person]
JSON = {"Accept": "application/json"}


@pytest.fixture
def mona(hire: Hire, alice: Person) -> Person:
    return hire("Mona", role="manager", at=alice)


@pytest.fixture
def anna(app: Flask, alice: Person) -> str:
    """The member id of Anna, a waiter without an e-mail address."""
    with app.app_context():
        return str(restaurants.add_member(alice.restaurant_id, "Anna", "waiter", None))


def press(browser: Any, home: str, path: str, page: str = "", **form: Any) -> Any:
    token = browser.csrf_token(home + (page or "/staff"))
    return browser.post(f"{home}/staff{path}", data={"csrf_token": token, **form})


def code_on(browser: Any, home: str) -> str:
    """The path of the link in the QR code on this browser's page."""
    page = browser.get(f"{home}/staff/code").text
    assert "<svg" in page
    found = re.search(r"http://localhost(/(?:device|join)/[^<\s]+)", page)
    assert found
    return found[1]


@pytest.fixture
def counter(app: Flask, alice: Person) -> Any:
    """A counter tablet of Alice's restaurant."""
    press(alice.client, alice.home, "/devices/code")
    tablet: Any = app.test_client()
    tablet.get(code_on(alice.client, alice.home))
    tablet.submit("/device", {"device_name": "Bar"})
    return tablet


@pytest.fixture
def call(app: Flask, alice: Person, table: Table) -> Callable[[], ObjectId]:
    """`call()`: a guest at table 7 taps."""

    def called() -> ObjectId:
        with app.app_context():
            restaurant = restaurants.get(alice.restaurant_id)
            assert restaurant
            return requests.open_request(restaurant, table, restaurant["kinds"][0], str(ObjectId()))["_id"]

    return called


@pytest.fixture
def request_of(app: Flask) -> Callable[[ObjectId], Document]:
    return lambda request_id: app.extensions["mongo"].database.requests.find_one({"_id": request_id})


def tap(browser: Any, home: str, request_id: ObjectId, act: str, script: Any = True, **form: Any) -> Any:
    token = browser.csrf_token(f"{home}/dashboard")
    address = f"{home}/requests/{request_id}/{act}"
    return browser.post(address, data={"csrf_token": token, **form}, headers=JSON if script else {})


# --- setting one up -----------------------------------------------------------------------------------------


def test_an_owner_makes_this_browser_a_device_and_is_logged_out(app: Flask, alice: Person) -> None:
    assert "you are logged out here" in alice.client.get(f"{alice.home}/staff").text
    answer = press(alice.client, alice.home, "/devices", device_name="Counter")
    assert answer.location == f"{alice.home}/dashboard"
    assert alice.client.get(answer.location).status_code == 200
    assert alice.client.get("/account").status_code in (303, 403)
    assert alice.client.get(f"{alice.home}/staff").status_code == 403
    with app.app_context():
        assert logins.of_person(alice.user_id) == []
        assert [login["name"] for login in logins.devices_of(alice.restaurant_id)] == ["Counter"]


def test_a_tablet_becomes_a_device_by_a_code(app: Flask, alice: Person) -> None:
    press(alice.client, alice.home, "/devices/code")
    tablet: Any = app.test_client()
    moved_on = tablet.get(code_on(alice.client, alice.home))
    assert moved_on.location == "/device"
    assert moved_on.headers["Referrer-Policy"] == "no-referrer"
    page = tablet.get("/device").text
    for words in ("Trattoria Lucia", 'value="Counter"'):
        assert words in page
    assert tablet.submit("/device", {"device_name": "Bar"}).location == f"{alice.home}/dashboard"
    assert tablet.get(f"{alice.home}/dashboard").status_code == 200
    assert alice.client.get("/account").status_code == 200
    assert ">Bar</bdi>" in alice.client.get(f"{alice.home}/staff").text
    assert "Done" in alice.client.get(f"{alice.home}/staff/code").text


@pytest.mark.parametrize("name", ["", " ", "x" * 41, "B\0r"])
def test_a_device_needs_a_name(app: Flask, alice: Person, name: str) -> None:
    answer = press(alice.client, alice.home, "/devices", device_name=name)
    assert answer.status_code == 400
    assert 'class="field-error"' in answer.text
    assert alice.client.get("/account").status_code == 200
    press(alice.client, alice.home, "/devices/code")
    tablet: Any = app.test_client()
    tablet.get(code_on(alice.client, alice.home))
    assert tablet.submit("/device", {"device_name": name}).status_code == 400
    assert tablet.submit("/device", {"device_name": "Bar"}).status_code == 303


def test_only_owners_make_counter_devices(mona: Person, bob: Person) -> None:
    for path in ("/devices", "/devices/code"):
        assert press(mona.client, mona.home, path, device_name="Bar").status_code == 403
    token = bob.client.csrf_token("/account")
    assert bob.client.post(f"{bob.home}/staff/devices", data={"csrf_token": token}).status_code == 403


def test_a_code_works_once_and_for_ten_minutes(app: Flask, alice: Person, later: Callable[..., None]) -> None:
    press(alice.client, alice.home, "/devices/code")
    link = code_on(alice.client, alice.home)
    tablets: list[Any] = [app.test_client() for _ in range(3)]
    first, second, third = tablets
    first.get(link)
    second.get(link)
    first.submit("/device", {"device_name": "Bar"})
    assert second.get("/device").status_code == 410
    press(alice.client, alice.home, "/devices/code")
    third.get(code_on(alice.client, alice.home))
    later(minutes=12)
    assert third.get("/device").status_code == 410
    assert "too old" in alice.client.get(f"{alice.home}/staff/code").text


def test_the_code_of_an_owner_who_was_let_go_is_dead(app: Flask, alice: Person, hire: Hire) -> None:
    ben = hire("Ben", role="owner", at=alice)
    press(ben.client, ben.home, "/devices/code")
    tablet = app.test_client()
    tablet.get(code_on(ben.client, ben.home))
    press(alice.client, alice.home, f"/members/{ben.member_id}/remove")
    assert tablet.get("/device").status_code == 410


def test_the_code_is_in_no_other_browser_and_no_other_restaurant(alice: Person, mona: Person, charlie: Person) -> None:
    press(alice.client, alice.home, "/devices/code")
    assert "<svg" in alice.client.get(f"{alice.home}/staff/code").text
    assert "No code to show" in mona.client.get(f"{mona.home}/staff/code").text
    assert charlie.client.get(f"{alice.home}/staff/code").status_code == 404


# --- what it may do, and how it ends ------------------------------------------------------------------------


def test_a_device_sees_the_calls_and_nothing_else(counter: Any, alice: Person, charlie: Person, watcher: Any) -> None:
    for path in ("/dashboard", "/live"):
        answer = counter.get(alice.home + path, buffered=False)
        assert answer.status_code == 200
        answer.close()
    for path in ("/staff", "/staff/history", "/tables", "/tables/print"):
        assert counter.get(alice.home + path).status_code == 403, path
    assert counter.get(f"{charlie.home}/dashboard").status_code == 404
    assert counter.get("/account").status_code == 403
    assert counter.get("/").location == f"{alice.home}/dashboard"


def test_its_page_has_no_rooms_and_a_way_to_end_it(counter: Any, alice: Person) -> None:
    page = counter.get(f"{alice.home}/dashboard").text
    for words in ("bar-rooms", "Account and restaurants", "Tables</a>"):
        assert words not in page
    for words in ("Trattoria Lucia", 'id="live"', 'id="bell"', "End this screen"):
        assert words in page
    counter.submit("/logout", page=f"{alice.home}/dashboard")
    assert counter.get(f"{alice.home}/dashboard").status_code == 303
    assert "Bar</bdi>" not in alice.client.get(f"{alice.home}/staff").text
    assert "Screen or phone logged out" in alice.client.get(f"{alice.home}/staff/history").text


def test_it_is_dark_for_weeks_and_still_good_but_not_for_ever(
    app: Flask, counter: Any, alice: Person, later: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The signature of the cookie expires, too.
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _signer: int(clock.now().timestamp()))
    assert app.permanent_session_lifetime == logins.DEVICE_LIFETIME
    later(days=89)
    assert counter.get(f"{alice.home}/dashboard").status_code == 200
    later(days=2)
    assert counter.get(f"{alice.home}/dashboard").status_code == 303


@pytest.fixture
def stream(watcher: Any, counter: Any, alice: Person) -> Iterator[Stream]:
    stream = Stream(counter, f"{alice.home}/live")
    yield stream
    stream.close()


def test_a_device_that_is_ended_closes_at_once(app: Flask, stream: Stream, mona: Person, counter: Any) -> None:
    assert stream.next()[0] == "calls"
    with app.app_context():
        (login,) = logins.devices_of(mona.restaurant_id)
    assert press(mona.client, mona.home, f"/devices/{login['_id']}/end").status_code == 303
    event, data = stream.next()
    assert (event, data["reason"]) == ("bye", "logged_out")
    assert counter.get(f"{mona.home}/dashboard").status_code == 303


def test_devices_of_others_cannot_be_ended(
    app: Flask, counter: Any, alice: Person, charlie: Person, bob: Person
) -> None:
    with app.app_context():
        (login,) = logins.devices_of(alice.restaurant_id)
        (person,) = logins.of_person(bob.user_id)
    assert press(charlie.client, charlie.home, f"/devices/{login['_id']}/end").status_code == 404
    assert press(alice.client, alice.home, f"/devices/{person['_id']}/end").status_code == 404
    assert counter.get(f"{alice.home}/dashboard").status_code == 200
    assert bob.client.get("/account").status_code == 200


# --- who? ---------------------------------------------------------------------------------------------------


def test_the_members_are_there_to_be_tapped(app: Flask, counter: Any, alice: Person, bob: Person, anna: str) -> None:
    with app.app_context():
        for name in ("Zoe", "Émile"):
            restaurants.add_member(alice.restaurant_id, name, "waiter", None)
    page = counter.get(f"{alice.home}/dashboard").text
    dialog = page.split('<dialog id="who"')[1].split("</dialog>")[0]
    for member_id, name in ((alice.member_id, "Alice"), (bob.member_id, "Bob"), (anna, "Anna")):
        assert f'value="{member_id}"><bdi>{name}</bdi>' in dialog
    names = re.findall(r"<bdi>([^<]+)</bdi></button>", dialog)
    assert names == ["Alice", "Anna", "Bob", "Émile", "Zoe"]
    assert "data-asks" in page
    assert "data-asks" not in bob.client.get(f"{bob.home}/dashboard").text


def test_anna_is_on_the_way(counter: Any, alice: Person, anna: str, call: Any, dana: FlaskClient, table: Any) -> None:
    request_id = call()
    assert tap(counter, alice.home, request_id, "accept").json == {"ok": False, "ask": True}
    answer = tap(counter, alice.home, request_id, "accept", **{"as": anna})
    assert answer.json == {"ok": True, "message": "Table 7: Anna is on the way."}
    assert "Anna is on the way" in dana.get(f"/t/{table['code']}").text


def test_without_scripts_the_question_is_a_page(
    counter: Any, alice: Person, anna: str, call: Any, request_of: Any
) -> None:
    request_id = call()
    asked = tap(counter, alice.home, request_id, "accept", script=False, ids=str(request_id))
    assert asked.status_code == 303
    page = counter.get(asked.location)
    assert page.status_code == 200
    action = re.search(r'class="names" method="post" action="([^"]+)"', page.text)
    ids = re.search(r'name="ids" value="([^"]+)"', page.text)
    assert action
    assert ids
    assert f'name="as" value="{anna}"' in page.text
    answer = counter.submit(action[1], {"ids": ids[1], "as": anna}, page=asked.location)
    assert answer.location == f"{alice.home}/dashboard"
    assert request_of(request_id)["by"] == {"id": anna, "name": "Anna"}


def test_taking_over_by_page_remembers_whom_from(
    counter: Any, alice: Person, bob: Person, anna: str, call: Any, request_of: Any
) -> None:
    request_id = call()
    tap(bob.client, bob.home, request_id, "accept")
    asked = tap(counter, alice.home, request_id, f"accept?from={bob.member_id}", script=False)
    page = counter.get(asked.location).text
    assert f"/accept?from={bob.member_id}" in page
    tap(counter, alice.home, request_id, f"accept?from={bob.member_id}", **{"as": anna})
    assert request_of(request_id)["by"]["name"] == "Anna"


def test_the_slower_one_reads_who_has_it(counter: Any, alice: Person, bob: Person, anna: str, call: Any) -> None:
    request_id = call()
    tap(bob.client, bob.home, request_id, "accept")
    answer = tap(counter, alice.home, request_id, "accept", **{"as": anna})
    assert (answer.status_code, answer.json["message"]) == (409, "Bob has it.")


@pytest.mark.parametrize(("act", "state"), [("resolve", "resolved"), ("dismiss", "dismissed")])
def test_who_had_it_has_ended_it_and_else_it_is_asked(
    counter: Any, alice: Person, anna: str, bob: Person, call: Any, request_of: Any, act: str, state: str
) -> None:
    request_id = call()
    assert tap(counter, alice.home, request_id, act).json["ask"] is True
    assert request_of(request_id)["state"] == "waiting"
    tap(counter, alice.home, request_id, "accept", **{"as": anna})
    assert tap(counter, alice.home, request_id, act).json["ok"] is True
    assert request_of(request_id)["state"] == state
    assert request_of(request_id)["steps"][-1]["by"] == {"id": anna, "name": "Anna"}
    assert tap(counter, alice.home, request_id, "reopen").json["ok"] is True
    assert request_of(request_id)["steps"][-1]["by"]["name"] == "Bar"
    tap(counter, alice.home, request_id, act, **{"as": bob.member_id})
    assert request_of(request_id)["steps"][-1]["by"]["name"] == "Bob"


@pytest.mark.parametrize("name", ["", "nobody", "{'$ne': 1}"])
def test_nobody_acts_for_somebody_who_is_not_there(
    counter: Any, alice: Person, call: Any, request_of: Any, name: str
) -> None:
    request_id = call()
    assert tap(counter, alice.home, request_id, "accept", **{"as": name}).status_code == 400
    assert request_of(request_id)["state"] == "waiting"


def test_people_cannot_act_as_others(bob: Person, alice: Person, call: Any, request_of: Any) -> None:
    request_id = call()
    tap(bob.client, bob.home, request_id, "accept", **{"as": alice.member_id})
    assert request_of(request_id)["by"]["name"] == "Bob"


@pytest.mark.parametrize("query", ["", "?act=accept", "?act=reopen&ids={id}", "?act=accept&ids=x", "?act=x&ids={id}"])
def test_the_question_has_to_be_about_something(counter: Any, alice: Person, call: Any, query: str) -> None:
    assert counter.get(f"{alice.home}/who{query.format(id=call())}").status_code == 400


def test_the_question_lists_members_of_this_restaurant_only(
    counter: Any, alice: Person, bob: Person, call: Any, charlie: Person
) -> None:
    query = f"?act=accept&ids={call()}"
    assert counter.get(f"{alice.home}/who?act=accept&ids={ObjectId()}").status_code == 404
    assert charlie.client.get(f"{charlie.home}/who{query}").status_code == 303
    assert charlie.client.get(f"{alice.home}/who{query}").status_code == 404
    assert bob.client.get(f"{bob.home}/who{query}").location == f"{bob.home}/dashboard"
