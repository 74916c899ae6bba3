"""The story of one call: every line with its second, for those who may read it."""

import re
from datetime import timedelta
from typing import Any, get_args

import pytest

from tests.support.cast import Person, device
from tests.support.past_calls import BOB, past_call, utc
from waitercaller.db import clock
from waitercaller.model import restaurants
from waitercaller.model.requests import seen, transitions
from waitercaller.model.service_request import StepName
from waitercaller.report import story

pytestmark = pytest.mark.moments

SCREEN = "5" * 32


def lines_of(page: str) -> list[tuple[str, str, str]]:
    """Time, text and seconds since the call of each line."""
    rows = re.findall(r"<li class=\"story.*?</li>", page, re.DOTALL)
    assert rows
    parts = re.compile(r"<time>(.*?)</time> <span>(.*?)</span>.*?</span>([\d:]+)</span>", re.DOTALL)
    return [found for row in rows for found in parts.findall(row)]


def test_a_call_from_the_tap_to_the_end(app: Any, database: Any, bob: Person, restaurant: Any, table: Any) -> None:
    day = clock.now() - timedelta(days=1)
    at = day.replace(hour=12, minute=3, second=1, microsecond=0)
    call = past_call(restaurant, table, at, reminded=30, nagged=40, accepted=61, postponed=70, resolved=3700)
    after = lambda seconds: at + timedelta(seconds=seconds)  # noqa: E731
    call["pushed"] = [
        {"member_id": "m", "name": "Mona", "at": after(40.4)},
        {"member_id": "b", "name": "Bob", "at": after(1.2)},
        {"member_id": "m", "name": "Mona", "at": after(1.3)},
        {"member_id": "b", "name": "Bob", "at": after(1.4)},  # another phone of his
    ]
    call["signed"] = [{"member_id": "b", "name": "Bob", "at": after(3)}]
    call["shown"] = [
        {"screen": SCREEN, "at": after(2), "member_id": None, "name": "Bar", "rang": True},
        {"screen": SCREEN, "at": after(5), "member_id": "m", "name": "Mona", "rang": False},
        {"screen": SCREEN, "at": after(6)},  # of a page that did not say
    ]
    database.requests.insert_one(call)
    restaurants.documents().update_one({"_id": bob.restaurant_id}, {"$set": {"members.1.role": "manager"}})
    restaurants.forget(bob.restaurant_id)
    page = bob.client.get(f"{bob.home}/history/{call['_id']}").text
    assert lines_of(page) == [
        ("12:03:01", "The guest called", "0:00"),
        ("12:03:02", "Sent to phones: Bob, Mona", "0:01"),
        ("12:03:03", "Rang and was shown on: Bar", "0:02"),
        ("12:03:04", "Shown on Bob’s phone", "0:03"),
        ("12:03:06", "Shown without a ring on: Mona", "0:05"),
        ("12:03:07", "Shown on a screen", "0:06"),
        ("12:03:31", "The guest called again", "0:30"),
        ("12:03:41", "Nobody on the way yet: the staff was reminded", "0:40"),
        ("12:03:41", "Sent to phones: Mona", "0:40"),
        ("12:04:02", "Bob was on the way", "1:01"),
        ("12:04:11", "Bob: back in 5 minutes", "1:10"),
        ("13:04:41", "Done, said Bob", "1:01:40"),
    ]
    assert "reached nobody" not in page
    assert "There may have been more" not in page


