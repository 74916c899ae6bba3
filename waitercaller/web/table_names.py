"""The field for names of new tables, and its parser of lists with ranges such as "1-12"."""

import re
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import TextAreaField
from wtforms.validators import ValidationError

from waitercaller.model.tables import name_key
from waitercaller.web.fields import MAX_TABLE_NAME_LENGTH
from waitercaller.web.forms import Form, no_control_characters, tidy

MAX_TABLES_AT_ONCE = 200

SEPARATORS = re.compile(r"[,;\n]")
# "1-12", "Terrace 1–8", "T1-T8": the prefix may be repeated before the last number; any dash is accepted.
RANGE = re.compile(r"(?P<start>.*?)(?P<first>[0-9]+)\s*[-–—−]\s*(?:(?P=start))?(?P<last>[0-9]+)")


def names_from(text: str) -> list[str]:
    """The names in `text`, separated by commas, semicolons or lines; ranges are expanded. Raises ValidationError."""
    names: list[str] = []
    for part in SEPARATORS.split(text):
        if item := tidy(part):
            names.extend(_expanded(item))
        if len(names) > MAX_TABLES_AT_ONCE:
            raise _too_many()
    if not names:
        raise ValidationError(_("Please name at least one table."))
    _refuse_repetition(names)
    return names


class TableNamesForm(Form):
    """The names of new tables; once it is valid, `expanded_names` has each of them."""

    names = TextAreaField(
        lazy_gettext("Names or numbers"),
        validators=[no_control_characters],
        render_kw={"rows": 2, "required": True},
    )

    expanded_names: list[str]

    def validate_names(self, field: Any) -> None:
        self.expanded_names = names_from(field.data or "")


def _expanded(item: str) -> list[str]:
    # Length-limited before matching: on long texts the regular expression is slow.
    match = RANGE.fullmatch(item) if len(item) <= 2 * MAX_TABLE_NAME_LENGTH else None
    names = _numbered(item, match["start"], match["first"], match["last"]) if match else [item]
    for name in names:
        if len(name) > MAX_TABLE_NAME_LENGTH:
            raise ValidationError(_("A name has at most %(max)d characters.", max=MAX_TABLE_NAME_LENGTH))
    return names


def _numbered(item: str, start: str, first: str, last: str) -> list[str]:
    """The names of a range; leading zeros keep the width of the numbers."""
    if int(first) > int(last):
        raise ValidationError(_("“%(range)s” counts backwards: write the smaller number first.", range=item))
    if int(last) - int(first) >= MAX_TABLES_AT_ONCE:
        raise _too_many()
    width = len(first) if first.startswith("0") else 0
    return [f"{start}{number:0{width}d}" for number in range(int(first), int(last) + 1)]


def _refuse_repetition(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name_key(name) in seen:
            raise ValidationError(_("“%(name)s” is there twice.", name=name))
        seen.add(name_key(name))


def _too_many() -> ValidationError:
    return ValidationError(_("At most %(max)d tables at once, please.", max=MAX_TABLES_AT_ONCE))
