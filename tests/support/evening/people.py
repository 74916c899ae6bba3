"""What happens around the calls of an evening: duty, people, tables, phones and screens; as the pages do it."""

import random
from collections.abc import Callable
from typing import Any, cast

import mongomock

from tests.support.evening import contract
from tests.support.evening.acts import act, ended, one, scope
from tests.support.evening.machine import HOST, Evening, Phone, Screen
from waitercaller.alerts import uncovered
from waitercaller.db.client import db, transaction
from waitercaller.db.config import config
from waitercaller.model import duty, pauses, presence, restaurants, settings, subscriptions, tables
from waitercaller.model.duty import NotOnDuty
from waitercaller.model.requests import transitions
from waitercaller.push import encryption
from waitercaller.staff import views as staff

# --- duty and people ---


@act(6)
def a_member_goes_on_duty(evening: Evening, choose: random.Random) -> object:
    member = choose.choice(evening.actors)
    duty.begin(evening.restaurant_id, member["id"])
    assert duty.entry_of(evening.restaurant, member["id"], evening.now)
    return member["name"]


@act(4)
def a_member_takes_tables(evening: Evening, choose: random.Random) -> object:
    member = choose.choice(evening.actors)
    mine = [each["_id"] for each in evening.tables if choose.random() < 0.4]
    from_others = choose.random() < 0.5
    try:
        duty.take(evening.restaurant_id, member["id"], mine, [], from_others)
    except NotOnDuty:
        return None
    held = [table for each in duty.entries(evening.restaurant, evening.now) for table in each["tables"]]
    assert len(held) == len(set(held)), "a table is one member's"
    return member["name"], len(mine)


@act(3)
def a_member_has_a_break(evening: Evening, choose: random.Random) -> object:
    member, deputy = choose.sample(evening.actors, 2)
    to = choose.choice([deputy["id"], deputy["id"], None])
    try:
        duty.hand_over(evening.restaurant_id, member["id"], to)
    except NotOnDuty:
        return None
    return member["name"], to and deputy["name"]


@act(3)
def a_member_goes_off_duty(evening: Evening, choose: random.Random) -> object:
    """Tables that are nobody's then are told to another manager, if there is one."""
    member = choose.choice(evening.actors)["id"]
    leave(evening, member, lambda: uncovered.leave(evening.restaurant_id, member))
    return member


def leave(evening: Evening, member: str, do: Callable[[], object]) -> None:
    _, present = contract.here(dict(evening.restaurant), evening.now)
    mine = next((each for each in present if each["member_id"] == member), None)
    managers = {each["id"] for each in evening.restaurant["members"] if each["role"] != "waiter"} - {member}
    before = messages_about_tables()
    do()
    assert duty.entry_of(evening.restaurant, member, evening.now) is None
    if mine and mine["tables"] and contract.holder(mine, present) == member:
        told = messages_about_tables() - before
        phones = {each.id for each in evening.phones if each.member in managers}
        assert told if not phones else {each.rpartition("uncovered:")[2] for each in told} == phones


def messages_about_tables() -> set[str]:
    pushes = {each["_id"] for each in db().pushes.find({"event": "uncovered"}, {"_id": True})}
    return pushes | {each["_id"] for each in db().outbox.find({"name": "uncovered"}, {"_id": True})}


@act(1)
def a_waiter_leaves_for_good(evening: Evening, choose: random.Random) -> object:
    """What the waiter was going to waits again; somebody new comes."""
    waiters = [each for each in evening.restaurant["members"] if each["role"] == "waiter"]
    owner = next(each for each in evening.restaurant["members"] if each["role"] == "owner")
    gone, had_phones = choose.choice(waiters), evening.has_phones

    def remove() -> None:
        transaction(lambda txn: staff._remove(evening.restaurant_id, owner["id"], gone["id"], txn))
        restaurants.forget(evening.restaurant_id)

    leave(evening, gone["id"], remove)
    evening.phones = [each for each in evening.phones if each.member != gone["id"]]
    # A transaction reads the restaurant as it was before; mongomock has none, and reads it without this one's phone.
    phones = evening.has_phones if isinstance(db(), mongomock.Database) else had_phones
    for request in evening.which("accepted"):
        if request.by == gone["id"]:
            request.history.append("released")
            request.wait(evening.now, phones)
    name = f"Waiter {evening.fresh()[-3:]}"
    new = restaurants.add_member(evening.restaurant_id, name, "waiter", None)
    assert new
    evening.logins[new] = evening.logins[owner["id"]]
    return gone["name"]


@act(2)
def the_restaurant_opens_or_closes(evening: Evening, choose: random.Random) -> object:
    state = choose.choice(["open", "open", "open", "closed", None])
    new = {"state": state, "until": None} if state else None
    settings.change(evening.restaurant_id, lambda _: {"opening": new})
    return state


