"""The HTML of every page: times that machines read, and sections with headings."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask

from tests.support.cast import Browser, Person
from tests.web.test_walk import routes, things_for, unconfirmed

# A date, or a date and a time with at most three digits after the seconds, and its zone.
VALID_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)?)?|\d\d:\d\d(:\d\d(\.\d{1,3})?)?"
)
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}


class Outline(HTMLParser):
    """Collects what is wrong with a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self._sections: list[list[Any]] = []  # the opening tag, and whether a heading was found
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if "datetime" in given and not VALID_TIME.fullmatch(given["datetime"] or ""):
            self.faults.append(f"datetime={given['datetime']}")
        if tag in ("section", "article"):
            self._sections.append([self.get_starttag_text(), False])
        if tag in HEADINGS:
            for section in self._sections:
                section[1] = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("section", "article"):
            opening, has_heading = self._sections.pop()
            if not has_heading:
                self.faults.append(f"no heading in {opening}")


def test_the_outline_notices_faults() -> None:
    page = '<section id="a"><section id="b"><h2>B</h2></section></section><section id="c"></section>'
    assert Outline(page).faults == ['no heading in <section id="c">']
    assert Outline('<time datetime="2026-11-26T09:13:46.123000+00:00">').faults != []
    assert Outline('<time datetime="2026-11-26T09:13:46.123+00:00">').faults == []


def pages(app: Flask, browser: Browser, things: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every page that this browser may open, by its route."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in routes(app, "GET") or not set(rule.arguments) <= set(things):
            continue
        path = app.url_map.bind("localhost").build(rule.endpoint, {name: things[name] for name in rule.arguments})
        with browser.get(path, buffered=False) as answer:
            if answer.status_code == 200 and answer.mimetype == "text/html":
                yield rule.endpoint, answer.get_data(as_text=True)


@pytest.mark.needs_wire
def test_every_page_has_valid_times_and_headings_in_its_sections(app: Flask, alice: Person, bob: Person) -> None:
    with app.app_context():
        things = things_for("Alice", alice)
    faults = {}
    found = [*pages(app, alice.client, things), *pages(app, unconfirmed(app), things)]
    for endpoint, page in found:
        if wrong := Outline(page).faults:
            faults[endpoint] = wrong
    assert faults == {}
    assert len(found) > 40
