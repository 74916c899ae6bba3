"""The store of restaurants: their names, members, kinds of request and zones."""

import secrets
from datetime import datetime
from typing import Literal, NotRequired, TypedDict, cast
from zoneinfo import ZoneInfo

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from waitercaller.db import cache, clock
from waitercaller.db.client import Filter, db
from waitercaller.model.languages import LANGUAGES
from waitercaller.model.standard_kinds import STANDARD_KINDS, Kind

Role = Literal["waiter", "manager", "owner"]

MAX_ZONES = 100  # they all stand in the restaurant's document, and as buttons over the staff's screen


class TooManyZones(Exception):
    """The restaurant has as many zones as it may; nothing was written."""


class Member(TypedDict):
    """Somebody who works here; `user_id` is None for members without an address of their own."""

    id: str
    user_id: ObjectId | None
    name: str
    role: Role
    zones: list[str]  # ids of the zones that are theirs; empty: all
    push: NotRequired[Literal["all", "escalated", "none"]]  # the widest choice of their subscriptions
    push_at: NotRequired[datetime]  # when that was last written, so that two changes at once conflict


class Actor(TypedDict):
    """Whoever of the staff took a step, as it is kept with the step."""

    id: str  # of the member, or of a device's login; empty once it is erased
    name: str


class Zone(TypedDict):
    """A part of the restaurant, as the terrace."""

    id: str
    name: str
    key: str  # the name case-folded: what two zones must differ in


class Span(TypedDict):
    """A time between opening and closing, by the clock on the restaurant's wall."""

    opens: str  # HH:MM
    closes: str  # HH:MM; not later than `opens`: on the next day; both 00:00: the whole day


class Hours(Span):
    """A span of every week."""

    day: int  # 0 Monday … 6 Sunday


class ExceptionalDay(TypedDict):
    """A day that differs from the weekly hours."""

    date: str  # YYYY-MM-DD
    spans: list[Span]  # empty: closed


class Opening(TypedDict):
    """ "Open now" or "closed now", set by hand."""

    state: Literal["open", "closed"]
    until: datetime | None  # when the hours speak again; None: when somebody says so


class EscalationSeconds(TypedDict):
    """Seconds since a request began to wait, each later than the one before."""

    nag: int
    all_zones: int
    alert: int


class Settings(TypedDict, total=False):
    """What an owner has set; a key that is absent means the usual."""

    escalation: EscalationSeconds
    alert_mail: bool  # owners and managers get a mail at the last step, too; usual: False
    notes: bool  # guests may write a line; usual: False
    two_factor_required: bool  # managers and owners log in with a second factor; usual: False


class OpeningTimes(TypedDict):
    """What of a restaurant says when it is open; see `opening`."""

    _id: ObjectId
    time_zone: str  # IANA name, as Europe/Rome
    hours: list[Hours]  # empty: none are set
    exceptions: NotRequired[list[ExceptionalDay]]
    opening: NotRequired[Opening | None]


class Restaurant(OpeningTimes):
    """A tenant: one document with everything that is read at every request."""

    name: str
    languages: list[str]  # codes that guests can choose from; the first is the restaurant's own
    settings: Settings
    members: list[Member]  # at least one, unless it is removed
    kinds: list[Kind]
    zones: list[Zone]
    created_at: datetime
    removed_at: NotRequired[datetime]  # set when its only owner deletes the account; the erasure follows


def documents() -> Collection[Restaurant]:
    """The collection `restaurants`."""
    return cast(Collection[Restaurant], db().restaurants)


def create(name: str, owner_id: ObjectId, owner_name: str, language: str, txn: ClientSession | None) -> ObjectId:
    """A new restaurant with the three standard kinds and its first owner."""
    owner: Member = {"id": new_id(), "user_id": owner_id, "name": owner_name, "role": "owner", "zones": []}
    languages = [language, *(other for other in LANGUAGES if other != language)]
    document: Restaurant = {
        "_id": ObjectId(),
        "name": name,
        "time_zone": "UTC",
        "languages": languages,
        "hours": [],
        "settings": {},
        "members": [owner],
        "kinds": STANDARD_KINDS,
        "zones": [],
        "created_at": clock.now(),
    }
    documents().insert_one(document, session=txn)
    return document["_id"]


def get(restaurant_id: ObjectId) -> Restaurant | None:
    """The restaurant, perhaps up to 30 s old (see cache)."""
    present = {"_id": restaurant_id, "removed_at": None}
    return cache.restaurants.get(restaurant_id, lambda: documents().find_one(present))


def get_even_removed(restaurant_id: ObjectId, txn: ClientSession | None = None) -> Restaurant | None:
    """The restaurant as the database has it, also where it is marked as removed."""
    return documents().find_one({"_id": restaurant_id}, session=txn)


def with_hours() -> list[OpeningTimes]:
    """Of all restaurants that have said when they are open: what `opening` needs to know of them."""
    says = [{"hours.day": {"$gte": 0}}, {"opening.state": "open"}]
    wanted = ["time_zone", "hours", "exceptions", "opening"]
    return list(documents().find({"removed_at": None, "$or": says}, wanted))


def of_user(user_id: ObjectId, txn: ClientSession | None = None) -> list[Restaurant]:
    """The restaurants a person belongs to, oldest first."""
    return list(documents().find({"members.user_id": user_id}, session=txn).sort("created_at"))