@act(1)
def a_table_is_paused(evening: Evening, choose: random.Random) -> object:
    table = choose.choice(evening.tables)
    pauses.pause_table(table)
    assert pauses.applying_to(table, [])
    return table["name"]


@act(2)
def pauses_are_lifted(evening: Evening, choose: random.Random) -> object:
    return [bool(pauses.lift(evening.restaurant_id, each["_id"])) for each in pauses.active(evening.restaurant_id)]


@act(1)
def a_table_is_removed(evening: Evening, choose: random.Random) -> object:
    """With its live requests, in one transaction; another one comes."""
    table = choose.choice(evening.tables)

    def work(txn: Any) -> None:
        tables.remove(evening.restaurant_id, table["_id"], txn)
        transitions.withdraw(scope(evening, table["_id"]), txn)
        duty.forget_tables(evening.restaurant_id, [table["_id"]], txn)

    transaction(work)
    tables.forget(table["_id"])
    restaurants.forget(evening.restaurant_id)
    ended(evening, [each.id for each in evening.requests if each.live and each.table == table["_id"]], "withdrawn")
    tables.add_many(evening.restaurant_id, [f"new {evening.fresh()[-3:]}"], None)
    evening.tables = tables.of_restaurant(evening.restaurant_id)
    return table["name"]


# --- phones ---


@act(8)
def a_phone_subscribes(evening: Evening, choose: random.Random) -> object:
    member, choice = choose.choice(evening.actors), choose.choice(["all", "all", "escalated"])
    if any(each.member == member["id"] for each in evening.phones):
        return None
    endpoint, key = f"https://{HOST}/{evening.fresh()}", encryption.public_key(config().vapid_private_key)
    browser: subscriptions.Browser = {
        "endpoint": endpoint,
        "p256dh": "a key",
        "auth": "a secret",
        "key": key,
        "browser": "a test",
        "language": "en",
    }
    login = evening.logins[member["id"]]
    subscriptions.put(evening.restaurant_id, member["id"], login, browser, cast(Any, choice))
    found = db().subscriptions.find_one({"endpoint": endpoint})
    assert found
    evening.phones.append(Phone(found["_id"], member["id"], choice))
    return member["name"], choice


@act(2)
def a_phone_chooses(evening: Evening, choose: random.Random) -> object:
    phone = one(choose, evening.phones)
    if phone is None:
        return None
    phone.choice = choose.choice(["all", "escalated"])
    assert subscriptions.choose(evening.restaurant_id, phone.member, phone.id, cast(Any, phone.choice))
    return phone.member, phone.choice


@act(4)
def a_phone_changes(evening: Evening, choose: random.Random) -> object:
    """It is switched off or on, shows messages or keeps them from its owner, or is lost for good."""
    phone = one(choose, evening.phones)
    if phone is None:
        return None
    phone.away, phone.signs, phone.gone = choose.choice(
        [(False, True, False)] * 3 + [(True, True, False), (False, False, False), (False, True, True)]
    )
    if phone.away or phone.gone:
        phone.last.clear()
    return phone.away, phone.signs, phone.gone


# --- screens ---


@act(5)
def a_screen_opens(evening: Evening, choose: random.Random) -> object:
    if len(evening.screens) > 3:
        return None
    number = choose.randrange(len(evening.apps))
    member = choose.choice([None, *(each["id"] for each in evening.actors)])
    visible, audible = choose.random() < 0.8, choose.random() < 0.7
    screen = Screen(evening.fresh(), member, evening.names[number], visible, audible, evening.now)
    with evening.apps[number].app_context():
        presence.hold(
            evening.restaurant_id,
            {
                "id": screen.id,
                "member_id": member,
                "name": "a screen",
                "visible": visible,
                "audible": audible,
                "since": evening.now,
                "answered_at": evening.now,
            },
        )
    evening.seen_at.setdefault(screen.process, evening.now)
    evening.screens.append(screen)
    evening.draw(screen)
    return bool(member), visible, audible


@act(4)
def a_screen_changes(evening: Evening, choose: random.Random) -> object:
    """It is hidden or shown, falls silent or rings, freezes or thaws."""
    screen = one(choose, [each for each in evening.screens if not each.closed])
    if screen is None:
        return None
    screen.frozen = choose.random() < 0.3
    if not screen.frozen:
        screen.visible, screen.audible = choose.random() < 0.7, choose.random() < 0.7
        evening.report(screen)
        evening.draw(screen)
    return screen.frozen, screen.visible, screen.audible


@act(2)
def a_screen_closes(evening: Evening, choose: random.Random) -> object:
    screen = one(choose, [each for each in evening.screens if not each.closed and each.process in evening.names])
    if screen is None:
        return None
    presence.release(evening.apps[evening.names.index(screen.process)], evening.restaurant_id, screen.id)
    screen.closed = True
    return True
