"""The cards for the tables come out of the printer whole: in each engine, on A4 and Letter, with margins."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from flask import Flask

from tests.support import firefox_printer, webkit
from tests.support import paper as paper_tools
from tests.support.cast import Person
from tests.support.firefox_printer import Firefox
from tests.support.paper import Paper
from tests.support.visitors import Visitors
from tests.support.webkit import WebKitWindow
from tests.support.website import Website
from tests.support.windows import Windows
from waitercaller.model import tables
from waitercaller.tables import qr

pytestmark = pytest.mark.browser

PAPERS = [
    Paper("A4", 210, 297, 0),
    Paper("A4", 210, 297, 6.35),
    Paper("Letter", 215.9, 279.4, 0),
    Paper("Letter", 215.9, 279.4, 12.7),
]
Print = Callable[[str, Path, Paper], None]


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    for part, is_there in (
        (firefox_printer, firefox_printer.is_installed()),
        (webkit, webkit.is_installed()),
        (paper_tools, paper_tools.can_be_read()),
    ):
        if not is_there:
            pytest.skip(part.MISSING)


@pytest.fixture(scope="module")
def firefox() -> Iterator[Firefox]:
    with firefox_printer.firefox() as found:
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
def in_webkit(website: Website, alice: Person, tmp_path: Path) -> Print:
    def save(url: str, file: Path, paper: Paper) -> None:
        with webkit.display() as display:
            windows = Windows(website, tmp_path, partial(WebKitWindow, display=display))
            window = windows.logged_in(alice)
            window.open(url)
            window.print(file, paper)
            windows.leave()

    return save


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
    assert paper_tools.size_of(file) == pytest.approx((paper.width, paper.height), abs=0.5)
    expected = [{qr.address(website.url, code) for code in codes[sheet : sheet + 4]} for sheet in (0, 4)]
    assert paper_tools.codes_on(file) == expected
