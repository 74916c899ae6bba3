"""What one guest's phone sees of its table: read anew for every page and every look of a stream."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.model import opening, pauses, presence
from waitercaller.model.requests import queries
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.rollups import usual
from waitercaller.model.service_request import UNDO_WINDOW, Scope, ServiceRequest
from waitercaller.model.tables import Table

UNSEEN = timedelta(seconds=5)  # who has not been seen by then is told to wave
LOOK_AGAIN = 3.0  # seconds; while a call waits, its screens may be put away without any change in it


@dataclass(frozen=True)
class View:
    """The table's live requests, those that this phone holds a receipt for, and who could see or take them."""

    restaurant: Restaurant
    now: datetime
    live: list[ServiceRequest]
    held: list[ServiceRequest] = field(default_factory=list)
    visible: set[str] = field(default_factory=set)  # the ids of the staff's screens that are before somebody's eyes
    is_open: bool = True
    opens_at: datetime | None = None
    phone: list[str] = field(default_factory=list)  # what the phone goes by
    paused: pauses.What | None = None
    usual_wait: timedelta | None = None  # none where too little is known
    tables_before: int = 0

    @property
    def waiting(self) -> list[ServiceRequest]:
        """What nobody has taken yet."""
        return [request for request in self.live if request["state"] == "waiting"]

    @property
    def ended(self) -> list[ServiceRequest]:
        """What this phone asked for and has lately come to an end, the latest last."""
        since = self.now - UNDO_WINDOW
        lately = [request for request in self.held if request["ended_at"] and request["ended_at"] > since]
        return sorted(lately, key=lambda request: request["ended_at"] or self.now)

    @property
    def screens(self) -> int:
        """How many screens show all that waits, as far as they have told and can still be seen."""
        return min((len(self._shown(request)) for request in self.waiting), default=0)

    @property
    def is_overlooked(self) -> bool:
        """Whether something has waited for UNSEEN, and no screen shows it."""
        return any(self._overlooked_in(request) <= 0 for request in self._unseen())

    @property
    def is_fresh(self) -> bool:
        """Whether something is neither seen nor overlooked yet."""
        return any(self._overlooked_in(request) > 0 for request in self._unseen())

    @property
    def can_call(self) -> bool:
        return self.is_open and not self.paused

    @property
    def can_cancel(self) -> bool:
        """Whoever reminds of somebody else's call does not own it."""
        return any(request["live"] and request["device"] in self.phone for request in self.held)

    @property
    def said_done(self) -> list[ObjectId]:
        """What the page says is done: the last that came to an end, together, if the staff has ended it."""
        last = self.ended[-1] if self.ended else None
        if last is None or last["state"] not in ("resolved", "dismissed"):
            return []
        return [request["_id"] for request in self.ended if request["ended_at"] == last["ended_at"]]

    @property
    def can_reopen(self) -> bool:
        return not self.live and self.can_call and bool(self.said_done)

    def look_again(self, calm: float) -> float:
        """In how many seconds to look again, though nothing has changed; `calm` where nothing waits."""
        if not self.waiting:
            return calm
        unseen_for = (self._overlooked_in(request) for request in self._unseen())
        return min([LOOK_AGAIN, *(seconds for seconds in unseen_for if seconds > 0)])

    def _unseen(self) -> list[ServiceRequest]:
        return [request for request in self.waiting if not self._shown(request)]

    def _shown(self, request: ServiceRequest) -> set[str]:
        return self.visible & {receipt["screen"] for receipt in request["shown"]}

    def _overlooked_in(self, request: ServiceRequest) -> float:
        """Seconds until a request that no screen shows counts as overlooked."""
        began: datetime = max(step["at"] for step in request["steps"] if step["what"] in ("called", "reopened"))
        return (began + UNSEEN - self.now).total_seconds()


def view_of(restaurant: Restaurant, table: Table, held_ids: list[ObjectId], phone: list[str]) -> View:
    """Read what a phone with these receipts and these names sees of its table."""
    restaurant_id, now = restaurant["_id"], clock.now()
    live = queries.live_of_table(restaurant_id, table["_id"])
    waiting = [request for request in live if request["state"] == "waiting"]
    open_now, pause = is_open(restaurant), pauses.applying_to(table, phone)
    return View(
        restaurant,
        now,
        live,
        held=queries.with_ids(place(table), held_ids) if held_ids else [],
        visible=presence.visible_ids(restaurant_id) if waiting else set(),
        phone=phone,
        paused=pause["what"] if pause else None,
        is_open=open_now,
        opens_at=None if open_now else opening.opens_at(restaurant, now),
        usual_wait=usual.usual_wait(restaurant, now) if open_now else None,
        tables_before=usual.tables_before(restaurant_id, table["_id"], waiting[0]["first_at"]) if waiting else 0,
    )


def place(table: Table) -> Scope:
    """The condition that a request is of this table."""
    return {"restaurant_id": table["restaurant_id"], "table_id": table["_id"]}


def is_open(restaurant: Restaurant) -> bool:
    """Whether guests can call now; the screens are asked for only where the hours say no."""
    now = clock.now()
    by_itself = opening.is_open(restaurant, now, watched=False)
    return by_itself or opening.is_open(restaurant, now, watched=presence.is_watched(restaurant["_id"]))
