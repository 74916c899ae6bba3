"""What one guest's phone sees of its table: read for every page, and by its stream at changes and heartbeats."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import itemgetter

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.model import joins, offering, opening, pauses, presence
from waitercaller.model.askers import asker
from waitercaller.model.requests import opinions, queries
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.rollups import usual
from waitercaller.model.service_request import UNDO_WINDOW, OnPhone, Scope, ServiceRequest
from waitercaller.model.standard_kinds import Kind, in_order
from waitercaller.model.tables import Table
from waitercaller.requests.guest import surroundings
from waitercaller.requests.guest.surroundings import Surroundings

OVERLOOKED_AFTER = timedelta(seconds=5)  # a call that no screen shows by then: the guest is told to wave
BEGINNINGS = ("called", "reopened", "released", "returned")  # steps after which it has to be seen anew


@dataclass(frozen=True)
class TableView:
    """The table's live requests, those in this phone's receipt, and which screens could show them."""

    restaurant: Restaurant
    now: datetime
    live: list[ServiceRequest]
    held: list[ServiceRequest] = field(default_factory=list)
    visible: set[str] = field(default_factory=set)  # ids of the restaurant's visible screens
    is_open: bool = True
    opens_at: datetime | None = None
    phone_ids: list[str] = field(default_factory=list)
    paused: pauses.What | None = None
    usual_wait: timedelta | None = None  # None: too few calls to tell
    tables_ahead: int = 0  # 0, too, where no usual wait is known
    joined: str = ""  # the names of the tables that call as one with this one; empty if it is not joined
    tables: frozenset[ObjectId] = frozenset()  # whose requests this phone sees
    kinds: list[Kind] = field(default_factory=list)  # what is offered here now, or is being called for
    test: str | None = None  # the token of a phone that makes the owner's first call; see model/first_call

    @property
    def waiting(self) -> list[ServiceRequest]:
        """The live requests that nobody has accepted."""
        return [request for request in self.live if request["state"] == "waiting"]

    @property
    def ended(self) -> list[ServiceRequest]:
        """This phone's requests that ended within UNDO_WINDOW, the latest last."""
        since = self.now - UNDO_WINDOW
        lately = [request for request in self.held if request["ended_at"] and request["ended_at"] > since]
        return sorted(lately, key=lambda request: request["ended_at"] or self.now)

    @property
    def screens(self) -> int:
        """The number of visible screens that show a waiting request: the minimum over the waiting requests."""
        return min((len(self._shown(request)) for request in self.waiting), default=0)

    @property
    def phone_names(self) -> list[str]:
        """Of the waiting requests that no screen shows: the members whose phones show a message, each once."""
        hidden = [request for request in self.waiting if not self._shown(request)]
        return list(dict.fromkeys(each["name"] for request in hidden for each in self._signed(request)))

    @property
    def is_overlooked(self) -> bool:
        """Whether a request has waited for OVERLOOKED_AFTER and no screen shows it."""
        return any(self._overlooked_in(request) <= 0 for request in self._unseen())

    @property
    def is_waiting_to_be_seen(self) -> bool:
        """Whether a request that no screen shows has waited for less than OVERLOOKED_AFTER."""
        return any(self._overlooked_in(request) > 0 for request in self._unseen())

    @property
    def can_call(self) -> bool:
        return self.is_open and not self.paused

    @property
    def can_cancel(self) -> bool:
        """Whether this phone asks for a live request, alone or with others."""
        return any(asker(request, self.phone_ids) for request in self.live)

    @property
    def held_from_now_on(self) -> list[ObjectId]:
        """What this phone may follow, newest first: what it called for since its page was opened, too."""
        mine = [request["_id"] for request in reversed(self.live) if asker(request, self.phone_ids)]
        return list(dict.fromkeys([*mine, *(request["_id"] for request in self.held)]))

    @property
    def is_left_to_others(self) -> bool:
        """Whether this phone has cancelled what others at the table still ask for."""
        mine = {request["_id"] for request in self.held}
        return not self.can_cancel and any(request["_id"] in mine for request in self.live)

    @property
    def reopenable_ids(self) -> list[ObjectId]:
        """The requests that ended last (several at once count together), if the staff ended them."""
        last = self.ended[-1] if self.ended else None
        if last is None or last["state"] not in ("resolved", "dismissed") or "rehearsal" in last:
            return []
        return [request["_id"] for request in self.ended if request["ended_at"] == last["ended_at"]]

    @property
    def can_reopen(self) -> bool:
        return not self.live and self.can_call and bool(self.reopenable_ids)

    @property
    def asked_about(self) -> ServiceRequest | None:
        """The request that the staff has just done for this phone: its guest is asked whether it was all right."""
        last = self.ended[-1] if self.ended else None
        if last is None or self.live or self.paused or not opinions.are_asked_for(self.restaurant):
            return None
        is_mine = asker(last, self.phone_ids) is not None and "rehearsal" not in last
        return last if is_mine and last["state"] == "resolved" else None

    def reads_as(self, before: "TableView | None") -> bool:
        """Whether this phone reads the same as `before`, when no change of the table was heard in between."""
        return before is not None and self._what_it_reads() == before._what_it_reads()

    def _what_it_reads(self) -> tuple[object, ...]:
        shown = (self.screens, self.phone_names, self.is_overlooked, self.tables_ahead, self.usual_wait, self.paused)
        offered = ([kind["id"] for kind in self.kinds], self.joined, self.is_open, self.opens_at)
        at = self.now if any(request["state"] == "accepted" for request in self.live) else None  # "back in 2 minutes"
        return self.live, self.held, shown, offered, len(self.ended), at, id(self.restaurant)

    @property
    def depends_on_surroundings(self) -> bool:
        """Whether what is told of a call that waits changes by other tables' calls, or by screens that are hidden."""
        return bool(self.waiting) and (self.usual_wait is not None or _have_been_shown(self.waiting))

    def seconds_until_reread(self, otherwise: float) -> float:
        """Seconds until the state must be read again without a wake-up; `otherwise` if it may as well be later."""
        tick = surroundings.TICK_SECONDS if self.depends_on_surroundings else otherwise
        unseen_for = (self._overlooked_in(request) for request in self._unseen())
        return min([tick, *(seconds for seconds in unseen_for if seconds > 0)])

    def _unseen(self) -> list[ServiceRequest]:
        return [request for request in self.waiting if not self._shown(request) and not self._signed(request)]

    def _signed(self, request: ServiceRequest) -> list[OnPhone]:
        """Of members who are still there: the names of others are erased."""
        began = self._began(request)
        return [each for each in request["signed"] if each["at"] >= began and each["name"]]

    def _shown(self, request: ServiceRequest) -> set[str]:
        return self.visible & {receipt["screen"] for receipt in request["shown"]}

    def _overlooked_in(self, request: ServiceRequest) -> float:
        """Seconds until this request counts as overlooked, if no screen shows it by then."""
        return (self._began(request) + OVERLOOKED_AFTER - self.now).total_seconds()

    def _began(self, request: ServiceRequest) -> datetime:
        """When the request was last made known."""
        return max(step["at"] for step in request["steps"] if step["what"] in BEGINNINGS)


