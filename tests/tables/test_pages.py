"""The pages of tables: adding, editing, renewing codes, removing, and who may do so."""

import pytest

from waitercaller.model import restaurants, tables
from waitercaller.model.requests import transitions as requests

HOSTILE = '"><svg onload=alert(1)>'


@pytest.fixture
def room(alice):
    """The path of the tables of Alice's restaurant."""
    return f"{alice.home}/tables"


@pytest.fixture
def add(app, alice, room):
    """`add("1-3", "Terrace")`: Alice adds these and gets them back."""

    def added(text, zone=""):
        assert alice.client.submit(room, {"names": text, "zone": zone}).status_code == 303
        return in_room(app, alice)

    return added


def in_room(app, alice):
    with app.app_context():
        return tables.of_restaurant(alice.restaurant_id)


def zones(app, alice):
    with app.app_context():
        document = app.extensions["mongo"].database.restaurants.find_one({"_id": alice.restaurant_id})
        return [zone["name"] for zone in document["zones"]]


def test_alice_adds_twelve_tables_at_once(app, alice, room):
    answer = alice.client.submit(room, {"names": "1–12", "zone": " Garden  room "}, follow_redirects=True)

    assert answer.status_code == 200
    assert "12 tables added." in answer.text
    assert "Garden room" in answer.text
    assert [table["name"] for table in in_room(app, alice)] == [str(number) for number in range(1, 13)]
    assert zones(app, alice) == ["Garden room"]


def test_a_zone_is_chosen_by_its_name_in_any_case(app, alice, add):
    add("1", "Terrace")
    one, two = add("2", "TERRACE")

    assert one["zone_id"] == two["zone_id"]
    assert zones(app, alice) == ["Terrace"]


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"names": "", "zone": "Attic"}, "at least one"),
        ({"zone": "Attic"}, "at least one"),
        ({"names": "9-3", "zone": "Attic"}, "counts backwards"),
        ({"names": "1-9999", "zone": "Attic"}, "At most 200"),
        ({"names": "20-25, Bar", "zone": "Attic"}, "There is already: Bar."),
        ({"names": "Ta\0ble", "zone": "Attic"}, "cannot be shown"),
        ({"names": "20", "zone": "At\0tic"}, "cannot be shown"),
        ({"names": "20", "zone": "Attic " * 10}, "at most 40"),
        ({"names": ["20", "21"], "zone": "Attic"}, "sent twice"),
        ({"names": "20", "zone": ["Attic", "Cellar"]}, "sent twice"),
    ],
)
def test_bad_values_change_nothing_and_keep_the_words(app, alice, room, add, sent, sentence):
    add("Bar")

    answer = alice.client.submit(room, sent)

    assert answer.status_code == 400
    assert sentence in answer.text
    assert "Attic" in answer.text or "\0" in sent["zone"]
    assert [table["name"] for table in in_room(app, alice)] == ["Bar"]
    assert zones(app, alice) == []


def test_names_are_text(alice, room, add):
    *_, table = add(f"{HOSTILE}, 🍝, \u202eסוף", HOSTILE)
    page = f"{room}/{table['_id']}"

    for path in (room, page, f"{room}/print"):
        text = alice.client.get(path).text
        assert "<svg onload" not in text
        assert "&lt;svg onload" in text


def test_alice_renames_and_moves_a_table(app, alice, room, add):
    [table] = add("1", "Terrace")
    page = f"{room}/{table['_id']}"
    assert 'value="Terrace"' in alice.client.get(page).text

    answer = alice.client.submit(page, {"name": "Window", "zone": ""}, follow_redirects=True)

    assert "Saved." in answer.text
    [moved] = in_room(app, alice)
    assert (moved["name"], moved["zone_id"], moved["code"]) == ("Window", None, table["code"])


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"name": "", "zone": "Attic"}, "Please fill this in."),
        ({"zone": "Attic"}, "Please fill this in."),
        ({"name": "x" * 41, "zone": "Attic"}, "at most 40"),
        ({"name": "bar", "zone": "Attic"}, "Another table has this name."),
        ({"name": "1\0", "zone": "Attic"}, "cannot be shown"),
        ({"name": ["2", "3"], "zone": "Attic"}, "sent twice"),
    ],
)
def test_a_bad_new_name_changes_nothing(app, alice, room, add, sent, sentence):
    before = add("1, Bar")

    answer = alice.client.submit(f"{room}/{before[0]['_id']}", sent)

    assert answer.status_code == 400
    assert sentence in answer.text
    assert "Attic" in answer.text
    assert in_room(app, alice) == before
    assert zones(app, alice) == []


def test_alice_gives_a_table_a_new_code(app, alice, room, add):
    [table] = add("1")
    page = f"{room}/{table['_id']}"

    answer = alice.client.submit(f"{page}/code", page=page)

    assert (answer.status_code, answer.location) == (303, page)
    [renewed] = in_room(app, alice)
    assert renewed["code"] != table["code"]
    assert renewed["code"] in alice.client.get(page).text


