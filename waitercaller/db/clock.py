"""The only source of time: UTC, in whole milliseconds (what MongoDB keeps), on the database's clock.

Several machines serve one restaurant. Each measures how far its own clock is from the primary's, so that "waiting for
two minutes" is the same two minutes everywhere.
"""

from datetime import UTC, datetime, timedelta

from pymongo.database import Database

_offset = timedelta()


def now() -> datetime:
    """The time at the database's primary, as far as this process knows it: aware, UTC, whole milliseconds."""
    return _whole_milliseconds(datetime.now(UTC) + _offset)


def milliseconds(moment: datetime) -> int:
    """`moment` as milliseconds since 1970, the form scripts take."""
    return round(moment.timestamp() * 1000)


def synchronise(database: Database[dict[str, object]]) -> timedelta:
    """Measure the offset to the primary's `hello.localTime`, halving the round trip. Raises PyMongoError."""
    global _offset
    asked = datetime.now(UTC)
    theirs = database.command("hello").get("localTime")
    answered = datetime.now(UTC)
    if isinstance(theirs, datetime):
        _offset = theirs.replace(tzinfo=UTC) - (asked + (answered - asked) / 2)
    return _offset


def _whole_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
