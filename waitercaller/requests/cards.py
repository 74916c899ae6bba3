"""What the staff sees: the live requests of a restaurant as one card for each table, oldest first."""

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from bson import ObjectId
from flask import render_template
from flask_babel import force_locale

from waitercaller import clock
from waitercaller.i18n import in_language
from waitercaller.requests import reading
from waitercaller.requests.model import ServiceRequest, State
from waitercaller.restaurants import Actor


@dataclass(frozen=True)
class Wish:
    """One request on a card."""

    id: str
    kind_id: str
    kind_name: str
    choice_name: str | None
    note: str | None
    state: State


@dataclass(frozen=True)
class Card:
    """All that one table wants. The clock is that of its oldest request; ids are joined by spaces, as in the form."""

    table_id: str
    table_name: str
    zone_id: str
    zone_name: str
    first_ms: int
    reminders: int
    state: State
    by: Actor | None
    requests: list[Wish]
    lead_id: str
    waiting_ids: str
    all_ids: str


def cards_of(requests: list[ServiceRequest], language: str) -> list[Card]:
    """The cards for these requests, which are sorted by age."""
    by_table = groupby(sorted(requests, key=itemgetter("table_id")), key=itemgetter("table_id"))
    cards = [_card(list(group), language) for _, group in by_table]
    return sorted(cards, key=lambda card: (card.first_ms, card.lead_id))


def calls_fragment(restaurant_id: ObjectId, language: str, **context: Any) -> str:
    """The list of calls as HTML, the same for every viewer who reads this language.

    A page gives `now_ms`, so that its clocks are right before any script runs; a stream does not, so that the same
    calls are the same bytes.
    """
    cards = cards_of(reading.live_of_restaurant(restaurant_id), language)
    with force_locale(language):
        return render_template(
            "requests/_calls.html", cards=cards, requests_url=f"/r/{restaurant_id}/requests", **context
        )


def wish_of(request: ServiceRequest, language: str) -> Wish:
    return Wish(
        id=str(request["_id"]),
        kind_id=request["kind"],
        kind_name=in_language(request["kind_labels"], language),
        choice_name=in_language(labels, language) if (labels := request.get("choice_labels")) else None,
        note=request["note"],
        state=request["state"],
    )


def _card(requests: list[ServiceRequest], language: str) -> Card:
    oldest, latest = requests[0], requests[-1]
    waiting = [request for request in requests if request["state"] == "waiting"]
    return Card(
        table_id=str(oldest["table_id"]),
        table_name=latest["table_name"],
        zone_id=latest["zone_id"] or "",
        zone_name=latest["zone_name"] or "",
        first_ms=clock.milliseconds(oldest["first_at"]),
        reminders=sum(request["reminders"] for request in requests),
        state="waiting" if waiting else "accepted",
        by=next((request["by"] for request in requests if request["by"]), None),
        requests=[wish_of(request, language) for request in requests],
        lead_id=str((waiting or requests)[0]["_id"]),
        waiting_ids=" ".join(str(request["_id"]) for request in waiting),
        all_ids=" ".join(str(request["_id"]) for request in requests),
    )
