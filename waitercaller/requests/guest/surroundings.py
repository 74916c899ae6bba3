"""What all guests of a restaurant ask while their calls wait: asked once for each process and tick."""

import time

from bson import ObjectId

from waitercaller.db.once import Once
from waitercaller.model import presence
from waitercaller.model.requests import queries
from waitercaller.model.service_request import ServiceRequest

TICK_SECONDS = 3.0  # while a call waits: screens may be hidden without a change of the request
MAX_KEPT = 10_000  # restaurants


class Surroundings:
    """A restaurant's live requests and the ids of its visible screens, each asked once, when it is needed."""

    def __init__(self, restaurant_id: ObjectId, since: float) -> None:
        self.since = since  # time.monotonic(): nothing has been asked before
        self._live = Once(lambda: queries.live_of_restaurant(restaurant_id))
        self._visible = Once(lambda: presence.visible_ids(restaurant_id))

    @property
    def live(self) -> list[ServiceRequest]:
        return self._live.get()

    @property
    def visible(self) -> set[str]:
        return self._visible.get()


_kept: dict[ObjectId, tuple[int, Surroundings]] = {}


def seconds_to_next_tick() -> float:
    """All streams of a process tick together, a moment after the tick has begun."""
    return TICK_SECONDS - time.monotonic() % TICK_SECONDS + 0.01


def at_tick(restaurant_id: ObjectId, after: float = 0.0) -> Surroundings:
    """As they are when the first of the restaurant's guests asks in this tick, but not before `after`.

    `after` is when the guest last knew better, as of `time.monotonic()`.
    """
    now = time.monotonic()
    tick = int(now // TICK_SECONDS)
    kept = _kept.get(restaurant_id)
    if kept and kept[0] == tick and kept[1].since > after:
        return kept[1]
    if len(_kept) >= MAX_KEPT:
        _kept.clear()
    _kept[restaurant_id] = tick, Surroundings(restaurant_id, now)
    return _kept[restaurant_id][1]
