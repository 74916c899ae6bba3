"""The formats of printed codes: cards, tents and sheets of labels, on A4 and on US Letter; lengths in millimetres."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["card", "tent", "label"]


@dataclass(frozen=True)
class Paper:
    """A sheet of paper, upright."""

    name: str
    width: float
    height: float


A4 = Paper("A4", 210, 297)
LETTER = Paper("Letter", 215.9, 279.4)


@dataclass(frozen=True)
class Format:
    """Equal places in columns and rows; a tent's place is folded in the middle and printed on both halves."""

    id: str
    kind: Kind
    paper: Paper
    columns: int
    rows: int
    width: float  # of a place
    height: float
    inset: float  # left white inside of a place: no printer reaches the edge of the paper, and cuts are not exact
    left: float = 0  # of the first place, from the edge of the paper
    top: float = 0
    gap: float = 0  # between two columns; between rows of labels there is none
    product: str = ""  # as makers of labels number the sheet

    @property
    def places(self) -> int:
        """How many codes a sheet takes."""
        return self.columns * self.rows

    def corners(self) -> Iterator[tuple[float, float]]:
        """The lower left corner of each place, from that of the paper, in the order of reading."""
        for row in range(self.rows):
            for column in range(self.columns):
                left = self.left + column * (self.width + self.gap)
                yield left, self.paper.height - self.top - (row + 1) * self.height


def _cut(kind: Kind, paper: Paper, columns: int, rows: int, inset: float) -> Format:
    width, height = paper.width / columns, paper.height / rows
    name = f"{paper.name.lower()}-{kind}-{columns * rows}"
    return Format(name, kind, paper, columns, rows, width, height, inset)


def _labels(paper: Paper, product: str, grid: tuple[int, int], size: tuple[float, float], gap: float) -> Format:
    """A sheet whose labels lie in the middle of it, as those of all makers do."""
    (columns, rows), (width, height) = grid, size
    left = (paper.width - columns * width - (columns - 1) * gap) / 2
    top = (paper.height - rows * height) / 2
    # What is flatter than a code of 25 mm with its white border has no inset: the label is as white as that border.
    inset = 1.4 if height > 30 else 0.2
    name = f"{paper.name.lower()}-label-{columns}x{rows}"
    return Format(name, "label", paper, columns, rows, width, height, inset, left, top, gap, product)


_ALL = [
    *(
        each
        for paper in (A4, LETTER)
        for each in (
            _cut("card", paper, 1, 1, 12),
            _cut("card", paper, 1, 2, 10),
            _cut("card", paper, 2, 2, 9),
            _cut("card", paper, 2, 4, 8),
            _cut("tent", paper, 2, 1, 9),
        )
    ),
    _labels(A4, "L7165", (2, 4), (99.1, 67.7), 2.5),
    _labels(A4, "L7163", (2, 7), (99.1, 38.1), 2.5),
    _labels(A4, "L7160", (3, 7), (63.5, 38.1), 2.54),
    _labels(A4, "L7159", (3, 8), (63.5, 33.9), 2.54),
    _labels(LETTER, "5163", (2, 5), (101.6, 50.8), 4.7625),
    _labels(LETTER, "5160", (3, 10), (66.675, 25.4), 3.175),
]
FORMATS = {each.id: each for each in _ALL}


def usual(time_zone: str) -> str:
    """The id of the format that is chosen at first: four cards, on Letter in America."""
    return "letter-card-4" if time_zone.startswith("America/") else "a4-card-4"
