"""The one colour of a restaurant: whether it can be read, and what it becomes on dark pages.

White letters stand on it, and it colours words on white paper: both can be read from a contrast of 4.5 on (WCAG 2.2,
1.4.3). On dark pages it is lightened until it stands out as much from what is around it, and its letters are dark.
"""

import re

COLOUR = re.compile("#[0-9a-f]{6}")
LEAST_CONTRAST = 4.5
WHITE, BLACK = "#ffffff", "#000000"
DARK_LETTERS, DARK_SURFACE = "#23140a", "#211b18"  # --on-brand and --surface of tokens.css


def is_readable(colour: str) -> bool:
    """Whether white letters can be read on this colour ("#8a3b12")."""
    return contrast(colour, WHITE) >= LEAST_CONTRAST


def nearest_readable(colour: str) -> str:
    """This colour, darkened no more than it has to be."""
    return next(each for each in _towards(colour, BLACK) if is_readable(each))


def in_dark(colour: str) -> str:
    """This colour on dark pages, lightened no more than it has to be; letters on it are DARK_LETTERS."""
    return next(each for each in _towards(colour, WHITE) if contrast(each, DARK_SURFACE) >= LEAST_CONTRAST)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, from 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _towards(colour: str, end: str) -> list[str]:
    """The colour, and in a hundred steps what lies between it and another one, which is the last."""
    pairs = list(zip(_parts(colour), _parts(end), strict=True))
    mixed = ([round(begin + (last - begin) * step / 100) for begin, last in pairs] for step in range(101))
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in mixed]


def _luminance(colour: str) -> float:
    """The relative luminance, from 0 to 1 (WCAG 2.2)."""
    shares = [part / 255 for part in _parts(colour)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
