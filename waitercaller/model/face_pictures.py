"""A restaurant's logo in PNG, for what does not show WebP everywhere: mails, and the icon of an installed app.

A drawing takes some milliseconds, so each process keeps its latest; the logo itself is asked from the database.
"""

import io
import math
from functools import lru_cache
from typing import NamedTuple

from PIL import Image

KEPT = 32  # drawings of each function; with the logos that they were made from, some hundred KB each at the most
ROOM = 0.86  # of an icon's width, for the longer side of the logo
SAFE = 0.8  # of a maskable icon's width: the circle that no system crops (W3C, Web Application Manifest)


class Picture(NamedTuple):
    """A picture in PNG, and its size in px."""

    png: bytes
    width: int
    height: int


@lru_cache(maxsize=KEPT)
def within(logo: bytes, width: int, height: int) -> Picture:
    """The logo, made smaller where it is wider or higher than this (px)."""
    image = _read(logo)
    image.thumbnail((width, height))
    return Picture(_png(image), *image.size)


@lru_cache(maxsize=KEPT)
def icon(logo: bytes, side: int, is_maskable: bool) -> bytes:
    """The logo in the middle of a white square, as PNG; `side` in px."""
    image = _read(logo)
    size = SAFE / math.hypot(*image.size) if is_maskable else ROOM / max(image.size)
    width, height = (max(1, round(side * size * each)) for each in image.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(image.resize((width, height), Image.Resampling.LANCZOS), ((side - width) // 2, (side - height) // 2))
    return _png(square)


def _read(logo: bytes) -> Image.Image:
    with Image.open(io.BytesIO(logo), formats=["WEBP"]) as image:
        return image.convert("RGB")


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
