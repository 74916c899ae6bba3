"""The demo restaurant of `make demo`: creates missing parts and returns how to log in.

The owner gets a new random password at each start; existing logins stay valid.
"""

import secrets

from bson import ObjectId

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


def prepare() -> str:
    """Create missing parts of the demo (owner, restaurant, tables, past calls); returns the text for the terminal."""
    password = secrets.token_urlsafe(12)
    restaurant_id = _restaurant(_owner(password))
    _colleagues(restaurant_id)
    _tables(restaurant_id)
    past.fill(_document(restaurant_id), tables.of_restaurant(restaurant_id))  # the server computes the rollups
    code = tables.of_restaurant(restaurant_id)[0]["code"]
    url = config().public_url
    return f"Log in as {EMAIL} with the password {password}\nA guest at table 1 opens {url}/t/{code}\n"


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
