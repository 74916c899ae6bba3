"""The clock: the primary's time, in UTC and whole milliseconds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from waitercaller.db import clock

pytestmark = pytest.mark.moments


class Primary:
    """A database whose clock differs by `off`; None: it does not report its time."""

    def __init__(self, off: timedelta | None) -> None:
        self.off = off

    def command(self, name: str) -> dict[str, Any]:
        assert name == "hello"
        return {} if self.off is None else {"localTime": (real_time() + self.off).replace(tzinfo=None)}


def real_time() -> datetime:
    """The time of this machine's clock."""
    return datetime.now(UTC)  # noqa: TID251


@pytest.fixture(autouse=True)
def _own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_offset", timedelta())


def test_now_is_in_utc_and_in_whole_milliseconds() -> None:
    before, now = real_time(), clock.now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
    assert before - timedelta(milliseconds=1) < now <= real_time()


@pytest.mark.parametrize("off", [timedelta(minutes=2), timedelta(seconds=-30)])
def test_now_is_the_time_of_the_database(off: timedelta) -> None:
    database: Any = Primary(off)
    before = real_time()
    measured = clock.synchronise(database)
    assert abs(measured - off) <= real_time() - before  # the error is at most half of the round trip
    before = real_time()
    assert before + measured - timedelta(milliseconds=1) < clock.now() <= real_time() + measured


def test_without_a_reported_time_the_offset_stays() -> None:
    database: Any = Primary(timedelta(minutes=2))
    before = clock.synchronise(database)
    database.off = None
    assert clock.synchronise(database) == before


@pytest.mark.needs_wire
def test_a_real_database_reports_its_time(database: Any) -> None:
    assert abs(clock.synchronise(database)) < timedelta(minutes=5)


def test_milliseconds_are_those_of_javascript() -> None:
    assert clock.milliseconds(datetime(2026, 11, 1, 12, 0, 0, 250_000, UTC)) == 1_793_534_400_250


def test_stored_times_equal_the_written_ones(database: Any) -> None:
    now = clock.now()
    session = {"actor": {"kind": "person", "id": ObjectId()}, "created_at": now, "seen_at": now, "ended_at": None}
    database.logins.insert_one({"_id": "x", **session})
    assert database.logins.find_one({"_id": "x"})["created_at"] == now
