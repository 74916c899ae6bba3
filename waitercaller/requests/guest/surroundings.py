"""What all guests of a restaurant ask while their calls wait: asked once for each process and tick."""

import time
from datetime import datetime
from typing import NamedTuple

from bson import ObjectId

from waitercaller.model import presence
from waitercaller.model.requests import queries
from waitercaller.model.service_request import ServiceRequest

TICK_SECONDS = 3.0  # while a call waits: screens may be hidden without a change of the request
MAX_KEPT = 10_000  # restaurants


class Surroundings(NamedTuple):
    """A restaurant's visible screens, by id, and its live requests."""

    visible: set[str]
    live: list[ServiceRequest]

    def tables_ahead(self, table_ids: list[ObjectId], first_at: datetime) -> int:
        """As queries.tables_ahead."""
        earlier = (each for each in self.live if each["first_at"] < first_at and "rehearsal" not in each)
        return len({each["table_id"] for each in earlier if each["state"] == "waiting"} - {*table_ids})


_kept: dict[ObjectId, tuple[int, Surroundings]] = {}


def seconds_to_next_tick() -> float:
    """All streams of a process tick together, a moment after the tick has begun."""
    return TICK_SECONDS - time.monotonic() % TICK_SECONDS + 0.01


def at_tick(restaurant_id: ObjectId) -> Surroundings:
    """As they were when the first of the restaurant's guests asked in this tick."""
    tick = int(time.monotonic() // TICK_SECONDS)
    kept = _kept.get(restaurant_id)
    if kept and kept[0] == tick:
        return kept[1]
    now = Surroundings(presence.visible_ids(restaurant_id), queries.live_of_restaurant(restaurant_id))
    if len(_kept) >= MAX_KEPT:
        _kept.clear()
    _kept[restaurant_id] = tick, now
    return now
