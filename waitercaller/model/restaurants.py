"""Restaurants: names, members, kinds of request and zones."""

import secrets
from datetime import datetime
from typing import Literal, NotRequired, TypedDict, cast
from zoneinfo import ZoneInfo

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from waitercaller.db import cache, clock
from waitercaller.db.client import Changes, Filter, db
from waitercaller.model import time_zones
from waitercaller.model.duty_entry import Duty
from waitercaller.model.face_entry import Face
from waitercaller.model.first_call_entry import FirstCall
from waitercaller.model.languages import LANGUAGES
from waitercaller.model.member_names import free_name
from waitercaller.model.opening_times import OpeningTimes
from waitercaller.model.standard_kinds import STANDARD_KINDS, Kind
from waitercaller.model.webhook_entry import Webhook

Role = Literal["waiter", "manager", "owner"]

MAX_ZONES = 100  # they are embedded in the restaurant's document and listed on the dashboard


class TooManyZones(Exception):
    """The restaurant has MAX_ZONES zones already; nothing was written."""


class Member(TypedDict):
    """A member of a restaurant; `user_id` is None for members without an account."""

    id: str
    user_id: ObjectId | None
    name: str
    role: Role
    zones: list[str]  # ids of the member's zones; empty: all
    push: NotRequired[Literal["all", "escalated", "none"]]  # the widest choice of their subscriptions
    letter: NotRequired[bool]  # an owner who wants the letter on Mondays; see `letters`
    push_at: NotRequired[datetime]  # when `push` was written; makes concurrent transactions conflict


class Actor(TypedDict):
    """The member or device that took a step, as stored with the step."""

    id: str  # of the member, or of a device's login; empty after erasure
    name: str


class Zone(TypedDict):
    """A part of the restaurant, such as the terrace."""

    id: str
    name: str
    key: str  # the case-folded name, unique in the restaurant


class Join(TypedDict):
    """Tables that call as one for tonight; see `joins`."""

    tables: list[ObjectId]  # the head first; a table is in one of these at most
    until: datetime  # when it ends by itself


class EscalationSeconds(TypedDict):
    """When the next steps of a live request are due, in seconds."""

    # From when it began to wait, in ascending order:
    nag: int
    all_zones: int
    alert: int
    repeat: NotRequired[int]  # then between two repetitions
    # From when somebody began to go, in ascending order:
    remind_taker: NotRequired[int]
    tell_colleagues: NotRequired[int]
    give_back: NotRequired[int]  # it waits again


class Settings(TypedDict, total=False):
    """Settings made by an owner; an absent key means the default."""

    escalation: EscalationSeconds
    alert_mail: bool  # send mails to owners and managers at the last step of the escalation; default: False
    notes: bool  # guests may add a note to a call; default: False
    two_factor_required: bool  # managers and owners need a second factor; default: False
    opinions: bool  # guests are asked whether it was all right; default: True
    duty: bool  # members can go on duty; default: True
    webhook: Webhook  # default: none
    face: Face  # default: none
    keep_calls_days: int  # 30 to 400: how long requests are kept; default: 400


class Restaurant(OpeningTimes):
    """A tenant: one document with everything that most HTTP requests read."""

    name: str
    languages: list[str]  # codes offered to guests; the first is the default
    settings: Settings
    members: list[Member]  # at least one, unless the restaurant is removed
    duty: NotRequired[list[Duty]]  # see `duty`
    joins: NotRequired[list[Join]]
    first_call: NotRequired[FirstCall | None]
    walk_since: NotRequired[datetime | None]  # see `walks`
    kinds: list[Kind]
    zones: list[Zone]
    created_at: datetime
    removed_at: NotRequired[datetime]  # set when its only owner deletes their account; then it is erased
    suspended_at: NotRequired[datetime | None]  # by an operator; see `tenancy`
    is_first: NotRequired[bool]  # see `tenancy.mark_as_first`


def documents() -> Collection[Restaurant]:
    """The collection `restaurants`."""
    return cast(Collection[Restaurant], db().restaurants)


