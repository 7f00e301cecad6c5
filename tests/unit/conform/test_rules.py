"""Each check names a rule of wire.md, and each rule has a check or a reason why it has none."""

import re

from conform.run import chosen
from conform.unchecked import UNCHECKED
from tests.support.paths import ROOT

RULES = set(re.findall(r"^- \*\*(W-[A-Z]+-[0-9]+)\*\* ", (ROOT / "docs/reference/wire.md").read_text(), re.MULTILINE))
CHECKED = {check.rule for check in chosen()}


def test_every_check_names_a_rule_of_the_contract() -> None:
    assert RULES
    assert set() == CHECKED - RULES


def test_every_rule_has_a_check_or_a_reason() -> None:
    assert set() == RULES - CHECKED - UNCHECKED.keys()


def test_no_reason_is_left_of_a_rule_that_is_checked_or_gone() -> None:
    assert set() == (UNCHECKED.keys() & CHECKED) | (UNCHECKED.keys() - RULES)


def test_a_family_chooses_all_its_checks() -> None:
    assert {"W-TOK"} == {check.rule.rpartition("-")[0] for check in chosen(["W-TOK"])}
    assert [] == chosen(["nothing"])
