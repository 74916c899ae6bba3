"""What the streams of a restaurant's guests ask for by themselves: asked once for each process and tick."""

import time

from bson import ObjectId

from waitercaller.db.once import Once
from waitercaller.model import presence
from waitercaller.model.requests import queries
from waitercaller.model.service_request import ServiceRequest

TICK_SECONDS = 3.0  # screens that have shown a call may be hidden without a change of the request


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


_kept: dict[tuple[int, ObjectId], Surroundings] = {}  # of one tick


def seconds_to_next_tick() -> float:
    """All streams of a process tick together, a moment after the tick has begun."""
    return TICK_SECONDS - time.monotonic() % TICK_SECONDS + 0.01


def at_tick(restaurant_id: ObjectId, after: float = 0.0) -> Surroundings:
    """As they are when the first of the restaurant's guests asks in this tick, but not before `after`.

    `after` is when the guest last knew better, as of `time.monotonic()`.
    """
    now = time.monotonic()
    key = int(now // TICK_SECONDS), restaurant_id
    kept = _kept.get(key)
    if kept is None or kept.since <= after:
        for each in list(_kept):
            if each[0] != key[0]:
                _kept.pop(each, None)
        kept = _kept[key] = Surroundings(restaurant_id, now)
    return kept
