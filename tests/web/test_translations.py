"""Translations: the catalogues are complete and match the strings in the code."""

import ast
import functools
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from gettext import c2py
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from bson import ObjectId
from flask import Flask, render_template
from flask_babel import force_locale

from config import Config
from tests.support import ROOT
from tests.support.cast import Browser, Person, visit
from tests.support.push.phones import PRIVATE
from waitercaller.db import cache, clock
from waitercaller.db.client import Document
from waitercaller.mail.look import Look
from waitercaller.model.languages import DEFAULT_LANGUAGE, LANGUAGES, STAFF_LANGUAGES
from waitercaller.model.requests import queries
from waitercaller.model.requests import transitions as requests
from waitercaller.model.tables import Table
from waitercaller.report.words import _day
from waitercaller.requests.guest import words as guest_words
from waitercaller.requests.guest.table_view import TableView
from waitercaller.web.opening_words import local_time_text

CATALOGUES = ROOT / "waitercaller" / "translations"
OTHERS = sorted(set(LANGUAGES) - {DEFAULT_LANGUAGE})

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%")
MARKS = {"_", "gettext", "ngettext", "lazy_gettext"}

Said = Callable[[str], Catalog]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    """Every string that the code marks for readers of a language, found as `make translations` finds it."""
    folder = tmp_path_factory.mktemp("catalogues")

    @functools.cache
    def extract(mapping: Path) -> Catalog:
        template = folder / mapping.with_suffix(".pot").name
        words = f"pybabel -q extract -F {mapping} -k _l -k lazy_gettext -o {template} {ROOT}"
        CommandLineInterface().run(words.split())
        with template.open("rb") as file:
            return read_po(file)

    def of(language: str) -> Catalog:
        return extract(ROOT / "pyproject.toml" if language in STAFF_LANGUAGES else CATALOGUES / "guest.toml")

    return of


