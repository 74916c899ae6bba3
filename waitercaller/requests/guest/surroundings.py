"""What all guests of a restaurant ask while their calls wait: asked once for each process and tick."""

import time
from dataclasses import dataclass
from functools import cached_property

from bson import ObjectId

from waitercaller.model import presence
from waitercaller.model.requests import queries
from waitercaller.model.service_request import ServiceRequest

TICK_SECONDS = 3.0  # while a call waits: screens may be hidden without a change of the request
MAX_KEPT = 10_000  # restaurants


@dataclass
class Surroundings:
    """A restaurant's live requests, oldest first, and the ids of its visible screens, asked when they are needed."""

    restaurant_id: ObjectId
    asked_at: float  # time.monotonic()
    live: list[ServiceRequest]

    @cached_property
    def visible(self) -> set[str]:
        return presence.visible_ids(self.restaurant_id)


_kept: dict[ObjectId, tuple[int, Surroundings]] = {}


def seconds_to_next_tick() -> float:
    """All streams of a process tick together, a moment after the tick has begun."""
    return TICK_SECONDS - time.monotonic() % TICK_SECONDS + 0.01


def ask(restaurant_id: ObjectId) -> Surroundings:
    """As they are now."""
    asked_at = time.monotonic()
    return Surroundings(restaurant_id, asked_at, queries.live_of_restaurant(restaurant_id))


def at_tick(restaurant_id: ObjectId, since: float) -> Surroundings:
    """As they were when the first of the restaurant's guests asked in this tick, but after `since`.

    `since` is when the guest last knew better, as of `time.monotonic()`.
    """
    tick = int(time.monotonic() // TICK_SECONDS)
    kept = _kept.get(restaurant_id)
    if kept and kept[0] == tick and kept[1].asked_at > since:
        return kept[1]
    now = ask(restaurant_id)
    if len(_kept) >= MAX_KEPT:
        _kept.clear()
    _kept[restaurant_id] = tick, now
    return now
