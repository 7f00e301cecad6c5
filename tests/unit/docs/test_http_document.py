import re

import pytest

from tests.support.paths import ROOT

DOCUMENT = (ROOT / "docs" / "reference" / "http.md").read_text()
ROWS = re.findall(r"^\| (?!rule |---)(.+?) \| (.+?) \| (.+?) \| `(\w+)` \|$", DOCUMENT, re.MULTILINE)
TESTS = {
    name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)\(", path.read_text())
}


def test_every_row_is_read() -> None:
    assert len(re.findall(r"^\|(?!---)", DOCUMENT, re.MULTILINE)) - DOCUMENT.count("| rule |") == len(ROWS)


@pytest.mark.parametrize(("rule", "section", "test"), [(row[0], row[1], row[3]) for row in ROWS])
def test_a_rule_has_its_section_and_a_test_that_is_there(rule: str, section: str, test: str) -> None:
    assert re.fullmatch(r"(911[02] )?\d+(\.\d+)*(, (911[02] )?\d+(\.\d+)*)*", section), rule
    assert section.startswith("911"), rule
    assert test in TESTS, rule
