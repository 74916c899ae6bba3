"""The documents are consistent: relative links resolve, and the folders in architecture.md exist."""

import re
from pathlib import Path

import pytest

from tests.test_architecture import AT_THE_ROOT, FLOORS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(path for folder in (".", "docs", "deploy/*") for path in ROOT.glob(f"{folder}/*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def prose(path: Path) -> str:
    """A document without its code blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.M | re.S)


def anchors(path: Path) -> set[str]:
    """The anchors of its headings: lower case, hyphens for spaces, without punctuation."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_resolves(document: Path) -> None:
    for markdown, html in LINK.findall(prose(document)):
        target, _, anchor = (markdown or html).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = (document.parent / target).resolve() if target else document
        assert path.exists(), target
        assert path.is_relative_to(ROOT), target
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path), f"{target}#{anchor}"


def test_the_readme_leads_to_every_document_and_soon_to_run() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"(docs/{path.name})" not in readme] == []
    assert readme.partition("\n## Run\n")[0].count("\n") < 20  # a screen, with its two pictures


# --- what the documents say about the code -----------------------------------------------------------------------

PACKAGE = ROOT / "waitercaller"
NAMING = [
    "CONTRIBUTING.md",
    *(f"docs/{name}.md" for name in ("architecture", "data", "operations", "security-rules", "sharding")),
]
# Names that recipes would create, and names outside of this repository.
EXAMPLES = {
    "templates/email/role_changed/",
    "waitercaller/translations/da/LC_MESSAGES/messages.po",
    "Europe/Rome",
    "bill/card",
    "dist/",
    "releases/",
}
PLACES = [ROOT, PACKAGE, PACKAGE / "model", PACKAGE / "requests" / "guest", ROOT / "templates"]


def is_there(name: str) -> bool:
    """Whether a document may name this: a file or folder, a module without its ending, a function of a module."""
    if "/" not in name:
        return any((ROOT / name).exists() or any(folder.rglob(name)) for folder in (PACKAGE, ROOT / "tests"))
    module = name.rpartition(".")[0] or name
    return any((place / name).exists() or (place / f"{module}.py").is_file() for place in PLACES)


@pytest.mark.parametrize("document", NAMING)
def test_every_place_that_is_named_exists(document: str) -> None:
    quoted = re.findall(r"`([\w.]+(?:/[\w.-]+)*/?)`", prose(ROOT / document))
    places = {name for name in quoted if "/" in name or name.endswith((".py", ".md"))}
    assert places
    assert sorted(name for name in places - EXAMPLES if not is_there(name)) == []


def test_the_page_of_the_rooms_has_the_floors_of_the_architecture() -> None:
    text = prose(ROOT / "docs" / "architecture.md").split("\n## The rooms\n")[1].split("\n## ")[0]
    floors: list[set[str]] = []
    for floor, told in re.findall(r"^\| *([^|]*?) *\|([^|]*)\|", text, re.M):
        if rooms := set(re.findall(r"`(\w+)/", told)):
            floors = [*floors, rooms] if floor else [*floors[:-1], floors[-1] | rooms]
    assert floors.pop() == {path.name for path in PACKAGE.iterdir() if path.is_dir()} - set().union(*FLOORS) - {
        "__pycache__"
    }
    assert floors[::-1] == [set(rooms) for rooms in FLOORS if "" not in rooms]
    assert {name for name in AT_THE_ROOT if f"`{name}`" not in text} == set()
