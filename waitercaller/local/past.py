"""Four weeks of calls that might have been, so that a demo restaurant has a report, and its guests know what to expect.

Made by the day, the same for a day whenever they are made; a day that has calls is left as it is.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random

from waitercaller.db import clock
from waitercaller.db.client import Document, db
from waitercaller.model import restaurants, service_request
from waitercaller.model.restaurants import Actor
from waitercaller.model.rollups import times

DAYS = 28
UNTIL = timedelta(minutes=15)  # before now: nothing of it is still undone or on the way
# Calls in each hour of a day, from midnight: lunch, a quiet afternoon, a long evening; never none, for the demo is
# looked at at any hour.
CALLS = (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 6, 6, 3, 1, 1, 3, 6, 8, 8, 6, 3, 2)
KINDS = (5, 4, 3)  # how often a waiter, the bill, water
PATIENCE = timedelta(minutes=4)  # then a guest waves


def fill(restaurant: Document, tables: list[Document]) -> int:
    """Make the calls of the days that have none; returns how many."""
    zone, now = restaurants.time_zone(restaurant), clock.now()
    today, made = now.astimezone(zone).date(), 0
    opened = {"created_at": now - (DAYS + 1) * times.DAY}
    db().restaurants.update_one({"_id": restaurant["_id"]}, {"$min": opened})  # before its first call
    for day in (today - days * times.DAY for days in range(DAYS, -1, -1)):
        begin = datetime(day.year, day.month, day.day, tzinfo=zone)
        within = {"restaurant_id": restaurant["_id"], "created_at": {"$gte": begin, "$lt": begin + times.DAY}}
        calls = [call for call in _day(restaurant, tables, day, begin) if call["created_at"] < now - UNTIL]
        if calls and db().requests.find_one(within) is None:
            db().requests.insert_many(calls)
            made += len(calls)
    return made


def _day(restaurant: Document, tables: list[Document], day: date, midnight: datetime) -> Iterator[Document]:
    random = Random(day.toordinal())
    for hour, usual in enumerate(CALLS):
        for number in range(usual + random.randrange(1 + usual // (2 if day.weekday() in (4, 5) else 6))):
            at = midnight + timedelta(hours=hour, seconds=random.randrange(3600))
            yield _call(random, restaurant, random.choice(tables), f"{day}-{hour}-{number}", at, usual)


def _call(random: Random, restaurant: Document, table: Document, key: str, at: datetime, crowd: int) -> Document:
    """A call that is over: most are answered within a minute or two, in a full house later."""
    (kind,) = random.choices(restaurant["kinds"][: len(KINDS)], KINDS)
    request: Document = {**service_request.new(restaurant, table, kind, f"demo-{key}")}
    wait = timedelta(seconds=round(random.lognormvariate(3.6 + crowd / 12, 0.55), 3))
    member = random.choice(restaurant["members"])
    by: Actor = {"id": member["id"], "name": member["name"]}
    steps = [_step("called", at), *_escalation(at, wait, service_request.escalation_of(restaurant))]
    outcome = random.random()
    if wait > PATIENCE or outcome < 0.04:
        state, end, steps = (
            "cancelled",
            at + min(wait, PATIENCE),
            [each for each in steps if each["at"] < at + PATIENCE],
        )
        steps.append(_step(state, end))
    else:
        state = "dismissed" if outcome < 0.07 else "resolved"
        end = at + wait + timedelta(seconds=random.randrange(30, 240))
        steps += [_step("accepted", at + wait, by), _step(state, end, by)]
        request["by"] = by
    level = sum(step["what"] in ("nagged", "raised", "alerted") for step in steps)
    ended = {"state": state, "live": False, "ended_at": end, "due_at": None, "level": level, "steps": steps}
    return {**request, "first_at": at, "created_at": at, **_choice(random, kind), **ended}


def _escalation(at: datetime, wait: timedelta, limits: service_request.Escalation) -> list[Document]:
    taken = zip(("nagged", "raised", "alerted"), limits, strict=True)
    return [_step(what, at + limit) for what, limit in taken if limit < wait]


def _choice(random: Random, kind: Document) -> Document:
    if not kind["choices"]:
        return {}
    choice = random.choice(kind["choices"])
    return {"choice": choice["id"], "choice_labels": choice["names"]}


def _step(what: str, at: datetime, by: Actor | None = None) -> Document:
    return {"at": at, "what": what, "by": by}
