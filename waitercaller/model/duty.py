"""Duty: which members are working now, and whose tables and zones are whose tonight.

The entries are a key of the restaurant's document: every call reads them, from a cache that the change stream
invalidates in all processes, and one conditional update of that key holds every rule, such as that of two members who
take a table at once one has it. There are at most as many entries as members.

While nobody is on duty everybody is, for everything: restaurants that do not use this see none of it, and a call that
comes before anybody is on duty is told to all rather than to nobody.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.db import clock
from waitercaller.db.client import Changes
from waitercaller.model import opening, restaurants, settings
from waitercaller.model.duty_entry import Duty
from waitercaller.model.restaurants import Restaurant

SHORTEST = timedelta(hours=4)  # whoever begins at 4 a.m. does not end at 5
LONGEST = timedelta(hours=18)


class NotOnDuty(Exception):
    """The member, or the chosen deputy, is not on duty (any more); nothing was written."""


class Uncovered(NamedTuple):
    """The tables and zones of a member who has gone off duty and handed them to nobody."""

    member_id: str
    since: datetime  # when the member went on duty
    tables: list[ObjectId]
    zones: list[str]


def is_offered(restaurant: Restaurant) -> bool:
    """Whether members can go on duty; an owner may switch that off."""
    return restaurant["settings"].get("duty", True)


def entries(restaurant: Restaurant, now: datetime) -> list[Duty]:
    """The entries of those who are on duty, in the order in which they came; [] where duty is not used."""
    if not is_offered(restaurant):
        return []
    members = {member["id"] for member in restaurant["members"]}
    return [each for each in restaurant.get("duty", []) if each["until"] > now and each["member_id"] in members]


def restaurants_on_duty(now: datetime) -> set[ObjectId]:
    """The restaurants in which somebody is on duty."""
    found = restaurants.documents().find({"duty.until": {"$gt": now}, "removed_at": None}, {"_id": True})
    return {each["_id"] for each in found}


def entry_of(restaurant: Restaurant, member_id: str, now: datetime) -> Duty | None:
    """The entry of this member; None if they are off duty."""
    return _find(entries(restaurant, now), member_id)


def on_duty(restaurant: Restaurant, now: datetime) -> set[str]:
    """The ids of the members who hear calls: those on duty without those on a break; all, if nobody is on duty."""
    present = entries(restaurant, now)
    here = {each["member_id"] for each in present if bearer(each, present) == each["member_id"]}
    return here or {member["id"] for member in restaurant["members"]}


def bearer(entry: Duty, present: list[Duty]) -> str:
    """The id of the member who has this entry's tables now: its own, or during a break the deputy, or theirs."""
    passed: list[str] = []
    while (deputy := _find(present, entry["deputy"])) and entry["member_id"] not in passed:
        passed.append(entry["member_id"])
        entry = deputy
    return entry["member_id"]


def first_to_hear(
    restaurant: Restaurant,
    table_ids: list[ObjectId],
    zone_id: str | None,
    now: datetime,
    reachable: set[str] | None = None,
    widened: bool = False,
) -> set[str]:
    """The ids of the members who are told first of a call at this table, or at these, which call as one (`joins`).

    They are whose table it is tonight, else whose zone, else all on duty; and always those on duty who have taken
    nothing, since they are there for everything. With `widened` whose zone it is hears it beside whose table it is.
    With `reachable` (the ids of those who can be told) the next of these circles is asked where nobody can be.
    """
    for circle in _circles(restaurant, table_ids, zone_id, now)[widened:]:
        if found := circle if reachable is None else circle & reachable:
            return found
    return set()


def ends_at(restaurant: Restaurant, since: datetime) -> datetime:
    """When what is for tonight ends by itself, if it begins at `since`.

    The first morning that is SHORTEST away; later if the restaurant's hours go on; after LONGEST in any case.
    """
    zone = restaurants.time_zone(restaurant)
    first_day = since.astimezone(zone).date()
    mornings = (datetime.combine(first_day + days * opening.DAY, opening.MORNING, zone) for days in range(3))
    until = next(each.astimezone(UTC) for each in mornings if each - since >= SHORTEST)
    while restaurant["hours"] and opening.is_in_hours(restaurant, until) and until < since + LONGEST:
        until += timedelta(hours=1)
    return min(until, since + LONGEST)


def begin(restaurant_id: ObjectId, member_id: str) -> bool:
    """A member goes on duty until the day turns; False if they were already. Raises settings.Missing."""

    def decide(restaurant: Restaurant) -> Changes:
        now = clock.now()
        present = entries(restaurant, now)
        if _find(present, member_id) or restaurants.member_with_id(restaurant, member_id) is None:
            return {}
        new: Duty = {
            "member_id": member_id,
            "since": now,
            "until": ends_at(restaurant, now),
            "tables": [],
            "zones": [],
            "deputy": None,
        }
        return {"duty": [*present, new]}

    return settings.change(restaurant_id, decide)


def take(
    restaurant_id: ObjectId, member_id: str, table_ids: list[ObjectId], zone_ids: list[str], from_others: bool = False
) -> list[ObjectId]:
    """Make these the member's tables and zones, instead of those before; returns the tables that others keep.

    With `from_others` they are taken away from whoever has them. Raises NotOnDuty.
    """
    kept: list[ObjectId] = []

    def decide(present: list[Duty]) -> list[Duty]:
        others = {table for each in present if each["member_id"] != member_id for table in each["tables"]}
        kept[:] = [] if from_others else [table for table in table_ids if table in others]
        mine = [table for table in table_ids if table not in kept]
        return [
            {**each, "tables": mine, "zones": zone_ids}
            if each["member_id"] == member_id
            else {**each, "tables": [table for table in each["tables"] if table not in mine]}
            for each in present
        ]

    _change(restaurant_id, member_id, decide)
    return kept


