"""Every link and every file that the documentation names exists."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.support.paths import ROOT

_FOLDERS: Final = ("docs", "bench", "tests")
DOCUMENTS: Final = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(path for name in _FOLDERS for path in (ROOT / name).rglob("*.md")))
    if "node_modules" not in path.parts
)
_FENCE: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FILE: Final = re.compile(r"`([\w.-]+(?:/[\w.-]+)*\.(?:py|md|toml|conf|yaml|sql|csv|lua|svg))`")
_ELSEWHERE: Final = {"results", "latest.md", "latest.svg"}
"""What a run makes and git ignores."""
ROOMS: Final = [
    path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".") and path.name != "dist"
]
NAMES: Final = {path.name for room in ROOMS for path in room.rglob("*.*") if "node_modules" not in path.parts} | {
    path.name for path in ROOT.iterdir()
}


def prose(document: Path) -> str:
    """A document without its code blocks."""
    return _FENCE.sub("", document.read_text())


def anchors(document: Path) -> set[str]:
    """The fragments that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in _LINK.findall(prose(document)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        found = (document.parent / path).resolve() if path else document
        assert found.exists(), target
        if fragment:
            assert fragment in anchors(found), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_is_named_exists(document: Path) -> None:
    for name in _FILE.findall(prose(document)):
        if "/" in name:
            assert (ROOT / name).exists() or (document.parent / name).exists(), name
        else:
            assert name in NAMES | _ELSEWHERE, name


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target.partition("#")[0]).resolve() for target in _LINK.findall(index.read_text())}
    assert set() == {
        page
        for page in (ROOT / "docs").rglob("*.md")
        if page not in linked and page != index and page.parent.name != "adr"
    }
