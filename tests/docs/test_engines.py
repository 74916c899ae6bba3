"""docs/engines.md: each test that it names exists; those of journeys are run in the engine of their column."""

import ast
import re
import subprocess
import sys
from functools import cache
from string import ascii_lowercase

from tests.support import ROOT

DOCUMENT = ROOT / "docs/engines.md"
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
REASONS = {f"reason {number}" for number in range(1, 7)}
ENGINES = ("Chromium", "Firefox", "WebKit", "Chromium 83 or 87")


def rows(section: str) -> list[list[str]]:
    """The cells of the table below this heading, without its head."""
    text = DOCUMENT.read_text("utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@cache
def functions_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


def engine_of(node: str) -> str:
    if "/webkit/" in node:
        return "WebKit"
    if "test_old_chromium.py" in node:
        return "Chromium 83 or 87"
    return "Firefox" if node.endswith("firefox]") else "Chromium"


def test_each_named_test_exists() -> None:
    named = NAMED.findall(DOCUMENT.read_text("utf-8"))
    assert [f"{file}::{name}" for file, name in named if name not in functions_in(file)] == []


def test_each_journey_is_shown_by_tests_that_run_in_the_engine_or_says_why_not() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/browser"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    run = {(re.sub(r"\[.*", "", node), engine_of(node)) for node in listed.splitlines() if "::" in node}
    for journey, *cells in rows("Journeys"):
        shown = cells[0]
        for engine, cell in zip(ENGINES, cells, strict=True):
            shown = shown if cell == "the same" else cell
            named = NAMED.findall(shown)
            assert named or cell in REASONS, (journey, engine)
            assert [each for each in named if ("tests/" + "::".join(each), engine) not in run] == [], (journey, engine)


def test_each_fault_names_a_test_and_what_is_beside_it() -> None:
    faults = rows("Faults, and others of their kind")
    names = [*map(str, range(1, 16)), *ascii_lowercase[:25]]
    assert [fault[0] for fault in faults] == names
    for _name, _fault, test, beside in faults:
        assert NAMED.search(test)
        assert len(beside) > 10
