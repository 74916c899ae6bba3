"""What a restaurant's document says of the owner's first evening; see `first_call` for its rules."""

from typing import TypedDict

from bson import ObjectId


class FirstCall(TypedDict):
    """How far the page "Your first call" has come, as far as no other document says so."""

    request_id: ObjectId | None  # the latest test call from a phone
    heard: bool  # the owner has heard this restaurant's bell
    printed: bool  # the owner says that the codes are printed
