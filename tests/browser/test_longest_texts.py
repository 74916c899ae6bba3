"""No page is wider than a small phone, whatever it shows: the longest names, dates and figures, in every language."""

import functools
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any, cast

import pytest
from babel import Locale
from babel.dates import format_date
from flask import Flask
from flask_babel import force_locale, get_translations
from playwright.sync_api import Page, expect
from pymongo import ReplaceOne

from tests.browser.test_axe_pages import page_of_operators, pages
from tests.support import axe
from tests.support.cast import Browser, Person, visit
from tests.support.hostile_pictures import bell, saved
from tests.support.visitors import Visitors
from waitercaller.alerts import webhooks as telling
from waitercaller.db import cache, clock
from waitercaller.db.client import Document, db
from waitercaller.model import buttons, duty, face, joins, pauses, restaurants, tables, walks, webhooks
from waitercaller.model.languages import LANGUAGES, STAFF_LANGUAGES
from waitercaller.model.requests import queries
from waitercaller.model.requests import transitions as requests
from waitercaller.model.rollups import times
from waitercaller.model.service_request import ServiceRequest
from waitercaller.model.tables import Table
from waitercaller.settings import kind_forms, logo
from waitercaller.web import fields

pytestmark = [
    pytest.mark.browser,
    pytest.mark.chromium_only("minutes of pages; test_pages.py looks at their width in Firefox, too"),
]

WIDTHS = (320, 360)  # CSS pixels
WORD = "Donaudampfschifffahrtsgesellschaftskapitänsmütze" * 6
BACKWARDS = f"{WORD[: 2 * fields.MAX_TABLE_NAME_LENGTH - 4]} 9-1"  # a range that the form of the tables quotes
SPANS = [{"opens": "10:00", "closes": "14:00"}, {"opens": "18:00", "closes": "03:00"}]

# Where the page scrolls sideways: its width, and what sticks out, except in a box that scrolls by itself.
WIDER = """() => {
  const { clientWidth, scrollWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const scrolls = (each) => each && (getComputedStyle(each).overflowX !== "visible" || scrolls(each.parentElement));
  const wide = [...document.body.querySelectorAll("*")].filter((each) => {
    const { left, right, width } = each.getBoundingClientRect();
    return width > 1 && (right > clientWidth + .5 || left < -.5) && !scrolls(each.parentElement);
  });
  return [`${scrollWidth} px: ${wide.map((each) => `${each.localName}.${each.getAttribute("class")}`).join(", ")}`];
}"""

# The short words that are broken in the middle, and where: a box next to them has taken their room. A text for screen
# readers only, in a box of one pixel, is not looked at.
BROKEN = """() => {
  const broken = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = new Range();
  for (let text; (text = texts.nextNode()); ) {
    for (const { 0: word, index } of text.data.matchAll(/(?<!\\S)[\\p{L}\\d.,:]+(?!\\S)/gu)) {
      if (word.length > 12 || !text.parentElement.checkVisibility() || text.parentElement.clientWidth === 1) continue;
      range.setStart(text, index);
      range.setEnd(text, index + word.length);
      const boxes = [...range.getClientRects()].filter((box) => box.width > 1);
      const lines = new Set(boxes.map((box) => Math.round(box.top)));
      if (lines.size > 1) broken.push(`${word} in ${text.parentElement.localName}.${text.parentElement.className}`);
    }
  }
  return broken;
}"""

# The buttons that the menu of languages covers.
COVERED = """() => {
  const menu = document.querySelector("#languages ul").getBoundingClientRect();
  const isUnder = ({ left, right, top, bottom, width }) =>
    width && left < menu.right && right > menu.left && top < menu.bottom && bottom > menu.top;
  const buttons = [...document.querySelectorAll("main button")];
  return buttons.filter((each) => isUnder(each.getBoundingClientRect())).map((each) => `covered: ${each.textContent}`);
}"""

# The forms of a page that somebody can write into: their addresses, and what they send; null is to be written.
FORMS = """(path) => [...document.querySelectorAll("form[method=post]")].map((form) => {
  const isOn = (each) => each.checked || !["radio", "checkbox"].includes(each.type);
  const sent = [...form.elements].filter((each) => each.name && each.name !== "csrf_token" && isOn(each));
  const written = (each) => ["text", "email", "password", "textarea"].includes(each.type);
  const fields = sent.map((each) => [each.name, written(each) ? null : each.value]);
  const action = form.getAttribute("action") || path;
  return [new URL(action, location.origin + path).pathname, Object.fromEntries(fields)];
}).filter(([, fields]) => Object.values(fields).includes(null))"""


