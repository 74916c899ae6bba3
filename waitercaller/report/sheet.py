"""CSV output for spreadsheets."""

import csv
import io
import re
from collections.abc import Iterable

# Beginnings of cells that spreadsheets evaluate as formulas, including full-width characters. With locales that have a
# decimal comma, spreadsheets also split cells at semicolons, even if quoted.
FORMULA = re.compile(r"""(^|;[\s"]*)(?=[=+\-@\t\r\n＝＋－＠])""")


def to_csv(rows: Iterable[Iterable[object]]) -> str:
    """The rows as CSV; an apostrophe protects texts that a spreadsheet would evaluate (CSV injection)."""
    out = io.StringIO()
    out.write("\ufeff")  # byte order mark: Excel needs it to detect UTF-8
    csv.writer(out).writerows([_safe(value) for value in row] for row in rows)
    return out.getvalue()


def _safe(value: object) -> object:
    return FORMULA.sub(r"\1'", value) if isinstance(value, str) else value
