"""How the code is ordered: who imports whom in the tests, and how much a folder and a file hold."""

import re

from tests.support.paths import ROOT

TESTS = ROOT / "tests"
FILES = sorted(TESTS.rglob("*.py"))
CODE = sorted(path for path in ROOT.glob("[a-z]*/**/*.py") if not {"dist", "node_modules"} & {*path.parts})


IMPORT = re.compile(r"^\s*(?:from|import) (tests\.[\w.]+)(?: import (\w+))?", re.MULTILINE)
"""Also those of programs that a test has as a text."""
IMPORTS = [
    (".".join(path.relative_to(ROOT).with_suffix("").parts), *found)
    for path in FILES
    for found in IMPORT.findall(path.read_text())
]
"""Who imports which module of tests, and the first name that is taken from it."""


def suite(module: str) -> str:
    return module.split(".")[1]


def test_no_suite_imports_another() -> None:
    assert [] == [
        (importer, module) for importer, module, _ in IMPORTS if suite(module) not in ("support", suite(importer))
    ]
    assert {"support"} < {suite(importer) for importer, _, _ in IMPORTS}


def test_nobody_imports_from_a_test_or_a_conftest() -> None:
    assert [] == [
        (importer, module, name)
        for importer, module, name in IMPORTS
        if any(part == "conftest" or part.startswith("test_") for part in (*module.split("."), name))
    ]


def test_a_folder_holds_twenty_files_at_most() -> None:
    folders = {path.parent for path in TESTS.rglob("*") if path.parent.name != "__pycache__"}
    folders -= {path.parent for path in (TESTS / "contract" / "examples").rglob("*")}  # a file for each subject
    assert TESTS / "support" in folders
    assert [] == [folder for folder in folders if sum(path.is_file() for path in folder.iterdir()) > 20]


def test_a_file_has_300_lines_at_most() -> None:
    assert set(FILES) < set(CODE)
    assert [] == [path for path in CODE if len(path.read_text().splitlines()) > 300]


POSSESSIVE_GROUP = re.compile(r"\)[*?+]\+|\)\{[\d,]+\}\+|\(\?>")

CHARACTERS = re.compile(r"\[[^\]\n]*\]")
"""A set in a pattern: its signs are characters."""


def test_no_pattern_repeats_a_group_possessively() -> None:
    """Python before 3.11.5, which Debian 12 has, keeps half of a repetition that fails (CPython's gh-106052)."""
    code = [path for path in CODE if path.relative_to(ROOT).parts[0] not in ("tests", "bench")]
    assert [] == [path for path in code if POSSESSIVE_GROUP.search(CHARACTERS.sub("x", path.read_text()))]
    for pattern in ("(?:ab?c)++", "(?:ab)?+", "(a|b){1,3}+", "(?>ab)"):
        assert POSSESSIVE_GROUP.search(pattern)