def read(
    restaurant: Restaurant,
    table: Table,
    held_ids: list[ObjectId],
    phone_ids: list[str],
    test: str | None = None,
    around: Surroundings | None = None,
) -> TableView:
    """Read the view of a phone with these ids, whose receipt holds these requests.

    What is live comes from `around` if it is given. Without: one query, one for requests of the receipt that are not
    live at this table, and one for screens where a call that waits has been shown.
    """
    restaurant_id, now = restaurant["_id"], clock.now()
    group = joins.tables_with(restaurant, table["_id"], now)
    live = around.live if around else queries.live_of_table(restaurant_id, *group)
    here = [request for request in live if request["table_id"] in group]
    held = _held(restaurant, held_ids, live)
    # What this phone has called for while its table was joined may be another table's now.
    elsewhere = [request for request in held if request["live"] and request["table_id"] not in group]
    live = sorted([*here, *elsewhere], key=itemgetter("first_at"))
    view = _with_time(TableView(restaurant, now, live, held, phone_ids=phone_ids, test=test), table, group)
    return replace(
        view,
        visible=_visible(view, around),
        tables_ahead=_tables_ahead(view, group, around),
        tables=_tables(group, held),
    )


def again(view: TableView, restaurant: Restaurant, table: Table, around: Surroundings) -> TableView:
    """The view of a call that waits, some seconds later: no query but what `around` asks for all.

    To be used only while the process hears changes, and none of this table.
    """
    now = clock.now()
    group = joins.tables_with(restaurant, table["_id"], now)
    later = _with_time(replace(view, restaurant=restaurant, now=now), table, group)
    return replace(later, visible=_visible(later, around), tables_ahead=_tables_ahead(later, group, around))


