"""Unheard restaurants (open, without a screen that would show a call): owners are told once each time."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from pymongo.collection import Collection
from pymongo.errors import WriteError

from tests.support.calls import subscribe
from tests.support.cast import Mail, Person
from tests.support.together import at_once_in
from waitercaller import metrics
from waitercaller.alerts import unheard_restaurants
from waitercaller.db import clock
from waitercaller.model import duty, opening, presence, restaurants, tables, unheard
from waitercaller.model.requests import transitions
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.tables import Table

pytestmark = pytest.mark.moments

Mails = Callable[[], list[Mail]]
Later = Callable[..., None]

ALWAYS = [{"day": day, "opens": "00:00", "closes": "00:00"} for day in range(7)]


@pytest.fixture
def owner(here: Any, alice: Person, hire: Callable[..., Person]) -> Person:
    """Alice, whose restaurant is always open; Maria is a manager there, Olga another owner."""
    hire("Maria", role="manager", at=alice)
    hire("Olga", role="owner", at=alice)
    change(here, alice, hours=ALWAYS)
    return alice


def change(database: Any, person: Person, **values: Any) -> None:
    database.restaurants.update_one({"_id": person.restaurant_id}, {"$set": values})
    restaurants.forget(person.restaurant_id)


def screen(person: Person, *, audible: bool = True) -> None:
    """Record a visible screen of this person, with a heartbeat of now."""
    shown = presence.Screen(
        id="a screen", member_id=None, name="Counter", visible=True, audible=audible, since=clock.now()
    )
    presence.hold(person.restaurant_id, shown)
    presence.beat()


def pass_time(later: Later, minutes: int) -> None:
    """Advance the clock; the background job checks every half minute."""
    for _ in range(2 * minutes):
        later(seconds=30)
        unheard_restaurants.check()


def test_after_two_minutes_the_owners_are_told_once(owner: Person, mails: Mails, later: Later) -> None:
    unheard_restaurants.check()
    later(seconds=119)
    assert (unheard_restaurants.check(), mails()) == (0, [])
    later(seconds=1)
    assert unheard_restaurants.check() == 1
    sent = mails()
    assert [each.to for each in sent] == ["alice@example.org", "olga@example.org"]
    assert sent[0].subject == "Nobody hears the calls of Trattoria Lucia"
    assert "no screen has shown its calls" in sent[0].text
    assert sent[0].path == f"{owner.home}/dashboard"
    pass_time(later, minutes=30)
    assert mails() == []


def test_they_are_told_again_when_it_was_watched_in_between(owner: Person, mails: Mails, later: Later) -> None:
    unheard_restaurants.check()
    pass_time(later, minutes=3)
    assert len(mails()) == 2
    screen(owner)
    unheard_restaurants.check()
    later(minutes=2)  # without a heartbeat for the screen
    unheard_restaurants.check()
    assert mails() == []
    pass_time(later, minutes=15)
    assert len(mails()) == 2


def test_a_screen_that_comes_and_goes_fills_no_mailbox(owner: Person, mails: Mails, later: Later) -> None:
    """Each silence counts anew, and resets the number of ignored mails."""

    told = []
    for _ in range(15):  # in an hour
        screen(owner)
        unheard_restaurants.check()
        later(minutes=1)  # no more heartbeats for the screen
        pass_time(later, minutes=3)
        told += [each for each in mails() if each.to == owner.email]
    assert 3 <= len(told) <= 4


def test_a_screen_that_can_ring_is_enough(owner: Person, mails: Mails, later: Later) -> None:
    for _ in range(12):
        screen(owner)
        unheard_restaurants.check()
        later(seconds=30)
    assert mails() == []


def test_a_phone_is_enough_while_its_member_is_told_of_calls(
    owner: Person, hire: Callable[..., Person], here: Any, mails: Mails, later: Later
) -> None:
    """Once somebody else is on duty, a call would be told to those only."""
    subscribe(here, hire("Bob", role="waiter", at=owner), "all")
    here.subscriptions.update_one({}, {"$set": {"signed_at": clock.now()}})
    pass_time(later, minutes=3)
    assert mails() == []
    duty.begin(owner.restaurant_id, owner.member_id)
    pass_time(later, minutes=3)
    assert len(mails()) == 2, "Bob is off duty"


def test_a_screen_that_cannot_ring_is_not_and_the_mail_says_so(owner: Person, mails: Mails, later: Later) -> None:
    for _ in range(6):
        later(seconds=30)
        screen(owner, audible=False)
        unheard_restaurants.check()
    assert "no screen has been able to ring" in mails()[0].text


@pytest.mark.parametrize(
    "values",
    [{"hours": []}, {"opening": {"state": "closed", "until": None}}, {"removed_at": "a date"}],
    ids=["without hours", "closed now", "removed"],
)
def test_nobody_is_expected_to_watch(
    owner: Person, here: Any, mails: Mails, later: Later, values: dict[str, Any]
) -> None:
    change(here, owner, **values)
    pass_time(later, minutes=5)
    assert mails() == []
    assert here.alerts.count_documents({}) == 0


# --- without hours ----------------------------------------------------------------------------------------------------


def waiter(restaurant: Restaurant) -> Any:
    return next(kind for kind in restaurant["kinds"] if kind["id"] == "waiter")


@pytest.fixture
def table(here: Any, owner: Person) -> Table:
    """Table 7 of Alice's restaurant, which has no hours."""
    change(here, owner, hours=[])
    tables.add_many(owner.restaurant_id, ["7"], None)
    return tables.of_restaurant(owner.restaurant_id)[0]


