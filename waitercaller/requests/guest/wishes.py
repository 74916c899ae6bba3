"""What a tap asks for: a kind that the restaurant offers, perhaps one of its choices, perhaps a note."""

import unicodedata
from typing import NamedTuple

from flask import request
from flask_babel import gettext as _

from waitercaller.model.restaurants import Restaurant
from waitercaller.model.standard_kinds import Choice, Kind
from waitercaller.web.errors import DomainError
from waitercaller.web.forms import tidy

LONGEST_NOTE = 140


class Wish(NamedTuple):
    """What one tap asks for."""

    kind: Kind
    choice: Choice | None
    note: str | None


def wish_of_form(restaurant: Restaurant) -> Wish:
    """The wish of a guest's form: `kind` is "bill", or with its choice "bill/card". Raises DomainError."""
    kind_id, _slash, choice_id = request.form.get("kind", "").partition("/")
    kind: Kind | None = next((each for each in restaurant["kinds"] if each["id"] == kind_id), None)
    choice = next((each for each in kind["choices"] if each["id"] == choice_id), None) if kind else None
    if kind is None or not kind["active"] or (choice_id and choice is None):
        raise DomainError(_("The restaurant does not offer this any more. Please scan the code again."), 400)
    return Wish(kind, choice, _note(restaurant))


def _note(restaurant: Restaurant) -> str | None:
    """The note, where the restaurant allows any: a call goes through also where that has changed a moment ago."""
    if not takes_notes(restaurant):
        return None
    note = tidy(request.form.get("note", "")) or ""
    if len(note) > LONGEST_NOTE:
        raise DomainError(_("Please use at most %(max)d characters for your note.", max=LONGEST_NOTE), 400)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in note):
        raise DomainError(_("Your note contains a character that cannot be shown."), 400)
    return note or None


def takes_notes(restaurant: Restaurant) -> bool:
    """Whether guests may add a note to what they ask for."""
    return bool(restaurant["settings"].get("notes"))
