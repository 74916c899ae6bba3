"""Push messages and duty: who is off duty hears no call, and managers are told of tables that are nobody's."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.support.cast import Mail, Person
from tests.support.push.phones import Subscribe, Tell, push_states, send
from tests.support.push.service import PushService
from waitercaller.alerts import messages, uncovered
from waitercaller.model import duty, joins, restaurants, tables, unheard
from waitercaller.model.tables import Table

Mails = Callable[[], list[Mail]]


@pytest.fixture
def here(app: Flask) -> Any:
    with app.app_context():
        yield app.extensions["mongo"].database


@pytest.fixture
def nina(hire: Callable[..., Person], alice: Person) -> Person:
    return hire("Nina", role="waiter", at=alice)


@pytest.fixture
def phones(alice: Person, bob: Person, nina: Person, subscribe: Subscribe) -> None:
    for person in (alice, bob, nina):
        subscribe(person)


def on_duty(*people: Person) -> None:
    for person in people:
        assert duty.begin(person.restaurant_id, person.member_id)


def take(person: Person, *held: Table) -> None:
    assert duty.take(person.restaurant_id, person.member_id, [table["_id"] for table in held], []) == []


def told(app: Flask, service: PushService) -> set[str]:
    send(app)
    return {message.path[1:] for message in service.messages}


@pytest.mark.needs_wire
@pytest.mark.parametrize(
    ("event", "hearing"),
    [
        ("called", {"Bob"}),
        ("nagged", {"Bob"}),
        ("raised", {"Bob"}),
        ("alerted", {"Bob", "Alice"}),
        ("unheard", {"Alice"}),
    ],
)
def test_who_is_at_home_hears_no_call(
    app: Flask,
    here: Any,
    alice: Person,
    bob: Person,
    phones: None,
    service: PushService,
    tell: Tell,
    later: Any,
    event: messages.Event,
    hearing: set[str],
) -> None:
    unheard.mark_unheard(alice.restaurant_id)
    later(minutes=3)
    on_duty(bob)
    tell(event)
    assert told(app, service) == hearing


@pytest.mark.needs_wire
def test_a_call_goes_to_whose_table_it_is_and_at_last_to_all_on_duty(
    app: Flask, here: Any, bob: Person, nina: Person, phones: None, service: PushService, tell: Tell, table: Table
) -> None:
    tables.add_many(bob.restaurant_id, ["8"], None)
    eight = next(each for each in tables.of_restaurant(bob.restaurant_id) if each["name"] == "8")
    on_duty(bob, nina)
    take(bob, table)
    take(nina, eight)
    request = tell()
    assert told(app, service) == {"Bob"}
    tell("raised", request)
    assert told(app, service) == {"Bob", "Nina"}


@pytest.mark.needs_wire
def test_whose_phone_is_not_told_leaves_the_call_to_the_others(
    app: Flask,
    here: Any,
    hire: Callable[..., Person],
    alice: Person,
    bob: Person,
    phones: None,
    service: PushService,
    tell: Tell,
    table: Table,
) -> None:
    olaf = hire("Olaf", role="waiter", at=alice)  # has no phone
    on_duty(bob, olaf)
    take(olaf, table)
    tell()
    assert told(app, service) == {"Bob"}


@pytest.mark.needs_wire
def test_a_manager_is_told_once_of_tables_that_are_nobodys(
    app: Flask, here: Any, bob: Person, nina: Person, phones: None, service: PushService, table: Table, mails: Mails
) -> None:
    on_duty(bob, nina)
    take(bob, table)
    for _ in range(2):
        uncovered.leave(bob.restaurant_id, bob.member_id)
    send(app)
    words = "Table 7: whoever had this is off duty. The calls go to Nina now."
    assert service.texts("Alice") == [("Trattoria Lucia", words)]
    assert [message.path for message in service.messages] == ["/Alice"]
    assert mails() == []


@pytest.mark.needs_wire
def test_nothing_is_told_of_what_was_handed_over_or_is_taken_again(
    app: Flask, here: Any, bob: Person, nina: Person, phones: None, service: PushService, table: Table
) -> None:
    on_duty(bob, nina)
    take(bob, table)
    duty.hand_over(bob.restaurant_id, bob.member_id, nina.member_id)
    uncovered.leave(bob.restaurant_id, bob.member_id)
    assert push_states(app) == []
    on_duty(bob)
    uncovered.leave(nina.restaurant_id, nina.member_id)
    take(bob, table)
    send(app)
    assert push_states(app) == [("uncovered", "dropped")]
    uncovered.leave(bob.restaurant_id, bob.member_id)  # the last one: the house is closing
    send(app)
    assert push_states(app) == [("uncovered", "dropped")] * 2


@pytest.mark.needs_wire
def test_where_no_manager_has_a_phone_it_is_a_mail(
    app: Flask, here: Any, alice: Person, bob: Person, nina: Person, subscribe: Subscribe, table: Table, mails: Mails
) -> None:
    subscribe(bob)
    hours = [{"day": day, "opens": "00:00", "closes": "00:00"} for day in range(7)]
    here.restaurants.update_one({"_id": alice.restaurant_id}, {"$set": {"hours": hours}})
    restaurants.forget(alice.restaurant_id)
    on_duty(bob)
    take(bob, table)
    uncovered.leave(bob.restaurant_id, bob.member_id)
    (mail,) = mails()
    assert mail.to == alice.email
    assert mail.subject == "Tables without anybody at Trattoria Lucia"
    assert "Table 7: nobody is on duty any more. The calls go to everybody now." in mail.text


@pytest.mark.needs_wire
def test_removing_somebody_and_the_message_are_one_transaction(
    app: Flask, here: Any, alice: Person, bob: Person, nina: Person, phones: None, service: PushService, table: Table
) -> None:
    on_duty(bob, nina)
    take(nina, table)
    alice.client.submit(f"{alice.home}/staff/members/{nina.member_id}/remove", page=f"{alice.home}/staff")
    send(app)
    assert service.texts("Alice")[0][1].startswith("Table 7: whoever had this is off duty. The calls go to Bob")


def test_whoever_is_off_duty_reads_it_beside_what_their_phone_is_told(
    app: Flask, alice: Person, bob: Person, nina: Person
) -> None:
    def pages() -> list[str]:
        return [person.client.get(f"{person.home}/notifications").text for person in (alice, bob, nina)]

    assert not any("You are off duty" in page for page in pages())
    with app.app_context():
        on_duty(nina)
    manager, waiter, on = pages()
    assert "only of calls that nobody answers now" in manager
    assert "are told of no calls now" in waiter
    assert "You are off duty" not in on


@pytest.mark.needs_wire
def test_a_manager_rings_a_phone(
    app: Flask, alice: Person, bob: Person, subscribe: Subscribe, service: PushService
) -> None:
    subscribe(bob)
    page = alice.client.get(f"{alice.home}/staff/hearing").text
    name = page.partition('/ring"')[0][-32:]
    answer = alice.client.submit(f"{alice.home}/staff/hearing/{name}/ring", page=f"{alice.home}/staff/hearing")
    assert answer.status_code == 303
    send(app)
    assert service.texts("Bob") == [("Trattoria Lucia", "This is how calls reach this phone.")]


@pytest.mark.needs_wire
def test_a_call_of_joined_tables_goes_to_whose_one_of_them_is_under_the_name_of_all(
    app: Flask, here: Any, bob: Person, nina: Person, phones: None, service: PushService, tell: Tell, table: Table
) -> None:
    tables.add_many(bob.restaurant_id, ["8", "9"], None)
    _seven, eight, nine = tables.of_restaurant(bob.restaurant_id)
    on_duty(bob, nina)
    take(bob, eight)
    take(nina, nine)
    joins.join(bob.restaurant_id, [table["_id"], eight["_id"]])
    tell()
    assert told(app, service) == {"Bob"}
    assert [title for title, _text in service.texts("Bob")] == ["Tables 7 + 8: Bill"]
