"""Many tables at once: zone, order, codes, removal; and lists of tables as CSV, out and in."""

import io

import pytest

from waitercaller.model import restaurants, tables
from waitercaller.model.requests import transitions as requests


@pytest.fixture
def room(app, alice):
    """The path of Alice's tables: 1 and 2 on the terrace, 3 and Bar in no zone."""
    with app.app_context():
        tables.add_many(alice.restaurant_id, ["1", "2"], restaurants.ensure_zone(alice.restaurant_id, "Terrace"))
        tables.add_many(alice.restaurant_id, ["3", "Bar"], None)
    return f"{alice.home}/tables"


@pytest.fixture
def listed(app, alice, room):
    """`listed()`: the names and zones of the tables, in their order."""

    def found():
        with app.app_context():
            restaurant = restaurants.get(alice.restaurant_id)
            assert restaurant is not None
            zones = {zone["id"]: zone["name"] for zone in restaurant["zones"]}
            present = tables.of_restaurant(alice.restaurant_id)
        return [(table["name"], zones.get(table["zone_id"] or "", "")) for table in present]

    return found


@pytest.fixture
def laid(app, alice, room):
    with app.app_context():
        return {table["name"]: table for table in tables.of_restaurant(alice.restaurant_id)}


@pytest.fixture
def change(alice, room, laid):
    """`change("zone", ["1"], zone="Garden")`: what the page of many tables sends; the page after it."""

    def sent(action, chosen, **more):
        ids = [str(laid[each]["_id"]) if each in laid else each for each in chosen]
        return alice.client.submit(f"{room}/many", {"action": action, "chosen": ids, **more}, follow_redirects=True)

    return sent


BEFORE = [("1", "Terrace"), ("2", "Terrace"), ("3", ""), ("Bar", "")]


def test_many_tables_go_into_a_zone_and_a_zone_stands_for_its_tables(change, laid, listed):
    assert "2 tables moved." in change("zone", ["2", "Bar"], zone="Garden").text
    assert listed() == [("1", "Terrace"), ("2", "Garden"), ("3", ""), ("Bar", "Garden")]

    change("zone", [f"zone-{laid['1']['zone_id']}"], zone="")
    assert listed()[0] == ("1", "")
    assert "4 tables moved." in change("zone", ["all"], zone="terrace").text


@pytest.mark.needs_wire
def test_tables_are_put_into_an_order_that_new_ones_follow(alice, room, change, laid, listed):
    change("order", ["1", "2"], after=str(laid["3"]["_id"]))
    assert [name for name, _zone in listed()] == ["3", "1", "2", "Bar"]
    change("order", ["Bar"], after="first")
    alice.client.submit(room, {"names": "0", "zone": ""})
    assert [name for name, _zone in listed()] == ["Bar", "3", "1", "2", "0"]
    change("order", [], after="name")
    assert [name for name, _zone in listed()] == ["0", "1", "2", "3", "Bar"]


def test_many_tables_get_new_codes(app, alice, change, laid):
    assert "2 tables have new codes." in change("codes", ["1", "3"]).text
    with app.app_context():
        codes = {table["name"]: table["code"] for table in tables.of_restaurant(alice.restaurant_id)}
    assert {name for name, table in laid.items() if codes[name] != table["code"]} == {"1", "3"}


def test_many_tables_are_removed_with_what_is_live_there(app, alice, change, laid, listed):
    with app.app_context():
        restaurant = restaurants.get(alice.restaurant_id)
        assert restaurant is not None
        for name in ("1", "Bar"):
            requests.open_request(restaurant, laid[name], restaurant["kinds"][0], f"key {name}")

    assert "2 tables removed." in change("remove", ["1", "2"]).text

    assert listed() == BEFORE[2:]
    states = {each["table_name"]: each["state"] for each in app.extensions["mongo"].database.requests.find()}
    assert states == {"1": "withdrawn", "Bar": "waiting"}


