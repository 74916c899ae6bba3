"""What happens to calls in an evening: time, processes, guests, staff; each act as the product's pages do it."""

import random
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from tests.support.evening.acts import act, chosen, ended, one, scope, some
from tests.support.evening.contract import Expected
from tests.support.evening.machine import Evening
from waitercaller.alerts import due_steps
from waitercaller.db.client import db
from waitercaller.model import opening, pauses, presence
from waitercaller.model.requests import escalation, queries, transitions
from waitercaller.model.restaurants import Actor
from waitercaller.model.service_request import Scope

KINDS = 2  # kinds of requests that are asked for


# --- time and processes ---


@act(30)
def time_passes(evening: Evening, choose: random.Random) -> object:
    """A second or some, up to three times: the processes work all the time."""
    strides = [choose.choice([1, 5, 10, 20, 30, 40]) for _ in range(choose.randint(1, 3))]
    for seconds in strides:
        evening.forward(seconds)
        evening.steps(processes=choose.choice([1, 1, 2]))
    evening.loops()
    return strides


@act(2)
def everything_is_down(evening: Evening, choose: random.Random) -> object:
    """For minutes no process runs."""
    seconds = choose.choice([60, 130, 300, 500, 1800])
    evening.now += timedelta(seconds=seconds)
    return seconds


@act(2)
def a_process_dies(evening: Evening, choose: random.Random) -> object:
    """With the streams of its screens; another one takes its place."""
    number = choose.randrange(len(evening.apps))
    presence.init_app(evening.apps[number])
    evening.names[number] = evening.fresh()
    return number


class Killed(BaseException):
    """In place of a SIGKILL: nothing catches it."""


def killed(*_: object) -> Any:
    raise Killed


