"""The demo's evening in fast motion: simulated guests call, and simulated staff goes to them.

They use the same functions of the model as the pages do, so dashboards, guests' pages and the report live. Table 1 is
left to whoever tries the demo, and nobody simulated goes to what somebody else has called.
"""

import logging
import time
from collections.abc import Callable
from math import pi, sin
from random import Random

from bson import ObjectId
from pymongo.errors import PyMongoError

from waitercaller.db import clock
from waitercaller.model import opening, presence, restaurants, tables
from waitercaller.model.presence import Screen
from waitercaller.model.requests import queries, seen, transitions
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.model.service_request import Scope, ServiceRequest

log = logging.getLogger(__name__)

STEP_SECONDS = 1.0
WAVE_SECONDS = 240  # from one rush to the next: an evening's courses in four minutes each
CALLS_PER_STEP = 0.13  # on average
CALLS_OF_A_MEMBER = 2  # to which one goes at once
KIND_WEIGHTS = (5, 4, 3)  # of a waiter, the bill, water
SCREEN, SCREEN_NAME = "0" * 32, "Counter"
KEY = "demo-live"  # begins the idempotency keys of simulated guests
OWN_TABLES = 1  # the first tables are the visitor's


def play(restaurant_id: ObjectId, is_over: Callable[[], bool]) -> None:
    """Play until `is_over()`; the restaurant sleeps while it is closed."""
    random, number = Random(), 0
    _open_screen(restaurant_id)
    while not is_over():
        try:
            if number % round(presence.BEAT_SECONDS) == 0:
                presence.beat()
            step(restaurant_id, random, number)
        except PyMongoError as error:  # as after the computer has slept
            log.warning("the demo's evening waits for the database: %s", type(error).__name__)
        number += 1
        time.sleep(STEP_SECONDS)


def step(restaurant_id: ObjectId, random: Random, number: int) -> None:
    """One second: a guest may call, and each live call may get a step further."""
    restaurant = restaurants.get(restaurant_id)
    if restaurant is None:
        return
    chance = CALLS_PER_STEP * (1 + sin(2 * pi * number / WAVE_SECONDS))
    if random.random() < chance and opening.is_open(restaurant, clock.now()):
        _call(restaurant, random)
    live = queries.live_of_restaurant(restaurant_id)
    simulated = [each for each in live if each["keys"][0].startswith(KEY)]
    unseen = [each["_id"] for each in simulated if not each["shown"]]
    seen.record(restaurant_id, unseen, SCREEN, name=SCREEN_NAME, rang=unseen)
    free = _free(restaurant, simulated)
    for request in simulated:
        if request["state"] == "accepted":
            _finish(request, random)
        elif not _answer(request, free, random):
            _lose_patience(request, random)


def _open_screen(restaurant_id: ObjectId) -> None:
    """The counter's screen: without it the restaurant would be told that nobody hears its calls."""
    screen: Screen = {
        "id": SCREEN,
        "member_id": None,
        "name": SCREEN_NAME,
        "visible": True,
        "audible": True,
        "since": clock.now(),
    }
    presence.hold(restaurant_id, screen)


def _call(restaurant: Restaurant, random: Random) -> None:
    table = random.choice(tables.of_restaurant(restaurant["_id"])[OWN_TABLES:])
    (kind,) = random.choices(restaurant["kinds"][: len(KIND_WEIGHTS)], KIND_WEIGHTS)
    choice = random.choice(kind["choices"]) if kind["choices"] else None
    key = f"{KEY}-{random.getrandbits(64):x}"
    transitions.open_request(restaurant, table, kind, key, choice=choice, device=_device(table["_id"]))


def _free(restaurant: Restaurant, live: list[ServiceRequest]) -> list[Actor]:
    """The staff that can go somewhere: each as often as that; the owner is who tries the demo."""
    going = [request["by"]["id"] for request in live if request["by"]]
    staff = [each for each in restaurant["members"] if each["role"] != "owner"]
    return [
        {"id": each["id"], "name": each["name"]}
        for each in staff
        for _hand in range(CALLS_OF_A_MEMBER - going.count(each["id"]))
    ]


def _answer(request: ServiceRequest, free: list[Actor], random: Random) -> bool:
    """After three seconds at the earliest somebody may go, who then is no longer free."""
    if not free or _age_seconds(request) < 3 or random.random() > 0.07:
        return False
    by = free.pop(random.randrange(len(free)))
    return bool(transitions.accept(request["restaurant_id"], [request["_id"]], by))


def _finish(request: ServiceRequest, random: Random) -> None:
    going_seconds = (clock.now() - request["since"]).total_seconds()
    if request["by"] and going_seconds > 6 and random.random() < 0.07:
        end = transitions.dismiss if random.random() < 0.04 else transitions.resolve
        end(request["restaurant_id"], [request["_id"]], request["by"])


def _lose_patience(request: ServiceRequest, random: Random) -> None:
    """A guest who waits for long may need nothing any more."""
    if _age_seconds(request) > 50 and random.random() < 0.01:
        where: Scope = {"restaurant_id": request["restaurant_id"]}
        transitions.cancel(where, [request["_id"]], [_device(request["table_id"])])


def _age_seconds(request: ServiceRequest) -> float:
    return (clock.now() - request["first_at"]).total_seconds()


def _device(table_id: ObjectId) -> str:
    return f"demo-{table_id}"
