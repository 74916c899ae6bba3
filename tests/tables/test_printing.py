"""Every format is printed whole: each code is read, is large enough, and opens its table's page."""

import re
from urllib.parse import urlsplit

import pytest
import zxingcpp
from PIL import Image, ImageOps

from tests.support import paper
from tests.support.hostile_pictures import bell, saved
from waitercaller.model import face, restaurants, tables
from waitercaller.settings import logo
from waitercaller.tables import print_text, qr
from waitercaller.tables.print_formats import FORMATS

NAMES = ["7", "Weiß-Bar, ganz hinten am großen Fenster", "طاولة 12"]


@pytest.fixture
def room(app, alice):
    """The path of Trattoria Lucia tables, of which she has three; one is on the terrace."""
    with app.app_context():
        tables.add_many(alice.restaurant_id, NAMES[:2], None)
        terrace = restaurants.ensure_zone(alice.restaurant_id, "Terrace")
        tables.add_many(alice.restaurant_id, NAMES[2:], terrace)
    return f"{alice.home}/tables"


@pytest.fixture
def laid(app, alice, room):
    with app.app_context():
        return tables.of_restaurant(alice.restaurant_id)


@pytest.fixture
def printed(alice, room, tmp_path):
    """`printed(format="a4-card-4")`: the PDF, as a file."""

    def made(**chosen):
        usual = {"format": "a4-card-4", "tables": "all", "first": "de", "second": "ar", "used": "0"}
        answer = alice.client.get(f"{room}/print.pdf", query_string=usual | chosen)
        assert (answer.status_code, answer.mimetype) == (200, "application/pdf"), answer.text
        file = tmp_path / "codes.pdf"
        file.write_bytes(answer.data)
        return file

    return made


