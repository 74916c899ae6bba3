"""The store of restaurants: their names, members, kinds of request and zones."""

import secrets
from typing import Literal, TypedDict

from bson import ObjectId
from pymongo.client_session import ClientSession

from waitercaller import cache, clock
from waitercaller.db import Document, db

Role = Literal["waiter", "manager", "owner"]


class Member(TypedDict):
    """Somebody who works here; `user_id` is None for members without an address of their own."""

    id: str
    user_id: ObjectId | None
    name: str
    role: Role
    zones: list[str]


class Kind(TypedDict):
    """A kind of request. Its id is never reused; a kind that is no longer offered is inactive, not deleted."""

    id: str
    names: dict[str, str]  # what the guest's button says, by language
    labels: dict[str, str]  # the one word on the staff's screens, by language
    icon: Literal["bell", "receipt", "glass"]
    choices: list[Document]
    active: bool
    position: int


STANDARD_KINDS: list[Kind] = [
    {
        "id": "waiter",
        "names": {"en": "Call a waiter", "de": "Bedienung rufen"},
        "labels": {"en": "Waiter", "de": "Bedienung"},
        "icon": "bell",
        "choices": [],
        "active": True,
        "position": 0,
    },
    {
        "id": "bill",
        "names": {"en": "The bill, please", "de": "Die Rechnung, bitte"},
        "labels": {"en": "Bill", "de": "Rechnung"},
        "icon": "receipt",
        "choices": [],
        "active": True,
        "position": 1,
    },
    {
        "id": "water",
        "names": {"en": "Some water", "de": "Etwas Wasser"},
        "labels": {"en": "Water", "de": "Wasser"},
        "icon": "glass",
        "choices": [],
        "active": True,
        "position": 2,
    },
]


def create(name: str, owner_id: ObjectId, owner_name: str, language: str, session: ClientSession | None) -> ObjectId:
    """A new restaurant with the three standard kinds and its first owner."""
    owner: Member = {"id": new_id(), "user_id": owner_id, "name": owner_name, "role": "owner", "zones": []}
    languages = [language, *(other for other in ("en", "de") if other != language)]
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
    restaurant_id: ObjectId = db().restaurants.insert_one(document, session=session).inserted_id
    return restaurant_id


def get(restaurant_id: ObjectId) -> Document | None:
    """The restaurant, perhaps up to 30 s old (see cache)."""
    return cache.restaurants.get(restaurant_id, lambda: db().restaurants.find_one({"_id": restaurant_id}))


def of_user(user_id: ObjectId) -> list[Document]:
    """The restaurants a person belongs to, oldest first."""
    return list(db().restaurants.find({"members.user_id": user_id}).sort("created_at"))


def member_of(restaurant: Document, user_id: ObjectId) -> Member | None:
    """The person's membership in this restaurant."""
    return next((member for member in restaurant["members"] if member["user_id"] == user_id), None)


def zone_named(restaurant_id: ObjectId, name: str) -> str | None:
    """The id of the zone with this name (in any case), made if there is none; None for an empty name."""
    if not name:
        return None
    if known := _zone(db().restaurants.find_one({"_id": restaurant_id}), name):
        return known
    db().restaurants.update_one(
        {"_id": restaurant_id, "zones.key": {"$ne": name.casefold()}},
        {"$push": {"zones": {"id": new_id(), "name": name, "key": name.casefold()}}},
    )
    cache.restaurants.forget(restaurant_id)
    return _zone(db().restaurants.find_one({"_id": restaurant_id}), name)


def new_id() -> str:
    """An id for something inside a restaurant: a member, a zone."""
    return secrets.token_hex(6)


def _zone(restaurant: Document | None, name: str) -> str | None:
    zones = restaurant["zones"] if restaurant else []
    return next((str(zone["id"]) for zone in zones if zone["key"] == name.casefold()), None)
