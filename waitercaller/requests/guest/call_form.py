"""The form of a guest's call: a kind that the restaurant offers, optionally one of its choices and a note."""

import unicodedata
from typing import NamedTuple

from flask import request
from flask_babel import gettext as _

from waitercaller.db import clock
from waitercaller.model import joins, offering
from waitercaller.model.requests import queries
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.standard_kinds import Choice, Kind
from waitercaller.model.tables import Table
from waitercaller.web.errors import DomainError
from waitercaller.web.forms import tidy

MAX_NOTE_LENGTH = 140  # characters


class Call(NamedTuple):
    """A validated call form."""

    kind: Kind
    choice: Choice | None
    note: str | None


def read(restaurant: Restaurant, table: Table) -> Call:
    """Validate the submitted form; its `kind` is "bill", or "bill/card" with a choice. Raises DomainError (400).

    What is not offered here any more can still be reminded of.
    """
    kind_id, _slash, choice_id = request.form.get("kind", "").partition("/")
    kind: Kind | None = next((each for each in restaurant["kinds"] if each["id"] == kind_id), None)
    choice = next((each for each in kind["choices"] if each["id"] == choice_id), None) if kind else None
    if kind is None or not kind["active"] or (choice_id and choice is None):
        raise _not_offered()
    if not offering.was_offered(restaurant, table["zone_id"], clock.now(), kind):
        group = joins.tables_with(restaurant, table["_id"], clock.now())
        if all(each["kind"] != kind_id for each in queries.live_of_table(restaurant["_id"], *group)):
            raise _not_offered()
    return Call(kind, choice, _note(restaurant))


def _not_offered() -> DomainError:
    return DomainError(_("The restaurant does not offer this any more. Please scan the code again."), 400)


def _note(restaurant: Restaurant) -> str | None:
    """The note; dropped where notes are switched off, so that a call from a page opened before that still succeeds."""
    if not takes_notes(restaurant):
        return None
    note = tidy(request.form.get("note", "")) or ""
    if len(note) > MAX_NOTE_LENGTH:
        raise DomainError(_("Please use at most %(max)d characters for your note.", max=MAX_NOTE_LENGTH), 400)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in note):
        raise DomainError(_("Your note contains a character that cannot be shown."), 400)
    return note or None


def takes_notes(restaurant: Restaurant) -> bool:
    """Whether guests may add a note to a call."""
    return bool(restaurant["settings"].get("notes"))
