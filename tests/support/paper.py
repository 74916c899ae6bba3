"""Printed sheets as PDF, and what can be read from them."""

import re
import subprocess
from collections import Counter
from pathlib import Path

from PIL import Image

DOTS_PER_INCH = 200
MM_PER_DOT = 25.4 / DOTS_PER_INCH


def size_of(file: Path) -> tuple[float, float]:
    """Width and height of the pages of a PDF, in millimetres."""
    told = subprocess.run(["pdfinfo", file], check=True, capture_output=True, text=True).stdout
    width, height = re.findall(r"Page size: +([\d.]+) x ([\d.]+) pts", told)[0]
    return float(width) * 25.4 / 72, float(height) * 25.4 / 72


def words_of(file: Path) -> str:
    """The text on the pages of a PDF."""
    return subprocess.run(["pdftotext", file, "-"], check=True, capture_output=True, text=True).stdout


def pictures_of(file: Path) -> list[Path]:
    """A picture of each page of a PDF, in grey."""
    subprocess.run(["pdftoppm", "-r", str(DOTS_PER_INCH), "-gray", file, file.with_suffix("")], check=True)
    return sorted(file.parent.glob(f"{file.stem}*.pgm"))


def codes_on(pictures: list[Path], number: int) -> list[str]:
    """What the QR codes in these pictures say. zbar misses one of some hundreds: for `number` codes it looks twice.

    The camera of a phone looks at each of its pictures, too.
    """
    found = Counter(_codes_on(pictures))
    if found.total() < number:
        found |= Counter(_codes_on([_enlarged(each) for each in pictures]))
    return list(found.elements())


def _codes_on(pictures: list[Path]) -> list[str]:
    command: list[str | Path] = ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", *pictures]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.split()


def _enlarged(picture: Path) -> Path:
    with Image.open(picture) as original:
        width, height = original.size
        file = picture.with_suffix(".larger.pgm")
        original.resize((width * 3 // 2, height * 3 // 2)).save(file)
    return file
