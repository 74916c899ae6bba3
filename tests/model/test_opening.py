"""Opening times: hours, spans past midnight, changes of the clocks, exceptions and the manual state."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from waitercaller.model import opening

pytestmark = pytest.mark.moments

BERLIN, NEW_YORK, TOKYO = "Europe/Berlin", "America/New_York", "Asia/Tokyo"


def with_hours(*hours: tuple[int, str, str], zone: str = BERLIN, **values: Any) -> Any:
    """A restaurant with these hours: (0 for Monday … 6, opens, closes)."""
    return {
        "time_zone": zone,
        "hours": [{"day": day, "opens": opens, "closes": closes} for day, opens, closes in hours],
        **values,
    }


def moment(text: str) -> datetime:
    """A moment in UTC; 2026-11-23 is a Monday."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def is_open(restaurant: Any, text: str) -> bool:
    return opening.is_open(restaurant, moment(text))


def span(opens: str, closes: str) -> dict[str, str]:
    return {"opens": opens, "closes": closes}


def test_without_hours_it_is_always_open() -> None:
    assert is_open(with_hours(), "2026-11-23 03:00")
    assert opening.opens_at(with_hours(), moment("2026-11-23 03:00")) == moment(
        "2026-11-23 23:00"
    )  # at the end of each day


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-23 09:59", False),
        ("2026-11-23 10:00", True),  # 11:00 in Berlin
        ("2026-11-23 12:59", True),
        ("2026-11-23 13:00", False),  # closes at 14:00, and then it is closed
        ("2026-11-23 17:00", True),
        ("2026-11-24 12:00", False),  # Tuesday
    ],
)
def test_hours_are_in_local_time(at: str, expected: bool) -> None:
    assert is_open(with_hours((0, "11:00", "14:00"), (0, "18:00", "22:00")), at) is expected


def test_a_span_past_midnight_belongs_to_the_day_of_its_start() -> None:
    saturday_night = with_hours((5, "18:00", "02:00"))
    assert is_open(saturday_night, "2026-11-28 22:30")
    assert is_open(saturday_night, "2026-11-29 00:59")  # Sunday, 01:59 in Berlin
    assert not is_open(saturday_night, "2026-11-29 01:00")
    assert not is_open(saturday_night, "2026-11-28 00:30")  # the night before


def test_a_span_that_closes_when_it_opens_is_a_whole_day() -> None:
    mondays = with_hours((0, "00:00", "00:00"), zone=TOKYO)
    assert is_open(mondays, "2026-11-22 15:00")  # Monday 00:00 in Tokyo
    assert is_open(mondays, "2026-11-23 14:59")
    assert not is_open(mondays, "2026-11-23 15:00")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-28 23:30", True),  # Sunday 00:30 winter time
        ("2026-03-29 00:59", True),
        ("2026-03-29 01:00", True),  # 03:00 summer time: 02:30 is skipped, so it is open until 03:30
        ("2026-03-29 01:30", False),
        ("2026-10-25 00:15", True),  # 02:15 summer time
        ("2026-10-25 01:15", True),  # 02:15 again, winter time
        ("2026-10-25 01:30", False),
    ],
)
def test_ambiguous_and_skipped_local_times_count_as_open(at: str, expected: bool) -> None:
    assert is_open(with_hours((5, "18:00", "02:30")), at) is expected


def test_hours_follow_daylight_saving_time() -> None:
    restaurant = with_hours((0, "11:00", "14:00"), zone=NEW_YORK)
    assert is_open(restaurant, "2026-07-06 15:00")  # UTC−4
    assert not is_open(restaurant, "2026-11-23 15:30")  # UTC−5
    assert is_open(restaurant, "2026-11-23 16:00")


