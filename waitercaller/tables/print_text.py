"""One line of text as it is drawn from left to right, as PDF wants it.

Arabic letters are joined, and what is read from the right is turned round: of the Unicode Bidirectional Algorithm
(UAX #9) what a single line without control characters needs.
"""

import unicodedata
from functools import lru_cache

import arabic_reshaper

from waitercaller.tables.print_fonts import printable

MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")


@lru_cache(maxsize=1024)
def drawn(text: str) -> str:
    """The characters of `text` in the order in which they are drawn."""
    text = arabic_reshaper.reshape(printable(text))
    sides = _sides(text)
    if "R" not in sides:
        return text
    base = next(side for side in sides if side in "LR")
    levels = _levels(_settled(sides, base), base)
    pieces = [each.translate(MIRRORED) if level % 2 else each for each, level in zip(text, levels, strict=True)]
    for level in range(max(levels), 0, -1):
        pieces, levels = _turned(pieces, levels, level)
    return "".join(pieces)


def _sides(text: str) -> list[str]:
    """For each character: L or R (it is read from there), N (a number), - (what stands between numbers) or a space."""
    known = {"L": "L", "R": "R", "AL": "R", "EN": "N", "AN": "N", "ES": "-", "CS": "-"}
    return [known.get(unicodedata.bidirectional(each), " ") for each in text]


def _settled(sides: list[str], base: str) -> list[str]:
    """`sides` with L, R or N for all: numbers take the side of Latin before them, the rest that of its neighbours."""
    settled = list(sides)
    strong = base
    for at, side in enumerate(sides):
        if side == "-" and sides[at - 1 : at] == ["N"] == sides[at + 1 : at + 2]:
            settled[at] = side = "N"
        if side in "LR":
            strong = side
        elif side == "N" and strong == "L":
            settled[at] = "L"
    for at, side in enumerate(settled):
        if side in " -":
            before = settled[at - 1] if at else base
            after = next((each for each in settled[at:] if each in "LRN"), base)
            here, there = (each.replace("N", "R") for each in (before, after))
            settled[at] = here if here == there else base
    return settled


def _levels(sides: list[str], base: str) -> list[int]:
    """The embedding level of each: odd ones are read from the right."""
    return [{"L": 2 if base == "R" else 0, "R": 1, "N": 2}[side] for side in sides]


def _turned(pieces: list[str], levels: list[int], level: int) -> tuple[list[str], list[int]]:
    """Both with every stretch of at least this level turned round (rule L2)."""
    start = 0
    for at in range(len(levels) + 1):
        if at == len(levels) or levels[at] < level:
            pieces[start:at] = reversed(pieces[start:at])
            levels[start:at] = reversed(levels[start:at])
            start = at + 1
    return pieces, levels