def hand_over(restaurant_id: ObjectId, member_id: str, deputy_id: str | None) -> None:
    """A break: the deputy has all that is the member's until it is taken back (None). Raises NotOnDuty."""

    def decide(present: list[Duty]) -> list[Duty]:
        deputy = _find(present, deputy_id)
        if deputy_id and (deputy is None or deputy_id == member_id or bearer(deputy, present) != deputy_id):
            raise NotOnDuty
        return [{**each, "deputy": deputy_id} if each["member_id"] == member_id else each for each in present]

    _change(restaurant_id, member_id, decide)


def end(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None = None) -> Uncovered | None:
    """A member goes off duty. A deputy keeps what was handed over; else it is returned as uncovered.

    Returns None where nothing is uncovered, and if the member was off duty. Whom the member stood in for has their own
    tables again. In a transaction, call `restaurants.forget` after the commit. Raises settings.Missing.
    """
    left: list[Uncovered] = []

    def decide(present: list[Duty]) -> list[Duty]:
        gone = _find(present, member_id)
        assert gone is not None
        heir = _find(present, bearer(gone, present))
        to = heir["member_id"] if heir and heir is not gone else None
        elsewhere = {zone for each in present if each is not gone for zone in each["zones"]}
        tables = [] if to else gone["tables"]
        zones = [] if to else [zone for zone in gone["zones"] if zone not in elsewhere]
        left[:] = [Uncovered(member_id, gone["since"], tables, zones)] if tables or zones else []
        return [_without(each, gone, to) for each in present if each is not gone]

    try:
        _change(restaurant_id, member_id, decide, txn)
    except NotOnDuty:
        return None
    return left[0] if left else None


def forget_tables(restaurant_id: ObjectId, gone: list[ObjectId], txn: ClientSession | None = None) -> None:
    """Tables are removed: whoever had nothing else is there for everything again. Raises settings.Missing."""

    def decide(restaurant: Restaurant) -> Changes:
        present = entries(restaurant, clock.now())
        if not any(one in gone for each in present for one in each["tables"]):
            return {}
        return {"duty": [{**each, "tables": [one for one in each["tables"] if one not in gone]} for each in present]}

    settings.change(restaurant_id, decide, txn)


def still_uncovered(restaurant: Restaurant, uncovered: list[ObjectId], now: datetime) -> list[ObjectId]:
    """Those of these tables that nobody on duty has taken."""
    held = {table for each in entries(restaurant, now) for table in each["tables"]}
    return [table for table in uncovered if table not in held]


def _circles(restaurant: Restaurant, table_ids: list[ObjectId], zone_id: str | None, now: datetime) -> list[set[str]]:
    """Who is told of a call at these tables: at first, then, at last."""
    present, known = entries(restaurant, now), {zone["id"] for zone in restaurant["zones"]}
    standing = {member["id"]: member["zones"] for member in restaurant["members"]}
    if not present:
        everybody = {each for each, zones in standing.items() if not zones or zone_id is None or zone_id in zones}
        return [everybody, everybody]
    at_table, in_zone, free = set(), set(), set()
    for entry in present:
        tonight = [zone for zone in entry["zones"] if zone in known]  # not one that has been removed
        zones = tonight if tonight or entry["tables"] else standing[entry["member_id"]]
        if not set(table_ids).isdisjoint(entry["tables"]):
            at_table.add(bearer(entry, present))
        elif zone_id is not None and zone_id in zones:
            in_zone.add(bearer(entry, present))
        elif not entry["tables"] and not zones:
            free.add(bearer(entry, present))
    everybody = on_duty(restaurant, now)
    return [
        (at_table or in_zone or everybody) | free,
        ((at_table | in_zone) or everybody) | free,
        everybody,
    ]


def _change(
    restaurant_id: ObjectId,
    member_id: str,
    decide: Callable[[list[Duty]], list[Duty]],
    txn: ClientSession | None = None,
) -> None:
    """Write what `decide` makes of the present entries. Raises NotOnDuty if the member has none."""

    def decided(restaurant: Restaurant) -> Changes:
        present = entries(restaurant, clock.now())
        if _find(present, member_id) is None:
            raise NotOnDuty
        return {"duty": decide(present)}

    settings.change(restaurant_id, decided, txn)


def _without(entry: Duty, gone: Duty, heir: str | None) -> Duty:
    """The entry after `gone` has left; `heir` is who keeps what was theirs, and stands in for others instead."""
    if entry["deputy"] == gone["member_id"]:
        entry = {**entry, "deputy": heir if heir != entry["member_id"] else None}
    if entry["member_id"] != heir:
        return entry
    zones = [*entry["zones"], *(zone for zone in gone["zones"] if zone not in entry["zones"])]
    return {**entry, "tables": [*entry["tables"], *gone["tables"]], "zones": zones}


def _find(present: list[Duty], member_id: str | None) -> Duty | None:
    return next((each for each in present if each["member_id"] == member_id), None)
