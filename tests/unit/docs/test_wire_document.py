"""The rules of wire.md have numbers that others can cite, and every number that is cited is one of a rule."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from mesh.core.errors import Code
from tests.support.contract.vectors import FOLDER
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "reference" / "wire.md").read_text()
_ID = re.compile(r"W-[A-Z]+-[0-9]+")
RULES = re.findall(r"^- \*\*(W-[A-Z]+-[0-9]+)\*\* ", PAGE, re.MULTILINE)
FAMILIES = {rule.rpartition("-")[0] for rule in RULES}


def test_each_number_is_of_one_rule_and_they_follow_each_other() -> None:
    assert [] == [rule for rule, count in Counter(RULES).items() if count > 1]
    for family in FAMILIES:
        numbers = [int(rule.rpartition("-")[2]) for rule in RULES if rule.rpartition("-")[0] == family]
        assert sorted(numbers) == numbers, family


@pytest.mark.parametrize("folder", ["docs", "tests", "mesh", "providers"])
def test_every_number_that_is_cited_is_one_of_a_rule(folder: str) -> None:
    pages = (path for path in (ROOT / folder).rglob("*") if path.suffix in {".md", ".py", ".json"})
    cited = {found for path in pages for found in _ID.findall(path.read_text())}

    assert set() == cited - {*RULES}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_file_of_vectors_says_which_rules_it_belongs_to_and_is_named_there(path: Path) -> None:
    families = set(re.findall(r"\bW-[A-Z]+", json.loads(path.read_text())["about"]))

    assert families
    assert families <= FAMILIES
    assert f"`{path.name}`" in PAGE


@pytest.mark.parametrize("code", Code)
def test_the_table_of_codes_has_number_and_title(code: Code) -> None:
    assert f"| `{code}` | {code.number} | {code.summary} |" in PAGE