def call(owner: Person, table: Table, key: str = "a tap") -> None:
    restaurant = restaurants.get(owner.restaurant_id)
    assert restaurant is not None
    transitions.open_request(restaurant, table, waiter(restaurant), key)


def test_without_hours_it_is_watched_over_for_an_hour_after_a_call(
    owner: Person, table: Table, mails: Mails, later: Later
) -> None:
    pass_time(later, minutes=5)
    assert mails() == []
    call(owner, table)
    pass_time(later, minutes=3)
    sent = mails()
    assert [each.to for each in sent] == ["alice@example.org", "olga@example.org"]
    assert "No opening hours are set" in sent[0].text
    assert "for 1 hour after the last call" in sent[0].text
    assert unheard.is_unheard(owner.restaurant_id)
    pass_time(later, minutes=62)
    assert not unheard.is_unheard(owner.restaurant_id)
    pass_time(later, minutes=20)
    assert mails() == []


def test_without_hours_it_is_watched_over_for_an_hour_after_a_screen(
    owner: Person, table: Table, mails: Mails, later: Later
) -> None:
    screen(owner)
    unheard_restaurants.check()
    pass_time(later, minutes=10)  # without a heartbeat for the screen
    assert len(mails()) == 2
    later(minutes=55)
    unheard_restaurants.check()
    assert not unheard.is_unheard(owner.restaurant_id)


def test_without_hours_a_screen_that_cannot_ring_is_told_of(
    owner: Person, table: Table, mails: Mails, later: Later
) -> None:
    for _ in range(6):
        later(seconds=30)
        screen(owner, audible=False)
        unheard_restaurants.check()
    assert "no screen has been able to ring" in mails()[0].text


@pytest.mark.parametrize(
    "values",
    [{"opening": {"state": "closed", "until": None}}, {"removed_at": "a date"}],
    ids=["closed now", "removed"],
)
def test_without_hours_a_closed_restaurant_is_not_watched_over(
    owner: Person, table: Table, here: Any, mails: Mails, later: Later, values: dict[str, Any]
) -> None:
    call(owner, table)
    change(here, owner, **values)
    pass_time(later, minutes=5)
    assert mails() == []


def test_with_hours_a_call_before_closing_time_keeps_nobody_up(
    owner: Person, table: Table, here: Any, mails: Mails, later: Later
) -> None:
    yesterday = (clock.now() - timedelta(days=3)).weekday()
    change(here, owner, hours=[{"day": yesterday, "opens": "11:00", "closes": "14:00"}])
    call(owner, table)
    screen(owner)
    pass_time(later, minutes=5)
    assert mails() == []
    assert here.alerts.count_documents({}) == 0  # nor is anything noted of it


def test_activity_is_noted_at_most_every_five_minutes_and_a_heard_restaurant_costs_no_other_write(
    owner: Person, table: Table, here: Any, later: Later
) -> None:
    noted = []
    for _ in range(20):
        screen(owner)
        unheard_restaurants.check()
        noted.append(here.alerts.find_one({"restaurant_id": owner.restaurant_id}))
        later(seconds=30)
    assert len({note["active_at"] for note in noted}) == 2
    assert all(note["unheard_since"] is None and note["unheeded"] == 0 for note in noted)