@act(2)
def a_process_dies_at_work(evening: Evening, choose: random.Random) -> object:
    """The messages of the first step are enqueued and it is not taken; or those of an end, and it is not noted."""
    name = choose.choice(["advance", "note_told"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(escalation, "advance", killed)
        patch.setattr(escalation, "note_told", killed)
        if name == "note_told":
            patch.setattr(escalation, "due", lambda without=(): [])
        try:
            due_steps.escalate()
        except Killed:
            return name
    return None


@act(3)
def a_slow_process_reads_what_is_due(evening: Evening, choose: random.Random) -> object:
    evening.slow = list(db().requests.find({"live": True, "due_at": {"$lte": evening.now + timedelta(seconds=60)}}))
    return len(evening.slow)


@act(3)
def a_slow_process_takes_the_steps_that_it_has_read(evening: Evening, choose: random.Random) -> object:
    """It changes nothing where somebody was faster."""
    by_id = {each.id: each for each in evening.requests}
    slow, evening.slow = evening.slow, []
    for read in slow:
        request = by_id[read["_id"]]
        if read["due_at"] > evening.now or read["next_step"] == "receiver_checked":
            continue  # it knows no sign that came after it read
        told = None
        if (read["state"], read["next_step"], read["due_at"]) == (request.state, request.next, request.due):
            told = request.advance(evening.now, evening.has_phones, evening.is_received(request))
        due_steps._attempt(due_steps._take, read)
        evening.check_told([told] if told else [])
    return len(slow)


# --- guests ---


@act(14)
def a_guest_calls(evening: Evening, choose: random.Random) -> object:
    """Once or, as its answer was lost, twice with the same key."""
    table, kind = choose.choice(evening.tables), choose.randrange(KINDS)
    device = f"{choose.randrange(3):032x}"
    if pauses.applying_to(table, [device]) or not opening.is_open(evening.restaurant, evening.now):
        return None
    return call(evening, choose, table, kind, device, None)


@act(3)
def staff_enters_a_call(evening: Evening, choose: random.Random) -> object:
    table, by = choose.choice(evening.tables), choose.choice(evening.actors)
    return call(evening, choose, table, choose.randrange(KINDS), None, by)


def call(
    evening: Evening, choose: random.Random, table: Any, number: int, device: str | None, by: Actor | None
) -> object:
    kind, key, phones = evening.restaurant["kinds"][number], evening.fresh(), evening.has_phones
    known = one(choose, live_of(evening, table["_id"], kind["id"]))
    for _ in range(choose.choice([1, 1, 1, 2])):
        opened = transitions.open_request(evening.restaurant, table, kind, key, device=device, by=by)
    if known is None:
        known = Expected(opened["_id"], table["_id"], kind["id"], [device], evening.now)
        known.wait(evening.now, phones)
        evening.requests.append(known)
    else:
        known.remind(evening.now, phones)
        known.askers += [device] if device not in known.askers else []
    assert opened["_id"] == known.id, "one live request for a table and kind"
    if choose.random() < 0.8:  # else its process dies here
        evening.step_of(known)
    return table["name"], kind["id"], known.history[-1]


@act(3)
def a_guest_cancels(evening: Evening, choose: random.Random) -> object:
    """What others ask for, too, goes on."""
    request = one(choose, evening.which("waiting", "accepted"))
    if request is None:
        return None
    device, where = choose.choice([*request.askers, "f" * 32]), scope(evening, request.table)
    is_own = device is not None and device in request.askers
    assert transitions.cancel(where, [request.id], [device or "e" * 32]) == is_own
    if is_own and request.askers == [device]:
        request.history.append("cancelled")
        request.end("cancelled", evening.now)
    elif is_own:
        request.askers.remove(device)
    return is_own


@act(3)
def a_guest_says_not_yet(evening: Evening, choose: random.Random) -> object:
    return reopen(evening, choose, None)


@act(4)
def staff_undoes(evening: Evening, choose: random.Random) -> object:
    return reopen(evening, choose, choose.choice(evening.actors))


def reopen(evening: Evening, choose: random.Random, by: Actor | None) -> object:
    request = one(choose, evening.which("resolved", "dismissed", "cancelled"))
    if request is None:
        return None
    newer = live_of(evening, request.table, request.kind)
    where: Scope = {"restaurant_id": evening.restaurant_id} if by else scope(evening, request.table)
    may = request.may_be_undone(evening.now)
    assert transitions.reopen(where, [request.id], by) == may
    if may and newer:
        newer[0].first_at = min(newer[0].first_at, request.first_at)
        request.history.append("handed_over")
    elif may:
        request.history.append("reopened")
        request.wait(evening.now, evening.has_phones)
        evening.step_of(request)
    return may, bool(newer)


def live_of(evening: Evening, table: ObjectId, kind: str) -> list[Expected]:
    return [each for each in evening.requests if each.live and (each.table, each.kind) == (table, kind)]


# --- staff ---


@act(8)
def staff_accepts(evening: Evening, choose: random.Random) -> object:
    """One member, or two at once: one of them goes."""
    ids, first, second = some(choose, evening.which("waiting")), *choose.sample(evening.actors, 2)
    taken = transitions.accept(evening.restaurant_id, ids, first)
    assert len(taken) == len(ids)
    if choose.random() < 0.2:
        assert transitions.accept(evening.restaurant_id, ids, second) == []
    for request in chosen(evening, ids):
        request.history.append("accepted")
        request.go(first["id"], evening.now)
    return (first["name"], len(ids)) if ids else None


@act(3)
def staff_accepts_what_is_taken(evening: Evening, choose: random.Random) -> object:
    """A card that was out of date: nothing changes."""
    ids = some(choose, evening.which("accepted", "resolved", "cancelled"))
    assert transitions.accept(evening.restaurant_id, ids, choose.choice(evening.actors)) == []
    return len(ids) or None


@act(3)
def staff_takes_over(evening: Evening, choose: random.Random) -> object:
    ids, by = some(choose, evening.which("accepted")), choose.choice(evening.actors)
    taken_from = next((each.by for each in chosen(evening, ids)), None)
    theirs = [each for each in chosen(evening, ids) if each.by == taken_from]
    assert len(transitions.accept(evening.restaurant_id, ids, by, taken_from or "nobody")) == len(theirs)
    for request in theirs:
        request.history.append("accepted")
        request.go(by["id"], evening.now)
    return (by["name"], len(theirs)) if ids else None


@act(6)
def staff_passes_on(evening: Evening, choose: random.Random) -> object:
    ids, by, to = some(choose, evening.which("waiting", "accepted")), *choose.sample(evening.actors, 2)
    changed = [each for each in chosen(evening, ids) if each.by != to["id"]]
    assert transitions.pass_on(evening.restaurant_id, ids, to, by) == len(changed)
    for request in changed:
        request.history.append("passed")
        request.pass_on(to["id"], by["id"], evening.now)
    for request in changed:
        if choose.random() < 0.8:
            evening.step_of(request)
    return (by["name"], to["name"], len(changed)) if ids else None


@act(3)
def staff_comes_back_in_five_minutes(evening: Evening, choose: random.Random) -> object:
    ids = some(choose, evening.which("accepted"))
    assert transitions.postpone(evening.restaurant_id, ids, choose.choice(evening.actors)) == len(ids)
    for request in chosen(evening, ids):
        request.history.append("postponed")
        request.postpone(evening.now)
    return len(ids) or None


@act(6)
def staff_resolves(evening: Evening, choose: random.Random) -> object:
    ids = some(choose, evening.which("waiting", "accepted"))
    assert transitions.resolve(evening.restaurant_id, ids, choose.choice(evening.actors)) == len(ids)
    assert transitions.resolve(evening.restaurant_id, ids, choose.choice(evening.actors)) == 0, "once"
    return ended(evening, ids, "resolved")


@act(3)
def staff_finds_nobody(evening: Evening, choose: random.Random) -> object:
    ids = some(choose, evening.which("waiting", "accepted"))
    assert transitions.dismiss(evening.restaurant_id, ids, choose.choice(evening.actors)) == len(ids)
    pauses.review(evening.restaurant_id, queries.with_ids({"restaurant_id": evening.restaurant_id}, ids))
    return ended(evening, ids, "dismissed")
