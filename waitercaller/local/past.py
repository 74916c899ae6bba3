"""Eight weeks of generated past calls, so that the demo restaurant has a report and a usual wait.

They are seeded by the date, hence reproducible; a day that already has calls is skipped. Nobody calls at night, and on
Fridays the terrace waits long: the report finds that out. They are counted here; the server counts what comes after.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Literal, cast

from bson import ObjectId

from waitercaller.db import clock
from waitercaller.local.evening import KIND_WEIGHTS, SCREEN, SCREEN_NAME
from waitercaller.model import restaurants, service_request
from waitercaller.model.requests import escalation
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.model.rollups import store, times
from waitercaller.model.rollups.store import Rollup
from waitercaller.model.service_request import ServiceRequest, Step, StepName
from waitercaller.model.tables import Table

DAYS = 56
MIN_AGE = timedelta(minutes=15)  # so that no generated call can still be undone
# Mean number of calls per hour of the day, from midnight: lunch and dinner.
CALLS_PER_HOUR = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 9, 8, 3, 0, 0, 4, 10, 15, 16, 12, 6, 2)
SLOW_ZONE, SLOW_WEEKDAY, SLOW_HOURS, SLOWNESS = "Terrace", 4, (19, 20), 2.4
GUEST_LEAVES_AFTER = timedelta(minutes=4)  # without an answer


def fill(restaurant: Restaurant, tables: list[Table]) -> int:
    """Insert calls for days without calls; returns their number."""
    zone, now = restaurants.time_zone(restaurant), clock.now()
    today, made = now.astimezone(zone).date(), 0
    opened = {"created_at": now - (DAYS + 1) * times.DAY}
    restaurants.documents().update_one({"_id": restaurant["_id"]}, {"$min": opened})  # before its first call
    for day in (today - days * times.DAY for days in range(DAYS, -1, -1)):
        begin = datetime(day.year, day.month, day.day, tzinfo=zone)
        within = {"restaurant_id": restaurant["_id"], "created_at": {"$gte": begin, "$lt": begin + times.DAY}}
        calls = [call for call in _day(restaurant, tables, day, begin) if call["created_at"] < now - MIN_AGE]
        if calls and service_request.documents().find_one(within) is None:
            service_request.documents().insert_many(calls)
            _count(restaurant, calls)
            made += len(calls)
    store.JOBS.enqueue({"_id": store.JOB, "seen": now - times.DAY})  # what is older is counted
    return made


def forget(restaurant: Restaurant) -> None:
    """Delete all that is over, and its counts."""
    service_request.documents().delete_many({"restaurant_id": restaurant["_id"], "live": False})
    store.documents().delete_many({"restaurant_id": restaurant["_id"]})


def _count(restaurant: Restaurant, calls: list[ServiceRequest]) -> None:
    """Store the counts of a day that had none."""
    final = {"restaurant_id": restaurant["_id"], "state": "counted", "attempts": 0, "next_at": clock.now()}
    rollups = [cast(Rollup, {"_id": ObjectId(), **final, **each}) for each in store.counts_of(calls)]
    store.documents().insert_many(rollups)


def _day(restaurant: Restaurant, tables: list[Table], day: date, midnight: datetime) -> Iterator[ServiceRequest]:
    random = Random(day.toordinal())
    slow_zone = next((zone["id"] for zone in restaurant["zones"] if zone["name"] == SLOW_ZONE), "")
    for hour, usual in enumerate(CALLS_PER_HOUR):
        for number in range(usual + random.randrange(1 + usual // (2 if day.weekday() in (4, 5) else 6))):
            at = midnight + timedelta(hours=hour, seconds=random.randrange(3600))
            table = random.choice(tables)
            is_slow = day.weekday() == SLOW_WEEKDAY and hour in SLOW_HOURS and table["zone_id"] == slow_zone
            yield _call(random, restaurant, table, f"{day}-{hour}-{number}", at, usual, SLOWNESS if is_slow else 1)


def _call(
    random: Random, restaurant: Restaurant, table: Table, key: str, at: datetime, crowd: int, slowness: float
) -> ServiceRequest:
    """An ended request: most are answered within two minutes, later in a busy hour."""
    (kind,) = random.choices(restaurant["kinds"][: len(KIND_WEIGHTS)], KIND_WEIGHTS)
    request = service_request.new(restaurant, table, kind, f"demo-{key}")
    if kind["choices"]:
        choice = random.choice(kind["choices"])
        request["choice"], request["choice_labels"] = choice["id"], choice["names"]
    wait = timedelta(seconds=round(slowness * random.lognormvariate(3.4 + crowd / 30, 0.55), 3))
    outcome = random.random()
    steps = [_step("called", at), *_escalation(at, wait, service_request.escalation_of(restaurant))]
    if wait > GUEST_LEAVES_AFTER or outcome < 0.04:
        end = at + min(wait, GUEST_LEAVES_AFTER)
        steps = [*(each for each in steps if each["at"] < at + GUEST_LEAVES_AFTER), _step("cancelled", end)]
        request["state"] = "cancelled"
    else:
        member = random.choice(restaurant["members"])
        request["by"] = {"id": member["id"], "name": member["name"]}
        state: Literal["dismissed", "resolved"] = "dismissed" if outcome < 0.07 else "resolved"
        end = at + wait + timedelta(seconds=random.randrange(30, 240))
        steps += [_step("accepted", at + wait, request["by"]), _step(state, end, request["by"])]
        request["state"] = state
    drawn_at = at + timedelta(seconds=1)
    request["shown"] = [{"screen": SCREEN, "at": drawn_at, "member_id": None, "name": SCREEN_NAME, "rang": True}]
    request["level"] = sum(step["what"] in escalation.WAITING_STEPS for step in steps)
    request["first_at"] = request["created_at"] = at
    request["live"], request["ended_at"], request["steps"] = False, end, steps
    request["due_at"] = request["next_step"] = None
    return request


def _escalation(at: datetime, wait: timedelta, limits: service_request.Escalation) -> list[Step]:
    return [
        _step(what, at + limit)
        for what, limit in zip(escalation.WAITING_STEPS, limits[:3], strict=True)
        if limit < wait
    ]


def _step(what: StepName, at: datetime, by: Actor | None = None) -> Step:
    return {"at": at, "what": what, "by": by}
