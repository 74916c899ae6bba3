"""The event stream of the guest's page."""

import time
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId
from flask import Response, request

from waitercaller.db import clock
from waitercaller.live import streams
from waitercaller.model import first_call, restaurants, tables
from waitercaller.model.tables import Table
from waitercaller.requests.guest import blueprint, links, pages, phone_id, surroundings, table_view, views
from waitercaller.requests.guest.table_view import TableView
from waitercaller.web import access, limits
from waitercaller.web.languages import asked_language, current_language
from waitercaller.web.open_streams import opens_stream

# In each process. All guests of a restaurant may share its Wi-Fi's IP address; half of its streams are kept for phones
# that have called before.
MAX_STREAMS_PER_PHONE = 6  # one that loses its connection leaves some behind for half a minute
MAX_STREAMS_PER_TABLE = 40  # of phones that have not called
MAX_STREAMS_PER_ADDRESS, MAX_NEW_STREAMS_PER_ADDRESS = 600, 300


@blueprint.get("/t/<code:code>/live")
@access.anyone
@opens_stream
def live(code: str) -> Response:
    """Stream of the state of the table's calls, sent whenever it changes."""
    table, current, here = views.find(code)
    receipt, form = links.read_receipt(table), links.form_of_stream(table)
    # The page's next call may be the phone's first: the id that it will get is known.
    phone_ids = views.phone_ids_of(table, receipt) or ([phone_id.id_in_stream(table, form)] if form else [])
    followed = table_view.followed(here, table, receipt.held)
    issued, language = form.issued if form else None, current_language()
    asked, test = asked_language(), request.args.get("test")
    line = _Line(code, table, current, phone_ids, receipt.held, followed, language, asked, issued, test)
    known_phone = phone_id.counted_id(table["restaurant_id"], receipt.phone)
    caps = _stream_limits(table, known_phone, form.key if form else "")
    topics = [f"guests:{here['_id']}", *(f"table:{each}" for each in followed)]
    return streams.respond(
        "state", topics, caps, line.read, revoked_reason="gone", interval=line.interval, besides=line.new_form_field
    )


def _stream_limits(table: Table, known_phone: str, page_key: str) -> dict[str, int]:
    """The holders of a stream and their limits: a phone that has called counts by itself, and others by their page."""
    network = limits.network()
    all_guests = {f"guests:{network}": MAX_STREAMS_PER_ADDRESS}
    if known_phone:
        return {f"phone:{known_phone}": MAX_STREAMS_PER_PHONE, **all_guests}
    page = page_key or f"{table['_id']} {network}"  # old pages of a table and address count as one
    return {
        f"page:{page}": MAX_STREAMS_PER_PHONE,
        f"table:{table['_id']}": MAX_STREAMS_PER_TABLE,
        f"new guests:{network}": MAX_NEW_STREAMS_PER_ADDRESS,
        **all_guests,
    }


@dataclass
class _Line:
    """What the stream of one page keeps: ids, and while a call waits the view that was read last, with its HTML."""

    code: str
    table: Table  # as read at the last wake-up
    is_current: bool  # whether `code` is the table's current one
    phone_ids: list[str]
    held: list[ObjectId]
    followed: frozenset[ObjectId]  # the tables whose topics it waits for
    language: str
    asked: str | None
    issued: datetime | None  # the page's form field; None if it is not good for a call
    test: str | None  # the token of an owner's first call, good or not
    last: tuple[TableView, str] | None = None
    read_at: float = 0.0  # time.monotonic() when it last asked the database for its table
    seconds: float = 0.0  # until the next read

    def read(self, woken: set[str]) -> str | None:
        """The state as HTML; None if the table is gone. Raises OtherTopics."""
        if woken or not self.is_current:  # a retired code ends without a change
            found = tables.by_code(self.code)
            if found is None:
                return None
            self.table, self.is_current = found
        restaurant = restaurants.get(self.table["restaurant_id"])
        if restaurant is None:
            return None
        before, html = self.last or (None, "")
        around = None if woken else surroundings.at_tick(restaurant["_id"], self.read_at)
        if before and around and time.monotonic() < self.read_at + streams.HEARTBEAT_SECONDS / 2:
            view = table_view.again(before, restaurant, self.table, around)
        else:
            test = first_call.good_token(self.test, restaurant, self.table)
            view = table_view.read(restaurant, self.table, self.held, self.phone_ids, test, around)
            self.read_at = time.monotonic()
        if not view.tables <= self.followed:
            raise streams.OtherTopics
        if woken or not view.reads_as(before):
            html = pages.state_fragment(view, self.code, self.language, self.is_current, self.asked)
        self.held = view.held_from_now_on[: links.MAX_HELD_REQUESTS]
        self.last = (view, html) if view.waiting else None
        self.seconds = view.seconds_until_reread(otherwise=streams.HEARTBEAT_SECONDS)
        if view.depends_on_surroundings:
            self.seconds = min(self.seconds, surroundings.seconds_to_next_tick())
        return html

    def interval(self) -> float:
        return self.seconds

    def new_form_field(self) -> dict[str, str]:
        """While its stream is open a page does not grow too old to call; one that comes back too old stays so."""
        if self.issued is None or clock.now() - self.issued < links.RENEWED_AFTER:
            return {}
        self.issued = clock.now()
        return {"form": links.sign_form(self.table, self.phone_ids[0])}