@pytest.mark.parametrize("name", FORMATS)
def test_every_code_is_read_and_large_and_opens_its_page(client, printed, laid, name):
    form = FORMATS[name]
    file = printed(format=name)
    pictures = paper.pictures_of(file)
    faces = 2 if form.kind == "tent" else 1

    assert paper.size_of(file) == pytest.approx((form.paper.width, form.paper.height), abs=0.2)
    assert len(pictures) == -(-len(laid) // form.places)
    addresses = paper.codes_on(pictures, faces * len(laid))
    assert sorted(addresses) == sorted(
        qr.address("http://localhost", table["code"]) for table in laid for _ in range(faces)
    )
    for address in set(addresses):
        assert client.get(urlsplit(address).path).status_code == 200
    for picture in pictures:
        with Image.open(picture) as sheet:
            assert smallest_code(sheet) >= (18 if form.height < 30 else 25) - paper.MM_PER_DOT
            assert narrowest_margin(sheet) >= (4.5 if form.kind == "label" else 6) - paper.MM_PER_DOT


@pytest.mark.parametrize("name", ["a4-card-8", "a4-tent-2"])
def test_logo_and_colour_are_printed_beside_codes_that_are_still_read(app, alice, printed, laid, name):
    plain = printed(format=name).read_bytes()
    with app.app_context():
        face.set_logo(alice.restaurant_id, logo.drawn(saved(bell((400, 100)))))
    file = printed(format=name)
    assert (plain.count(b"/Subtype /Image"), file.read_bytes().count(b"/Subtype /Image")) == (0, 1)
    number = len(laid) * (2 if FORMATS[name].kind == "tent" else 1)
    assert len(paper.codes_on(paper.pictures_of(file), number)) == number


def smallest_code(sheet):
    """The width of the smallest code on a sheet, without its white border, in millimetres."""
    corners = [found.position for found in zxingcpp.read_barcodes(sheet)]
    return min(abs(each.top_right.x - each.top_left.x) for each in corners) * paper.MM_PER_DOT


def narrowest_margin(sheet):
    """What stays white along the edges of a sheet, in millimetres."""
    left, top, right, bottom = ImageOps.invert(sheet).getbbox() or (0, 0, 0, 0)
    return min(left, top, sheet.width - right, sheet.height - bottom) * paper.MM_PER_DOT


def test_a_sheet_says_what_it_is_for_in_two_languages_and_what_to_type(client, printed, laid):
    words = paper.words_of(printed())

    assert "Zum Rufen scannen" in words
    assert "Trattoria Lucia" in words
    typed = re.findall(r"localhost/t/\s*([A-Z2-7]{5}-[A-Z2-7]{5})", words)
    assert len(typed) == 3
    [number] = [each for each in typed if laid[0]["code"].startswith(each.replace("-", ""))]
    for way in (number, number.lower(), number.replace("-", " ").replace("O", "0").replace("I", "1")):
        for path in (f"/t/{way}", f"/T/{way}"):
            assert client.get(path).location == f"/t/{laid[0]['code']}"
    assert client.get("/t/AAAAA-AAAAA").status_code == 404
    assert client.get("/t/AAAAA-AAAA9").status_code == 404


def test_a_short_address_that_two_tables_share_opens_neither(app, client, laid):
    app.extensions["mongo"].database.tables.update_one(
        {"_id": laid[1]["_id"]}, {"$set": {"code": laid[0]["code"][:10] + 16 * "A"}}
    )

    assert client.get(f"/t/{laid[0]['code'][:10]}").status_code == 404


def test_one_zone_or_one_table_is_printed_behind_the_labels_that_are_gone(printed, laid):
    zone, one = f"zone-{laid[2]['zone_id']}", str(laid[0]["_id"])
    for chosen, table in ((zone, laid[2]), (one, laid[0])):
        pictures = paper.pictures_of(printed(format="a4-label-3x7", tables=chosen, used="19"))
        assert paper.codes_on(pictures, 1) == [qr.address("http://localhost", table["code"])]
        with Image.open(pictures[0]) as sheet:
            left, top, *_ = ImageOps.invert(sheet).getbbox() or (0, 0)
        assert (left > sheet.width / 3, top > sheet.height * 0.8) == (True, True)


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"format": "a0"}, "choose one of the list"),
        ({"tables": "zone-x"}, "choose one of the list"),
        ({"first": "tlh"}, "choose one of the list"),
        ({"second": ""}, "choose one of the list"),
        ({"used": "30"}, "from 0 to 29"),
        ({"used": "9" * 400}, "from 0 to 29"),
        ({"used": "many"}, "Not a valid integer"),
        ({"used": ["1", "2"]}, "sent twice"),
    ],
)
def test_what_is_not_offered_is_refused_with_the_form(alice, room, chosen, sentence):
    usual = {"format": "a4-card-4", "tables": "all", "first": "de", "second": "none", "used": "0"}
    answer = alice.client.get(f"{room}/print.pdf", query_string=usual | chosen)

    assert answer.status_code == 400
    assert sentence in answer.text


def test_the_page_starts_with_what_most_want(app, alice, room, laid):
    with app.app_context():
        tables.edit(alice.restaurant_id, laid[0]["_id"], "🍝", None)
        app.extensions["mongo"].database.restaurants.update_one(
            {"_id": alice.restaurant_id}, {"$set": {"time_zone": "America/Chicago", "languages": ["es", "en"]}}
        )
        restaurants.forget(alice.restaurant_id)
    page = alice.client.get(f"{room}/print?tables={laid[1]['_id']}").text

    for chosen in ("letter-card-4", laid[1]["_id"], "es", "en"):
        assert f'<option selected value="{chosen}">' in page
    assert "an empty box takes their place: 🍝" in page


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Table 12 (left)", "Table 12 (left)"),
        ("שלום 12-3 (ab)", "(ab) 12-3 םולש"),
        ("Bar שלום 12", "Bar 12 םולש"),
        ("Bar 12 שלום!", "Bar 12 םולש!"),
        ("لا", "ﻻ"),
        ("سلام", "ﻡﻼﺳ"),
        ("7 شرفة", "ﺔﻓﺮﺷ 7"),
        ("a\u202eb", "ab"),
    ],
)
def test_what_is_read_from_the_right_is_drawn_so(text, drawn):
    assert print_text.drawn(text) == drawn
