"""The fonts of printed codes, and which of them has which character. They cover the languages of guests' pages.

Each is read when a text first needs it, and then kept: 10 to 170 ms, and up to 8 MB.
"""

import gzip
import io
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

FOLDER = Path(__file__).parent.parent / "data" / "fonts"
# The first that has a character draws it. Chinese and Japanese draw some characters differently.
USUAL = ("noto-sans", "noto-sans-arabic", "noto-sans-jp", "noto-sans-sc")
CHINESE = ("noto-sans", "noto-sans-arabic", "noto-sans-sc", "noto-sans-jp")


def runs(text: str, language: str) -> Iterator[tuple[str, str]]:
    """`text` in parts that one font draws, each with the name of the font; it is ready for `canvas.setFont`."""
    for name, characters in groupby(text, key=lambda character: _font_of(character, language == "zh") or USUAL[0]):
        yield name, "".join(characters)


@lru_cache(maxsize=1024)
def width(text: str, language: str) -> float:
    """The width of `text`, in its size."""
    return sum(float(_font(name).stringWidth(part, 1)) for name, part in runs(text, language))


def lacking(text: str) -> list[str]:
    """The visible characters of `text` that no font has, each once; a box is printed for them."""
    return [each for each in dict.fromkeys(printable(text)) if _font_of(each, False) is None]


def printable(text: str) -> str:
    """`text` without control and format characters."""
    return "".join(each for each in text if not unicodedata.category(each).startswith("C"))


@cache
def _font(name: str) -> TTFont:
    font = TTFont(name, io.BytesIO(gzip.decompress((FOLDER / f"{name}.ttf.gz").read_bytes())))
    pdfmetrics.registerFont(font)
    return font


@lru_cache(maxsize=4096)
def _font_of(character: str, chinese: bool) -> str | None:
    names = CHINESE if chinese else USUAL
    return next((name for name in names if ord(character) in _font(name).face.charToGlyph), None)
