"""QR codes of tables can be scanned and have exactly the table's URL."""

import io
import re

import pytest
import segno
import zxingcpp
from PIL import Image, ImageDraw

from waitercaller.tables import qr

CODE = "ABCDEFGHIJKLMNOPQRSTUVWX27"
PLACES = [
    "https://call.example.org",
    "http://192.168.178.23:8000",
    "https://a-rather-long-name.of-a.restaurant.example.com",
]


def test_the_scheme_is_lower_case_for_cameras_that_match_it_by_case_and_the_rest_upper_case():
    assert qr.address("https://call.example.org", CODE) == f"https://CALL.EXAMPLE.ORG/T/{CODE}"
    assert qr.address(PLACES[1], CODE) == f"http://192.168.178.23:8000/T/{CODE}"


@pytest.mark.parametrize("place", PLACES)
def test_the_code_is_alphanumeric_but_for_the_scheme_and_survives_a_stained_quarter(place):
    address = qr.address(place, CODE)
    code = qr._code(address)

    assert code.mode is None, "segments in two modes"
    assert code.symbol_size(border=0)[0] <= segno.make_qr(address.upper(), error="q").symbol_size(border=0)[0] + 4
    assert code.error in ("Q", "H")
    assert code.symbol_size(border=0)[0] <= 41, "too fine for a small card"


@pytest.mark.parametrize("place", PLACES)
def test_a_scanner_reads_the_png(place):
    address = qr.address(place, CODE)

    assert _scan(Image.open(io.BytesIO(qr.png(address)))) == [address]


@pytest.mark.parametrize("place", PLACES)
def test_a_scanner_reads_the_svg(place):
    address = qr.address(place, CODE)

    assert _scan(_drawn(qr.svg(address))) == [address]


def test_a_scanner_reads_a_stained_card():
    address = qr.address(PLACES[0], CODE)
    card = Image.open(io.BytesIO(qr.png(address))).convert("L")
    ImageDraw.Draw(card).ellipse((620, 620, 940, 940), fill=160)

    assert _scan(card) == [address]


def test_the_png_is_large_enough_to_print_at_six_centimetres():
    picture = Image.open(io.BytesIO(qr.png(qr.address(PLACES[0], CODE))))

    assert picture.width == picture.height >= 1500
    assert picture.info["dpi"] == pytest.approx((600, 600), abs=1)


def test_the_svg_carries_its_own_white_ground_and_no_style():
    svg = qr.svg(qr.address(PLACES[0], CODE))

    assert re.match(r'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 (\d+) \1"', svg)
    assert 'fill="#fff"' in svg
    assert 'stroke="#000"' in svg
    assert not re.search(r"style|<script|\swidth|\sheight", svg)


def test_four_modules_around_the_code_stay_white():
    picture = _drawn(qr.svg(qr.address(PLACES[0], CODE)))
    dark = picture.point(lambda value: 255 - value).getbbox()

    assert dark == (4 * SCALE, 4 * SCALE, picture.width - 4 * SCALE, picture.height - 4 * SCALE)


@pytest.mark.parametrize(
    ("table", "file"),
    [
        ("12", "qr 12.png"),
        ("Terrasse links außen", "qr Terrasse links außen.png"),
        ("../../etc/passwd", "qr ..-..-etc-passwd.png"),
        ('"><svg onload=alert(1)>', "qr ---svg onload=alert(1)-.png"),
        ("a\r\nSet-Cookie: b", "qr a--Set-Cookie- b.png"),
        ("gnp.\u202eexe", "qr gnp.-exe.png"),
        ("🍝", "qr 🍝.png"),
    ],
)
def test_the_downloaded_file_is_named_after_the_table_and_harmless(table, file):
    assert qr.file_name(table, "png") == file


def test_a_lower_case_address_would_be_larger():
    """The reason for the upper-case host and path."""
    for place in PLACES:
        address = qr.address(place, CODE)
        lower = segno.make_qr(address.lower(), error=qr.ERROR_LEVEL)

        assert lower.mode == "byte"
        assert lower.symbol_size()[0] > qr._code(address).symbol_size()[0]


SCALE = 10  # pixels a module


def _scan(picture):
    """The text that a scanner decodes from this image."""
    return [found.text for found in zxingcpp.read_barcodes(picture.convert("L"))]


def _drawn(svg):
    """Rasterise the SVG: dark modules are horizontal strokes, M x y, then m dx dy and h length."""
    [width] = map(int, re.findall(r'viewBox="0 0 (\d+)', svg))
    [strokes] = re.findall(r'stroke="#000" d="([^"]+)"', svg)
    picture = Image.new("L", (width * SCALE, width * SCALE), 255)
    pen = ImageDraw.Draw(picture)
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([-0-9. ]+)", strokes):
        values = [float(number) for number in re.findall(r"-?[0-9.]+", numbers)]
        if command == "h":
            top = int(y) * SCALE
            pen.rectangle((x * SCALE, top, (x + values[0]) * SCALE - 1, top + SCALE - 1), fill=0)
            x += values[0]
        else:
            x, y = (values[0], values[1]) if command == "M" else (x + values[0], y + values[1])
    return picture
