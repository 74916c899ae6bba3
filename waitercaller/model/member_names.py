"""Names of a restaurant's members, which are told apart wherever they are shown: "Bob" and "Bob 2"."""

import unicodedata
from collections.abc import Iterable, Mapping

from bson import ObjectId


def free_name(members: Iterable[Mapping[str, object]], name: str, user_id: ObjectId | None = None) -> str:
    """This name, or the first of "name 2", "name 3", … that no member has, but the one with this user id."""
    taken = {_comparable(str(each["name"])) for each in members if user_id is None or each["user_id"] != user_id}
    names = (name if number == 1 else f"{name} {number}" for number in range(1, len(taken) + 2))
    return next(each for each in names if _comparable(each) not in taken)


def _comparable(name: str) -> str:
    """What two names that look alike have in common."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
