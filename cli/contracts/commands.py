"""The commands of `mesh contracts`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.connection import expanded
from cli.failure import fail
from devstack.stack.services import ROOT
from ops.contracts.document import Declared
from ops.contracts.files import exported, illustrated
from services import PROCESSES
from subjects import ENDPOINTS, EVENTS

FOLDER = ROOT / "docs" / "contracts"
DECLARED = Declared(ENDPOINTS, EVENTS, PROCESSES)

contracts = typer.Typer(name="contracts", no_args_is_help=True, help="Export the contracts for other languages.")


@contracts.callback()
def _group() -> None:
    """Keep `export` a subcommand, also while it is the only one."""


@contracts.command()
def export(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", callback=expanded, help="The folder of the files.", show_default=False)
    ] = FOLDER,
    *,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail if a file is out of date.")] = False,
) -> None:
    """Write the contracts for programs in every language: docs/contracts, or DIR.

    contracts.json lists the subjects, schemas.json has their JSON Schemas.
    """
    try:
        files = exported(DECLARED, illustrated(DECLARED, ROOT))
    except ValueError as error:
        fail(str(error))
    stale = []
    try:
        for name, text in files.items():
            path = folder / name
            if not (path.is_file() and path.read_bytes() == text.encode()):
                stale.append(name)
                if not check:
                    folder.mkdir(parents=True, exist_ok=True)
                    path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        fail(f"{folder}: {error}")
    if check and stale:
        fail(f"out of date: {', '.join(stale)}; run `mesh contracts export`")
    typer.echo(f"written: {', '.join(stale)}" if stale else "all files are up to date")
