"""Releases sort by their numbers, hold what is compared, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops.contracts.compatibility.http import http
from ops.contracts.compatibility.releases import FOLDER, files, last, numbers, refuse_unless_above
from ops.contracts.compatibility.snapshot import FILES, declared, read
from ops.contracts.compatibility.subjects import subjects
from ops.contracts.document import Declared


def released(export: Path, *versions: str) -> Path:
    for version in versions:
        (export / FOLDER / version).mkdir(parents=True)
    return export


def test_the_last_release_is_the_highest_version(tmp_path: Path) -> None:
    released(tmp_path, "0.9.0", "0.10.0", "0.2.11", ".release-x", "notes")
    assert "0.10.0" == last(tmp_path).name


def test_without_a_release_the_error_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="run `mesh contracts release VERSION`"):
        last(tmp_path)


@pytest.mark.parametrize(
    ("version", "message"),
    [("0.10.0", "there is a release 0.10.0 already"), ("0.9.1", "0.9.1 does not sort above the last release, 0.10.0")],
)
def test_a_version_that_is_not_above_the_last_is_refused(tmp_path: Path, version: str, message: str) -> None:
    released(tmp_path, "0.9.0", "0.10.0")
    with pytest.raises(ValueError, match=message):
        refuse_unless_above(version, tmp_path)
    refuse_unless_above("0.10.1", tmp_path)


@pytest.mark.parametrize("wrong", ["", "1", "1.0", "v1.0.0", "1.0.0-rc1", "01.0.0", "../1.0.0", "1.0.0/", "1.0.0\n"])
def test_what_is_no_version_of_three_numbers_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="not a version of three numbers"):
        numbers(wrong)


def test_a_release_compares_as_the_declarations_do(
    tmp_path: Path, declared_few: Declared, openapi: dict[str, Any]
) -> None:
    texts = files(declared_few, openapi, "1.2.3")
    assert set(FILES) == texts.keys()
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    found = read(tmp_path)
    assert ("1.2.3", None) == (found.contracts.version, json.loads(texts["openapi.json"]).get("info"))
    assert [] == subjects(found, declared(declared_few, openapi))
    assert found.openapi is not None
    some = {**openapi, "paths": {path: openapi["paths"][path] for path in ("/v1/cart", "/v1/auth/login")}}
    assert [] == http({**found.openapi, "paths": {path: found.openapi["paths"][path] for path in some["paths"]}}, some)
    assert '"description":"' not in "".join(texts.values())
