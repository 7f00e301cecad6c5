"""The commands of `mesh contracts`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.connection import expanded
from cli.contracts.comparing import diff, release
from cli.contracts.declared import DECLARED
from cli.contracts.deploying import can_i_deploy
from cli.contracts.generating import FOLDER, generate
from cli.contracts.openapi import openapi
from cli.contracts.recording import record
from cli.contracts.verifying import verify
from cli.facts import JsonOption, tell_files
from cli.failure import fail
from devstack.stack.services import ROOT
from ops.contracts.files import exported, illustrated

contracts = typer.Typer(
    name="contracts",
    no_args_is_help=True,
    help="Export, compare, record and verify the contracts, and generate types for other languages.",
)


for command in (generate, diff, release, record, verify, can_i_deploy):
    contracts.command()(command)


@contracts.command()
def export(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", callback=expanded, help="The folder of the files.", show_default=False)
    ] = FOLDER,
    *,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail if a file is out of date.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the contracts for programs in every language: docs/contracts, or DIR.

    asyncapi.json is for AsyncAPI's tools, schemas.json (JSON Schema 2020-12) for validators and code generators.
    contracts.json lists the subjects, reasons.json the reasons of errors. openapi.json is the HTTP API. contracts.html
    and contracts.md are for people. Examples and texts come from the checkout.
    """
    try:
        files = exported(DECLARED, illustrated(DECLARED, ROOT), openapi())
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
    tell_files(stale, "mesh contracts export", check=check, as_json=as_json)
