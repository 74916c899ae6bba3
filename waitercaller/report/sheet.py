"""The report as a file for spreadsheets."""

import csv
import io
import re
from collections.abc import Iterable

# A program that opens the file would calculate what begins like this; the wide ones are taken for the plain ones. Where
# numbers have a comma in them, a spreadsheet begins another cell after a semicolon, quoted or not.
FORMULA = re.compile(r"""(^|;[\s"]*)(?=[=+\-@\t\r\n＝＋－＠])""")


def written(rows: Iterable[Iterable[object]]) -> str:
    """These rows as CSV. Texts stay texts: names are typed by people, and must not be calculated by a spreadsheet."""
    out = io.StringIO()
    out.write("\ufeff")  # or Excel takes it for another encoding
    csv.writer(out).writerows([_safe(value) for value in row] for row in rows)
    return out.getvalue()


def _safe(value: object) -> object:
    return FORMULA.sub(r"\1'", value) if isinstance(value, str) else value
