"""The letter on Mondays: which owners want it, and for which week it is due."""

from datetime import date, datetime, time, timedelta

from bson import ObjectId

from waitercaller.db import cache
from waitercaller.model import restaurants
from waitercaller.model.restaurants import Member, Restaurant

MONDAY = 0
WEEK = timedelta(days=7)
SENT_FROM = time(8)  # on Mondays, by the clock on the restaurant's wall, until midnight


def choose(restaurant_id: ObjectId, member_id: str, wanted: bool) -> None:
    """Let a member have the letter, or no longer."""
    where = {"_id": restaurant_id, "members.id": member_id}
    restaurants.documents().update_one(where, {"$set": {"members.$.letter": wanted}})
    cache.restaurants.forget(restaurant_id)


def wanted_in() -> list[Restaurant]:
    """The restaurants in which somebody wants the letter."""
    return list(restaurants.documents().find({"members.letter": True, "removed_at": None, "suspended_at": None}))


def readers(restaurant: Restaurant) -> list[Member]:
    """The owners with an account who want it."""
    return [
        each for each in restaurant["members"] if each["role"] == "owner" and each["user_id"] and each.get("letter")
    ]


def due_week(restaurant: Restaurant, now: datetime) -> date | None:
    """The Monday on which the week began that a letter is due for; None unless it is Monday there, and late enough."""
    there = now.astimezone(restaurants.time_zone(restaurant))
    if there.weekday() != MONDAY or there.time() < SENT_FROM:
        return None
    return there.date() - WEEK
