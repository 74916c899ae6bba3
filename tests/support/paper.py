"""What browsers print: sheets of paper as PDF, and what can be read from them."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

MISSING = "missing: sudo apt-get install poppler-utils zbar-tools"
DOTS_PER_INCH = 150


@dataclass(frozen=True)
class Paper:
    """A sheet in millimetres, and the margin that a printer leaves white."""

    name: str
    width: float
    height: float
    margin: float


def can_be_read() -> bool:
    """Whether the programs that read PDFs and codes are there."""
    return all(shutil.which(each) for each in ("pdfinfo", "pdftoppm", "zbarimg"))


def size_of(file: Path) -> tuple[float, float]:
    """Width and height of the pages of a PDF, in millimetres."""
    told = subprocess.run(["pdfinfo", file], check=True, capture_output=True, text=True).stdout
    width, height = re.findall(r"Page size: +([\d.]+) x ([\d.]+) pts", told)[0]
    return float(width) * 25.4 / 72, float(height) * 25.4 / 72


def codes_on(file: Path) -> list[set[str]]:
    """The addresses in the QR codes of each page of a PDF."""
    subprocess.run(["pdftoppm", "-r", str(DOTS_PER_INCH), "-gray", "-png", file, file.with_suffix("")], check=True)
    return [_read(picture) for picture in sorted(file.parent.glob(f"{file.stem}*.png"))]


def _read(picture: Path) -> set[str]:
    scanned = subprocess.run(["zbarimg", "--quiet", "--raw", picture], check=False, capture_output=True, text=True)
    return set(scanned.stdout.split())