def test_an_exception_replaces_the_hours_of_its_day() -> None:
    exceptions = [
        {"date": "2026-11-23", "spans": []},
        {"date": "2026-11-24", "spans": [span("09:00", "10:00"), span("22:00", "01:00")]},
    ]
    restaurant = with_hours((0, "11:00", "14:00"), (1, "11:00", "14:00"), exceptions=exceptions)
    assert not is_open(restaurant, "2026-11-23 11:00")
    assert is_open(restaurant, "2026-11-24 08:30")
    assert not is_open(restaurant, "2026-11-24 11:00")
    assert is_open(restaurant, "2026-11-24 23:30")  # Wednesday 00:30
    assert is_open(restaurant, "2026-11-30 11:00")  # the Monday after


def test_a_closed_day_ends_the_day_not_the_night_before_it() -> None:
    exceptions = [{"date": "2026-11-29", "spans": []}]
    restaurant = with_hours((5, "18:00", "02:00"), (6, "11:00", "14:00"), exceptions=exceptions)
    assert is_open(restaurant, "2026-11-29 00:30")
    assert not is_open(restaurant, "2026-11-29 11:00")


def test_a_day_can_be_closed_without_any_hours() -> None:
    restaurant = with_hours(exceptions=[{"date": "2026-12-25", "spans": []}])
    assert is_open(restaurant, "2026-12-24 12:00")
    assert not is_open(restaurant, "2026-12-25 12:00")
    assert opening.opens_at(restaurant, moment("2026-12-25 12:00")) == moment("2026-12-25 23:00")


def test_closed_now_overrides_hours_and_screens() -> None:
    until = moment("2026-11-23 17:00")
    restaurant = with_hours((0, "11:00", "14:00"), (0, "18:00", "22:00"), opening={"state": "closed", "until": until})
    assert not is_open(restaurant, "2026-11-23 11:00")
    assert is_open(restaurant, "2026-11-23 17:00")
    assert opening.opens_at(restaurant, moment("2026-11-23 11:00")) == until


def test_closed_without_an_end() -> None:
    restaurant = with_hours((0, "11:00", "14:00"), opening={"state": "closed", "until": None})
    assert not is_open(restaurant, "2026-11-23 11:00")
    assert opening.opens_at(restaurant, moment("2026-11-23 11:00")) is None


def test_closed_now_that_ends_outside_the_hours_opens_with_them() -> None:
    until = moment("2026-11-23 16:00")
    restaurant = with_hours((0, "11:00", "14:00"), (0, "18:00", "22:00"), opening={"state": "closed", "until": until})
    assert opening.opens_at(restaurant, moment("2026-11-23 11:00")) == moment("2026-11-23 17:00")


def test_open_now_overrides_the_hours_until_it_ends() -> None:
    opened = {"state": "open", "until": moment("2026-11-23 17:00")}
    restaurant = with_hours((0, "18:00", "22:00"), opening=opened)
    assert is_open(restaurant, "2026-11-23 12:00")
    assert not is_open({**restaurant, "hours": [{"day": 3, **span("10:00", "11:00")}]}, "2026-11-23 17:00")


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-11-23 08:00", "2026-11-23 10:00"),
        ("2026-11-23 15:00", "2026-11-23 17:00"),
        ("2026-11-23 22:00", "2026-11-30 10:00"),  # a week later
        ("2026-10-24 22:00", "2026-10-26 10:00"),  # the clocks went back in between
    ],
)
def test_the_next_opening(at: str, opens: str) -> None:
    restaurant = with_hours((0, "11:00", "14:00"), (0, "18:00", "22:00"))
    assert opening.opens_at(restaurant, moment(at)) == moment(opens)


def test_without_spans_there_is_no_next_opening() -> None:
    hours = [(day, "11:00", "14:00") for day in range(7)]
    first = moment("2026-11-20 00:00")
    every_day = [{"date": f"{first + timedelta(days=day):%Y-%m-%d}", "spans": []} for day in range(420)]
    assert opening.opens_at(with_hours(*hours, exceptions=every_day), moment("2026-11-23 12:00")) is None


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-11-23 11:00", "2026-11-23 17:00"),  # while open: not again this noon, but in the evening
        ("2026-11-23 15:00", "2026-11-23 17:00"),
        ("2026-11-23 20:45", "2026-11-30 10:00"),
    ],
)
def test_a_manual_state_ends_at_the_next_opening(at: str, until: str) -> None:
    restaurant = with_hours((0, "11:00", "14:00"), (0, "18:00", "22:00"))
    assert opening.until_next_opening(restaurant, moment(at)) == moment(until)