def test_removing_a_table_withdraws_what_is_live_there(app, alice, room, add):
    one, two = add("1, 2")
    with app.app_context():
        restaurant = restaurants.get(alice.restaurant_id)
        assert restaurant is not None
        kind = restaurant["kinds"][0]
        here = requests.open_request(restaurant, one, kind, "a key")
        there = requests.open_request(restaurant, two, kind, "another key")

    answer = alice.client.submit(f"{room}/{one['_id']}/remove", page=room, follow_redirects=True)

    assert "“1” was removed." in answer.text
    assert in_room(app, alice) == [two]
    states = {request["_id"]: request["state"] for request in app.extensions["mongo"].database.requests.find()}
    assert states == {here["_id"]: "withdrawn", there["_id"]: "waiting"}
    assert alice.client.submit(f"{room}/{one['_id']}/remove", page=room).status_code == 404


def test_the_code_can_be_downloaded_for_a_printer(alice, room, add):
    [table] = add('Grün "3"/4')
    svg = alice.client.get(f"{room}/{table['_id']}/qr.svg")
    png = alice.client.get(f"{room}/{table['_id']}/qr.png")

    assert svg.mimetype == "image/svg+xml"
    assert svg.text.startswith("<svg ")
    assert png.mimetype == "image/png"
    assert png.data.startswith(b"\x89PNG")
    assert png.headers["Content-Disposition"].startswith("attachment; ")
    assert "filename*=UTF-8''qr%20Gr%C3%BCn%20-3--4.png" in png.headers["Content-Disposition"]


PAGES = [
    ("GET", ""),
    ("POST", ""),
    ("GET", "/print"),
    ("GET", "/print.pdf"),
    ("GET", "/{table}"),
    ("POST", "/{table}"),
    ("POST", "/{table}/code"),
    ("POST", "/{table}/remove"),
    ("GET", "/{table}/qr.svg"),
    ("GET", "/{table}/qr.png"),
]


@pytest.mark.parametrize(("method", "path"), PAGES)
def test_tables_are_for_managers_and_owners(app, hire, alice, bob, charlie, client, room, add, method, path):
    [table] = add("1")
    address = room + path.format(table=table["_id"])
    app.config["WTF_CSRF_ENABLED"] = False
    manager = hire("Mia", role="manager", at=alice)

    assert client.open(address, method=method).status_code == 303
    assert bob.client.open(address, method=method).status_code == 403
    assert charlie.client.open(address, method=method).status_code == 404
    assert in_room(app, alice) == [table]
    assert manager.client.open(address, method=method).status_code in (200, 303, 400)


@pytest.mark.parametrize(("method", "path"), [page for page in PAGES if "{table}" in page[1]])
def test_another_restaurants_table_is_not_found(app, alice, charlie, add, method, path):
    [table] = add("1")
    app.config["WTF_CSRF_ENABLED"] = False

    answer = charlie.client.open(
        f"{charlie.home}/tables{path.format(table=table['_id'])}", method=method, data={"name": "stolen"}
    )

    assert answer.status_code == 404
    assert in_room(app, alice) == [table]


@pytest.mark.parametrize("path", ["/code", "/remove"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing(app, alice, room, add, method, path):
    [table] = add("1")

    assert alice.client.open(f"{room}/{table['_id']}{path}", method=method).status_code == 405
    assert in_room(app, alice) == [table]


def test_a_form_without_its_token_changes_nothing(app, alice, room, add):
    [table] = add("1")

    for path in ("", f"/{table['_id']}", f"/{table['_id']}/code", f"/{table['_id']}/remove"):
        assert alice.client.post(room + path, data={"names": "2", "name": "2"}).status_code == 400
    assert in_room(app, alice) == [table]


def test_a_restaurant_has_no_more_tables_and_zones_than_its_pages_can_draw(app, alice, room, add, monkeypatch):
    monkeypatch.setattr(tables, "MAX_TABLES", 3)
    monkeypatch.setattr(restaurants, "MAX_ZONES", 1)
    add("1-2", "Terrace")
    for sent, sentence in (
        ({"names": "3-4", "zone": "Terrace"}, "A restaurant can have 3 tables at most."),
        ({"names": "3", "zone": "Garden"}, "A restaurant can have 1 zones at most."),
    ):
        answer = alice.client.submit(room, sent)
        assert answer.status_code == 400
        assert sentence in answer.text
    [first, _second] = in_room(app, alice)
    answer = alice.client.submit(f"{room}/{first['_id']}", {"name": "1", "zone": "Garden"})
    assert (answer.status_code, zones(app, alice)) == (400, ["Terrace"])
