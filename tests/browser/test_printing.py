"""The cards for the tables come out of the printer whole: in each engine, on A4 and Letter, with margins."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.support import engines
from tests.support.cast import Person
from tests.support.engines import Firefox, Paper
from tests.support.visitors import Visitors
from tests.support.website import Website
from waitercaller.model import tables
from waitercaller.tables import qr

pytestmark = pytest.mark.browser

PAPERS = [
    Paper("A4", 210, 297, 0),
    Paper("A4", 210, 297, 6.35),
    Paper("Letter", 215.9, 279.4, 0),
    Paper("Letter", 215.9, 279.4, 12.7),
]
DOTS_PER_INCH = 150
Print = Callable[[str, Path, Paper], None]


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    if not engines.are_installed():
        pytest.skip(engines.MISSING)


@pytest.fixture(scope="module")
def firefox() -> Iterator[Firefox]:
    with engines.firefox() as found:
        yield found


@pytest.fixture
def session(alice: Person) -> str:
    return alice.client.cookie("session")


@pytest.fixture
def in_chromium(visitors: Visitors, alice: Person) -> Print:
    def save(url: str, file: Path, paper: Paper) -> None:
        page = visitors.logged_in(alice)
        page.goto(url)
        margin = f"{paper.margin}mm"
        sides = {"top": margin, "bottom": margin, "left": margin, "right": margin}
        page.pdf(path=file, width=f"{paper.width}mm", height=f"{paper.height}mm", margin=sides, print_background=True)  # type: ignore[arg-type]

    return save


@pytest.fixture
def in_firefox(firefox: Firefox, session: str) -> Print:
    def save(url: str, file: Path, paper: Paper) -> None:
        firefox.goto(url, session=session)
        firefox.print(file, paper)

    return save


@pytest.fixture
def in_webkit(session: str) -> Print:
    return lambda url, file, paper: engines.webkit_print(url, session, file, paper)


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: f"{paper.name} with {paper.margin} mm")
@pytest.mark.parametrize("engine", ["chromium", "firefox", "webkit"])
def test_eight_cards_are_two_sheets_and_every_code_is_read(
    request: pytest.FixtureRequest,
    app: Flask,
    website: Website,
    alice: Person,
    tmp_path: Path,
    engine: str,
    paper: Paper,
) -> None:
    with app.app_context():
        tables.add_many(alice.restaurant_id, [f"Table {number}" for number in range(1, 9)], None)
        codes = [table["code"] for table in tables.of_restaurant(alice.restaurant_id)]
    file = tmp_path / "cards.pdf"
    request.getfixturevalue(f"in_{engine}")(f"{website.url}{alice.home}/tables/print", file, paper)
    assert _size(file) == pytest.approx((paper.width, paper.height), abs=0.5)
    expected = [{qr.address(website.url, code) for code in codes[sheet : sheet + 4]} for sheet in (0, 4)]
    assert [_read(picture) for picture in _pictures(file)] == expected


def _size(file: Path) -> tuple[float, float]:
    """Width and height of its pages, in millimetres."""
    told = subprocess.run(["pdfinfo", file], check=True, capture_output=True, text=True).stdout
    width, height = re.findall(r"Page size: +([\d.]+) x ([\d.]+) pts", told)[0]
    return float(width) * 25.4 / 72, float(height) * 25.4 / 72


def _pictures(file: Path) -> list[Path]:
    """A picture of each page, in order."""
    subprocess.run(["pdftoppm", "-r", str(DOTS_PER_INCH), "-gray", "-png", file, file.with_suffix("")], check=True)
    return sorted(file.parent.glob("*.png"))


def _read(picture: Path) -> set[str]:
    """The addresses in the codes of a page."""
    scanned = subprocess.run(["zbarimg", "--quiet", "--raw", picture], check=False, capture_output=True, text=True)
    return set(scanned.stdout.split())
