"""Links between the project's own files lead somewhere."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
_LINK: Final = re.compile(r"\]\((?!\w+:)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    assert [] == [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_that_is_called_as_a_file_leads_to_that_file(page: Path) -> None:
    links = re.findall(r"\[([\w/.-]+\.\w+)\]\((?!\w+:)([^)#\s]+)", page.read_text())
    led = [(name, (page.parent / link).resolve()) for name, link in links]
    assert [] == [(name, file) for name, file in led if not str(file).endswith(f"/{name}")]
