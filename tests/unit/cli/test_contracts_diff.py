"""`mesh contracts diff`: what it prints, and its exit status."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from cli.application import application
from tests.support.paths import ROOT

EXPORT: Final = ROOT / "docs" / "contracts"


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(application(("contracts",)), ["contracts", "diff", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, Callable[[dict[str, Any]], object]], Path]:
    """Makes an export of two subjects that differs from the first one."""

    def make(name: str, edit: Callable[[dict[str, Any]], object]) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(EXPORT / "schemas.json", folder)
        document = json.loads((EXPORT / "contracts.json").read_bytes())
        kept = ("customers.get", "customers.update")
        document["endpoints"] = {subject: document["endpoints"][subject] for subject in kept}
        edit(document["endpoints"])
        (folder / "contracts.json").write_text(json.dumps(document))
        return folder

    return make


Changed = Callable[[str, Callable[[dict[str, Any]], object]], Path]


def test_without_a_change_the_status_is_0(changed: Changed) -> None:
    old, new = changed("old", lambda _: None), changed("new", lambda _: None)
    shown = f"HTTP is not compared: a version has no openapi.json\n0 changes from {old} to {new}: 0 break\n"
    assert (0, shown, "") == run(old, new)


def test_what_breaks_comes_first_and_the_status_is_1(changed: Changed) -> None:
    old = changed("old", lambda _: None)
    new = changed(
        "new", lambda all_of: (all_of["customers.get"].update(timeout_ms=9000), all_of.pop("customers.update"))
    )
    status, out, _ = run(old, new)
    assert 1 == status
    assert [
        "effect  change",
        (
            "breaks  customers.update: the endpoint is removed, which breaks its caller gateway: keep it, or publish"
            " a new subject customers.update.v2 beside it"
        ),
        "none    customers.get: the timeout is 9000 ms, before 5000 ms",
    ] == out.splitlines()[:3]
    assert f"2 changes from {old} to {new}: 1 breaks" == out.splitlines()[-1]


def test_programs_read_json(changed: Changed) -> None:
    old, new = changed("old", lambda _: None), changed("new", lambda all_of: all_of.pop("customers.update"))
    status, out, _ = run(old, new, "--json")
    document = json.loads(out)
    [finding] = document["findings"]
    assert (1, 1, "customers.update", True) == (status, document["breaks"], finding["subject"], finding["breaks"])
    assert finding["sentence"].startswith("customers.update: the endpoint is removed, which breaks its caller gateway")


@pytest.mark.parametrize(
    ("old", "message"),
    [
        ("nope", "nope is neither the folder of an export nor a git revision of this checkout"),
        ("--output=x", "No such option"),
        ("", "neither the folder of an export nor a git revision"),
    ],
)
def test_a_version_that_is_not_there_is_status_2(old: str, message: str) -> None:
    status, _, err = run(old, EXPORT)
    assert 2 == status
    assert message in err


def test_an_export_that_cannot_be_read_is_status_2(changed: Changed) -> None:
    old = changed("old", lambda all_of: all_of["customers.get"].pop("access"))
    status, _, err = run(old, EXPORT)
    assert (2, f"mesh: {old}/contracts.json: endpoints.customers.get.access: Field required\n") == (status, err)
    lacking = changed("lacking", lambda _: None)
    (lacking / "schemas.json").write_text('{"$defs": {}}')
    status, _, err = run(lacking, changed("new", lambda _: None))
    assert 2 == status
    assert "lacks the shape" in err
