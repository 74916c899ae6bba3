"""Quarters of an hour in UTC, and days in a restaurant's time zone.

Requests are counted per quarter of an hour because all current time zones are offset from UTC by multiples of 15
minutes: a quarter belongs to one local hour and one local day in each of them. So the counts stay valid across changes
of the clocks and corrections of the time zone; local hours and days are computed when they are displayed.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
MORNING = time(5)  # start of a business day: calls after midnight belong to the evening before


def quarter_of(at: datetime) -> datetime:
    """The start of the quarter of an hour that contains `at`, in UTC."""
    at = at.astimezone(UTC)
    return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)


def quarters(begin: datetime, end: datetime) -> Iterator[datetime]:
    """The quarters that begin within this period."""
    quarter = quarter_of(begin)
    while quarter < end:
        if quarter >= begin:
            yield quarter
        quarter += QUARTER


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The restaurant's business day that contains `at`: from 5:00 to 5:00 local time."""
    local = at.astimezone(zone).replace(tzinfo=None)
    return local.date() if local.time() >= MORNING else local.date() - DAY


def beginning_of(day: date, zone: ZoneInfo) -> datetime:
    """The start of a business day, in UTC."""
    return datetime.combine(day, MORNING, zone).astimezone(UTC)
