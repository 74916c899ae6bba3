"""What a rehearsal's request says beside that of any call; see `requests/rehearsals` for its rules."""

from typing import TypedDict


class RehearsalScreen(TypedDict):
    """A screen that was open when a rehearsal began, or a counter tablet that was not."""

    id: str | None  # None: it was not open
    member_id: str | None  # None: the counter's
    device: str | None  # the name of a counter's device
    visible: bool
    audible: bool


class RehearsalPhone(TypedDict):
    """A member's phone that is told of calls, or of those that nobody answers."""

    id: str  # of the subscription
    member_id: str


class Rehearsal(TypedDict):
    """What should hear a rehearsal, as it was when that began."""

    screens: list[RehearsalScreen]
    phones: list[RehearsalPhone]
