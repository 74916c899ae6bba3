"""The entry of a member who is on duty, embedded in the restaurant's document; see `duty` for its rules."""

from datetime import datetime
from typing import TypedDict

from bson import ObjectId


class Duty(TypedDict):
    """A member who is on duty, with the tables and zones that are theirs tonight."""

    member_id: str
    since: datetime
    until: datetime  # when it ends by itself
    tables: list[ObjectId]  # a table is in one entry at most
    zones: list[str]  # ids; a zone may be in several entries
    deputy: str | None  # the member who has all this during a break