def test_what_really_happens_is_told(app: Any, bob: Person, restaurant: Any, table: Any, later: Any) -> None:
    with app.app_context():
        call = transitions.open_request(restaurant, table, restaurant["kinds"][0], "k", by=BOB)
        ids = [call["_id"]]
    form = {"screen": SCREEN, "ids": str(ids[0]), "rang": str(ids[0])}
    counter = device(app, bob, "Bar")
    later(seconds=2)
    assert counter.submit(f"{bob.home}/shown", form, page=f"{bob.home}/dashboard").status_code == 204
    with app.app_context():
        later(seconds=5)
        transitions.pass_on(bob.restaurant_id, ids, {"id": "mona", "name": "Mona"}, BOB)
        later(seconds=5)
        transitions.dismiss(bob.restaurant_id, ids, {"id": "mona", "name": "Mona"})
        transitions.reopen({"restaurant_id": bob.restaurant_id}, ids, BOB)
    texts = [what for _at, what, _after in lines_of(counter.get(f"{bob.home}/history/{ids[0]}").text)]
    assert texts == [
        "Entered by Bob for the guest",
        "Rang and was shown on: Bar",
        "Bob passed it on to Mona",
        "Mona found nobody there",
        "Bob took that back: waited again",
    ]


@pytest.mark.parametrize("what", get_args(StepName))
def test_every_step_has_words_without_an_erased_name(app: Any, what: str) -> None:
    nobody: Any = {"id": "", "name": ""}
    with app.test_request_context():
        by_guest = story._step({"at": clock.now(), "what": what, "by": None})  # type: ignore[typeddict-item]
        erased = story._step({"at": clock.now(), "what": what, "by": nobody, "to": nobody})  # type: ignore[typeddict-item]
    assert by_guest
    assert "  " not in erased
    assert not erased.startswith((" ", ":"))


def test_names_that_were_erased_are_somebodys(app: Any, restaurant: Any, table: Any) -> None:
    call = past_call(restaurant, table, utc(2026, 11, 10, 12))
    gone = {"member_id": "", "name": "", "at": call["created_at"]}
    call.update(pushed=[gone], signed=[gone], shown=[{**gone, "screen": SCREEN, "rang": True}])
    with app.test_request_context():
        texts = [line.what for line in story.lines(call, restaurants.time_zone(restaurant))]
    assert texts[1:4] == ["Sent to phones: Somebody", "Shown on Somebody’s phone", "Rang and was shown on a screen"]


def test_a_story_of_which_not_all_is_kept_says_so(app: Any, bob: Person, restaurant: Any, table: Any) -> None:
    with app.app_context():
        call = transitions.open_request(restaurant, table, restaurant["kinds"][0], "k")
        for number in range(seen.MAX_SCREENS_PER_REQUEST):
            seen.record(bob.restaurant_id, [call["_id"]], f"{number:032x}", name="Bar")
    assert "There may have been more" in bob.client.get(f"{bob.home}/history/{call['_id']}").text


def test_each_row_of_the_history_leads_to_its_story(
    app: Any, database: Any, bob: Person, restaurant: Any, table: Any
) -> None:
    with app.app_context():
        calls = [transitions.open_request(restaurant, table, kind, "k") for kind in restaurant["kinds"][:2]]
    page = bob.client.get(f"{bob.home}/history").text
    links = re.findall(r'<li><a href="([^"]+)"', page)
    assert set(links) == {f"{bob.home}/history/{call['_id']}" for call in calls}
    before = list(database.requests.find())
    assert [bob.client.get(link).status_code for link in links] == [200, 200]
    assert list(database.requests.find()) == before


def test_calls_of_earlier_days_are_for_managers(
    app: Any, alice: Person, bob: Person, charlie: Person, restaurant: Any, table: Any
) -> None:
    call = past_call(restaurant, table, clock.now() - timedelta(days=2))
    app.extensions["mongo"].database.requests.insert_one(call)
    path = f"{alice.home}/history/{call['_id']}"
    counter = device(app, alice)
    assert [each.get(path).status_code for each in (counter, bob.client, alice.client)] == [403, 403, 200]
    assert charlie.client.get(path).status_code == 404
    assert charlie.client.get(f"{charlie.home}/history/{call['_id']}").status_code == 404
    assert alice.client.get(f"{alice.home}/history/{'0' * 24}").status_code == 404