def create(
    name: str,
    owner_id: ObjectId,
    owner_name: str,
    language: str,
    txn: ClientSession | None,
    time_zone: str = time_zones.UNSET,
) -> ObjectId:
    """Create a restaurant with the standard kinds and its first owner; returns its id."""
    owner: Member = {"id": new_id(), "user_id": owner_id, "name": owner_name, "role": "owner", "zones": []}
    languages = [language, *(other for other in LANGUAGES if other != language)]
    document: Restaurant = {
        "_id": ObjectId(),
        "name": name,
        "time_zone": time_zone,
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
    """The restaurant from the cache, hence up to cache.MAX_AGE_SECONDS old; None if it is removed or suspended."""
    restaurant = get_even_suspended(restaurant_id)
    return None if restaurant is None or restaurant.get("suspended_at") else restaurant


def get_even_suspended(restaurant_id: ObjectId) -> Restaurant | None:
    """The restaurant as by `get`, including a suspended one."""
    present = {"_id": restaurant_id, "removed_at": None}
    return cache.restaurants.get(restaurant_id, lambda: documents().find_one(present))


def get_even_removed(restaurant_id: ObjectId, txn: ClientSession | None = None) -> Restaurant | None:
    """The restaurant from the database, including one that is marked as removed."""
    return documents().find_one({"_id": restaurant_id}, session=txn)


def of_user(user_id: ObjectId, txn: ClientSession | None = None) -> list[Restaurant]:
    """The restaurants of which the user is a member, oldest first."""
    return list(documents().find({"members.user_id": user_id}, session=txn).sort("created_at"))


def time_zone(restaurant: OpeningTimes) -> ZoneInfo:
    """The restaurant's time zone."""
    return ZoneInfo(restaurant["time_zone"])


def member_of(restaurant: Restaurant, user_id: ObjectId) -> Member | None:
    """The user's membership in this restaurant."""
    return next((member for member in restaurant["members"] if member["user_id"] == user_id), None)


def member_with_id(restaurant: Restaurant, member_id: str) -> Member | None:
    """The member with this id."""
    return next((member for member in restaurant["members"] if member["id"] == member_id), None)


def add_member(
    restaurant_id: ObjectId, name: str, role: Role, user_id: ObjectId | None, txn: ClientSession | None = None
) -> str | None:
    """Add a member, with a number where the name is taken; returns the id, or None if the user is a member already."""
    while restaurant := documents().find_one({"_id": restaurant_id, "removed_at": None}, session=txn):
        if user_id is not None and member_of(restaurant, user_id):
            return None
        name_here = free_name(restaurant["members"], name)
        member: Member = {"id": new_id(), "user_id": user_id, "name": name_here, "role": role, "zones": []}
        as_read = {"_id": restaurant_id, "removed_at": None, "members": {"$eq": restaurant["members"]}}
        if documents().update_one(as_read, {"$push": {"members": member}}, session=txn).modified_count:
            cache.restaurants.forget(restaurant_id)
            return member["id"]
    return None


def set_role(restaurant_id: ObjectId, member_id: str, role: Role) -> bool:
    """Set a member's role; False if there is no such member or no owner would remain."""
    where: dict[str, object] = {"_id": restaurant_id, "members.id": member_id}
    if role != "owner":
        where = {"_id": restaurant_id, **_another_owner(member_id)}
    changed = documents().update_one(
        where, {"$set": {"members.$[member].role": role}}, array_filters=[{"member.id": member_id}]
    )
    cache.restaurants.forget(restaurant_id)
    return bool(changed.matched_count)


def set_zones(restaurant_id: ObjectId, member_id: str, zone_ids: list[str]) -> None:
    """Set a member's zones; empty means all."""
    documents().update_one({"_id": restaurant_id, "members.id": member_id}, {"$set": {"members.$.zones": zone_ids}})
    cache.restaurants.forget(restaurant_id)


def remove_member(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None = None) -> bool:
    """Remove a member; False if there is no such member or it is the last owner. Safe against concurrent removals."""
    changed = documents().update_one(
        {"_id": restaurant_id, "members.id": member_id, **_another_owner(member_id)},
        {"$pull": {"members": {"id": member_id}, "duty": {"member_id": member_id}}},
        session=txn,
    )
    cache.restaurants.forget(restaurant_id)
    return bool(changed.modified_count)


def close(restaurant_id: ObjectId, owner_id: str, txn: ClientSession | None) -> bool:
    """Mark a restaurant as removed; False unless the member `owner_id` is its only owner.

    In a transaction, call `forget` after the commit.
    """
    only_owner = {"members": {"$elemMatch": {"role": "owner", "id": owner_id}}, "$nor": [_another_owner(owner_id)]}
    gone: Changes = {"removed_at": clock.now(), "members": []}
    closed = documents().update_one({"_id": restaurant_id, **only_owner}, {"$set": gone}, session=txn)
    return bool(closed.modified_count)


def close_again(restaurant_id: ObjectId, txn: ClientSession | None) -> bool:
    """Mark a restaurant as removed, whoever owns it: it was erased, and a backup has brought it back.

    In a transaction, call `forget` after the commit.
    """
    gone: Changes = {"removed_at": clock.now(), "members": []}
    return bool(documents().update_one({"_id": restaurant_id}, {"$set": gone}, session=txn).modified_count)


def forget(restaurant_id: ObjectId) -> None:
    """Invalidate the cached restaurant in this process; other processes do so by their watchers."""
    cache.restaurants.forget(restaurant_id)


def set_setting(restaurant_id: ObjectId, name: str, value: object) -> None:
    """Set one of the restaurant's settings."""
    documents().update_one({"_id": restaurant_id}, {"$set": {f"settings.{name}": value}})
    cache.restaurants.forget(restaurant_id)


def works_elsewhere(user_id: ObjectId, restaurant_id: ObjectId) -> bool:
    """Whether the user is a member of another restaurant, too."""
    elsewhere = {"members.user_id": user_id, "_id": {"$ne": restaurant_id}}
    return documents().find_one(elsewhere, {"_id": True}) is not None


def ensure_zone(restaurant_id: ObjectId, name: str) -> str | None:
    """The id of the zone with this name (case-insensitive), created if it does not exist; None for an empty name.

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
    zone_id = _zone(documents().find_one({"_id": restaurant_id}), name)
    if zone_id is None:
        raise TooManyZones
    return zone_id


def new_id() -> str:
    """A new id for an embedded document, such as a member or a zone."""
    return secrets.token_hex(6)


def _another_owner(member_id: str) -> Filter:
    """The condition that the restaurant has another owner."""
    return {"members": {"$elemMatch": {"role": "owner", "id": {"$ne": member_id}}}}


def _zone(restaurant: Restaurant | None, name: str) -> str | None:
    zones = restaurant["zones"] if restaurant else []
    return next((zone["id"] for zone in zones if zone["key"] == name.casefold()), None)
