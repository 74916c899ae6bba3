"""CSV output for spreadsheets, as they read it where the reader's language is spoken."""

import csv
import io
import re
from collections.abc import Iterable

from babel.numbers import format_decimal, get_decimal_symbol

BEGIN = "\ufeff"  # of a file; byte order mark: Excel needs it to detect UTF-8
# Beginnings of cells that spreadsheets evaluate as formulas, including full-width characters. Where it expects another
# separator, a spreadsheet also splits cells at that, even if quoted.
FORMULA = re.compile(r"""(^|[;,][\s"]*)(?=[=+\-@\t\r\n＝＋－＠])""")


def to_csv(rows: Iterable[Iterable[object]], language: str) -> str:
    """The rows as lines of CSV; an apostrophe protects texts that a spreadsheet would evaluate (CSV injection).

    Where numbers have a decimal comma, spreadsheets take the semicolon as the separator.
    """
    out = io.StringIO()
    separator = ";" if get_decimal_symbol(language) == "," else ","
    csv.writer(out, delimiter=separator).writerows([_cell(value, language) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: object, language: str) -> object:
    if isinstance(value, float):
        return format_decimal(value, format="0.######", locale=language)
    return FORMULA.sub(r"\1'", value) if isinstance(value, str) else value
