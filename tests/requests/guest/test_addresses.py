"""What is under /t/: the table's page, however its address was written, and what a guest reads at any other one."""

import pytest
from flask import Flask

from tests.support.cast import visit
from waitercaller.model.tables import Table

ARABIC = str.maketrans("234567", "٢٣٤٥٦٧")
WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
SCAN_AGAIN = "Please scan the code on your table again, or wave to the staff."


@pytest.mark.parametrize(
    "address",
    ["/t/{}", "/T/{}", "/t/{}/", "/T/{}/", "/t/{}?utm_source=scanner", "/t/{}/?utm_source=scanner"],
)
def test_the_tables_page_has_many_addresses(app: Flask, table: Table, address: str) -> None:
    for code in spellings(table["code"]):
        page = visit(app).get(address.format(code))
        assert page.status_code == 200, code
        assert f'action="/t/{table["code"]}/call"' in page.text


def spellings(code: str) -> list[str]:
    """The code as people type it: in lower case, in groups, other digits, wide letters, with marks of direction."""
    groups = [code[start : start + 4] for start in range(0, 26, 4)]
    typed = [code.translate(ARABIC), code.translate(WIDE), f"\u200f{code}\u200e"]
    return [code, code.lower(), "-".join(groups), " ".join(groups), *typed]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/t", 404),
        ("/t/", 404),
        ("/T/", 404),
        ("/t/nothing", 404),
        ("/t/{code}.", 404),
        ("/t/{code}/menu", 404),
        ("/t/{code}/call", 405),
        ("/t/{code}/cancel", 405),
        ("/t/{code}/live/", 404),
        ("/t/{short}", 404),
        ("/t/%00", 404),
    ],
)
def test_anything_else_says_to_scan_again_or_to_wave(app: Flask, table: Table, path: str, status: int) -> None:
    answer = visit(app).get(path.format(code=table["code"], short=table["code"][:-1]), follow_redirects=True)
    assert (answer.status_code, SCAN_AGAIN in answer.text) == (status, True)
    assert "To the start" not in answer.text


def test_an_unknown_code_says_so_too(app: Flask) -> None:
    answer = visit(app).get(f"/t/{'A' * 26}")
    assert "Please scan the code on your table, or wave to the staff." in answer.text
    assert "To the start" not in answer.text


def test_everywhere_else_there_is_a_way_to_the_start(app: Flask) -> None:
    for path in ("/nowhere", "/tables", "/r/nothing"):
        answer = visit(app).get(path)
        assert (answer.status_code, "To the start" in answer.text) == (404, True)
