"""Tables: names, codes and concurrent changes."""

import re
import threading
import unicodedata
from functools import partial

import pytest
from bson import ObjectId
from wtforms.validators import ValidationError

from tests.support.cast import WAIT_SECONDS
from tests.support.together import at_once_in
from waitercaller.model import tables
from waitercaller.web.table_names import MAX_TABLES_AT_ONCE, names_from

HERE, ELSEWHERE = ObjectId(), ObjectId()
HOSTILE = '"><svg onload=alert(1)>'


def names(restaurant_id=HERE):
    return [table["name"] for table in tables.of_restaurant(restaurant_id)]


def only_table(restaurant_id=HERE):
    [table] = tables.of_restaurant(restaurant_id)
    return table


def scan(code):
    found = tables.by_code(code)
    assert found is not None
    return found


# --- "1-12" becomes twelve names ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", ["7"]),
        ("1-3", ["1", "2", "3"]),
        ("1–3", ["1", "2", "3"]),
        ("  1 — 3  ", ["1", "2", "3"]),
        ("4-4", ["4"]),
        ("08-11", ["08", "09", "10", "11"]),
        ("Terrace 1-3", ["Terrace 1", "Terrace 2", "Terrace 3"]),
        ("T1-T3", ["T1", "T2", "T3"]),
        ("Bar 3, Bar 4", ["Bar 3", "Bar 4"]),
        ("Window\r\n\r\nDoor\n", ["Window", "Door"]),
        ("1-2, Bar; Stove\n9", ["1", "2", "Bar", "Stove", "9"]),
        ("Anne-Marie's  corner", ["Anne-Marie's corner"]),
        ("🍝, שולחן 5, " + HOSTILE, ["🍝", "שולחן 5", HOSTILE]),
        ("x" * 40, ["x" * 40]),
    ],
)
def test_names_are_read_as_people_write_them(text, expected):
    assert names_from(text) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "at least one"),
        (" , \n ; ", "at least one"),
        ("12-1", "counts backwards"),
        (f"1-{MAX_TABLES_AT_ONCE + 1}", "At most 200"),
        ("1-150, 200-300", "At most 200"),
        ("1-99999999999999999999", "At most 200"),
        (",".join(str(number) for number in range(300)), "At most 200"),
        ("x" * 41, "at most 40"),
        ("9" * 60_000, "at most 40"),
        ("1" * 30_000 + "-" + "2" * 30_000, "at most 40"),
        ("x" * 39 + "1-20", "at most 40"),
        ("1-5, 3", "twice"),
        ("Bar, BAR", "twice"),
    ],
)
def test_invalid_names_are_refused_with_a_reason(app, text, sentence):
    with app.test_request_context(), pytest.raises(ValidationError, match=sentence):
        names_from(text)


# --- the store ------------------------------------------------------------------------------------------------


def test_tables_are_in_natural_order(database):
    tables.add_many(HERE, ["10", "Bar 2", "2", "Bar 10", "1", "bar 1"], None)

    assert names() == ["1", "2", "10", "bar 1", "Bar 2", "Bar 10"]


@pytest.mark.needs_wire
@pytest.mark.parametrize("again", ["Café", "CAFÉ", unicodedata.normalize("NFD", "café"), "  café "])
def test_if_one_name_is_taken_no_table_is_added(database, again):
    tables.add_many(HERE, ["Café"], None)

    with pytest.raises(tables.NamesTaken) as refusal:
        tables.add_many(HERE, ["New", again], None)

    assert refusal.value.names == [again]
    assert names() == ["Café"]


def test_restaurants_do_not_share_names(database):
    tables.add_many(HERE, ["1"], None)
    tables.add_many(ELSEWHERE, ["1"], None)

    assert names() == names(ELSEWHERE) == ["1"]


@pytest.mark.needs_wire
def test_of_concurrent_additions_with_a_common_name_one_succeeds_completely(app, database, monkeypatch):
    monkeypatch.setattr(tables, "check_names_free", _barrier_after(tables.check_names_free))

    def add(batch):
        try:
            tables.check_names_free(HERE, batch)
            tables.add_many(HERE, batch, None)
        except tables.NamesTaken as error:
            return error.names
        return []

    batches = [["A1", "A2", "shared"], ["shared", "B1", "B2"]]
    refused = at_once_in(app, *(partial(add, batch) for batch in batches))

    assert sorted(refused) == [[], ["shared"]]
    assert names() in (["A1", "A2", "shared"], ["B1", "B2", "shared"])


def test_a_colliding_code_is_replaced_by_another(database, monkeypatch):
    tables.add_many(HERE, ["1", "2"], None)
    first, second = tables.of_restaurant(HERE)
    fresh = tables.new_code()
    monkeypatch.setattr(tables, "new_code", iter([first["code"], fresh, second["code"], "B" * 26]).__next__)

    tables.add_many(HERE, ["3"], None)
    tables.rotate(HERE, first["_id"])

    assert tables.of_restaurant(HERE)[2]["code"] == fresh
    assert tables.of_restaurant(HERE)[0]["code"] == "B" * 26