def _with_time(view: TableView, table: Table, group: list[ObjectId]) -> TableView:
    """With what depends on the time."""
    restaurant, now = view.restaurant, view.now
    open_now = bool(view.test) or is_open(restaurant)
    offered, called = offering.offered(restaurant, table["zone_id"], now), {request["kind"] for request in view.live}
    pause = pauses.applying_to(table, view.phone_ids, group)
    return replace(
        view,
        paused=pause["what"] if pause else None,
        is_open=open_now,
        opens_at=None if open_now else opening.opens_at(restaurant, now),
        usual_wait=usual.usual_wait(restaurant, now) if open_now else None,
        joined=joins.as_one(restaurant, table)["name"] if len(group) > 1 else "",
        kinds=[each for each in in_order(restaurant["kinds"]) if each in offered or each["id"] in called],
    )


def _visible(view: TableView, around: Surroundings | None) -> set[str]:
    """Asked only where a screen has shown what waits."""
    if not _have_been_shown(view.waiting):
        return set()
    return around.visible if around else presence.visible_ids(view.restaurant["_id"])


def _have_been_shown(waiting: list[ServiceRequest]) -> bool:
    """Whether a screen has shown one of these: then it matters which are visible now, which no change tells."""
    return any(request["shown"] for request in waiting)


def _tables_ahead(view: TableView, group: list[ObjectId], around: Surroundings | None) -> int:
    """Only told beside the usual wait. A few seconds do not matter here: asked once for all guests."""
    if not view.waiting or view.usual_wait is None:
        return 0
    live = (around or surroundings.at_tick(view.restaurant["_id"])).live
    return queries.tables_ahead(live, group, view.waiting[0]["first_at"])


def followed(restaurant: Restaurant, table: Table, held_ids: list[ObjectId]) -> frozenset[ObjectId]:
    """The tables whose requests a phone at this table sees: `TableView.tables`."""
    group = joins.tables_with(restaurant, table["_id"], clock.now())
    return _tables(group, queries.with_ids(scope_of(restaurant), held_ids))


def scope_of(restaurant: Restaurant) -> Scope:
    """The query for what a receipt holds, which is signed: after tables were joined or separated at another table."""
    return {"restaurant_id": restaurant["_id"]}


def _held(restaurant: Restaurant, held_ids: list[ObjectId], live: list[ServiceRequest]) -> list[ServiceRequest]:
    """The requests with these ids, oldest first; those that are live are known."""
    known = {request["_id"]: request for request in live if request["_id"] in held_ids}
    ended = queries.with_ids(scope_of(restaurant), [each for each in held_ids if each not in known])
    return sorted([*known.values(), *ended], key=itemgetter("first_at"))


def _tables(group: list[ObjectId], held: list[ServiceRequest]) -> frozenset[ObjectId]:
    return frozenset([*group, *(request["table_id"] for request in held if request["live"])])


def is_open(restaurant: Restaurant) -> bool:
    """Whether guests can call now."""
    return opening.can_call(restaurant, clock.now())
