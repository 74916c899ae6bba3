"""Calls of guests, their stored requests, and the push messages about them, for tests of the steps of requests."""

from typing import Any

from bson import ObjectId

from tests.support.cast import Person
from waitercaller.db import clock
from waitercaller.model import restaurants, tables
from waitercaller.model.requests import transitions
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.model.service_request import ServiceRequest

BOB = Actor(id="bob", name="Bob")


def found(restaurant_id: ObjectId) -> Restaurant:
    restaurants.forget(restaurant_id)
    restaurant = restaurants.get(restaurant_id)
    assert restaurant is not None
    return restaurant


def call(restaurant_id: ObjectId, key: str = "a tap", table: int = 0) -> ServiceRequest:
    restaurant = found(restaurant_id)
    return transitions.open_request(restaurant, tables.of_restaurant(restaurant_id)[table], restaurant["kinds"][0], key)


def stored(database: Any, request: ServiceRequest) -> ServiceRequest:
    kept: ServiceRequest = database.requests.find_one({"_id": request["_id"]})
    return kept


def steps(database: Any, request: ServiceRequest) -> list[str]:
    return [step["what"] for step in stored(database, request)["steps"]]


def subscribe(database: Any, person: Person, choice: str) -> None:
    """Subscribe a phone of this member."""
    database.subscriptions.insert_one(
        {
            "_id": f"phone of {person.name}",
            "restaurant_id": person.restaurant_id,
            "member_id": person.member_id,
            "login_id": "a login",
            "endpoint": f"https://push.example.org/{person.name}",
            "choice": choice,
            "created_at": clock.now(),
        }
    )
    whose = {"_id": person.restaurant_id, "members.id": person.member_id}
    database.restaurants.update_one(whose, {"$set": {"members.$.push": choice}})


def enqueued_pushes(database: Any) -> list[tuple[str, str]]:
    """(member, event) of the push messages that are due."""
    return sorted((each["subscription_id"].rpartition(" ")[2], each["event"]) for each in database.pushes.find())