def test_without_hours_a_manual_state_ends_in_the_next_morning() -> None:
    assert opening.until_next_opening(with_hours(), moment("2026-11-23 20:00")) == moment("2026-11-24 04:00")
    assert opening.until_next_opening(with_hours(), moment("2026-11-24 03:00")) == moment("2026-11-24 04:00")


def is_expected(restaurant: Any, text: str, is_active: bool = False) -> bool:
    return opening.is_expected(restaurant, moment(text), is_active)


def test_staff_are_expected_while_the_restaurant_is_explicitly_open() -> None:
    hours = with_hours((0, "11:00", "14:00"))
    assert is_expected(hours, "2026-11-23 11:00")
    assert not is_expected(hours, "2026-11-23 20:00")
    assert is_expected(with_hours(opening={"state": "open", "until": None}), "2026-11-23 11:00")
    closed: Any = {**hours, "opening": {"state": "closed", "until": None}}
    assert not is_expected(closed, "2026-11-23 11:00")


def test_without_hours_staff_are_expected_while_it_is_active_and_not_on_special_days() -> None:
    assert not is_expected(with_hours(), "2026-11-23 11:00")
    assert is_expected(with_hours(), "2026-11-23 11:00", is_active=True)
    christmas = with_hours(exceptions=[{"date": "2026-12-25", "spans": []}])
    assert not is_expected(christmas, "2026-12-25 11:00", is_active=True)
    closed: Any = with_hours(opening={"state": "closed", "until": None})
    assert not is_expected(closed, "2026-11-23 11:00", is_active=True)


def test_with_hours_a_forgotten_screen_does_not_make_anybody_expected_at_night() -> None:
    assert not is_expected(with_hours((0, "11:00", "14:00")), "2026-11-24 02:00", is_active=True)


def grace(restaurant: Any, text: str) -> bool:
    """Whether an open screen keeps this restaurant open now."""
    return opening.grace_ends_at(restaurant, moment(text)) is not None


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-23 20:59", False),  # open by its hours
        ("2026-11-23 21:00", True),  # 22:00 in Berlin: it closes
        ("2026-11-23 21:59", True),
        ("2026-11-23 22:00", False),
        ("2026-11-24 02:00", False),  # the tablet that was forgotten on the wall
        ("2026-11-23 16:59", False),  # before it opens
    ],
)
def test_an_open_screen_keeps_a_house_open_for_an_hour_after_its_hours(at: str, expected: bool) -> None:
    assert grace(with_hours((0, "18:00", "22:00")), at) is expected


def test_the_grace_period_follows_the_night_and_gaps_between_two_times() -> None:
    nights = with_hours((5, "18:00", "02:00"))
    assert grace(nights, "2026-11-29 01:30")  # Sunday, 02:30 in Berlin
    lunch_and_dinner = with_hours((0, "11:00", "14:00"), (0, "14:30", "22:00"))
    assert grace(lunch_and_dinner, "2026-11-23 13:15")
    assert not grace(lunch_and_dinner, "2026-11-23 13:45")  # open again


def test_on_a_closed_special_day_and_after_close_now_there_is_no_grace_period() -> None:
    evening = with_hours((0, "18:00", "23:30"), (1, "18:00", "22:00"))
    assert grace(evening, "2026-11-23 22:45")
    closed_tomorrow = {**evening, "exceptions": [{"date": "2026-11-24", "spans": []}]}
    assert grace(closed_tomorrow, "2026-11-23 22:45")
    assert not grace(closed_tomorrow, "2026-11-23 23:15")  # 00:15 in Berlin: the special day
    assert not grace(closed_tomorrow, "2026-11-24 21:15")
    by_hand = {**evening, "opening": {"state": "closed", "until": moment("2026-11-24 17:00")}}
    assert not grace(by_hand, "2026-11-23 22:45")
    assert not grace(with_hours(), "2026-11-23 22:45")