@pytest.mark.parametrize(
    ("action", "chosen", "more", "sentence"),
    [
        ("zone", [], {"zone": "Garden"}, "choose at least one table"),
        ("zone", ["0" * 24, "nonsense"], {"zone": "Garden"}, "choose at least one table"),
        ("zone", ["1"], {"zone": "x" * 41}, "at most 40"),
        ("burn", ["1"], {}, "look at what is marked"),
        ("order", ["1"], {"after": "nowhere"}, "look at what is marked"),
    ],
)
def test_a_bad_choice_changes_nothing(change, listed, action, chosen, more, sentence):
    answer = change(action, chosen, **more)

    assert answer.status_code == 400
    assert sentence in answer.text
    assert listed() == BEFORE


def upload(alice, room, content):
    """Send a file of tables."""
    data = content if isinstance(content, bytes) else content.encode()
    file = (io.BytesIO(data), "tables.csv")
    return alice.client.submit(f"{room}/import", {"file": file}, content_type="multipart/form-data")


def confirm(alice, room, text):
    return alice.client.submit(
        f"{room}/import", {"rows": text}, content_type="multipart/form-data", follow_redirects=True
    )


@pytest.mark.needs_wire
def test_a_list_is_shown_first_and_then_taken_over_in_its_order(alice, room, listed):
    shown = upload(
        alice, room, '\ufeffTischname;Bereich\r\nBar;Garden\r\n 1 ;terrace\r\n\'=7;\r\n\r\n"a;b";Garden\r\n'
    ).text

    assert ("2 new tables" in shown, "1 table changes its zone" in shown, "2 tables that are not in it" in shown) == (
        True,
    ) * 3
    assert listed() == BEFORE

    assert "The list was taken over." in confirm(alice, room, 'Bar,Garden\n1,terrace\n\'=7,\n"a;b",Garden\n').text
    assert listed() == [("Bar", "Garden"), ("1", "Terrace"), ("=7", ""), ("a;b", "Garden"), ("2", "Terrace"), ("3", "")]


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_is_downloaded_can_be_taken_over_again(alice, room, listed, language):
    confirm(alice, room, "'=7,'-Terrace\nBar,\n")
    before = listed()
    file = alice.client.get(f"{room}/tables.csv", headers={"Accept-Language": language})
    assert file.mimetype == "text/csv"

    shown = upload(alice, room, file.data).text

    assert "new table" not in shown
    assert "changes its zone" not in shown
    assert listed() == before


@pytest.mark.asvs("5.2.2")
@pytest.mark.parametrize(
    ("content", "sentences"),
    [
        ("Wei\xdf;Terrasse".encode("cp1252"), ["not in UTF-8"]),
        ("1,Terrace".encode("utf-16"), ["not in UTF-8"]),
        ("", ["no table in this list"]),
        ("Name;Zone\n", ["no table in this list"]),
        ("4,\n,Terrace\n4 ,\n", ["Row 2: The name is missing.", "Row 3: “4” is in row 1 already."]),
        ("=1+1,\n5,@x\n", ["Row 1: This begins like a formula.", "Row 2: This begins like a formula."]),
        ("4,Terrace,12\n", ["Row 1: There are more than two columns"]),
        (f"{'x' * 41},\n", ["Row 1: A name has at most 40"]),
        ("4,\n5\0,\n", ["Row 2:"]),
        ('4,\n"5"6,\n', ["Row 2: It cannot be read."]),
        ("\n".join(f"n{number}" for number in range(1001)), ["1000 tables at most"]),
        ("\n".join(f"n{number},z{number}" for number in range(101)), ["100 zones at most"]),
        ("\n".join([","] + 30 * ["=x"]), ["and 10 more"]),
    ],
)
def test_a_bad_list_is_refused_row_by_row_and_nothing_is_written(alice, room, listed, content, sentences):
    answer = upload(alice, room, content)

    assert answer.status_code == 400
    assert [sentence for sentence in sentences if sentence not in answer.text] == []
    assert listed() == BEFORE


def test_a_list_of_very_many_rows_is_not_even_read(alice, room, listed):
    answer = upload(alice, room, b"x\n" * 200_000)  # a larger one would lie in a file of the test's client

    assert answer.status_code == 413
    assert "This list is too long." in answer.text
    assert listed() == BEFORE


def test_both_pages_are_for_managers(alice, bob, room):
    assert "Without a zone" in alice.client.get(f"{room}/many").text
    for path in ("many", "import", "tables.csv"):
        assert bob.client.get(f"{room}/{path}").status_code == 403
