"""The only source of time: UTC, in whole milliseconds (MongoDB's resolution), on the clock of the database's primary.

Several machines may serve one restaurant. Each measures the offset of its own clock from the primary's, so that all
compute the same durations.
"""

from datetime import UTC, datetime, timedelta

from pymongo.database import Database

_offset = timedelta()


def now() -> datetime:
    """The primary's time by the last measured offset: timezone-aware, UTC, whole milliseconds."""
    return _whole_milliseconds(datetime.now(UTC) + _offset)


def milliseconds(moment: datetime) -> int:
    """`moment` as milliseconds since 1970, as JavaScript has them."""
    return round(moment.timestamp() * 1000)


def synchronise(database: Database[dict[str, object]]) -> timedelta:
    """Measure the offset from `hello.localTime`, less half of the round trip. Raises PyMongoError."""
    global _offset
    sent_at = datetime.now(UTC)
    remote = database.command("hello").get("localTime")
    received_at = datetime.now(UTC)
    if isinstance(remote, datetime):
        _offset = remote.replace(tzinfo=UTC) - (sent_at + (received_at - sent_at) / 2)
    return _offset


def _whole_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
