"""The live requests of a restaurant as one card per table, oldest first."""

import functools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from bson import ObjectId
from flask import current_app, render_template
from flask_babel import force_locale
from markupsafe import Markup

from waitercaller.db import clock
from waitercaller.model import askers, joins, opening, presence, restaurants, screen_rings
from waitercaller.model.languages import in_language
from waitercaller.model.presence import Ring, Screen
from waitercaller.model.requests import queries
from waitercaller.model.restaurants import Actor, Member, Restaurant
from waitercaller.model.service_request import Escalation, ServiceRequest, State, back_at, escalation_of, speed_of
from waitercaller.model.standard_kinds import Sound, sound_of
from waitercaller.requests.dashboard import pause_list
from waitercaller.web import opening_words, screen_words
from waitercaller.web.languages import waiting_time

Level = Literal["calm", "warn", "late", "coming"]
Style = Literal["whole", "bare"]  # see _card.html
Sounds = dict[str, Sound]  # by id of the kind

NAGGED, RAISED, ALERTED = 1, 2, 3  # escalation levels of a request: model/service_request
DRAWN_CARDS = 1_000  # that a process keeps
CLOCK = "\0"  # stands in a drawn card where the waiting time comes; no text holds it


@dataclass(frozen=True)
class CardRequest:
    """One request on a card."""

    id: str
    kind_id: str
    kind_name: str
    sound: Sound
    choice_names: list[str] = field(hash=False)
    notes: list[str] = field(hash=False)
    state: State
    is_test: bool


@dataclass(frozen=True)
class Card:
    """All live requests of one table, or of tables that are joined.

    Its age is that of its oldest request; ids are joined by spaces, as in the form. `level` is the highest escalation
    level among the waiting requests. `passed_by` is the name of the member who passed the call on to the present one,
    or empty. `warn_ms` and `late_ms` are the ages from which the card warns (None: never) and is late. They are 0 where
    the escalation has taken that step already: a screen whose clock is slow must not show less than the server has
    decided. `is_usual`: both are those of the restaurant, as most cards have them.
    """

    table_id: str
    table_name: str
    zone_id: str
    zone_name: str
    first_ms: int
    reminders: int
    state: State
    by: Actor | None = field(hash=False)
    passed_by: str
    level: int
    warn_ms: int | None
    late_ms: int
    requests: list[CardRequest] = field(hash=False)
    lead_id: str
    waiting_ids: str
    all_ids: str
    back_at: datetime | None  # when `by` said to be back at the table, while nothing else waits
    rehearsed_by: str | None = None  # of a rehearsal at no table: the name of who asked for it
    nag_ms: int | None = None  # of a rehearsal: after how long it rings again; None: as the restaurant's calls
    is_usual: bool = True

    @property
    def is_alerted(self) -> bool:
        """Whether the managers have been told that it waits."""
        return self.state == "waiting" and self.level >= ALERTED

    def level_at(self, now_ms: int) -> Level:
        """The card's appearance at this time. Must agree with static/js/clock.js, which recomputes it every second."""
        age = now_ms - self.first_ms
        if age >= self.late_ms:
            return "late"
        if self.warn_ms is not None and age >= self.warn_ms:
            return "warn"
        return "coming" if self.state == "accepted" else "calm"


def cards_of(
    requests: list[ServiceRequest],
    language: str,
    times: Escalation,
    sounds: Sounds | None = None,
    heads: Mapping[ObjectId, ObjectId] | None = None,
) -> list[Card]:
    """The cards for these requests, which must be sorted by age. `heads` are those of joined tables (model/joins)."""
    by_table: dict[ObjectId, list[ServiceRequest]] = {}
    for request in requests:
        table_id = (heads or {}).get(request["table_id"], request["table_id"])
        by_table.setdefault(table_id, []).append(request)
    cards = [_card(table_id, found, language, times, sounds or {}) for table_id, found in by_table.items()]
    return sorted(cards, key=lambda card: (card.first_ms, card.lead_id))


