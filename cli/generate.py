"""`mesh generate`: rewrites the files that follow from services.py and subjects.py."""

from pathlib import Path
from typing import Annotated

import typer

from cli.connection import expanded
from cli.facts import JsonOption, tell_files
from cli.failure import fail
from devstack.stack.services import ROOT
from ops.callers import CALLERS, read_callers
from ops.generated import generated
from services import BY_NAME, PROCESSES

FILES = ("nats.conf", "compose.yaml", ".env.example")


def generate(
    *,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail if a file is out of date.")] = False,
    folder: Annotated[
        Path, typer.Option(callback=expanded, help="The folder of the files.", show_default=False)
    ] = ROOT,
    as_json: JsonOption = False,
) -> None:
    """Update nats.conf, compose.yaml and .env.example.

    Their generated parts follow from services.py, subjects.py and callers.json.
    """
    tell_files(updated(folder, check=check), "mesh generate", check=check, as_json=as_json)


def updated(folder: Path, *, check: bool = False) -> list[str]:
    """Write the files that are out of date, unless `check`. Return their names. Ends the program if it cannot."""
    try:
        stale = stale_files(folder)
        if not check:
            for name, text in stale.items():
                (folder / name).write_text(text)
    except (OSError, ValueError) as error:
        fail(str(error))
    return list(stale)


def stale_files(folder: Path = ROOT) -> dict[str, str]:
    """The text that each file that is out of date should have, by its name.

    Raises OSError for a file that cannot be read, ValueError for one that has lost its marks.
    """
    callers = read_callers(folder / CALLERS.name, BY_NAME)
    stale = {}
    for name in FILES:
        text = (folder / name).read_text()
        try:
            made = generated(name, text, PROCESSES, callers=callers)
        except ValueError as error:
            raise ValueError(f"{folder / name}: {error}") from None
        if made != text:
            stale[name] = made
    return stale
