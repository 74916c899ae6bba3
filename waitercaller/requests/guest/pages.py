"""The guest's page and its state fragment, as HTML. The fragment is sent by the page's stream, too.

A process keeps what it has drawn: most guests of a restaurant see the same page, and the same state of their table. All
that a drawing shows is in its arguments, so that it is never out of date.
"""

import functools
import re
from dataclasses import dataclass
from typing import Any

from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _
from markupsafe import Markup, escape

from waitercaller.model.askers import asker
from waitercaller.model.languages import LANGUAGES, in_language, text_direction
from waitercaller.model.service_request import ServiceRequest
from waitercaller.requests.guest import words
from waitercaller.requests.guest.table_view import TableView
from waitercaller.requests.guest.words import GuestState
from waitercaller.web.analytics import Analytics
from waitercaller.web.routing import path_for

DRAWN_PAGES = DRAWN_STATES = 1_000  # that a process keeps
# What a page shows of its visitor and table stands in it as "\0name\0", which no text holds, until it is sent.
PLACES = ("table", "fragment", "form_field", "receipt", "page_url", "call_url", "live_url")
PLACE = re.compile("\0([a-z_]+)\0")


@dataclass(frozen=True)
class Page:
    """What a guest's page shows that is alike for many visitors."""

    language: str
    languages: tuple[str, ...]  # codes of those that are offered
    restaurant_name: str
    colour: str | None
    logo: str | None
    links: tuple[tuple[str, str], ...]  # addresses and labels
    has_long_name: bool  # the table
    has_receipt: bool
    refresh: int  # seconds until a page without scripts reloads itself; 0: never
    old_code: bool
    notes: bool
    test: str | None
    analytics: Analytics | None
    heartbeat_ms: int


@dataclass(frozen=True)
class Button:
    """A kind that guests can call for, or a choice of it."""

    id: str
    name: str
    icon: str = ""
    live: bool = False
    first: bool = False
    chosen: bool = False
    choices: tuple["Button", ...] = ()


@dataclass(frozen=True)
class Fragment:
    """What the state fragment shows. Addresses are empty where their buttons are not shown."""

    state: GuestState | None
    joined: str
    notes: tuple[str, ...]
    is_old: bool
    notice: str
    kinds: tuple[Button, ...]
    opinion: str | None
    opinion_url: str
    cancel_url: str
    reopen_url: str


def page_html(page: Page, table_name: str, **values: str) -> str:
    """The page in the current locale, with these values of the other PLACES."""
    table = _("Table %(name)s", name=table_name) if table_name.isdecimal() else table_name
    there = {"table": escape(table), **{name: escape(value) for name, value in values.items()}}
    parts = _drawn_page(page)
    return "".join(there[part] if number % 2 else part for number, part in enumerate(parts))


def state_fragment(view: TableView, code: str, language: str, current: bool, asked_language: str | None) -> Markup:
    """The state and the buttons as HTML; without buttons for a retired code (`current` is False).

    `asked_language` was chosen on the page, and its URLs carry it on; `language` is the one to render in.
    """

    def url(act: str, is_shown: bool) -> str:
        return path_for(f"requests.guest.{act}", code=code, lang=asked_language, test=view.test) if is_shown else ""

    opinion = _opinion(view)
    with force_locale(language):
        fragment = Fragment(
            # For a retired code without requests, the notice about the code is enough.
            state=words.state_of(view) if current or view.live or view.ended else None,
            joined=view.joined,
            notes=_notes(view),
            is_old=not current,
            notice=words.notice_beside(view),
            # While paused, the buttons stay: taps are counted and shown to the staff.
            kinds=_kinds(view, language) if current and view.is_open else (),
            opinion=opinion,
            opinion_url=url("opinion", opinion == ""),
            cancel_url=url("cancel", view.can_cancel),
            reopen_url=url("reopen", current and view.can_reopen),
        )
        return _drawn_state(fragment, language)


@functools.lru_cache(DRAWN_PAGES)
def _drawn_page(page: Page) -> list[str]:
    """The page in the locale of its language: texts, and at every second place the name of what comes there."""
    template = current_app.jinja_env.get_template("requests/guest/page.html")
    places = {name: Markup(f"\0{name}\0") for name in PLACES}  # noqa: S704 (constants)
    direction = text_direction(page.language)
    return PLACE.split(template.render(vars(page), direction=direction, names=LANGUAGES, **places))


@functools.lru_cache(DRAWN_STATES)
def _drawn_state(fragment: Fragment, language: str) -> Markup:
    """The fragment in the locale of `language`."""
    template = current_app.jinja_env.get_template("requests/guest/_state.html")
    return Markup(template.render(vars(fragment)))  # noqa: S704 (our own template)


def _notes(view: TableView) -> tuple[str, ...]:
    """What this phone has written, of live requests."""
    mine = [asker(request, view.phone_ids) for request in view.live]
    return tuple(each["note"] for each in mine if each and each["note"])


def _opinion(view: TableView) -> str | None:
    """What the guest has said of the call that is done; "" before they have, None where nobody is asked."""
    return None if view.asked_about is None else view.asked_about.get("opinion", "")


def _kinds(view: TableView, language: str) -> tuple[Button, ...]:
    """The buttons, in the restaurant's order."""
    live = {} if view.paused else {request["kind"]: request for request in view.live}
    main = view.restaurant["languages"][0]

    def choices(kind: Any) -> tuple[Button, ...]:
        chosen = _chosen(live.get(kind["id"]), view.phone_ids)
        names = ((each["id"], in_language(each["names"], language, main)) for each in kind["choices"])
        return tuple(Button(choice_id, name, chosen=choice_id == chosen) for choice_id, name in names)

    return tuple(
        Button(
            kind["id"],
            in_language(kind["names"], language, main),
            kind["icon"],
            live=kind["id"] in live,
            first=number == 0 and not view.paused,
            choices=choices(kind),
        )
        for number, kind in enumerate(view.kinds)
    )


def _chosen(request: ServiceRequest | None, phone_ids: list[str]) -> str | None:
    """The id of the choice of this phone, or else of whoever called first; None if nothing is called for."""
    return (asker(request, phone_ids) or request)["choice"] if request else None