def calls_fragment(
    restaurant: Restaurant, language: str, now_ms: int | None = None, member: Member | None = None
) -> str:
    """The list of live requests as HTML, identical for all viewers with the same language.

    The page passes `now_ms` and whose it is, and gets whole cards, right before scripts run and without them. The
    stream gets bare ones, which the page's script completes (static/js/blank-cards.js); unchanged requests give
    unchanged bytes and no event.
    """
    time_zone = restaurants.time_zone(restaurant)
    times = escalation_of(restaurant)
    heads = joins.heads(restaurant, clock.now())
    zones = {zone["id"]: zone["name"] for zone in restaurant["zones"]}
    joined = {str(head) for head in heads.values()}

    def drawn(card: Card) -> str:
        back = card.back_at.astimezone(time_zone).strftime("%H:%M") if card.back_at else ""
        zone_id = "" if zones.get(card.zone_id) == card.zone_name else card.zone_id
        alike = back, zone_id, card.table_id in joined
        if now_ms is None:
            return "".join(_drawn(card, *alike, "bare", language))
        is_mine = member is not None and card.by is not None and card.by["id"] == member["id"]
        parts = _drawn(card, *alike, "whole", language, card.level_at(now_ms), is_mine)
        return waiting_time(now_ms - card.first_ms).join(parts)

    cards = _cards_now(restaurant, language, heads)
    with force_locale(language):
        return render_template(
            "requests/dashboard/_calls.html",
            cards=cards,
            drawn=Markup("".join(map(drawn, cards))),  # noqa: S704 (our own template)
            cards_in=Counter(card.zone_id for card in cards),
            opening=opening_words.describe_if_out_of_hours(restaurant),
            screens=[_screen(each) for each in presence.open_screens(restaurant["_id"])],
            zones=restaurant["zones"],
            pauses=pause_list.rows(restaurant),
            nag_ms=_milliseconds(times.nag),
            late_ms=_milliseconds(times.all_zones),
            now_ms=now_ms,
        )


@functools.lru_cache(DRAWN_CARDS)
def _drawn(
    card: Card,
    back: str,
    zone_id: str,
    is_joined: bool,
    style: Style,
    language: str,
    level: Level = "calm",
    is_mine: bool = False,
) -> list[str]:
    """A card as HTML, in the parts before and after its waiting time, in the locale of `language`.

    Kept: most cards of a list are as they were in the last one. `back` is the time of day at which `by` is back;
    `zone_id` is empty where the name of the card's zone tells it. The page shows the `level`, and whose `card.by` is.
    """
    template = current_app.jinja_env.get_template("requests/dashboard/_card.html")
    shown = {"back": back, "zone_id": zone_id, "is_joined": is_joined, "level": level, "is_mine": is_mine}
    return template.render(card=card, style=style, clock=CLOCK, **shown).split(CLOCK)


def card_of(restaurant: Restaurant, request_id: ObjectId, language: str) -> tuple[Card, bool] | None:
    """The card on which this request is, and whether it is that of joined tables; None if it is not live."""
    heads = joins.heads(restaurant, clock.now())
    cards = _cards_now(restaurant, language, heads)
    card = next((each for each in cards if str(request_id) in each.all_ids.split()), None)
    return (card, card.table_id in map(str, heads.values())) if card else None


def _cards_now(restaurant: Restaurant, language: str, heads: Mapping[ObjectId, ObjectId]) -> list[Card]:
    sounds = {kind["id"]: sound_of(kind) for kind in restaurant["kinds"]}
    live = queries.live_of_restaurant(restaurant["_id"])
    return cards_of(live, language, escalation_of(restaurant), sounds, heads)


def phase(restaurant: Restaurant) -> tuple[str | None, bool, bool, int]:
    """What changes the list with time alone: the opening state and the number of joined groups.

    It is part of the key of the shared fragment.
    """
    now = clock.now()
    has_grace = opening.grace_ends_at(restaurant, now) is not None
    groups = joins.groups(restaurant, now)
    return opening.manual_state(restaurant, now), opening.is_in_hours(restaurant, now), has_grace, len(groups)


