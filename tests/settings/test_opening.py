"""The page of opening: weekly hours, special days, and the manual state."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from tests.support.cast import Person
from waitercaller.db import clock
from waitercaller.model import opening, presence
from waitercaller.requests.dashboard import cards
from waitercaller.settings import hours

pytestmark = pytest.mark.moments

EVENING = {"opens": "18:00", "closes": "23:00"}


@pytest.fixture
def mona(hire: Callable[..., Person], alice: Person) -> Person:
    """Mona manages for Alice."""
    return hire("Mona", role="manager", at=alice)


@pytest.fixture
def here(alice: Person) -> str:
    """The page of Alice's restaurant."""
    return f"{alice.home}/settings/opening"


@pytest.fixture
def restaurant(app: Flask, alice: Person) -> Callable[[], Any]:
    """`restaurant()`: the present document of Alice's restaurant, in Berlin."""
    database = app.extensions["mongo"].database
    database.restaurants.update_one({"_id": alice.restaurant_id}, {"$set": {"time_zone": "Europe/Berlin"}})
    return lambda: dict(database.restaurants.find_one({"_id": alice.restaurant_id}))


@pytest.fixture
def monday(later: Callable[..., None]) -> datetime:
    """Set the clock to noon in Berlin on a Monday in winter; returns that time."""
    now = clock.now()
    noon = datetime(now.year + 1, 1, 15, 11, tzinfo=UTC)
    noon += timedelta(days=-noon.weekday() % 7)
    later(seconds=(noon - now).total_seconds() + 1)
    return noon


@pytest.fixture
def owner(monday: datetime, app: Flask, hire: Callable[..., Person], alice: Person) -> Person:
    """Carol owns the Trattoria together with Alice, and has logged in on that Monday."""
    return hire("Carol", role="owner", at=alice)


def send(person: Person, here: str, path: str, **form: Any) -> Any:
    return person.client.submit(f"{here}{path}", form, page=here)


# --- the week ---------------------------------------------------------------------------------------------------------


def test_hours_are_added_for_several_days_and_removed_one_by_one(
    mona: Person, here: str, restaurant: Callable[[], Any]
) -> None:
    page = mona.client.get(here).text
    assert "No hours yet" in page
    assert send(mona, here, "/hours", days=["4", "1"], **EVENING).status_code == 303
    assert send(mona, here, "/hours", days="1", opens="11:30", closes="14:30").status_code == 303
    kept = [hours.name_of(each) for each in restaurant()["hours"]]
    assert kept == ["1 11:30 14:30", "1 18:00 23:00", "4 18:00 23:00"]
    page = mona.client.get(here).text
    assert "By the clock of Berlin" in page
    assert page.index("Tuesday") < page.index("11:30–14:30") < page.index("18:00–23:00") < page.index("Wednesday")
    assert send(mona, here, "/hours/remove", which="1 18:00 23:00").status_code == 303
    assert [hours.name_of(each) for each in restaurant()["hours"]] == ["1 11:30 14:30", "4 18:00 23:00"]
    assert send(mona, here, "/hours/remove", which="1 18:00 23:00").status_code == 404  # somebody was faster


BAD_HOURS: list[tuple[dict[str, Any], str]] = [
    ({"days": []}, "at least one day"),
    ({"days": ["7"]}, "from the list"),
    ({"opens": ""}, "such as 18:30"),
    ({"closes": "24:00"}, "such as 18:30"),
    ({"opens": "18"}, "such as 18:30"),
    ({"opens": "22:59", "closes": "23:30"}, "overlaps with Sunday, 18:00–02:00"),
    ({"days": ["0"], "opens": "01:30", "closes": "05:00"}, "overlaps with Sunday, 18:00–02:00"),
    ({"opens": ["17:00", "18:00"]}, "sent twice"),
]


def test_bad_hours_change_nothing_and_are_kept(mona: Person, here: str, restaurant: Callable[[], Any]) -> None:
    assert send(mona, here, "/hours", days="6", opens="18:00", closes="02:00").status_code == 303
    before = restaurant()
    for sent, sentence in BAD_HOURS:
        answer = send(mona, here, "/hours", **{"days": ["6", "2"], **EVENING, **sent})
        assert answer.status_code == 400, sent
        assert sentence in answer.text, sent
        assert 'value="2" checked' in answer.text or "days" in sent
    assert restaurant() == before


