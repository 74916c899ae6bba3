"""Lists of tables as CSV: a name and a zone in each row. What is wrong is said row by row."""

import csv
import io
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from flask_babel import gettext as _

from waitercaller.model.tables import MAX_TABLES, name_key
from waitercaller.web.fields import MAX_TABLE_NAME_LENGTH
from waitercaller.web.forms import tidy

HEADINGS = ("name", "table", "tables", "table name", "tisch", "tische", "tischname")  # of a first row that is no table
SEPARATORS = ",;\t"
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


class Row(NamedTuple):
    """One table of a list."""

    name: str
    zone: str


class Unreadable(Exception):
    """The list cannot be taken over; `problems` says why, by rows. Nothing was written."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = list(problems)


def read(data: bytes) -> list[Row]:
    """The rows of a CSV file. Raises Unreadable."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(_("This file is not in UTF-8. In a spreadsheet, save it as “CSV UTF-8”.")) from None
    rows: list[Row] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for number, cells in _lines(text):
        row = Row(*[_plain(cell) for cell in [*cells, ""][:2]])
        if number == 1 and row.name.casefold() in HEADINGS:
            continue
        if problem := _problem(row, cells, seen):
            problems.append(_("Row %(number)d: %(problem)s", number=number, problem=problem))
        seen.setdefault(name_key(row.name), number)
        rows.append(row)
        if len(rows) > MAX_TABLES:
            raise Unreadable(_("A restaurant can have %(number)d tables at most.", number=MAX_TABLES))
    if problems:
        raise Unreadable(*problems)
    if not rows:
        raise Unreadable(_("There is no table in this list."))
    return rows


def text_of(rows: list[Row]) -> str:
    """The rows as CSV that `read` reads again."""
    out = io.StringIO()
    csv.writer(out).writerows(
        [f"'{cell}" if cell.startswith((*FORMULA, "'")) else cell for cell in row] for row in rows
    )
    return out.getvalue()


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of each row that is not empty. Raises Unreadable."""
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            if any(cell.strip() for cell in cells):
                yield number, cells
    except csv.Error:
        raise Unreadable(_("Row %(number)d: %(problem)s", number=number + 1, problem=_("It cannot be read."))) from None


def _plain(cell: str) -> str:
    """A cell without spaces around it, and without the apostrophe that protects it in a spreadsheet."""
    cell = tidy(cell) or ""
    return cell[1:] if cell.startswith(tuple(f"'{each}" for each in (*FORMULA, "'"))) else cell


def _problem(row: Row, cells: list[str], seen: dict[str, int]) -> str | None:
    """What is wrong with a row, in words."""
    if any(cell.strip() for cell in cells[2:]):
        return str(_("There are more than two columns, the name and the zone."))
    if any(cell.strip().startswith(FORMULA) for cell in cells):
        return str(_("This begins like a formula. Put an apostrophe before it if it is a name."))
    if not row.name:
        return str(_("The name is missing."))
    if max(len(row.name), len(row.zone)) > MAX_TABLE_NAME_LENGTH:
        return str(_("A name has at most %(max)d characters.", max=MAX_TABLE_NAME_LENGTH))
    if any(unicodedata.category(each) in ("Cc", "Cs") for each in row.name + row.zone):
        return str(_("This contains a character that cannot be shown."))
    if (before := seen.get(name_key(row.name))) is not None:
        return str(_("“%(name)s” is in row %(number)d already.", name=row.name, number=before))
    return None
