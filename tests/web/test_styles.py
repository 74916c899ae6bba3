"""The styles of guests' pages do without what old engines lack, or have something before it.

Safari 14, Chrome 83 and Firefox 78 drop a whole rule for a selector that they do not know.
"""

import re
from pathlib import Path

import pytest

STYLES = Path(__file__).parents[2] / "static" / "css"
SHEETS = ["tokens", "guest", "error", "offline"]
MISSING = {
    r":has\(": "Safari 15.4, Chrome 105, Firefox 121",
    r":is\(|:where\(": "Chrome 88",
    r":not\([^()]*,": "Safari 9, but Chrome 88",
    r"[\s;{]inset(-\w+)*:": "Safari 14.1, Chrome 87",
    r"[\s;{](margin|padding)-(inline|block):": "Safari 14.1, Chrome 87",
    r"cq(i|b|w|h|min|max)\b|container(-type)?:|@container": "Safari 16, Chrome 105, Firefox 110",
    r"[\s;{](rotate|scale|translate):": "Safari 14.1, Chrome 104",
    r"aspect-ratio": "Safari 15, Chrome 88, Firefox 89",
    r"justify-content: (start|end)|align-items: (start|end)": "in a flex container Safari 15.4, Chrome 93",
    r"color-mix\(|light-dark\(|oklch\(": "Safari 16.2, Chrome 111, Firefox 113",
    r"@layer|@scope|@property|&": "Safari 15.4, Chrome 99, Firefox 97",
    r"accent-color|field-sizing|interpolate-size": "Safari 15.4, Chrome 93, Firefox 92",
}


@pytest.mark.parametrize("sheet", SHEETS)
def test_no_rule_needs_what_is_missing(sheet: str) -> None:
    text = style(sheet)
    assert {why for pattern, why in MISSING.items() if re.search(pattern, text)} == set()


@pytest.mark.parametrize("sheet", SHEETS)
def test_flex_containers_have_no_gap(sheet: str) -> None:
    """`gap` in a flex container came with Safari 14.1 and Chrome 84; grids have had it for long."""
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", style(sheet))
    found = [selector.strip() for selector, body in rules if re.search(r"display: (inline-)?flex", body)]
    assert [
        selector for selector, body in rules if re.search(r"(^|[\s;])gap:", body) and selector.strip() in found
    ] == []


@pytest.mark.parametrize("sheet", SHEETS)
def test_small_viewport_units_follow_a_fallback(sheet: str) -> None:
    for name, value in re.findall(r"([\w-]+): ([^;{}]*\d[dsl]v[hw][^;{}]*)", style(sheet)):
        assert re.search(rf"{name}: [^;]*; {name}: {re.escape(value)}", style(sheet))


def style(sheet: str) -> str:
    return re.sub(r"/\*.*?\*/", "", (STYLES / f"{sheet}.css").read_text(), flags=re.DOTALL)
