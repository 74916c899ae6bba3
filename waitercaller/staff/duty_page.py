"""Context of the pages about duty: a member with tables, zones and deputy, and the list of who is here."""

from datetime import datetime
from typing import Any

from bson import ObjectId
from flask_babel import format_time, ngettext

from waitercaller.db import clock
from waitercaller.model import duty, restaurants, tables
from waitercaller.model.duty_entry import Duty
from waitercaller.model.languages import alphabetical
from waitercaller.model.restaurants import Member, Restaurant
from waitercaller.model.tables import Table


def of_member(restaurant: Restaurant, member: Member, may_take_away: bool) -> dict[str, Any]:
    """The member as the page shows them; `places` are the zones with their tables, to be ticked.

    Tables of others cannot be ticked, unless they may be taken away.
    """
    present, all_tables = duty.entries(restaurant, clock.now()), tables.of_restaurant(restaurant["_id"])
    mine = next((each for each in present if each["member_id"] == member["id"]), None)
    about = {"id": member["id"], "name": member["name"], "anybody": bool(present), "entry": mine}
    if mine is None:
        return about
    names = {each["id"]: each["name"] for each in restaurant["members"]}
    has_it = duty.bearer(mine, present)
    standing_in = [each for each in present if each is not mine and duty.bearer(each, present) == member["id"]]
    deputies = [each["member_id"] for each in present if each is not mine and _is_here(each, present)]
    return {
        **about,
        "until": clock_time(restaurant, mine["until"]),
        "deputy": names[has_it] if has_it != member["id"] else "",
        "standing_in": [(names[each["member_id"]], _holding(restaurant, each, all_tables)) for each in standing_in],
        "deputies": [{"id": each, "name": names[each]} for each in deputies],
        "places": _places(restaurant, mine, present, all_tables, may_take_away),
    }


def team(restaurant: Restaurant) -> list[dict[str, Any]]:
    """All members by name; those on duty with what they have, and who has it during a break."""
    present, all_tables = duty.entries(restaurant, clock.now()), tables.of_restaurant(restaurant["_id"])
    names = {each["id"]: each["name"] for each in restaurant["members"]}
    entries = {each["member_id"]: each for each in present}
    rows = []
    for member in sorted(restaurant["members"], key=lambda each: alphabetical(each["name"])):
        row: dict[str, Any] = {"id": member["id"], "name": member["name"], "on": member["id"] in entries}
        if entry := entries.get(member["id"]):
            has_it = duty.bearer(entry, present)
            row["deputy"] = names[has_it] if has_it != member["id"] else ""
            row["holding"] = _holding(restaurant, entry, all_tables)
        rows.append(row)
    return rows


def clock_time(restaurant: Restaurant, at: datetime) -> str:
    """The time by the clock on the restaurant's wall."""
    return str(format_time(at.astimezone(restaurants.time_zone(restaurant)), "short", rebase=False))


def _places(
    restaurant: Restaurant, mine: Duty, present: list[Duty], all_tables: list[Table], may_take_away: bool
) -> list[dict[str, Any]]:
    """Each zone, and at last what is in none, with its tables; a table of somebody else has their name."""
    names = {each["id"]: each["name"] for each in restaurant["members"]}
    others = {table: names[each["member_id"]] for each in present if each is not mine for table in each["tables"]}

    def boxes(zone_id: str | None) -> list[dict[str, Any]]:
        return [
            {
                "id": str(table["_id"]),
                "name": table["name"],
                "ticked": table["_id"] in mine["tables"],
                "whose": others.get(table["_id"], ""),
                "fixed": table["_id"] in others and not may_take_away,
            }
            for table in all_tables
            if table["zone_id"] == zone_id
        ]

    known = [
        {**zone, "ticked": zone["id"] in mine["zones"], "tables": boxes(zone["id"])} for zone in restaurant["zones"]
    ]
    elsewhere = {"id": None, "name": "", "ticked": False, "tables": boxes(None)}
    return [*known, *([elsewhere] if elsewhere["tables"] else [])]


def _holding(restaurant: Restaurant, entry: Duty, all_tables: list[Table]) -> str:
    """What is theirs, in words; "" for nothing."""
    zones = [zone["name"] for zone in restaurant["zones"] if zone["id"] in entry["zones"]]
    held: set[ObjectId] = set(entry["tables"])
    names = [table["name"] for table in all_tables if table["_id"] in held]
    listed = ngettext("Table %(names)s", "Tables %(names)s", len(names), names=", ".join(names)) if names else ""
    return " · ".join([*zones, *([str(listed)] if listed else [])])


def _is_here(entry: Duty, present: list[Duty]) -> bool:
    return duty.bearer(entry, present) == entry["member_id"]