def test_codes_are_128_random_bits(database):
    codes = {tables.new_code() for _ in range(100)}

    assert len(codes) == 100
    assert all(re.fullmatch("[A-Z2-7]{26}", code) for code in codes)


def test_a_scan_finds_the_table_in_upper_and_lower_case(database):
    tables.add_many(HERE, ["1"], None)
    table = only_table()

    assert tables.by_code(table["code"]) == (table, True)
    assert tables.by_code(table["code"].lower()) == (table, True)


@pytest.mark.parametrize("code", ["", "A", "A" * 26, "A" * 25 + "1", "A" * 27, "ſ" * 26, "A" * 25 + "\n", "\0" * 26])
def test_an_unknown_or_malformed_code_finds_nothing(database, code):
    tables.add_many(HERE, ["1"], None)

    assert tables.by_code(code) is None


def test_a_retired_code_is_valid_for_24_hours(database, later):
    tables.add_many(HERE, ["1"], None)
    oldest = only_table()["code"]
    assert tables.rotate(HERE, only_table()["_id"])
    later(hours=12)
    older = only_table()["code"]
    assert tables.rotate(HERE, only_table()["_id"])
    table = only_table()

    assert len({oldest, older, table["code"]}) == 3
    assert tables.by_code(oldest) == (table, False)
    assert tables.by_code(older) == (table, False)
    assert tables.by_code(table["code"]) == (table, True)

    later(hours=12, seconds=1)
    assert tables.by_code(oldest) is None
    assert tables.by_code(older) == (table, False)

    later(hours=12)
    assert tables.by_code(older) is None
    assert tables.by_code(table["code"]) == (table, True)


def test_expired_retired_codes_are_removed(database, later):
    tables.add_many(HERE, ["1"], None)
    for _ in range(3):
        tables.rotate(HERE, only_table()["_id"])
        later(hours=25)

    assert len(only_table()["retired_codes"]) == 1


def test_changes_in_this_process_invalidate_the_cache(database):
    tables.add_many(HERE, ["1"], None)
    table = only_table()
    tables.by_code(table["code"])

    tables.edit(HERE, table["_id"], "One", "z")
    assert scan(table["code"])[0]["name"] == "One"

    tables.rotate(HERE, table["_id"])
    assert scan(table["code"])[1] is False

    tables.remove(HERE, table["_id"])
    assert tables.by_code(table["code"]) is None


def test_a_table_cannot_take_the_name_of_another(database):
    tables.add_many(HERE, ["Bar", "Window"], None)
    bar, window = tables.of_restaurant(HERE)

    with pytest.raises(tables.NamesTaken):
        tables.edit(HERE, window["_id"], "BAR", None)
    assert tables.edit(HERE, bar["_id"], "BAR", None)

    assert names() == ["BAR", "Window"]


def test_the_name_of_a_removed_table_can_be_reused(database):
    tables.add_many(HERE, ["1"], None)
    table = only_table()

    assert tables.remove(HERE, table["_id"])
    assert not tables.remove(HERE, table["_id"])
    tables.add_many(HERE, ["1"], None)

    assert only_table()["_id"] != table["_id"]
    assert tables.get(HERE, table["_id"]) is None
    assert tables.by_code(table["code"]) is None
    assert not tables.rotate(HERE, table["_id"])
    assert not tables.edit(HERE, table["_id"], "2", None)


def test_a_table_is_not_accessible_through_another_restaurant(database):
    tables.add_many(HERE, ["1"], None)
    table = only_table()

    assert tables.get(ELSEWHERE, table["_id"]) is None
    assert not tables.edit(ELSEWHERE, table["_id"], "stolen", None)
    assert not tables.rotate(ELSEWHERE, table["_id"])
    assert not tables.remove(ELSEWHERE, table["_id"])
    assert only_table() == table


@pytest.mark.needs_wire
def test_of_concurrent_rotations_one_changes_the_code(app, database):
    tables.add_many(HERE, ["1"], None)
    table = only_table()

    assert all(at_once_in(app, *[partial(tables.rotate, HERE, table["_id"])] * 5))

    codes = [old["code"] for old in only_table()["retired_codes"]]
    assert table["code"] in codes
    assert len(codes) == len(set(codes))
    assert only_table()["code"] not in codes


def _barrier_after(look):
    """`look`, with a barrier for its first two callers."""
    both = threading.Barrier(2, timeout=WAIT_SECONDS)
    waiting = iter([both.wait, both.wait])

    def looked(*args, **kwargs):
        look(*args, **kwargs)
        next(waiting, lambda: None)()

    return looked