def test_a_day_has_only_so_many_times(mona: Person, here: str, restaurant: Callable[[], Any]) -> None:
    for hour in range(10, 10 + hours.MAX_SPANS_PER_DAY):
        assert send(mona, here, "/hours", days="0", opens=f"{hour}:00", closes=f"{hour}:30").status_code == 303
    assert send(mona, here, "/hours", days=["1", "0"], opens="20:00", closes="21:00").status_code == 400
    assert len(restaurant()["hours"]) == hours.MAX_SPANS_PER_DAY


# --- days that differ -------------------------------------------------------------------------------------------------


def day(monday: datetime, number: int) -> str:
    """The date this many days after that Monday."""
    return (monday + timedelta(days=number)).date().isoformat()


def test_days_in_a_row_are_one_line_and_leave_together(
    owner: Person, here: str, restaurant: Callable[[], Any], monday: datetime
) -> None:
    assert send(owner, here, "/exceptions", first_day=day(monday, 3), last_day=day(monday, 5)).status_code == 303
    party = {"first_day": day(monday, 6), "starts": "18:00", "ends": "03:00"}
    assert send(owner, here, "/exceptions", **party).status_code == 303
    brunch = {"first_day": day(monday, 6), "starts": "10:00", "ends": "14:00"}
    assert send(owner, here, "/exceptions", **brunch).status_code == 303
    assert [len(each["spans"]) for each in restaurant()["exceptions"]] == [0, 0, 0, 2]
    page = owner.client.get(here).text
    assert "10:00–14:00, 18:00–03:00" in page
    together = f"{day(monday, 3)} {day(monday, 5)}"
    assert together in page
    assert send(owner, here, "/exceptions/remove", which=together).status_code == 303
    assert [each["date"] for each in restaurant()["exceptions"]] == [day(monday, 6)]
    assert send(owner, here, "/exceptions/remove", which=together).status_code == 404


def test_bad_days_change_nothing_and_are_kept(
    owner: Person, here: str, restaurant: Callable[[], Any], monday: datetime
) -> None:
    first = day(monday, 3)
    assert send(owner, here, "/exceptions", first_day=first).status_code == 303
    before = restaurant()
    bad = [
        ({"first_day": ""}, "give a day"),
        ({"first_day": "2026-02-30"}, "give a day"),
        ({"first_day": day(monday, -1)}, "coming year"),
        ({"first_day": day(monday, 401)}, "coming year"),
        ({"last_day": "soon"}, "or leave this empty"),
        ({"last_day": day(monday, 0)}, "comes after the first"),
        ({"last_day": day(monday, 200)}, "comes after the first"),
        ({"ends": ""}, "both times, or none"),
        ({"starts": ""}, "both times, or none"),
        ({"starts": "noon"}, "such as 18:30"),
        ({"first_day": first}, "on the list already"),
        ({"first_day": first, "starts": "", "ends": ""}, "on the list already"),
    ]
    for sent, sentence in bad:
        form = {"first_day": day(monday, 8), "last_day": "", "starts": "10:00", "ends": "12:00", **sent}
        answer = send(owner, here, "/exceptions", **form)
        assert answer.status_code == 400, sent
        assert sentence in answer.text, sent
        assert f'value="{form["first_day"]}"' in answer.text
    assert restaurant() == before


def test_days_that_are_over_leave_the_list(
    app: Flask, restaurant: Callable[[], Any], monday: datetime, later: Callable[..., None]
) -> None:
    with app.test_request_context():
        first, last = monday.date(), (monday + timedelta(days=1)).date()
        both: Any = {**restaurant(), **hours.add_exceptions(restaurant(), first, last, [])}
        assert [row["times"] for row in hours.special_days(both)] == ["closed"]
        later(hours=12, minutes=1)  # Tuesday in Berlin
        assert [row["name"] for row in hours.special_days(both)] == [f"{last} {last}"]
        later(days=3)
        assert hours.special_days(both) == []
        friday = (monday + timedelta(days=4)).date()
        kept: Any = hours.add_exceptions(both, friday, friday, [])["exceptions"]
        assert [each["date"] for each in kept] == [friday.isoformat()]


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_closed_now_holds_until_the_hours_open_again(
    app: Flask, owner: Person, here: str, restaurant: Callable[[], Any], monday: datetime
) -> None:
    for times in (("11:00", "14:00"), ("18:00", "22:00")):
        send(owner, here, "/hours", days="0", opens=times[0], closes=times[1])
    assert "By the hours." in owner.client.get(here).text
    assert send(owner, here, "/now", state="closed").status_code == 303
    assert restaurant()["opening"] == {"state": "closed", "until": monday + timedelta(hours=6)}
    page = owner.client.get(here).text
    assert "Guests cannot call" in page
    assert "Guests can call again from 18:00." in page
    assert "Close now" not in page
    assert send(owner, here, "/now", state="hours").status_code == 303
    assert restaurant()["opening"] is None
    found = app.extensions["mongo"].database.audit.find({"event": "opening_changed"}).sort("_id")
    assert [entry["details"]["state"] for entry in found] == ["closed", "hours"]


