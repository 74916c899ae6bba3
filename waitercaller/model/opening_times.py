"""The opening times in a restaurant's document; their rules are in `opening`."""

from datetime import datetime
from typing import Literal, NotRequired, TypedDict

from bson import ObjectId


class Span(TypedDict):
    """A span between opening and closing, in the restaurant's local time."""

    opens: str  # HH:MM
    closes: str  # HH:MM; on the next day if not later than `opens`; both 00:00: the whole day


class Hours(Span):
    """A weekly span."""

    day: int  # 0 Monday … 6 Sunday


class ExceptionalDay(TypedDict):
    """A day that differs from the weekly hours."""

    date: str  # YYYY-MM-DD
    spans: list[Span]  # empty: closed


class Opening(TypedDict):
    """ "Open now" or "closed now", set by hand."""

    state: Literal["open", "closed"]
    until: datetime | None  # when it ends; None: until it is changed by hand


class OpeningTimes(TypedDict):
    """The opening times of a restaurant; see `opening`."""

    _id: ObjectId
    time_zone: str  # IANA name, such as Europe/Rome
    hours: list[Hours]  # empty: no hours are set
    exceptions: NotRequired[list[ExceptionalDay]]
    opening: NotRequired[Opening | None]