@pytest.fixture
def show(visitors: Visitors) -> Callable[[Any], Page]:
    """`show(answer)`: a small phone with the page that a test's client has been given, without its scripts."""
    page = visitors.come()
    page.goto("/login")

    def opened(answer: Any) -> Page:
        page.set_content(re.sub(r"<script.*?</script>", "", answer.text, flags=re.DOTALL))
        page.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true })")
        return page

    return opened


def faults(page: Page) -> list[str]:
    """What is wrong with this page on small phones."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 740})
        found += [f"{width}: {each}" for each in [*page.evaluate(WIDER), *page.evaluate(BROKEN)]]
    return found


@pytest.fixture
def evening(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], datetime]:
    """`evening("de")`: it is the evening of the day whose date takes the most letters in German; the moment."""

    def go(language: str) -> datetime:
        days = [date(clock.now().year + 1, 1, 1) + timedelta(days=number) for number in range(365)]
        longest = max(days, key=lambda day: len(format_date(day, "full", Locale.parse(language))))
        at = datetime(longest.year, longest.month, longest.day, 22, 58, tzinfo=UTC)
        monkeypatch.setattr(clock, "_offset", clock._offset + (at - clock.now()))
        cache.restaurants.clear()
        return at

    return go


def long(limit: int, start: str = "") -> str:
    return f"{start}{WORD}"[:limit]


@pytest.fixture
def crowded(app: Flask, hire: Callable[..., Person]) -> Callable[[], tuple[Person, Table]]:
    """`crowded()`: Olga, whose names are all as long as may be, with all she has; and one of her tables."""

    def fill() -> tuple[Person, Table]:
        olga = hire("Olga", restaurant=long(fields.MAX_NAME_LENGTH))
        with app.app_context():
            _name(app, olga)
            laid = _call(olga)
            _connect(olga, laid[0])
            _share_tables(olga, laid)
            _count(app, olga)
        return olga, laid[0]

    return fill


def _name(app: Flask, olga: Person) -> None:
    """Long names, two times on every day, and days that differ."""
    restaurant = restaurants.get(olga.restaurant_id)
    assert restaurant is not None
    for kind in restaurant["kinds"]:
        kind["names"] = dict.fromkeys(LANGUAGES, long(kind_forms.MAX_NAME_LENGTH, kind["id"]))
        kind["labels"] = dict.fromkeys(STAFF_LANGUAGES, long(kind_forms.MAX_LABEL_LENGTH, kind["id"]))
        for choice in kind["choices"]:
            choice["names"] = dict.fromkeys(LANGUAGES, long(kind_forms.MAX_NAME_LENGTH, choice["id"]))
    days = [clock.now() + timedelta(days=number) for number in range(1, 60)]
    values = {
        "members.0.name": long(fields.MAX_NAME_LENGTH),
        "kinds": restaurant["kinds"],
        "hours": [{"day": day, **span} for day in range(7) for span in SPANS],
        "exceptions": [{"date": f"{day:%Y-%m-%d}", "spans": SPANS if day.day % 2 else []} for day in days[::3]],
        "settings.notes": True,
        "created_at": clock.now() - timedelta(days=300),
    }
    database = app.extensions["mongo"].database
    database.restaurants.update_one({"_id": olga.restaurant_id}, {"$set": values})
    database.users.update_one({"_id": olga.user_id}, {"$set": {"name": long(fields.MAX_NAME_LENGTH)}})
    for zone in (long(fields.MAX_TABLE_NAME_LENGTH, start) for start in "AB"):
        names = [long(fields.MAX_TABLE_NAME_LENGTH, f"{zone[0]}{number}") for number in range(2)]
        tables.add_many(olga.restaurant_id, names, restaurants.ensure_zone(olga.restaurant_id, zone))


def _call(olga: Person) -> list[Table]:
    """One table calls for everything, another one is paused."""
    restaurant, laid = restaurants.get(olga.restaurant_id), tables.of_restaurant(olga.restaurant_id)
    assert restaurant is not None
    by = restaurants.Actor(id=olga.member_id, name=long(fields.MAX_NAME_LENGTH))
    calls = [
        requests.open_request(restaurant, laid[0], kind, kind["id"], note=long(140)) for kind in restaurant["kinds"]
    ]
    requests.accept(olga.restaurant_id, [calls[0]["_id"]], by)
    requests.resolve(olga.restaurant_id, [calls[-1]["_id"]], by)
    pauses.pause_table(laid[1])
    return laid


def _connect(olga: Person, table: Table) -> None:
    """A webhook that was told of calls, in vain, and a button that is silent."""
    webhooks.put(olga.restaurant_id, f"https://{'a' * 60}.example.org/{'x' * 900}")
    told = {"at": clock.now() + timedelta(seconds=1), "what": "called", "by": None}
    restaurants.forget(olga.restaurant_id)
    restaurant, calls = restaurants.get(olga.restaurant_id), queries.live_of_table(olga.restaurant_id, table["_id"])
    assert restaurant is not None
    for call in calls:
        telling.enqueue_steps(restaurant, cast(ServiceRequest, {**call, "steps": [told]}))
    failed = {"state": "failed", "attempts": 10, "tried_at": clock.now(), "status": 0, "problem": "certificate"}
    db().hooks.update_many({}, {"$set": failed})
    buttons.renew(olga.restaurant_id, table["_id"])
    silent = {"button.heard_at": clock.now() - timedelta(days=9)}
    tables.documents().update_one({"_id": table["_id"]}, {"$set": silent})
    walks.begin(olga.restaurant_id)
    walks.note(olga.restaurant_id, table["_id"], tables.of_restaurant(olga.restaurant_id)[1]["_id"])


def _share_tables(olga: Person, laid: list[Table]) -> None:
    """Olga and another member are on duty, each with a table and a zone; a third one is on a break."""
    restaurant_id = olga.restaurant_id
    others = [
        str(restaurants.add_member(restaurant_id, long(fields.MAX_NAME_LENGTH, start), "waiter", None))
        for start in "CD"
    ]
    for member_id, table in zip([olga.member_id, *others], laid, strict=False):
        duty.begin(restaurant_id, member_id)
        duty.take(restaurant_id, member_id, [table["_id"]], [str(table["zone_id"])])
    duty.hand_over(restaurant_id, others[1], olga.member_id)
    joins.join(restaurant_id, [table["_id"] for table in laid[2:4]])
    restaurant = restaurants.get(restaurant_id)
    assert restaurant is not None
    requests.open_request(restaurant, laid[3], restaurant["kinds"][0], "a tap at joined tables")


def _count(app: Flask, olga: Person) -> None:
    """A week in which it was called 98,784 times, and nobody came for a quarter of an hour."""
    restaurant, now = restaurants.get(olga.restaurant_id), clock.now()
    assert restaurant is not None
    numbers = {"calls": 98, "answered": 98, "given_up": 9, "nobody": 9, "alerted": 9, "waits": {"60": 98}}
    cells = [
        {"zone_id": zone["id"], "zone_name": zone["name"], "kind": kind["id"], **numbers}
        for zone in restaurant["zones"]
        for kind in restaurant["kinds"]
    ]
    state = {"state": "counted", "attempts": 0, "next_at": now}
    places = [
        {"restaurant_id": olga.restaurant_id, "quarter": times.quarter_of(now - timedelta(hours=hour))}
        for hour in range(7 * 24)
    ]
    # The website may have begun to count the latest quarters.
    rollups = app.extensions["mongo"].database.rollups
    rollups.bulk_write([ReplaceOne(place, {**place, "cells": cells, **state}, upsert=True) for place in places])


@pytest.fixture
def longest(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """German is whatever is longest: each message takes the most letters that a language of the staff needs for it."""
    texts: dict[str, str] = {}
    with app.test_request_context():
        for language in STAFF_LANGUAGES[1:]:
            with force_locale(language):
                for key, text in cast(Any, get_translations())._catalog.items():
                    message = key[0] if isinstance(key, tuple) else key  # of a plural: with the number of the form
                    texts[message] = max(texts.get(message, ""), text, key=len)
        with force_locale("de"):
            german = cast(Any, get_translations())
    mixed = {key: texts[key[0] if isinstance(key, tuple) else key] for key in german._catalog}
    monkeypatch.setattr(german, "_catalog", mixed)
    forget_drawings()
    yield
    forget_drawings()


CACHED = type(functools.cache(len))


def forget_drawings() -> None:
    """Clear what this process has drawn or computed once, which may hold texts."""
    for name, module in list(sys.modules.items()):
        if name.startswith("waitercaller."):
            for each in vars(module).values():
                if type(each) is CACHED:
                    each.cache_clear()


def reading(client: Browser, language: str) -> Browser:
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    return client


@pytest.mark.usefixtures("longest")
def test_every_page_of_the_staff_fits_and_so_does_every_form_that_is_refused(
    app: Flask,
    show: Callable[[Any], Page],
    evening: Callable[[str], datetime],
    crowded: Callable[[], tuple[Person, Table]],
) -> None:
    evening("de")
    olga, table = crowded()
    found, refused = [], 0
    for client in (reading(olga.client, "de"), reading(visit(app), "de")):
        paths = list(pages(app, client, olga, table))
        paths += [f"{path}?days={days}" for path in paths if path.endswith("/report") for days in (1, 28, 90)]
        history = client.get(f"{olga.home}/history")
        paths += re.findall(rf'href="({olga.home}/history/\w+)"', history.text)[:1]
        last = page_of_operators(app, olga) if client is olga.client else ()
        for path in chain(paths, last):
            page = show(client.get(path))
            found += [f"{path}: {each}" for each in faults(page)]
            for action, texts in page.evaluate(FORMS, path):
                for text in (WORD, BACKWARDS) if action.endswith("/tables") else (WORD,):
                    form = {name: text if value is None else value for name, value in texts.items()}
                    answer = client.submit(action, form, page=path)
                    if answer.status_code == 400:
                        refused += 1
                        found += [f"{action}, refused: {each}" for each in faults(show(answer))]
    assert refused > 20
    assert found == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_a_guest_fits_in_every_language(
    app: Flask,
    show: Callable[[Any], Page],
    evening: Callable[[str], datetime],
    hire: Callable[..., Person],
    language: str,
) -> None:
    at = evening(language)
    restaurant_id = hire("Olga", restaurant="Olga’s").restaurant_id
    links = [{"label": f"{number} {'W' * 22}", "url": "https://restaurant.example/"} for number in (1, 2)]
    values: Document = {"languages": list(LANGUAGES), "settings.notes": True}
    values["settings.face"] = {"colour": "#7a4f01", "links": links}
    app.extensions["mongo"].database.restaurants.update_one({"_id": restaurant_id}, {"$set": values})
    with app.app_context():
        face.set_logo(restaurant_id, logo.drawn(saved(bell())))
        tables.add_many(restaurant_id, ["7", "8"], None)
        open_table, paused = tables.of_restaurant(restaurant_id)
        pauses.pause_table(paused)
    guest, found = reading(visit(app), language), []
    for table in (open_table, paused):
        page = show(guest.get(f"/t/{table['code']}"))
        found += faults(page)
        page.evaluate("document.querySelector('#languages').open = true")
        found += [*faults(page), *page.evaluate(COVERED), *axe.complaints(page)]
    # Closed until as long a date in another week.
    closed = {"opening": {"state": "closed", "until": at + timedelta(days=364)}}
    app.extensions["mongo"].database.restaurants.update_one({"_id": restaurant_id}, {"$set": closed})
    cache.restaurants.clear()
    found += faults(show(guest.get(f"/t/{open_table['code']}")))
    assert found == []


def test_the_page_of_a_guest_breaks_long_names(
    app: Flask, show: Callable[[Any], Page], evening: Callable[[str], datetime], crowded: Callable[[], Any]
) -> None:
    evening("en")
    _olga, table = crowded()
    assert faults(show(visit(app).get(f"/t/{table['code']}"))) == []


@pytest.mark.usefixtures("longest")
def test_no_view_of_the_live_dashboard_breaks_a_short_word(app: Flask, visitors: Visitors, alice: Person) -> None:
    """Cards of every age, as rounds, and the sheet on which a call is entered."""
    restaurant_id = alice.restaurant_id
    with app.app_context():
        tables.add_many(restaurant_id, ["1", "2", "3"], restaurants.ensure_zone(restaurant_id, "Terrasse"))
        tables.add_many(restaurant_id, ["4", "12", "Window"], None)
        restaurant = restaurants.get_even_removed(restaurant_id)
        assert restaurant is not None
        for number, table in enumerate(tables.of_restaurant(restaurant_id)):
            kind = restaurant["kinds"][number % len(restaurant["kinds"])]
            made = requests.open_request(restaurant, table, kind, "a key")
            since = clock.now() - timedelta(seconds=50 * number)
            app.extensions["mongo"].database.requests.update_one({"_id": made["_id"]}, {"$set": {"first_at": since}})
    page = visitors.logged_in(alice, locale="de")
    page.goto(f"{alice.home}/dashboard")
    expect(page.locator("#calls article")).to_have_count(6)
    found = faults(page)
    page.locator("#rounds").click()
    expect(page.locator(".round")).to_have_count(2)
    found += [f"rounds: {each}" for each in faults(page)]
    page.locator("#enter").click()
    expect(page.locator("#enter-sheet a").first).to_be_visible()
    found += [f"enter: {each}" for each in faults(page)]
    assert found == []
