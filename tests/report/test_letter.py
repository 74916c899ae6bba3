"""The letter on Mondays."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from tests.support.cast import Mail, Person
from tests.support.past_calls import keep, past_call
from waitercaller.db import clock
from waitercaller.model import restaurants
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.rollups import store
from waitercaller.model.tables import Table
from waitercaller.report import letter

NOW = clock.now()  # the next Monday, since the database forgets what was sent long before the present
MONDAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=7 - NOW.weekday())


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """`moment(at)` stops the clock."""
    return lambda at: monkeypatch.setattr(clock, "now", lambda: at)


@pytest.fixture
def sent(app: Flask, mails: Callable[[], list[Mail]]) -> Callable[[], list[Mail]]:
    """`sent()`: the letters that are due now."""

    def letters() -> list[Mail]:
        with app.app_context():
            letter.enqueue_due()
        return mails()

    return letters


@pytest.fixture
def wanted(alice: Person) -> None:
    answer = alice.client.submit(f"{alice.home}/report/letter?days=28", {"wanted": "yes"}, page="/account")
    assert answer.headers["Location"].endswith("/report?days=28")


def fill(app: Flask, restaurant: Restaurant, table: Table, days: dict[int, int]) -> None:
    """`{3: 10}`: ten calls three days before MONDAY, at noon, answered after 30 s; the last one of each day never."""
    calls: list[Any] = []
    for day, count in days.items():
        at = MONDAY - timedelta(days=day) + timedelta(hours=12)
        calls += [past_call(restaurant, table, at + timedelta(minutes=each)) for each in range(count - 1)]
        calls.append(past_call(restaurant, table, at, kind=1, state="cancelled", cancelled=20))
    with app.app_context():
        keep(app.extensions["mongo"].database, *calls)
        store.run_now()


@pytest.mark.usefixtures("wanted")
def test_it_says_in_three_sentences_how_the_week_was(
    app: Flask, alice: Person, restaurant: Restaurant, table: Table, moment: Any, sent: Any
) -> None:
    moment(MONDAY + timedelta(hours=7, minutes=59))
    fill(app, restaurant, table, {7: 4, 1: 3, 8: 2, 0: 3})  # Monday to Sunday: 7, the week before 2, today 3
    assert sent() == []
    moment(MONDAY + timedelta(hours=8))
    [mail] = sent()
    assert mail.to == alice.email
    assert mail.subject == "The week before at Trattoria Lucia"
    assert (
        "Last week 7 calls came, after 2 in the week before. "
        "Half of the guests waited 0:32, nine of ten 0:34 at most; 2 calls were not answered. Nothing stood out."
    ) in " ".join(mail.text.split())
    assert mail.path == f"{alice.home}/report?days=7"
    assert sent() == []  # once a week
    moment(MONDAY + timedelta(days=1, hours=9))
    assert sent() == []
    moment(MONDAY + timedelta(days=7, hours=9))
    [mail] = sent()
    assert "Last week 3 calls came, after 7 in the week before." in " ".join(mail.text.split())


@pytest.mark.usefixtures("wanted")
def test_monday_is_the_restaurants(app: Flask, alice: Person, moment: Any, sent: Any) -> None:
    database = app.extensions["mongo"].database
    database.restaurants.update_one({"_id": alice.restaurant_id}, {"$set": {"time_zone": "Pacific/Auckland"}})
    restaurants.forget(alice.restaurant_id)
    moment(MONDAY - timedelta(hours=6))  # Sunday in Greenwich, six or seven in the morning of Monday there
    assert sent() == []
    moment(MONDAY - timedelta(hours=4))
    [mail] = sent()
    assert "No guest called last week." in mail.text


@pytest.mark.usefixtures("wanted")
def test_who_does_not_want_it_any_more_gets_none(app: Flask, alice: Person, moment: Any, sent: Any, mails: Any) -> None:
    moment(MONDAY + timedelta(hours=9))
    with app.app_context():
        assert letter.enqueue_due() == 1
    moment(NOW)  # in time for her login
    answer = alice.client.submit(f"{alice.home}/report/letter", {"wanted": "no"}, page="/account")
    assert answer.headers["Location"].endswith("/report?days=7")
    moment(MONDAY + timedelta(hours=9))
    assert mails() == []
    assert sent() == []


def test_owners_alone_choose_and_only_yes_or_no(alice: Person, bob: Person, moment: Any, sent: Any) -> None:
    for client, words, status in ((alice.client, "perhaps", 400), (alice.client, "", 400), (bob.client, "yes", 403)):
        answer = client.submit(f"{alice.home}/report/letter", {"wanted": words}, page="/account")
        assert answer.status_code == status
    moment(MONDAY + timedelta(hours=9))
    assert sent() == []
