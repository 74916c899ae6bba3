"""The staff's cards, built from requests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from waitercaller.model.service_request import escalation_of
from waitercaller.requests.dashboard.cards import cards_of

START = datetime(2026, 1, 1, 19, 0, tzinfo=UTC)
TIMES = escalation_of(None)
RESTAURANT_ID = ObjectId()
ANNA = {"id": "anna", "name": "Anna"}


def request(table_id: ObjectId, seconds: int, **values: Any) -> Any:
    return {
        "_id": ObjectId(),
        "restaurant_id": RESTAURANT_ID,
        "table_id": table_id,
        "table_name": "7",
        "zone_id": None,
        "zone_name": None,
        "kind": "waiter",
        "kind_labels": {"en": "Waiter", "de": "Bedienung"},
        "choice": None,
        "choice_labels": None,
        "note": None,
        "device": None,
        "state": "waiting",
        "by": None,
        "level": 0,
        "steps": [{"at": START, "what": "called", "by": None}],
        "first_at": START + timedelta(seconds=seconds),
        "reminders": 0,
        **values,
    }


def test_one_card_a_table_oldest_first() -> None:
    seven, eight = ObjectId(), ObjectId()
    cards = cards_of(
        [
            request(eight, 0, table_name="8"),
            request(seven, 5),
            request(eight, 9, table_name="8", kind="bill", reminders=2),
        ],
        "en",
        TIMES,
    )
    assert [(card.table_name, len(card.requests), card.reminders) for card in cards] == [("8", 2, 2), ("7", 1, 0)]
    assert cards[0].first_ms < cards[1].first_ms


def test_a_card_waits_while_anything_on_it_waits() -> None:
    table = ObjectId()
    taken, new = request(table, 0, state="accepted", by=ANNA), request(table, 5, kind="bill")
    (card,) = cards_of([taken, new], "de", TIMES)
    assert (card.state, card.by) == ("waiting", ANNA)
    assert card.waiting_ids == card.lead_id == str(new["_id"])
    assert card.all_ids == f"{taken['_id']} {new['_id']}"
    assert card.requests[0].kind_name == "Bedienung"


def test_a_card_on_which_all_is_taken_is_accepted() -> None:
    (card,) = cards_of([request(ObjectId(), 0, state="accepted", by=ANNA)], "en", TIMES)
    assert (card.state, card.waiting_ids, card.lead_id) == ("accepted", "", card.all_ids)


def test_a_choice_is_named_as_it_was_when_the_guest_called() -> None:
    bill = request(ObjectId(), 0, choice="card", choice_labels={"en": "Card", "de": "Karte"}, note="by the window")
    (card,) = cards_of([bill], "de", TIMES)
    assert (card.requests[0].choice_names, card.requests[0].notes) == (["Karte"], ["by the window"])


def test_a_card_has_the_highest_level_of_its_waiting_requests() -> None:
    table = ObjectId()
    taken = request(table, 0, state="accepted", by=ANNA, level=3)
    assert cards_of([taken, request(table, 5, level=1), request(table, 6)], "en", TIMES)[0].level == 1
    assert cards_of([taken], "en", TIMES)[0].level == 0


def test_a_card_that_was_passed_on_names_who_passed_it() -> None:
    bob = {"id": "bob", "name": "Bob"}
    passed = {"at": START, "what": "passed", "by": bob, "to": ANNA}
    taken_over = {"at": START, "what": "accepted", "by": ANNA}
    table = ObjectId()
    assert cards_of([request(table, 0, state="accepted", by=ANNA, steps=[passed])], "en", TIMES)[0].passed_by == "Bob"
    (card,) = cards_of([request(table, 0, state="accepted", by=ANNA, steps=[passed, taken_over])], "en", TIMES)
    assert card.passed_by == ""
    assert cards_of([request(table, 0, steps=[passed])], "en", TIMES)[0].passed_by == ""