BLANK = Card("", "", "", "", 0, 0, "waiting", None, "", ALERTED, None, 0, [], "", "", "", None)
# For scripts: what cards have alike, one that waits and one to which somebody goes.
BLANK_CARDS = [BLANK, replace(BLANK, state="accepted")]


def overdue_after(times: Escalation) -> timedelta:
    """The age at which an accepted call is late: the member who accepted it may not have gone."""
    return times.remind_taker


def card_request(request: ServiceRequest, language: str, sounds: Sounds | None = None) -> CardRequest:
    return CardRequest(
        id=str(request["_id"]),
        kind_id=request["kind"],
        kind_name=in_language(request["kind_labels"], language),
        sound=(sounds or {}).get(request["kind"], "bell"),
        choice_names=[in_language(names, language) for names in askers.choices(request)],
        notes=askers.notes(request),
        state=request["state"],
        is_test="rehearsal" in request,
    )


def _screen(screen: Screen) -> dict[str, Any]:
    """A row of the list of screens; by its `key` a page finds itself. `wants_help`: more than a first touch."""
    ring = screen_rings.pending(screen)
    return {
        "key": screen_rings.key_of(screen),
        "ring": _ring(ring) if ring else None,
        "name": screen["name"],
        "visible": screen["visible"],
        "audible": screen["audible"],
        "trouble": screen_words.trouble(screen),
        "wants_help": bool({*screen.get("trouble", [])} - {"blocked"}),
    }


def _ring(ring: Ring) -> dict[str, Any]:
    until = ring["at"] + screen_rings.ASKED_FOR
    return {"by": ring["by"], "at_ms": clock.milliseconds(ring["at"]), "until_ms": clock.milliseconds(until)}


def _card(table_id: ObjectId, requests: list[ServiceRequest], language: str, usual: Escalation, sounds: Sounds) -> Card:
    oldest, latest = requests[0], requests[-1]
    times = usual.at(speed_of(oldest))
    waiting = [request for request in requests if request["state"] == "waiting"]
    level = max((request.get("level", 0) for request in waiting), default=0)
    late = times.all_zones if waiting else overdue_after(times)
    back = None if waiting else max(filter(None, map(back_at, requests)), default=None)
    if back:
        late = max(late, back - oldest["first_at"])
    warn_ms = (0 if level >= NAGGED else _milliseconds(times.nag)) if waiting else None
    late_ms = 0 if level >= RAISED else _milliseconds(late)
    return Card(
        table_id=str(table_id),
        table_name=latest["table_name"],
        zone_id=latest["zone_id"] or "",
        zone_name=latest["zone_name"] or "",
        first_ms=clock.milliseconds(oldest["first_at"]),
        reminders=sum(request["reminders"] for request in requests),
        state="waiting" if waiting else "accepted",
        by=next((request["by"] for request in requests if request["by"]), None),
        passed_by=next((_passed_by(request) for request in requests if request["by"]), ""),
        level=level,
        warn_ms=warn_ms,
        late_ms=late_ms,
        is_usual=bool(waiting) and (warn_ms, late_ms) == (_milliseconds(usual.nag), _milliseconds(usual.all_zones)),
        requests=[card_request(request, language, sounds) for request in requests],
        lead_id=str((waiting or requests)[0]["_id"]),
        waiting_ids=" ".join(str(request["_id"]) for request in waiting),
        all_ids=" ".join(str(request["_id"]) for request in requests),
        back_at=back,
        **(_of_rehearsal(oldest, times) if oldest["table_id"] == oldest["restaurant_id"] else {}),
    )


def _of_rehearsal(request: ServiceRequest, times: Escalation) -> dict[str, Any]:
    by = request["steps"][0]["by"]
    return {"rehearsed_by": by["name"] if by else "", "nag_ms": _milliseconds(times.nag)}


def _passed_by(request: ServiceRequest) -> str:
    last = next((step for step in reversed(request["steps"]) if step["what"] in ("accepted", "passed")), None)
    return last["by"]["name"] if last and last["what"] == "passed" and last["by"] else ""


def _milliseconds(time: timedelta) -> int:
    return round(time.total_seconds() * 1000)
