"""The store of restaurants: their names, members, kinds of request and zones."""

import secrets
from typing import Literal, NotRequired, TypedDict
from zoneinfo import ZoneInfo

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller.db import cache, clock
from waitercaller.db.client import Document, db
from waitercaller.model.languages import LANGUAGES
from waitercaller.model.standard_kinds import STANDARD_KINDS

Role = Literal["waiter", "manager", "owner"]

MOST_ZONES = 100  # they all stand in the restaurant's document, and as buttons over the staff's screen


class TooManyZones(Exception):
    """The restaurant has as many zones as it may; nothing was written."""


class Member(TypedDict):
    """Somebody who works here; `user_id` is None for members without an address of their own."""

    id: str
    user_id: ObjectId | None
    name: str
    role: Role
    zones: list[str]
    push: NotRequired[Literal["all", "escalated", "none"]]  # the widest choice of their devices, see push.store


class Actor(TypedDict):
    """Whoever of the staff took a step, as it is kept with the step."""

    id: str
    name: str


def create(name: str, owner_id: ObjectId, owner_name: str, language: str, txn: ClientSession | None) -> ObjectId:
    """A new restaurant with the three standard kinds and its first owner."""
    owner: Member = {"id": new_id(), "user_id": owner_id, "name": owner_name, "role": "owner", "zones": []}
    languages = [language, *(other for other in LANGUAGES if other != language)]
    document = {
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
    restaurant_id: ObjectId = db().restaurants.insert_one(document, session=txn).inserted_id
    return restaurant_id


def get(restaurant_id: ObjectId) -> Document | None:
    """The restaurant, perhaps up to 30 s old (see cache)."""
    present = {"_id": restaurant_id, "removed_at": None}
    return cache.restaurants.get(restaurant_id, lambda: db().restaurants.find_one(present))


def get_even_removed(restaurant_id: ObjectId, txn: ClientSession | None = None) -> Document | None:
    """The restaurant as the database has it, also where it is marked as removed."""
    return db().restaurants.find_one({"_id": restaurant_id}, session=txn)


def with_hours() -> list[Document]:
    """Of all restaurants that have said when they are open: what `opening` needs to know of them."""
    says = [{"hours.day": {"$gte": 0}}, {"opening.state": "open"}]
    wanted = ["time_zone", "hours", "exceptions", "opening"]
    return list(db().restaurants.find({"removed_at": None, "$or": says}, wanted))


def of_user(user_id: ObjectId, txn: ClientSession | None = None) -> list[Document]:
    """The restaurants a person belongs to, oldest first."""
    return list(db().restaurants.find({"members.user_id": user_id}, session=txn).sort("created_at"))


def time_zone(restaurant: Document) -> ZoneInfo:
    """That of the clock on the restaurant's wall."""
    return ZoneInfo(restaurant["time_zone"])


def member_of(restaurant: Document, user_id: ObjectId) -> Member | None:
    """The person's membership in this restaurant."""
    return next((member for member in restaurant["members"] if member["user_id"] == user_id), None)


def member_with_id(restaurant: Document, member_id: str) -> Member | None:
    """The member with this id."""
    return next((member for member in restaurant["members"] if member["id"] == member_id), None)


def add_member(
    restaurant_id: ObjectId, name: str, role: Role, user_id: ObjectId | None, txn: ClientSession | None = None
) -> str | None:
    """Take somebody on; returns the new member's id, or None for a person who works here already."""
    member: Member = {"id": new_id(), "user_id": user_id, "name": name, "role": role, "zones": []}
    where: Document = {"_id": restaurant_id, "removed_at": None}
    if user_id is not None:
        where["members.user_id"] = {"$ne": user_id}
    changed = db().restaurants.update_one(where, {"$push": {"members": member}}, session=txn)
    cache.restaurants.forget(restaurant_id)
    return member["id"] if changed.modified_count else None


def set_role(restaurant_id: ObjectId, member_id: str, role: Role) -> bool:
    """Change what a member may do; False when there is no such member or it would leave no owner."""
    where: Document = {"_id": restaurant_id, "members.id": member_id}
    if role != "owner":
        where = {"_id": restaurant_id, **_another_owner(member_id)}
    changed = db().restaurants.update_one(
        where, {"$set": {"members.$[member].role": role}}, array_filters=[{"member.id": member_id}]
    )
    cache.restaurants.forget(restaurant_id)
    return bool(changed.matched_count)


def set_zones(restaurant_id: ObjectId, member_id: str, zone_ids: list[str]) -> None:
    """Say which zones are a member's; none means all."""
    db().restaurants.update_one(
        {"_id": restaurant_id, "members.id": member_id}, {"$set": {"members.$.zones": zone_ids}}
    )
    cache.restaurants.forget(restaurant_id)


def remove_member(restaurant_id: ObjectId, member_id: str, txn: ClientSession | None = None) -> bool:
    """Let a member go; False when there is no such member or it is the last owner, also when two remove each other."""
    changed = db().restaurants.update_one(
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
    closed = db().restaurants.update_one(
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
    db().restaurants.update_one({"_id": restaurant_id}, {"$set": {f"settings.{name}": value}})
    cache.restaurants.forget(restaurant_id)


def rename_person(user_id: ObjectId, name: str, txn: ClientSession | None = None) -> None:
    """Call a person by a new name wherever they work."""
    db().restaurants.update_many(
        {"members.user_id": user_id},
        {"$set": {"members.$[member].name": name}},
        array_filters=[{"member.user_id": user_id}],
        session=txn,
    )
    cache.restaurants.clear()


def zone_named(restaurant_id: ObjectId, name: str) -> str | None:
    """The id of the zone with this name (in any case), made if there is none; None for an empty name.

    Raises TooManyZones.
    """
    if not name:
        return None
    if known := _zone(db().restaurants.find_one({"_id": restaurant_id}), name):
        return known
    db().restaurants.update_one(
        {"_id": restaurant_id, "zones.key": {"$ne": name.casefold()}, f"zones.{MOST_ZONES - 1}": {"$exists": False}},
        {"$push": {"zones": {"id": new_id(), "name": name, "key": name.casefold()}}},
    )
    cache.restaurants.forget(restaurant_id)
    made = _zone(db().restaurants.find_one({"_id": restaurant_id}), name)
    if made is None:
        raise TooManyZones
    return made


def new_id() -> str:
    """An id for something inside a restaurant: a member, a zone."""
    return secrets.token_hex(6)


def _another_owner(member_id: str) -> Document:
    """The condition that somebody else owns the restaurant as well."""
    return {"members": {"$elemMatch": {"role": "owner", "id": {"$ne": member_id}}}}


def _zone(restaurant: Document | None, name: str) -> str | None:
    zones = restaurant["zones"] if restaurant else []
    return next((str(zone["id"]) for zone in zones if zone["key"] == name.casefold()), None)
