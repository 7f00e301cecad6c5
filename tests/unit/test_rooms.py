"""How the tests are ordered: who imports whom, and how much a folder and a file hold."""

import ast
from collections.abc import Iterator

from tests.support.paths import ROOT

TESTS = ROOT / "tests"
FILES = sorted(TESTS.rglob("*.py"))


def imports() -> Iterator[tuple[str, str]]:
    """Each file of tests with each name that it imports from tests, both in dots."""
    for path in FILES:
        importer = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((importer, alias.name) for alias in node.names if alias.name.startswith("tests."))
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
                yield from ((importer, f"{node.module}.{alias.name}") for alias in node.names)


def suite(module: str) -> str:
    return module.split(".")[1]


def test_no_suite_imports_another() -> None:
    assert [] == [(importer, name) for importer, name in imports() if suite(name) not in ("support", suite(importer))]
    assert {"support"} < {suite(importer) for importer, _ in imports()}


def test_nobody_imports_from_a_test_or_a_conftest() -> None:
    assert [] == [
        (importer, name)
        for importer, name in imports()
        if any(part == "conftest" or part.startswith("test_") for part in name.split(".")[:-1])
    ]


def test_a_folder_holds_twenty_files_at_most() -> None:
    folders = {path.parent for path in TESTS.rglob("*") if path.parent.name != "__pycache__"}
    assert TESTS / "support" in folders
    assert [] == [folder for folder in folders if sum(path.is_file() for path in folder.iterdir()) > 20]


def test_a_file_has_300_lines_at_most() -> None:
    assert [] == [path for path in FILES if len(path.read_text().splitlines()) > 300]
