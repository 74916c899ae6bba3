"""The demo restaurant of `make demo`: creates missing parts and returns how to log in.

The owner gets a new random password at each start; existing logins stay valid. The restaurant is where it is evening
now: when it is started at another time of the day it moves, and its past with it.
"""

import secrets
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.db.config import config
from waitercaller.local import past
from waitercaller.model import restaurants, tables, users
from waitercaller.model.restaurants import Restaurant
from waitercaller.web import passwords

EMAIL = "demo@example.org"
ZONES = {
    "Terrace": ["1", "2", "3", "4"],
    "Dining room": ["5", "6", "7", "8"],
    "Bar": ["9", "10", "11", "12"],
}
COLLEAGUES = ("Kim", "Robin")
EVENING_BEGINS_HOUR = 18  # about: when it is started, it is between 17:30 and 18:30 there, or until 22 h where it is
EVENING_HOURS = range(17, 22)
PLACES = (
    "Pacific/Auckland",
    "Pacific/Noumea",
    "Australia/Brisbane",
    "Asia/Tokyo",
    "Asia/Singapore",
    "Asia/Bangkok",
    "Asia/Dhaka",
    "Asia/Karachi",
    "Asia/Dubai",
    "Europe/Istanbul",
    "Europe/Athens",
    "Europe/Rome",
    "Europe/London",
    "Atlantic/Reykjavik",
    "Atlantic/Cape_Verde",
    "America/Noronha",
    "America/Sao_Paulo",
    "America/Halifax",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "Pacific/Pago_Pago",
)
HOURS = [("11:30", "15:00"), ("17:00", "00:00")]


def prepare() -> str:
    """Create missing parts of the demo (owner, restaurant, tables, past calls); returns the text for the terminal."""
    password = secrets.token_urlsafe(12)
    restaurant_id = _restaurant(_owner(password))
    _colleagues(restaurant_id)
    _tables(restaurant_id)
    _place(_document(restaurant_id))
    restaurant = _document(restaurant_id)
    past.fill(restaurant, tables.of_restaurant(restaurant_id))
    code = tables.of_restaurant(restaurant_id)[0]["code"]
    url, place = config().public_url, restaurant["time_zone"].partition("/")[2].replace("_", " ")
    return (
        f"Log in as {EMAIL} with the password {password}\nA guest at table 1 opens {url}/t/{code}\n"
        f"It is evening there (in {place}): simulated guests call, and simulated staff goes to them, in fast motion.\n"
    )


def find() -> ObjectId:
    """The id of the demo restaurant, which has been made."""
    owner = users.with_address(EMAIL)
    assert owner is not None
    return ObjectId(restaurants.of_user(owner["_id"])[0]["_id"])


def evening_place(now: datetime) -> str:
    """The time zone, of PLACES, in which it is nearest to EVENING_BEGINS_HOUR."""

    def distance(zone: str) -> timedelta:
        there = now.astimezone(ZoneInfo(zone))
        begins = there.replace(hour=EVENING_BEGINS_HOUR, minute=0, second=0, microsecond=0)
        return abs(there - begins)

    return min(PLACES, key=distance)


def _place(restaurant: Restaurant) -> None:
    """Move the restaurant to where it is evening, unless it is there; it opens for lunch and dinner."""
    now = clock.now()
    if restaurant["hours"] and now.astimezone(restaurants.time_zone(restaurant)).hour in EVENING_HOURS:
        return
    hours = [{"day": day, "opens": opens, "closes": closes} for day in range(7) for opens, closes in HOURS]
    there = {"time_zone": evening_place(now), "hours": hours}
    restaurants.documents().update_one({"_id": restaurant["_id"]}, {"$set": there})
    past.forget(restaurant)


def _owner(password: str) -> ObjectId:
    password_hash = passwords.hashed(password)
    if owner := users.with_address(EMAIL):
        users.set_password(owner["_id"], password_hash, None)
        return ObjectId(owner["_id"])
    return users.create(EMAIL, "Alex", password_hash, None)


def _restaurant(owner_id: ObjectId) -> ObjectId:
    if present := restaurants.of_user(owner_id):
        return ObjectId(present[0]["_id"])
    return restaurants.create("Trattoria Demo", owner_id, "Alex", "en", None)


def _colleagues(restaurant_id: ObjectId) -> None:
    if len(_document(restaurant_id)["members"]) == 1:
        for name in COLLEAGUES:
            restaurants.add_member(restaurant_id, name, "waiter", None)


def _document(restaurant_id: ObjectId) -> Restaurant:
    restaurants.forget(restaurant_id)
    restaurant = restaurants.get(restaurant_id)
    assert restaurant is not None
    return restaurant


def _tables(restaurant_id: ObjectId) -> None:
    if tables.of_restaurant(restaurant_id):
        return
    for zone, names in ZONES.items():
        tables.add_many(restaurant_id, names, restaurants.ensure_zone(restaurant_id, zone))
