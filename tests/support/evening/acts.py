"""The register of what can be done in an evening, and what the acts share."""

import random
from collections.abc import Callable
from typing import TypeVar

from bson import ObjectId

from tests.support.evening.contract import Expected
from tests.support.evening.machine import Does, Evening
from waitercaller.model.service_request import Scope

T = TypeVar("T")

ACTS: dict[str, Does] = {}
WEIGHTS: dict[str, int] = {}  # how often an act is done, compared with the others


def act(weight: int) -> Callable[[Does], Does]:
    """Decorator of an act, which returns what was done, for the log; None: nothing could be."""

    def register(does: Does) -> Does:
        ACTS[does.__name__], WEIGHTS[does.__name__] = does, weight
        return does

    return register


def one(choose: random.Random, among: list[T]) -> T | None:
    return choose.choice(among) if among else None


def some(choose: random.Random, among: list[Expected]) -> list[ObjectId]:
    """The ids of one, or of all of its table: what stands on one card."""
    chosen = one(choose, among)
    if chosen is None:
        return []
    return [each.id for each in among if each is chosen or (each.table == chosen.table and choose.random() < 0.5)]


def chosen(evening: Evening, ids: list[ObjectId]) -> list[Expected]:
    return [each for each in evening.requests if each.id in ids]


def ended(evening: Evening, ids: list[ObjectId], state: str) -> object:
    """What must have become of these."""
    for request in chosen(evening, ids):
        request.history.append(state)
        request.end(state, evening.now)
    return len(ids) or None


def scope(evening: Evening, table: ObjectId) -> Scope:
    return {"restaurant_id": evening.restaurant_id, "table_id": table}