def time_zone(restaurant: OpeningTimes) -> ZoneInfo:
    """That of the clock on the restaurant's wall."""
    return ZoneInfo(restaurant["time_zone"])


def member_of(restaurant: Restaurant, user_id: ObjectId) -> Member | None:
    """The person's membership in this restaurant."""
    return next((member for member in restaurant["members"] if member["user_id"] == user_id), None)


def member_with_id(restaurant: Restaurant, member_id: str) -> Member | None:
    """The member with this id."""
    return next((member for member in restaurant["members"] if member["id"] == member_id), None)


def add_member(
    restaurant_id: ObjectId, name: str, role: Role, user_id: ObjectId | None, txn: ClientSession | None = None
) -> str | None:
    """Take somebody on; returns the new member's id, or None for a person who works here already."""
    member: Member = {"id": new_id(), "user_id": user_id, "name": name, "role": role, "zones": []}
    where: dict[str, object] = {"_id": restaurant_id, "removed_at": None}
    if user_id is not None:
        where["members.user_id"] = {"$ne": user_id}
    changed = documents().update_one(where, {"$push": {"members": member}}, session=txn)
    cache.restaurants.forget(restaurant_id)
    return member["id"] if changed.modified_count else None


def set_role(restaurant_id: ObjectId, member_id: str, role: Role) -> bool:
    """Change what a member may do; False when there is no such member or it would leave no owner."""
    where: dict[str, object] = {"_id": restaurant_id, "members.id": member_id}
    if role != "owner":
        where = {"_id": restaurant_id, **_another_owner(member_id)}
    changed = documents().update_one(
        where, {"$set": {"members.$[member].role": role}}, array_filters=[{"member.id": member_id}]
    )
    cache.restaurants.forget(restaurant_id)
    return bool(changed.matched_count)


def set_zones(restaurant_id: ObjectId, member_id: str, zone_ids: list[str]) -> None:
    """Say which zones are a member's; none means all."""
    documents().update_one({"_id": restaurant_id, "members.id": member_id}, {"$set": {"members.$.zones": zone_ids}})
    cache.restaurants.forget(restaurant_id)


def remove_member(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None = None) -> bool:
    """Let a member go; False when there is no such member or it is the last owner, also when two remove each other."""
    changed = documents().update_one(
        {"_id": restaurant_id, "members.id": member_id, **_another_owner(member_id)},
        {"$pull": {"members": {"id": member_id}}},
        session=txn,
    )
    cache.restaurants.forget(restaurant_id)
    return bool(changed.modified_count)


def close(restaurant_id: ObjectId, owner_id: str, txn: ClientSession | None) -> bool:
    """Mark a restaurant as removed, for good; False unless the member `owner_id` is its only owner.

    Where this is part of a transaction, `forget` the restaurant once that has been committed.
    """
    only_owner = {
        "members": {"$elemMatch": {"role": "owner", "id": owner_id}},
        "$nor": [_another_owner(owner_id)],
    }
    closed = documents().update_one(
        {"_id": restaurant_id, **only_owner},
        {"$set": {"removed_at": clock.now(), "members": []}},
        session=txn,
    )
    return bool(closed.modified_count)


def forget(restaurant_id: ObjectId) -> None:
    """Read this restaurant anew at the next request; the watchers tell the other processes."""
    cache.restaurants.forget(restaurant_id)


def set_setting(restaurant_id: ObjectId, name: str, value: object) -> None:
    """Set one of the restaurant's settings."""
    documents().update_one({"_id": restaurant_id}, {"$set": {f"settings.{name}": value}})
    cache.restaurants.forget(restaurant_id)


def rename_person(user_id: ObjectId, name: str, txn: ClientSession | None = None) -> None:
    """Call a person by a new name wherever they work."""
    documents().update_many(
        {"members.user_id": user_id},
        {"$set": {"members.$[member].name": name}},
        array_filters=[{"member.user_id": user_id}],
        session=txn,
    )
    cache.restaurants.clear()


def ensure_zone(restaurant_id: ObjectId, name: str) -> str | None:
    """The id of the zone with this name (in any case), made if there is none; None for an empty name.

    Raises TooManyZones.
    """
    if not name:
        return None
    if known := _zone(documents().find_one({"_id": restaurant_id}), name):
        return known
    documents().update_one(
        {"_id": restaurant_id, "zones.key": {"$ne": name.casefold()}, f"zones.{MAX_ZONES - 1}": {"$exists": False}},
        {"$push": {"zones": {"id": new_id(), "name": name, "key": name.casefold()}}},
    )
    cache.restaurants.forget(restaurant_id)
    made = _zone(documents().find_one({"_id": restaurant_id}), name)
    if made is None:
        raise TooManyZones
    return made


def new_id() -> str:
    """An id for something inside a restaurant: a member, a zone."""
    return secrets.token_hex(6)


def _another_owner(member_id: str) -> Filter:
    """The condition that somebody else owns the restaurant as well."""
    return {"members": {"$elemMatch": {"role": "owner", "id": {"$ne": member_id}}}}


def _zone(restaurant: Restaurant | None, name: str) -> str | None:
    zones = restaurant["zones"] if restaurant else []
    return next((zone["id"] for zone in zones if zone["key"] == name.casefold()), None)