def test_outside_the_hours_it_is_opened_by_hand_and_by_no_screen(
    app: Flask, owner: Person, here: str, restaurant: Callable[[], Any], monday: datetime
) -> None:
    send(owner, here, "/hours", days="2", **EVENING)
    with app.app_context():  # a tablet that was forgotten on the wall
        forgotten = presence.Screen(
            id="a screen", member_id=None, name="Wall", visible=True, audible=True, since=clock.now()
        )
        presence.hold(owner.restaurant_id, forgotten)
        assert presence.is_watched(owner.restaurant_id)
    page = owner.client.get(here).text
    assert "Guests cannot call" in page
    assert "Guests can call again from Wednesday, 18:00." in page
    assert send(owner, here, "/now", state="open").status_code == 303
    page = owner.client.get(here).text
    assert "Opened by hand. The hours apply again from Wednesday, 18:00." in page
    assert opening.is_open(restaurant(), clock.now())


def test_nobody_below_a_manager_opens_or_closes(bob: Person, mona: Person, here: str) -> None:
    assert bob.client.get(here).status_code == 403
    assert send(mona, here, "/now", state="ajar").status_code == 400
    page = mona.client.get(here).text
    assert "All settings" not in page
    assert ">Opening</a>" in page
    assert mona.client.get(here.removesuffix("/opening")).status_code == 403


# --- what the staff's screens say of it -------------------------------------------------------------------------------


def test_the_dashboard_says_that_the_restaurant_is_closed(
    app: Flask, owner: Person, bob: Person, here: str, restaurant: Callable[[], Any], monday: datetime
) -> None:
    dashboard = f"{owner.home}/dashboard"
    assert "<b>Guests can" not in owner.client.get(dashboard).text
    send(owner, here, "/now", state="closed")
    page = owner.client.get(dashboard).text
    assert "<b>Guests cannot call.</b> Closed by hand." in page
    assert 'href="settings/opening"' in page
    assert "data-manages" in page
    assert "data-manages" not in bob.client.get(dashboard).text
    send(owner, here, "/now", state="open")
    assert "<b>Guests can" not in owner.client.get(dashboard).text
    send(owner, here, "/now", state="hours")
    send(owner, here, "/hours", days="2", **EVENING)
    assert "<b>Guests cannot call.</b> Closed at this hour." in owner.client.get(dashboard).text
    with app.test_request_context():  # what the streams of open screens show
        assert "<b>Guests cannot call.</b> Closed at this hour." in cards.calls_fragment(restaurant(), "en")


def test_after_the_hours_an_open_screen_keeps_the_house_open_and_asks_for_an_hour(
    app: Flask, owner: Person, here: str, restaurant: Callable[[], Any], monday: datetime, later: Callable[..., None]
) -> None:
    dashboard, hour = f"{owner.home}/dashboard", {"days": "0", "opens": "11:00", "closes": "14:00"}
    send(owner, here, "/hours", **hour)
    later(hours=2, minutes=10)
    with app.app_context():
        assert not opening.can_call(restaurant(), clock.now())
    assert "<b>Guests cannot call.</b>" in owner.client.get(dashboard).text
    with app.app_context():
        screen = presence.Screen(id="s", member_id=None, name="Bar", visible=True, audible=True, since=clock.now())
        presence.hold(owner.restaurant_id, screen)
        assert opening.can_call(restaurant(), clock.now())
    page = owner.client.get(dashboard).text
    assert "<b>Still open?</b> By the hours it is closed. While a screen is open, guests can call until 15:00." in page
    send(owner, here, "/now", state="closed")
    with app.app_context():
        assert not opening.can_call(restaurant(), clock.now())
    send(owner, here, "/now", state="hours")
    later(minutes=50)
    with app.app_context():
        presence.beat()
        assert presence.is_watched(owner.restaurant_id)
        assert not opening.can_call(restaurant(), clock.now())


def test_time_alone_changes_what_the_screens_say(
    app: Flask, owner: Person, here: str, restaurant: Callable[[], Any], monday: datetime, later: Callable[..., None]
) -> None:
    send(owner, here, "/hours", days="0", opens="11:00", closes="14:00")
    assert cards.phase(restaurant()) == (None, True, False, 0)
    later(hours=2)
    assert cards.phase(restaurant()) == (None, False, True, 0)
    later(hours=1)
    assert cards.phase(restaurant()) == (None, False, False, 0)
