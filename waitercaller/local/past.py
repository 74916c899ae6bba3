"""Four weeks of generated past calls, so that the demo restaurant has a report and a usual wait.

They are seeded by the date, hence reproducible; a day that already has calls is skipped.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Literal

from waitercaller.db import clock
from waitercaller.model import restaurants, service_request
from waitercaller.model.requests import escalation
from waitercaller.model.restaurants import Actor, Restaurant
from waitercaller.model.rollups import times
from waitercaller.model.service_request import ServiceRequest, Step, StepName
from waitercaller.model.tables import Table

DAYS = 28
MIN_AGE = timedelta(minutes=15)  # so that no generated call can still be undone
# Mean number of calls per hour of the day, from midnight; never zero, so that the report has data at any time.
CALLS_PER_HOUR = (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 6, 6, 3, 1, 1, 3, 6, 8, 8, 6, 3, 2)
KIND_WEIGHTS = (5, 4, 3)  # of a waiter, the bill, water
SCREEN, SCREEN_NAME = "0" * 32, "Counter"  # on which all were shown
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
            made += len(calls)
    return made


def _day(restaurant: Restaurant, tables: list[Table], day: date, midnight: datetime) -> Iterator[ServiceRequest]:
    random = Random(day.toordinal())
    for hour, usual in enumerate(CALLS_PER_HOUR):
        for number in range(usual + random.randrange(1 + usual // (2 if day.weekday() in (4, 5) else 6))):
            at = midnight + timedelta(hours=hour, seconds=random.randrange(3600))
            yield _call(random, restaurant, random.choice(tables), f"{day}-{hour}-{number}", at, usual)


def _call(random: Random, restaurant: Restaurant, table: Table, key: str, at: datetime, crowd: int) -> ServiceRequest:
    """An ended request: most are answered within two minutes, later in a busy hour."""
    (kind,) = random.choices(restaurant["kinds"][: len(KIND_WEIGHTS)], KIND_WEIGHTS)
    request = service_request.new(restaurant, table, kind, f"demo-{key}")
    if kind["choices"]:
        choice = random.choice(kind["choices"])
        request["choice"], request["choice_labels"] = choice["id"], choice["names"]
    wait = timedelta(seconds=round(random.lognormvariate(3.6 + crowd / 12, 0.55), 3))
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
