"""docs/security.md matches the tests and the code, and lists every requirement."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support import ROOT

DOCUMENT = ROOT / "docs/security.md"
VERDICTS = {"test", "code", "not applicable", "deployment", "not met"}
# How many requirements of each level version 5.0.0 has in each of its 17 chapters.
LEVEL_1 = (8, 4, 8, 2, 4, 13, 6, 4, 4, 5, 3, 3, 1, 2, 3, 0, 0)
LEVEL_2 = (19, 7, 11, 8, 5, 22, 12, 3, 3, 24, 11, 6, 12, 7, 10, 16, 7)
ID = re.compile(r"[1-9][0-9]?\.[1-9][0-9]?\.[1-9][0-9]?")
NODE = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
FILE = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.\w+|Makefile)`")


@dataclass
class Row:
    """A requirement: number, level, summary, verdict and evidence."""

    id: str
    level: str
    words: str
    verdict: str
    grounds: str

    @property
    def nodes(self) -> list[tuple[str, str]]:
        return [(match[1], match[2]) for match in NODE.finditer(self.grounds)]


def rows() -> list[Row]:
    lines = [line for line in DOCUMENT.read_text().splitlines() if re.match(r"\| [0-9]", line)]
    return [Row(*(cell.strip() for cell in line.strip("|").split(" | "))) for line in lines]


def marked() -> Iterator[tuple[tuple[str, str], str]]:
    """All tests that are marked with requirements, `@pytest.mark.asvs("6.2.1")`, and the number of each."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        source = path.read_text("utf-8")
        if "mark.asvs" not in source:
            continue
        functions = [each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.FunctionDef)]
        for node in functions:
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.asvs":
                    for number in decorator.args:
                        yield (path.relative_to(ROOT).as_posix(), node.name), ast.literal_eval(number)


def test_every_requirement_occurs_once_and_in_order() -> None:
    ids = [row.id for row in rows()]
    assert [each for each, count in Counter(ids).items() if count > 1] == []
    assert [each for each in ids if not ID.fullmatch(each)] == []
    assert ids == sorted(ids, key=lambda each: [int(number) for number in each.split(".")])


@pytest.mark.parametrize(("level", "expected"), [("1", LEVEL_1), ("2", LEVEL_2)])
def test_no_requirement_of_level_1_and_2_is_left_out(level: str, expected: tuple[int, ...]) -> None:
    found = Counter(int(row.id.split(".")[0]) for row in rows() if row.level == level)
    assert tuple(found[chapter] for chapter in range(1, 18)) == expected
    assert {row.level for row in rows()} == {"1", "2"}


def test_every_row_has_one_verdict_with_its_grounds() -> None:
    for row in rows():
        assert row.verdict in VERDICTS, row
        assert len(row.words) > 15, row
        assert len(row.grounds) > 10, row
        assert bool(row.nodes) == (row.verdict == "test") or row.verdict == "not met", row


def test_each_row_names_the_tests_that_are_marked_with_its_number() -> None:
    named = {(node, row.id) for row in rows() for node in row.nodes}
    assert named == set(marked())


def test_every_file_that_is_evidence_exists() -> None:
    named = {(row.id, match[1]) for row in rows() for match in FILE.finditer(row.grounds)}
    assert [each for each in sorted(named) if not (ROOT / each[1]).exists()] == []
    for row in rows():
        if row.verdict == "code":
            assert FILE.search(row.grounds), row


def test_the_summary_counts_right() -> None:
    summary = dict(re.findall(r"^\* \*\*([a-z ]+)\*\*: (\d+)", DOCUMENT.read_text(), re.MULTILINE))
    assert {verdict: int(count) for verdict, count in summary.items() if count != "0"} == dict(
        Counter(row.verdict for row in rows())
    )
