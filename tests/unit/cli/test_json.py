"""Every command that prints facts has --json, and prints them."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cli.application import application
from ops.permissions import permissions
from services import PROCESSES
from tests.support.paths import ROOT

WITHOUT = {"up": "It runs until Ctrl-C. stack.json in its home has its facts."}
"""The commands that have no --json, each with the reason."""


def options(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, set[str]]]:
    """The name of each command that can run, with its options."""
    below = getattr(command, "commands", {})
    if not below or getattr(command, "invoke_without_command", False):
        yield " ".join(path), {option for one in getattr(command, "params", ()) for option in one.opts}
    for name, one in below.items():
        yield from options(one, (*path, name))


def run(*arguments: object) -> object:
    """The documents that a command prints: one, or the list of several."""
    done = CliRunner().invoke(application((str(arguments[0]),)), [*map(str, arguments), "--json"])
    assert 0 == done.exit_code, done.output
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    return documents[0] if len(documents) == 1 else documents


def test_every_command_that_prints_facts_has_json() -> None:
    found = dict(options(get_command(application())))

    assert {"mail", "mail ls", "keys rotate"} <= found.keys()
    assert WITHOUT.keys() == {name for name, given in found.items() if "--json" not in given}


def test_the_permissions_as_json() -> None:
    expected = [{"user": name, **asdict(may)} for name, may in permissions(PROCESSES).items()]
    assert json.loads(json.dumps(expected)) == run("nats", "permissions")


def test_permissions_that_are_up_to_date_are_not_written() -> None:
    before = (ROOT / "nats.conf").stat().st_mtime_ns
    assert {"written": []} == run("nats", "permissions", "--write")
    assert before == (ROOT / "nats.conf").stat().st_mtime_ns


def test_where_the_keys_are_as_json(tmp_path: Path) -> None:
    environment, certificate = tmp_path / "nats.env", tmp_path / "nats" / "server.pem"
    assert {"environment": str(environment), "certificate": str(certificate)} == run("nats", "keys", tmp_path)
    assert environment.is_file()
    assert certificate.is_file()


@pytest.mark.parametrize("words", [("export",), ("record", "--consumer", "stock")], ids=lambda words: words[0])
def test_the_contracts_that_are_written_as_json(tmp_path: Path, words: tuple[str, ...]) -> None:
    command, *options = words
    written = run("contracts", command, tmp_path, *options)

    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert isinstance(written, dict)
    assert {"written": files} == {name: sorted(names) for name, names in written.items()}
    assert {"out_of_date": []} == run("contracts", command, tmp_path, *options, "--check")


@pytest.mark.parametrize(
    "words", [("service", "gift_cards"), ("endpoint", "customers.count")], ids=lambda words: words[0]
)
def test_the_files_of_a_dry_run_as_json(words: tuple[str, ...]) -> None:
    files = run("new", *words, "--dry-run")

    assert isinstance(files, list)
    assert {"path", "change"} == {member for one in files for member in one}
    assert {"subjects.py": "changed"} == {one["path"]: one["change"] for one in files if one["path"] == "subjects.py"}
    assert "new" in {one["change"] for one in files}
    assert all((ROOT / one["path"]).exists() == (one["change"] == "changed") for one in files)
