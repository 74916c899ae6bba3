"""The restaurant's face: logo, colour and links, from the page of the settings to the guest's page."""

import html
import io
import itertools
import math
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, ImageOps
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.support.cast import Mail, Person, visit
from tests.support.hostile_pictures import bell, refused, saved
from tests.support.pages import opened
from waitercaller.db import clock
from waitercaller.mail import outbox
from waitercaller.model import colours
from waitercaller.model.tables import Table

LINKS = {"label_1": "Speisekarte", "url_1": "https://lucia.example/menu?from=table#pizza", "label_2": "", "url_2": ""}


@pytest.fixture
def here(alice: Person) -> str:
    return f"{alice.home}/settings/face"


@pytest.fixture
def database(app: Flask) -> Any:
    """The database, outside of an application context, which would keep the visitor of the request before."""
    return app.extensions["mongo"].database


@pytest.fixture
def face(database: Any, alice: Person) -> Any:
    """`face()`: what is kept in the document of Alice's restaurant; None: nothing."""
    return lambda: database.restaurants.find_one({"_id": alice.restaurant_id})["settings"].get("face")


def upload(alice: Person, here: str, data: bytes, name: str = "logo.png") -> Any:
    """Send a file. (Werkzeug's own client leaves the temporary file of a large one open.)"""
    fields = {"csrf_token": alice.client.csrf_token(here), "logo": FileStorage(io.BytesIO(data), name)}
    boundary, body = encode_multipart(fields)
    return alice.client.post(f"{here}/logo", data=body, content_type=f"multipart/form-data; boundary={boundary}")


def logo_on(page: str) -> str:
    (address,) = re.findall(r'src="(/logo/[^"]+)"', page) or [""]
    return str(address)


@pytest.fixture
def green(alice: Person, here: str) -> str:
    """The colour of Alice's restaurant, which also has a logo, three times as wide as high."""
    colour = "#006655"
    alice.client.post(here, data={**opened(alice, here), "own_colour": "y", "colour": colour})
    picture = Image.new("RGB", (300, 100), "navy")
    picture.paste("gold", (0, 0, 150, 100))
    assert upload(alice, here, saved(picture)).status_code == 303
    return colour


# --- logo -------------------------------------------------------------------------------------------------------------


@pytest.mark.proxied
@pytest.mark.usefixtures("fresh_limits")
def test_a_logo_is_drawn_anew_shown_replaced_and_removed(
    database: Any, alice: Person, here: str, face: Any, dana: FlaskClient, table: Table
) -> None:
    usual = dana.get(f"/t/{table['code']}").text
    data = Image.Exif()
    data[0x010E], data[0x0112] = "a secret place", 6  # description; turned by a quarter
    assert upload(alice, here, saved(bell((900, 300), "RGB", "gold"), "JPEG", exif=data)).status_code == 303
    first = logo_on(dana.get(f"/t/{table['code']}").text)
    sent = dana.get(first)
    assert (sent.status_code, sent.mimetype) == (200, "image/webp")
    assert sent.headers["X-Content-Type-Options"] == "nosniff"
    assert sent.headers["Cache-Control"] == "public, immutable, max-age=31536000"
    with Image.open(io.BytesIO(sent.data)) as drawn:
        assert (drawn.format, drawn.size) == ("WEBP", (48, 144))
        assert not drawn.getexif()
    kept = database.logos.find_one({})
    assert (kept["restaurant_id"], b"secret" in kept["large"]) == (alice.restaurant_id, False)

    moving = saved(bell(), "WEBP", save_all=True, append_images=[bell(colour="red")], lossless=True)
    assert upload(alice, here, moving, "logo.txt").status_code == 303
    second = logo_on(dana.get(f"/t/{table['code']}").text)
    with Image.open(io.BytesIO(dana.get(second).data)) as drawn:
        middle, corner = (drawn.convert("RGB").getpixel(at) for at in ((72, 46), (0, 0)))
    assert middle[2] > 100 > middle[0]  # type: ignore[index]  # the first frame, which is blue …
    assert min(corner) > 240  # type: ignore[arg-type]  # … on white
    assert dana.get(first).status_code == 404
    assert upload(alice, here, moving).status_code == 303  # the same again
    assert [f"/logo/{each['_id']}.webp" for each in database.logos.find({})] == [second]
    assert "Logo" in alice.client.get(f"{alice.home}/settings").text
    assert "Settings changed</b>: <bdi>Logo, colour and links" in alice.client.get(f"{alice.home}/staff/history").text

    alice.client.submit(f"{here}/logo/remove", page=here)
    assert (face(), database.logos.count_documents({})) == (None, 0)
    now = dana.get(f"/t/{table['code']}").text
    assert re.sub(r'value="[^"]*"|form=[^"]*', "", now) == re.sub(r'value="[^"]*"|form=[^"]*', "", usual)


