"""`mesh contracts diff` and `mesh contracts release`: which changes break whom, and since which version."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated, Final

import typer

from cli.columns import print_columns
from cli.connection import HomeOption
from cli.contracts.declared import DECLARED
from cli.contracts.generating import FOLDER
from cli.contracts.openapi import openapi
from cli.contracts.sources import CURRENT, RUNNING, version
from cli.facts import JsonOption, tell_files
from cli.failure import fail
from ops.contracts.compatibility import releases
from ops.contracts.compatibility.finding import Finding
from ops.contracts.compatibility.http import http
from ops.contracts.compatibility.running import Running, with_running
from ops.contracts.compatibility.snapshot import Snapshot, declared, read
from ops.contracts.compatibility.subjects import subjects

USAGE: Final = 2
_HASHES: Final = "discovery tells only the hash of each endpoint's shapes: nothing else is compared"
_NO_HTTP: Final = "HTTP is not compared: a version has no openapi.json"


def diff(
    old: Annotated[str, typer.Argument(help="What callers and handlers were built with.", show_default=False)],
    new: Annotated[str, typer.Argument(metavar="[NEW]", help="What they will meet.")] = CURRENT,
    *,
    as_json: JsonOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Compare two versions of the contracts, and say which changes break whom.

    OLD and NEW are each the folder of an export, a git revision, `released` (the last release), `current` (this
    checkout) or `running` (the running mesh, of which only hashes are known).

    Exit status: 0, 1 if a change breaks, 2 if a version cannot be read, or 3 if no mesh is running.
    """
    try:
        versions = version(old, home), version(new, home)
        found, notes = _compared(*versions)
    except ValueError as error:
        fail(str(error), USAGE)
    broken = sum(one.breaks for one in found)
    if as_json:
        shown = [{**asdict(one), "sentence": one.sentence} for one in found]
        typer.echo(json.dumps({"old": old, "new": new, "breaks": broken, "findings": shown, "notes": notes}, indent=2))
    else:
        _print(found, notes, (old, new))
    if broken:
        raise typer.Exit(1)


def _compared(old: Snapshot | Running, new: Snapshot | Running) -> tuple[list[Finding], list[str]]:
    """The findings, those that break first, and what is not compared. Raises ValueError."""
    match old, new:
        case Snapshot(), Snapshot():
            return _between(old, new)
        case Running(), Snapshot():
            found = with_running(new, old, is_new=False)
        case Snapshot(), Running():
            found = with_running(old, new, is_new=True)
        case _:
            raise ValueError(f"only one side can be {RUNNING}")
    return _sorted(found), [_HASHES]


def _between(old: Snapshot, new: Snapshot) -> tuple[list[Finding], list[str]]:
    found = subjects(old, new)
    if old.openapi is None or new.openapi is None:
        return _sorted(found), [_NO_HTTP]
    return _sorted([*found, *http(old.openapi, new.openapi)]), []


def _sorted(found: Sequence[Finding]) -> list[Finding]:
    return sorted(found, key=lambda one: (not one.breaks, one.subject))


def _print(found: Sequence[Finding], notes: Sequence[str], names: tuple[str, str]) -> None:
    if found:
        print_columns(("effect", "change"), [("breaks" if one.breaks else "none", one.sentence) for one in found])
    for note in notes:
        typer.echo(note)
    broken = sum(one.breaks for one in found)
    changes = f"{len(found)} change{'s' if len(found) != 1 else ''}"
    typer.echo(f"{changes} from {names[0]} to {names[1]}: {broken} break{'s' if broken == 1 else ''}")


def release(
    name: Annotated[str, typer.Argument(metavar="VERSION", help="Three numbers, such as 1.0.0.", show_default=False)],
    *,
    as_json: JsonOption = False,
) -> None:
    """Keep the contracts of this checkout as a version: `make check` compares with the last one.

    Writes docs/contracts/released/VERSION. A version must sort above the last one. If a change breaks, it needs a new
    major version.
    """
    try:
        releases.refuse_unless_above(name, FOLDER)
        document = openapi()
        if before := releases.releases(FOLDER):
            _refuse_breaks(name, before[-1], declared(DECLARED, document))
        folder = FOLDER / releases.FOLDER / name
        _write(folder, releases.files(DECLARED, document, name))
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"nothing is released: {error}")
    tell_files([str(folder)], "mesh contracts release", check=False, as_json=as_json)


def _refuse_breaks(name: str, before: Path, new: Snapshot) -> None:
    """Raise ValueError if a change breaks and the version is no new major version."""
    found, _ = _between(read(before), new)
    broken = sum(one.breaks for one in found)
    major = releases.numbers(before.name)[0]
    if broken and releases.numbers(name)[0] == major:
        raise ValueError(
            f"{broken} changes since {before.name} break: run `mesh contracts diff released`."
            f" Only a new major version, such as {major + 1}.0.0, may break"
        )


def _write(folder: Path, texts: dict[str, str]) -> None:
    """Write the files at once: an interrupted release leaves none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=".release-", dir=folder.parent))
    try:
        draft.chmod(0o755)
        for file, text in texts.items():
            (draft / file).write_text(text, encoding="utf-8", newline="\n")
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
