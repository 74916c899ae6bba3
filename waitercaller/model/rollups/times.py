"""Days, hours and quarters of an hour as the restaurant's clock on the wall shows them.

Calls are counted by quarters of an hour, because every time zone is whole quarters away from UTC: a quarter never lies
in two hours or two days of any zone. So what was counted stays right when the clocks change, when the same hour comes
twice, and when the owner corrects the time zone; hours and days are only worked out where they are shown.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
MORNING = time(5)  # the calls after midnight belong to the evening that has not ended yet


def quarter_of(at: datetime) -> datetime:
    """When the quarter of an hour began that `at` lies in, in UTC."""
    at = at.astimezone(UTC)
    return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)


def quarters(begin: datetime, end: datetime) -> Iterator[datetime]:
    """The quarters that begin in this time."""
    quarter = quarter_of(begin)
    while quarter < end:
        if quarter >= begin:
            yield quarter
        quarter += QUARTER


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The restaurant's day that a moment belongs to: from five in the morning to five in the morning."""
    wall = at.astimezone(zone).replace(tzinfo=None)
    return wall.date() if wall.time() >= MORNING else wall.date() - DAY


def beginning_of(day: date, zone: ZoneInfo) -> datetime:
    """When a day of the restaurant begins, in UTC."""
    return datetime.combine(day, MORNING, zone).astimezone(UTC)