def test_a_picture_of_noise_stays_small(database: Any, alice: Person, here: str) -> None:
    noise = Image.frombytes("RGB", (600, 600), random.Random(7).randbytes(600 * 600 * 3))
    assert upload(alice, here, saved(noise)).status_code == 303
    kept = database.logos.find_one({})
    assert len(kept["large"]) < 300_000
    assert len(kept["small"]) < 45_000


@pytest.mark.asvs("1.3.4", "5.2.1", "5.2.2", "5.2.3")
@pytest.mark.usefixtures("fresh_limits")
def test_what_is_no_picture_to_use_is_refused_at_its_field(
    app: Flask, database: Any, alice: Person, here: str, face: Any
) -> None:
    for name, (data, sentence) in refused().items():
        answer = upload(alice, here, data)
        assert answer.status_code == 400, name
        assert sentence in answer.text, name
        assert 'id="logo-error"' in answer.text, name
    answer = upload(alice, here, bytes(5 * 1024 * 1024))  # is not even read
    assert (answer.status_code, "larger than 4 MB" in answer.text) == (413, True)
    stranger = visit(app).post(f"{here}/logo", data={"logo": (io.BytesIO(bytes(100_000)), "logo.png")})
    assert stranger.status_code == 413  # only who is logged in may send more than 64 KB
    assert (face(), database.logos.count_documents({})) == (None, 0)


# --- colour -----------------------------------------------------------------------------------------------------------


def test_a_colour_that_cannot_be_read_is_refused_with_the_nearest_that_can(
    alice: Person, here: str, face: Any, dana: FlaskClient, table: Table
) -> None:
    form = opened(alice, here)
    assert "own_colour" not in form
    for sent in ("", "red", "#12345", "#12345g", "#8a3b12;}", "url(#x)"):
        answer = alice.client.post(here, data={**form, "own_colour": "y", "colour": sent})
        assert (answer.status_code, "colour-error" in answer.text) == (400, True), sent
    pale = {**form, "own_colour": "y", "colour": "#FFCC00"}
    answer = alice.client.post(here, data=pale)
    assert answer.status_code == 400
    (offered,) = re.findall(r"nearest on which they can is (#[0-9a-f]{6})\.", answer.text)
    assert f"Save with {offered}" in answer.text
    assert 'value="#FFCC00"' in answer.text
    assert face() is None
    assert alice.client.post(here, data={**pale, "nearest": "y"}).status_code == 303
    assert face() == {"colour": offered}
    page = dana.get(f"/t/{table['code']}").text
    (address,) = re.findall(r'href="(/colour/[^"]+)"', page)
    style = dana.get(address)
    assert (style.mimetype, style.headers["Cache-Control"]) == ("text/css", "public, immutable, max-age=31536000")
    assert f":root{{--brand:{offered}}}" in style.text
    for wrong in ("8A3B12", "8a3b1g", "------"):
        assert dana.get(f"/colour/{wrong}.css").status_code == 404
    assert alice.client.post(
        here, data={name: text for name, text in opened(alice, here).items() if name != "own_colour"}
    )
    assert face() is None


def test_every_colour_has_a_readable_one_near_in_light_and_in_dark() -> None:
    assert round(colours.contrast("#777777", "#ffffff"), 2) == 4.48  # as WCAG's own examples count it
    assert colours.contrast("#000000", "#ffffff") == 21
    for red, green, blue in itertools.product(("00", "55", "aa", "ff"), repeat=3):
        colour = f"#{red}{green}{blue}"
        light = colours.nearest_readable(colour)
        dark = colours.in_dark(light)
        assert colours.contrast(light, "#ffffff") >= 4.5
        assert (light == colour) == colours.is_readable(colour)
        assert colours.contrast(dark, colours.DARK_SURFACE) >= 4.5
        assert colours.contrast(dark, colours.DARK_LETTERS) >= 4.5


# --- links ------------------------------------------------------------------------------------------------------------


def test_links_stand_on_the_guests_page_and_bad_ones_are_refused_at_their_field(
    alice: Person, here: str, face: Any, dana: FlaskClient, table: Table
) -> None:
    form = opened(alice, here)
    bad = {
        "http://lucia.example/": "begins with https://",
        "javascript:alert(1)": "begins with https://",
        "//lucia.example": "begins with https://",
        "https://": "begins with https://",
        "https://lucia": "begins with https://",
        "https://lucia.example:port/": "begins with https://",
        "https://bank.example@lucia.example/": "begins with https://",
        "https://lucia.example/a menu": "begins with https://",
        'https://lucia.example/"><script>': "begins with https://",
        "": "fill this in",
        f"https://lucia.example/{'x' * 500}": "at most 500 characters",
    }
    for url, sentence in bad.items():
        answer = alice.client.post(here, data={**form, **LINKS, "url_1": url})
        assert (answer.status_code, 'id="url_1-error"' in answer.text) == (400, True), url
        assert sentence in answer.text, url
    for label, sentence in (("", "fill this in"), ("x" * 25, "at most 24 characters")):
        answer = alice.client.post(here, data={**form, **LINKS, "label_1": label})
        assert (answer.status_code, 'id="label_1-error"' in answer.text) == (400, True), label
        assert sentence in answer.text
    assert face() is None
    assert alice.client.post(here, data={**form, **LINKS}).status_code == 303
    assert face() == {"links": [{"label": LINKS["label_1"], "url": LINKS["url_1"]}]}
    page = dana.get(f"/t/{table['code']}").text
    assert f'<a href="{LINKS["url_1"]}" target="_blank" rel="noopener noreferrer" dir="auto">Speisekarte</a>' in page
    answer = alice.client.post(
        here, data={**form, "label_1": "Menu", "url_1": "https://lucia.example/"}
    )  # shown as none
    assert (answer.status_code, "“Speisekarte”" in answer.text) == (409, True)