@pytest.mark.needs_wire
def test_a_check_asks_as_often_for_many_active_restaurants_as_for_one(
    owner: Person, table: Table, hire: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for name in ("find", "update_one"):
        original = getattr(Collection, name)

        def counted(self: Any, *args: Any, _original: Any = original, **options: Any) -> Any:
            asked.append(self.name)
            return _original(self, *args, **options)

        monkeypatch.setattr(Collection, name, counted)

    def check() -> list[str]:
        unheard_restaurants.check()  # notes who is active
        asked.clear()
        unheard_restaurants.check()
        return sorted(asked)

    screen(owner)
    alone = check()
    for number in range(5):
        screen(hire(f"Owner{number}"))
    assert check() == alone


def test_open_now_is_watched_over_without_hours_too(owner: Person, here: Any, mails: Mails, later: Later) -> None:
    change(here, owner, hours=[], opening={"state": "open", "until": None})
    pass_time(later, minutes=3)
    assert len(mails()) == 2


def test_closing_time_ends_the_silence_and_the_next_evening_is_another(
    owner: Person, here: Any, mails: Mails, later: Later
) -> None:
    pass_time(later, minutes=3)
    assert len(mails()) == 2
    change(here, owner, opening={"state": "closed", "until": None})
    unheard_restaurants.check()
    assert not unheard.is_unheard(owner.restaurant_id)
    change(here, owner, opening=None)
    later(hours=12)
    pass_time(later, minutes=3)
    assert len(mails()) == 2


def test_no_mail_about_what_is_over_when_it_would_be_sent(owner: Person, mails: Mails, later: Later) -> None:
    pass_time(later, minutes=3)
    screen(owner)
    unheard_restaurants.check()
    assert mails() == []


def test_an_owner_who_never_opens_a_screen_is_told_seven_times(
    owner: Person, here: Any, mails: Mails, later: Later
) -> None:
    def evening() -> int:
        change(here, owner, opening=None)
        pass_time(later, minutes=3)
        change(here, owner, opening={"state": "closed", "until": None})
        told = len(mails()) // 2
        unheard_restaurants.check()
        later(hours=12)
        return told

    assert [evening() for _ in range(9)] == [1] * 7 + [0] * 2
    screen(owner)
    unheard_restaurants.check()
    assert evening() == 1


def test_a_silence_that_was_broken_is_told_of_by_nobody_who_read_it_before(
    owner: Person, here: Any, later: Later
) -> None:
    unheard_restaurants.check()
    later(minutes=3)
    (note,) = unheard.noted().values()
    unheard.clear_unheard(note, heard=True)
    unheard.mark_unheard(owner.restaurant_id)
    assert not unheard.record_alert(note)


@pytest.mark.needs_wire
def test_many_processes_tell_once(owner: Person, app: Flask, here: Any, later: Later) -> None:
    before = metrics.UNHEARD_ALERTS._value.get()
    at_once_in(app, *[unheard_restaurants.check] * 6)
    assert here.alerts.count_documents({}) == 1
    later(minutes=3)
    assert sum(at_once_in(app, *[unheard_restaurants.check] * 6)) == 1
    assert here.outbox.count_documents({"name": "unheard"}) == 2
    assert metrics.UNHEARD_ALERTS._value.get() - before == 1


def test_messages_of_a_process_that_died_before_it_noted_so_are_enqueued_once(
    owner: Person, here: Any, mails: Mails, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    unheard_restaurants.check()
    later(minutes=3)
    with monkeypatch.context() as patch:
        patch.setattr(unheard, "record_alert", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            unheard_restaurants.check()
    assert unheard_restaurants.check() == 1
    assert len(mails()) == 2


@pytest.mark.needs_wire
def test_the_database_refuses_a_second_note_and_a_misshapen_one(owner: Person, here: Any) -> None:
    unheard.mark_unheard(owner.restaurant_id)
    unheard.mark_unheard(owner.restaurant_id)
    assert here.alerts.count_documents({}) == 1
    with pytest.raises(WriteError):
        here.alerts.update_one({}, {"$set": {"unheeded": "often"}})


def test_hours_are_asked_by_an_index(owner: Person, charlie: Person) -> None:
    found = opening.with_hours()
    assert [each["_id"] for each in found] == [owner.restaurant_id]
    assert opening.is_expected(found[0], clock.now(), is_active=False)
