"""In which language a page is: by the browser's preferences, among what is offered."""

import pytest
from flask import Flask
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from tests.support.cast import Browser, Person, visit
from waitercaller.db import cache
from waitercaller.model.languages import LANGUAGES
from waitercaller.model.tables import Table
from waitercaller.web.languages import negotiated, waiting_time


def read(header: str, *offered: str) -> str:
    return negotiated(parse_accept_header(header, LanguageAccept), offered or tuple(LANGUAGES))


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("fr-FR,en-US;q=0.7,en;q=0.3", "fr"),
        ("tr-TR,en-US;q=0.7,en;q=0.3", "tr"),
        ("pt-BR,en-US;q=0.7,en;q=0.3", "pt"),
        ("zh-Hans-CN,en;q=0.9", "zh"),
        ("es-419,en;q=0.9", "es"),
        ("nl-BE,fr;q=0.8,en;q=0.7", "nl"),
        ("ar-EG,en;q=0.9", "ar"),
        ("DE_at,en", "de"),
        ("sv,da;q=0.8,it;q=0.5", "it"),
        ("en;q=0.3,ja;q=0.9", "ja"),  # by quality, not by place
        ("en;q=0,*", "de"),
        ("*", "en"),
        ("sv", "en"),
        ("sv,*;q=0.1", "en"),
        ("", "en"),
        ("de;q=x,;;,\x7f", "en"),
    ],
)
def test_a_tag_is_shortened_to_its_base_before_the_next_one_counts(header: str, language: str) -> None:
    assert read(header) == language


def test_an_exact_tag_counts_before_its_base() -> None:
    assert read("pt-BR,en", "en", "pt", "pt-br") == "pt-br"


@pytest.fixture
def house(app: Flask, alice: Person) -> None:
    """Trattoria Lucia, with German first and Italian."""
    app.extensions["mongo"].database.restaurants.update_one(
        {"_id": alice.restaurant_id}, {"$set": {"languages": ["de", "it"]}}
    )
    cache.restaurants.clear()


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize(
    ("header", "asked", "language", "name"),
    [
        ("sv", "", "de", "Deutsch"),
        ("pl", "", "de", "Deutsch"),
        ("", "", "de", "Deutsch"),
        ("it-CH,en", "", "it", "Italiano"),
        ("it", "?lang=pl", "it", "Italiano"),
        ("", "?lang=pl", "de", "Deutsch"),
        ("de", "?lang=it", "it", "Italiano"),
    ],
)
def test_a_guest_reads_a_language_of_the_restaurant_or_its_first_and_the_menu_names_it(
    app: Flask, table: Table, header: str, asked: str, language: str, name: str
) -> None:
    page = guest(app, header).get(f"/t/{table['code']}{asked}").text
    assert f'<html lang="{language}"' in page
    assert f">{name}</summary>" in page
    assert ("Bedienung" if language == "de" else "cameriere") in page
    assert "lang=pl" not in page


@pytest.mark.usefixtures("house")
def test_what_a_guest_is_refused_is_said_in_a_language_of_the_restaurant(app: Flask, table: Table) -> None:
    answer = guest(app, "pl").post(f"/t/{table['code']}/call", data={"form": "forged"})
    assert (answer.status_code, '<html lang="de"' in answer.text) == (400, True)


@pytest.mark.usefixtures("house")
def test_a_kind_without_a_name_in_a_language_has_that_of_the_restaurants_first(
    app: Flask, alice: Person, table: Table
) -> None:
    names = {"en": "Bread", "de": "Brot", "it": ""}  # English was offered once
    kinds = {"kinds.0.names": names}
    app.extensions["mongo"].database.restaurants.update_one({"_id": alice.restaurant_id}, {"$set": kinds})
    cache.restaurants.clear()
    page = guest(app, "it").get(f"/t/{table['code']}").text
    assert ">Brot<" in page
    assert ">Bread<" not in page


@pytest.mark.parametrize(("header", "language"), [("de-CH,en", "de"), ("ja,pl;q=0.5,en;q=0.2", "pl"), ("sv", "en")])
def test_the_staff_reads_theirs(app: Flask, header: str, language: str) -> None:
    assert f'<html lang="{language}"' in guest(app, header).get("/login").text


def guest(app: Flask, header: str) -> Browser:
    """A browser with these preferences."""
    browser = visit(app)
    browser.environ_base.pop("HTTP_ACCEPT_LANGUAGE")
    if header:
        browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = header
    return browser


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(-500, "0:00"), (65_999, "1:05"), (3_599_000, "59:59"), (3_600_000, "1:00:00"), (3_845_000, "1:04:05")],
)
def test_a_waiting_time_is_as_the_pages_script_writes_it(milliseconds: int, shown: str) -> None:
    assert waiting_time(milliseconds) == shown