@functools.cache
def catalogue(language: str) -> Catalog:
    with (CATALOGUES / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


def messages(catalog: Catalog) -> Iterator[Message]:
    """All but the header."""
    return (message for message in catalog if message.id)


def forms(text: object) -> list[str]:
    """The one text of a message, or its plural forms."""
    return [text] if isinstance(text, str) else list(text)  # type: ignore[call-overload]


# --- the catalogues -----------------------------------------------------------------------------------------------


def test_every_language_but_the_one_of_the_code_has_a_catalogue() -> None:
    assert sorted(path.parent.parent.name for path in CATALOGUES.glob("*/LC_MESSAGES/messages.po")) == OTHERS
    made = dict(re.findall(r"^(\w+)_LANGUAGES := (.+)$", (ROOT / "Makefile").read_text(), re.M))
    assert {name: set(languages.split()) for name, languages in made.items()} == {
        "STAFF": set(STAFF_LANGUAGES) - {DEFAULT_LANGUAGE},
        "GUEST": set(LANGUAGES) - set(STAFF_LANGUAGES),
    }


def test_the_catalogues_are_up_to_date_with_the_code(said: Said) -> None:
    for language in OTHERS:
        assert len(said(language)) > (500 if language in STAFF_LANGUAGES else 50), "the search found next to nothing"
    ours = {(language, message.id) for language in OTHERS for message in messages(catalogue(language))}
    in_code = {(language, message.id) for language in OTHERS for message in messages(said(language))}
    assert (in_code - ours, ours - in_code) == (set(), set()), "`make translations`, then translate what is new"


def test_nothing_is_left_untranslated_or_unsure() -> None:
    every = [(language, message) for language in OTHERS for message in messages(catalogue(language))]
    assert [(language, each.id) for language, each in every if each.fuzzy or not all(forms(each.string))] == []
    plurals = {(language, len(forms(each.string))) for language, each in every if each.pluralizable}
    assert plurals == {(language, catalogue(language).num_plurals) for language, _ in plurals}


def test_what_is_filled_in_later_is_kept() -> None:
    assert [(language, *fault) for language in OTHERS for fault in badly_filled_in(catalogue(language))] == []


def badly_filled_in(catalog: Catalog) -> Iterator[tuple[object, str]]:
    """The messages whose placeholders differ from the original, with the translation.

    A plural form for a single number may omit the number.
    """
    numbers = Counter(map(c2py(catalog.plural_expr), range(200)))
    for message in messages(catalog):
        asked = set(PLACEHOLDER.findall(forms(message.id)[-1]))
        for number, string in enumerate(forms(message.string)):
            found = set(PLACEHOLDER.findall(string))
            may_lack = int(message.pluralizable and numbers[number] == 1)
            if (
                "%" in PLACEHOLDER.sub("", string)
                or not found <= asked
                or len(asked - found) > may_lack
                or string.count("#") not in {text.count("#") for text in forms(message.id)}
            ):
                yield message.id, string


def test_spaces_and_colons_are_where_the_original_has_them() -> None:
    assert [
        (language, string)
        for language in OTHERS
        for message in messages(catalogue(language))
        for string in forms(message.string)
        if re.search(r"^\s|\s$|  |\n", string) or string.endswith(":") != forms(message.id)[0].endswith(":")
    ] == []


def test_what_is_served_is_what_was_translated() -> None:
    stale = []
    for language in OTHERS:
        compiled = BytesIO()
        write_mo(compiled, catalogue(language))
        if (CATALOGUES / language / "LC_MESSAGES" / "messages.mo").read_bytes() != compiled.getvalue():
            stale.append(language)
    assert stale == [], "`make translations` compiles them"


def test_no_string_hides_inside_an_f_string() -> None:
    """Extraction looks into f-strings from Python 3.12 on only."""
    for path in sorted((ROOT / "waitercaller").rglob("*.py")):
        f_strings = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.JoinedStr)]
        called = {
            node.func.id
            for f_string in f_strings
            for node in ast.walk(f_string)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & MARKS, path


# --- the pages ------------------------------------------------------------------------------------------------


class Words(HTMLParser):
    """The texts of a page, including attributes for people and scripts."""

    SPEAKING = re.compile(r"alt|title|placeholder|content|aria-label|data-(?!tone).+")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.for_scripts: dict[str, str] = {}
        self.feed(page)
        self.close()

    def handle_data(self, data: str) -> None:
        self.pieces.append(" ".join(data.split()))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        spoken = {name: value or "" for name, value in attrs if self.SPEAKING.fullmatch(name)}
        self.pieces.extend(spoken.values())
        self.for_scripts.update((name, value) for name, value in spoken.items() if name.startswith("data-"))


@functools.cache
def originals(language: str) -> set[str]:
    """The English texts, and parts of them, that are not also words of this language."""
    catalog = list(messages(catalogue(language)))
    translated = "\n".join(text for message in catalog for text in forms(message.string))
    parts = {part.strip() for message in catalog for text in forms(message.id) for part in PLACEHOLDER.split(text)}
    return {part for part in parts if re.search(r"[A-Za-z]{2}", part) and part not in translated}


def english_in(page: str, language: str = "de") -> set[str]:
    """English texts on a page in another language.

    A single word counts only if it stands alone; two or more count anywhere.
    """
    pieces = Words(page).pieces
    english = originals(language)
    return {each for each in english if any(each in piece if " " in each else each == piece for piece in pieces)}


def faults_of(page: str, language: str = "de", *words: str) -> set[str]:
    """Faults of a page in this language: English texts, wrong `lang`, or missing `words`."""
    wanted = (f'<html lang="{language}"', *words)
    return english_in(page, language) | {f"lacks {each}" for each in wanted if each not in page}


@pytest.fixture
def config(config: Config) -> Config:
    """With all that can be offered."""
    return replace(config, vapid_private_key=PRIVATE)


def settle(app: Flask, owner: Person, values: Document) -> None:
    """Change settings of the owner's restaurant."""
    app.extensions["mongo"].database.restaurants.update_one({"_id": owner.restaurant_id}, {"$set": values})
    cache.restaurants.clear()


def german(client: Browser) -> Browser:
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    return client


@pytest.fixture
def calling(app: Flask, alice: Person, table: Table) -> Table:
    """Table 7, which has called twice and waits."""
    with app.app_context():
        restaurant = app.extensions["mongo"].database.restaurants.find_one({"_id": alice.restaurant_id})
        for _time in range(2):
            requests.open_request(restaurant, table, restaurant["kinds"][0], str(ObjectId()))
    return table


def test_english_is_noticed(client: Browser) -> None:
    assert {"Log in", "Forgotten your password?"} <= english_in(client.get("/login").text)


def found(pages: dict[str, set[str]]) -> dict[str, set[str]]:
    """Pages with faults."""
    return {page: faults for page, faults in pages.items() if faults}


def test_a_stranger_reads_german(client: Browser) -> None:
    paths = ["/", "/login", "/register", "/forgot", "/registered", "/forgot/sent", "/nowhere"]
    assert found({path: faults_of(german(client).get(path).text) for path in paths}) == {}


STAFF_PAGES = ["dashboard", "enter", "history", "notifications", "tables", "tables/print", "staff", "staff/history"]
REPORTS = ["report", "report?days=1", "report?days=28", "report/unreached"]
SETTINGS = ["", "/house", "/opening", "/attention", "/zones", "/kinds", "/kinds/new", "/kinds/bill"]


def test_the_staff_reads_german(app: Flask, alice: Person, calling: Document) -> None:
    settle(app, alice, {"languages": ["de"]})  # in which what guests can ask for is shown
    paths = [*STAFF_PAGES, "staff/code", *REPORTS, *(f"settings{page}" for page in SETTINGS)]
    answers = {path: german(alice.client).get(f"{alice.home}/{path}") for path in paths}
    assert {path for path, answer in answers.items() if answer.status_code != 200} == set()
    assert found({path: faults_of(answer.text) for path, answer in answers.items()}) == {}


HOURS = [{"day": 0, "opens": "18:00", "closes": "02:00"}]
SPECIAL = [
    {"date": "2999-12-24", "spans": []},
    {"date": "2999-12-31", "spans": [{"opens": "00:00", "closes": "00:00"}]},
]
ZONES = [{"id": "x", "name": "X"}, {"id": "y", "name": "Y"}]


SET: list[tuple[Document, str, list[str]]] = [
    ({"hours": HOURS, "exceptions": SPECIAL}, "settings/opening", ["geschlossen", "ganztägig"]),
    ({"opening": {"state": "open", "until": None}}, "settings/opening", ["Von Hand geöffnet."]),
    ({"opening": {"state": "closed", "until": None}}, "settings/opening", ["Von Hand geschlossen."]),
    ({"time_zone": "Europe/Berlin"}, "settings/opening", ["Nach der Uhr von Berlin."]),
    ({"zones": ZONES}, "notifications", ["Meine Bereiche"]),
    ({"zones": ZONES}, "settings/zones", ["Noch ein Bereich"]),
]


def test_what_has_been_set_reads_german(app: Flask, alice: Person) -> None:
    for setting, path, words in SET:
        settle(app, alice, setting)
        page = german(alice.client).get(f"{alice.home}/{path}").text
        assert faults_of(page, "de", *words) == set(), (setting, path)


def test_days_are_written_as_in_german(app: Flask) -> None:
    later = clock.now() + timedelta(days=10)
    house: Any = {"time_zone": "UTC"}
    with app.test_request_context(), force_locale("de"):
        assert re.fullmatch(r"(\w+tag|Mittwoch), \d+\. \w+, \d\d:\d\d", local_time_text(house, later))
        assert _day(date(2026, 11, 22), "EEEE") == "Sonntag, 22. Nov."


def test_an_account_is_german(alice: Person) -> None:
    paths = ["", "/email", "/password", "/sessions", "/export", "/delete", "/two-factor"]
    answers = {path: german(alice.client).get(f"/account{path}", follow_redirects=True) for path in paths}
    assert {path for path, answer in answers.items() if answer.status_code != 200} == set()
    assert found({path: faults_of(answer.text) for path, answer in answers.items()}) == {}


def test_a_guest_reads_german(dana: Browser, table: Table, calling: Document) -> None:
    page = german(dana).get(f"/t/{table['code']}").text
    assert "Ihr Ruf ist gesendet" in page
    assert not english_in(page)


def test_a_guests_page_is_translated_whatever_is_set(app: Flask, alice: Person, table: Table) -> None:
    def page(language: str) -> str:
        return visit(app).get(f"/t/{table['code']}", headers={"Accept-Language": language}).text

    settings: list[Document] = [
        {"settings": {"notes": True}},
        {"opening": {"state": "closed", "until": None}},
        {"hours": HOURS},
    ]
    for setting in settings:
        settle(app, alice, setting)
        assert found({language: faults_of(page(language), language) for language in OTHERS}) == {}, setting


@pytest.mark.parametrize("state", ["resolved", "dismissed", "cancelled", "withdrawn"])
def test_how_a_call_ended_is_translated(app: Flask, calling: Document, state: str) -> None:
    english = {}
    for language in OTHERS:
        with app.test_request_context(), force_locale(language):
            [call] = queries.live_of_table(calling["restaurant_id"], calling["_id"])
            view = TableView({}, clock.now(), [], [{**call, "state": state, "live": False, "ended_at": clock.now()}])  # type: ignore[typeddict-item]
            said = guest_words.state_of(view)
        assert said.headline
        assert said.detail
        english[language] = english_in(f"<p>{said.headline}</p><p>{said.detail}</p>", language)
    assert found(english) == {}


def dashboard_parts(client: Browser, language: str) -> str:
    """The HTML that only the dashboard's scripts need, in this language."""
    script = client.get(f"/dashboard-parts/any/{language}.js").text
    parts = json.loads(script[script.index("})(") + 3 : script.rindex(");")])
    return "".join(parts.values())


def test_what_only_the_scripts_of_the_dashboard_need_is_translated(dana: Browser) -> None:
    languages = [language for language in STAFF_LANGUAGES if language != "en"]
    assert found({each: english_in(dashboard_parts(dana, each), each) for each in languages}) == {}


def test_what_scripts_fill_in_has_its_place(dana: Browser, calling: Document) -> None:
    """Scripts replace '#' by a number, time or name: each translation has as many as the original."""
    page = f"/t/{calling['code']}"
    pages = [(dashboard_parts(dana, "en"), dashboard_parts(dana, "de"))]
    pages.append((dana.get(page).text, german(dana).get(page).text))
    for in_english, in_german in pages:
        english, translated = Words(in_english).for_scripts, Words(in_german).for_scripts
        assert any("#" in text for text in english.values())
        assert {name: text.count("#") for name, text in english.items()} == {
            name: text.count("#") for name, text in translated.items()
        }


def test_one_table_waits_and_two_wait(dana: Browser) -> None:
    waiting = json.loads(Words(dashboard_parts(dana, "de")).for_scripts["data-waiting"])
    assert (waiting["1"], waiting["2"]) == ("# Tisch wartet", "# Tische warten")


def test_mails_are_german(app: Flask) -> None:
    names = sorted(path.name for path in (ROOT / "templates" / "email").iterdir() if path.is_dir())
    for name, part in itertools.product(names, ("subject.txt", "body.txt", "body.html")):
        for what in ("on", "off", "new_codes", "recovery_used"):  # one mail has a text for each
            words = {"link": "x", "public_url": "x", "closed": ["x"], "restaurant_name": "x", "what": what}
            with app.test_request_context(), force_locale("de"):
                text = render_template(f"email/{name}/{part}", look=Look(), **words)
            assert text.strip(), (name, part)
            assert english_in(text) == set(), (name, part)


def test_each_language_is_chosen_by_the_phone(app: Flask, calling: Document) -> None:
    def page(language: str) -> str:
        return visit(app).get(f"/t/{calling['code']}", headers={"Accept-Language": language}).text

    assert found({language: faults_of(page(language), language) for language in OTHERS}) == {}


def test_staff_pages_are_in_the_language_of_a_phone_where_they_are_translated(app: Flask) -> None:
    for language in OTHERS:
        shown = language if language in STAFF_LANGUAGES else DEFAULT_LANGUAGE
        assert f'<html lang="{shown}"' in visit(app).get("/login", headers={"Accept-Language": language}).text