# --- mails ------------------------------------------------------------------------------------------------------------


def test_mails_that_speak_for_the_restaurant_have_its_face(
    app: Flask, alice: Person, green: str, mails: Callable[[], list[Mail]]
) -> None:
    alice.client.submit(f"{alice.home}/report/letter?days=28", {"wanted": "yes"}, page="/account")
    form = {"email": "anna@example.org", "role": "waiter"}
    alice.client.submit(f"{alice.home}/staff/invitations", form, page="/account")
    [invitation] = mails()

    def sent(name: str, **context: Any) -> Mail:
        with app.app_context():
            outbox.enqueue(name, alice.email, restaurant_id=alice.restaurant_id, **context)
        [mail] = mails()
        return mail

    warning = sent("rehearsal", by="Bob", at=clock.now())
    letter = sent("monday_letter", user_id=alice.user_id, week="2026-01-05")
    account = sent("password_changed")
    for mail in (warning, letter):
        assert mail.message.get_content_type() == "multipart/related"
        texts, picture = mail.message.iter_parts()
        assert [part.get_content_type() for part in texts.iter_parts()] == ["text/plain", "text/html"]
        assert (picture.get_content_type(), picture.get_content_disposition()) == ("image/png", "inline")
        content_id = picture["Content-ID"].strip("<>")
        assert f'<img src="cid:{content_id}" alt="Trattoria Lucia" width="192" height="64" ' in mail.html
        with Image.open(io.BytesIO(picture.get_content())) as drawn:
            assert (drawn.format, drawn.size) == ("PNG", (300, 100))
    for mail in (warning, letter, invitation):
        assert f'bgcolor="{green}"' in mail.html
        assert f"background: {colours.in_dark(green)} !important" in mail.html
        assert "#8a3b12" not in mail.html
    assert "<img" not in invitation.html  # a picture could say anything to whoever did not ask for it
    assert ("#8a3b12" in account.html, green in account.html, "<img" in account.html) == (True, False, False)


# --- the installed app ------------------------------------------------------------------------------------------------


def test_the_installed_app_has_the_restaurants_logo_and_colour(
    app: Flask, alice: Person, green: str, here: str
) -> None:
    stranger = visit(app)  # browsers ask for manifest and icons without a cookie

    def linked(rel: str) -> str:
        (address,) = re.findall(f'<link rel="{rel}" href="([^"]+)"', alice.client.get(here).text)
        return html.unescape(address)

    def picture(address: str) -> Image.Image:
        answer = stranger.get(address)
        assert answer.mimetype == "image/png"
        assert answer.headers["Cache-Control"] == "public, immutable, max-age=31536000"
        return Image.open(io.BytesIO(answer.data)).convert("L")

    manifest = stranger.get(linked("manifest")).get_json()
    assert manifest["theme_color"] == green
    for icon, share in zip(manifest["icons"], (0.86, 0.86, 0.8 * 3 / math.hypot(3, 1)), strict=True):
        drawn = picture(icon["src"])
        assert f"{drawn.width}x{drawn.height}" == icon["sizes"]
        left, top, right, bottom = ImageOps.invert(drawn).getbbox() or (0, 0, 0, 0)
        assert (right - left) == pytest.approx(share * drawn.width, abs=2)  # 3 : 1, and in the middle
        assert (bottom - top) == pytest.approx(share * drawn.width / 3, abs=2)
        assert (left + right) / 2 == pytest.approx(drawn.width / 2, abs=1)
        assert (top + bottom) / 2 == pytest.approx(drawn.width / 2, abs=1)
    apple = linked("apple-touch-icon")
    assert picture(apple).size == (180, 180)
    for wrong in (apple.replace("180", "181"), apple.replace(apple.split("/")[2], "0" * 32)):
        assert stranger.get(wrong).status_code == 404

    alice.client.submit(f"{here}/logo/remove", page=here)
    assert stranger.get(apple).status_code == 404
    assert stranger.get(linked("apple-touch-icon"), buffered=True).status_code == 200
    nonsense = linked("manifest").replace(green[1:], "red") + "&logo=../../x"
    for address, colour in ((linked("manifest"), green), (nonsense, "#8a3b12")):
        manifest = stranger.get(address).get_json()
        assert manifest["theme_color"] == colour
        assert all(re.match(r"/static/\w+/icons/app-", icon["src"]) for icon in manifest["icons"])
