"""The roll-call: 15 minutes before an opening managers and owners are told if nobody would hear a call."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from config import Config
from tests.support.cast import Mail, Person
from tests.support.push.phones import PRIVATE
from tests.support.together import at_once_in
from waitercaller.alerts import roll_call
from waitercaller.db import clock
from waitercaller.model import presence, restaurants, unheard

pytestmark = pytest.mark.moments

Mails = Callable[[], list[Mail]]
Later = Callable[..., None]

EVENINGS = [{"day": day, "opens": "18:00", "closes": "23:00"} for day in range(7)]


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, vapid_private_key=PRIVATE)


@pytest.fixture
def half_past_five(later: Later) -> datetime:
    """Set the clock to 17:30, half an hour before the opening; returns that time."""
    now = clock.now()
    at = datetime(now.year + 1, 1, 15, 17, 30, tzinfo=UTC)
    later(seconds=(at - now).total_seconds())
    return at


@pytest.fixture
def owner(half_past_five: datetime, here: Any, alice: Person, hire: Callable[..., Person]) -> Person:
    """Alice, whose restaurant opens every evening at 18:00; Maria is a manager, Bob a waiter."""
    hire("Maria", role="manager", at=alice)
    hire("Bob", role="waiter", at=alice)
    change(here, alice, hours=EVENINGS, time_zone="UTC")
    return alice


def change(database: Any, person: Person, **values: Any) -> None:
    database.restaurants.update_one({"_id": person.restaurant_id}, {"$set": values})
    restaurants.forget(person.restaurant_id)


def give_phone(database: Any, person: Person, name: str, choice: str) -> None:
    """A member's phone, subscribed with this choice."""
    restaurant = database.restaurants.find_one({"_id": person.restaurant_id})
    member = next(member for member in restaurant["members"] if member["name"] == name)
    database.restaurants.update_one(
        {"_id": person.restaurant_id, "members.id": member["id"]}, {"$set": {"members.$.push": choice}}
    )
    database.subscriptions.insert_one(
        {
            "_id": f"{person.restaurant_id}:{name}",
            "restaurant_id": person.restaurant_id,
            "member_id": member["id"],
            "login_id": "a login",
            "choice": choice,
            "endpoint": "https://push.example.org/1",
            "language": "en",
            "created_at": clock.now(),
        }
    )
    restaurants.forget(person.restaurant_id)


def open_screen(person: Person, *, audible: bool) -> None:
    shown = presence.Screen(id="a", member_id=None, name="Bar", visible=True, audible=audible, since=clock.now())
    presence.hold(person.restaurant_id, shown)
    presence.beat()


def test_those_without_a_phone_get_one_mail_a_quarter_of_an_hour_before(
    owner: Person, mails: Mails, later: Later
) -> None:
    assert (roll_call.check(), mails()) == (0, [])
    later(minutes=15, seconds=30)
    assert roll_call.check() == 1
    sent = mails()
    assert [each.to for each in sent] == ["alice@example.org", "maria@example.org"]
    assert sent[0].subject == "Trattoria Lucia opens at 18:00, and nobody would hear a call"
    assert "No screen with sound is open, and no phone is told of calls." in sent[0].text
    assert sent[0].path == f"{owner.home}/dashboard"
    for _ in range(20):
        later(minutes=1)
        assert roll_call.check() == 0
    assert mails() == []
    later(hours=23, minutes=40)  # before the next evening
    assert roll_call.check() == 1
    assert len(mails()) == 2


def test_managers_with_a_phone_are_told_by_push_the_others_by_mail(
    owner: Person, here: Any, mails: Mails, later: Later
) -> None:
    give_phone(here, owner, "Maria", "escalated")
    give_phone(here, owner, "Bob", "escalated")  # a waiter is not told
    later(minutes=16)
    assert roll_call.check() == 1
    assert [(push["event"], push["subscription_id"]) for push in here.pushes.find()] == [
        ("not_ready", f"{owner.restaurant_id}:Maria")
    ]
    assert [each.to for each in mails()] == ["alice@example.org"]


def test_silence_if_a_screen_with_sound_is_open_or_a_phone_is_told_of_calls(
    owner: Person, here: Any, mails: Mails, later: Later
) -> None:
    later(minutes=16)
    open_screen(owner, audible=True)
    assert roll_call.check() == 0
    later(minutes=2)  # without a heartbeat: it was asked once
    assert roll_call.check() == 0
    later(hours=23, minutes=58)
    open_screen(owner, audible=False)
    give_phone(here, owner, "Bob", "all")
    assert roll_call.check() == 0
    assert (mails(), here.pushes.count_documents({})) == ([], 0)


def test_a_screen_without_sound_is_not_enough(owner: Person, mails: Mails, later: Later) -> None:
    later(minutes=16)
    open_screen(owner, audible=False)
    assert roll_call.check() == 1
    assert len(mails()) == 2


def test_a_mail_that_comes_late_tells_nothing_that_is_over(
    owner: Person, here: Any, mails: Mails, later: Later
) -> None:
    later(minutes=16)
    assert roll_call.check() == 1
    open_screen(owner, audible=True)
    assert mails() == []


@pytest.mark.parametrize("when", ["special day", "closed by hand", "open by hand", "without hours", "removed"])
def test_nothing_opens_and_nobody_is_told(
    owner: Person, here: Any, mails: Mails, later: Later, half_past_five: datetime, when: str
) -> None:
    values: dict[str, dict[str, Any]] = {
        "special day": {"exceptions": [{"date": f"{half_past_five:%Y-%m-%d}", "spans": []}]},
        "closed by hand": {"opening": {"state": "closed", "until": None}},
        "open by hand": {"opening": {"state": "open", "until": half_past_five + timedelta(minutes=30)}},
        "without hours": {"hours": []},
        "removed": {"removed_at": half_past_five},
    }
    change(here, owner, **values[when])
    for _ in range(4):
        later(minutes=7)
        assert roll_call.check() == 0
    assert mails() == []


def test_a_special_day_opens_at_its_own_time(
    owner: Person, here: Any, mails: Mails, later: Later, half_past_five: datetime
) -> None:
    late = {"date": f"{half_past_five:%Y-%m-%d}", "spans": [{"opens": "20:00", "closes": "23:00"}]}
    change(here, owner, exceptions=[late])
    later(minutes=16)
    assert roll_call.check() == 0
    later(hours=2)
    assert roll_call.check() == 1
    assert "opens at 20:00" in mails()[0].subject


def test_who_has_ignored_seven_alerts_is_told_no_more(owner: Person, here: Any, mails: Mails, later: Later) -> None:
    unheard.mark_unheard(owner.restaurant_id)
    here.alerts.update_one({}, {"$set": {"unheeded": unheard.MAX_UNHEEDED_ALERTS}})
    later(minutes=16)
    assert (roll_call.check(), mails()) == (0, [])


@pytest.mark.needs_wire
def test_many_processes_tell_once(owner: Person, app: Flask, here: Any, later: Later) -> None:
    give_phone(here, owner, "Maria", "escalated")
    later(minutes=16)
    at_once_in(app, *[roll_call.check] * 6)
    assert here.outbox.count_documents({"name": "not_ready"}) == 1
    assert here.pushes.count_documents({}) == 1
    assert here.alerts.count_documents({}) == 1


def test_what_a_process_that_died_has_enqueued_is_enqueued_once(
    owner: Person, here: Any, mails: Mails, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(minutes=16)
    with monkeypatch.context() as patch:
        patch.setattr(unheard, "record_roll_call", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            roll_call.check()
    assert roll_call.check() == 1
    assert len(mails()) == 2
