"""`mesh contracts generate`: types and a table of subjects for a program in another language."""

from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer

from cli.connection import expanded
from cli.facts import JsonOption, tell_files
from cli.failure import fail
from devstack.stack.services import ROOT
from ops.contracts.document import load, read_shapes
from ops.contracts.generators.golang import GO
from ops.contracts.generators.language import GenerateError
from ops.contracts.generators.typescript import TYPESCRIPT

FOLDER: Final = ROOT / "docs" / "contracts"
_LANGUAGES: Final = {language.name: language for language in (GO, TYPESCRIPT)}


class LanguageName(StrEnum):
    """The languages that there are types for."""

    GO = GO.name
    TYPESCRIPT = TYPESCRIPT.name


def generate(
    language: Annotated[LanguageName, typer.Argument(help="The language of the program.")],
    out: Annotated[
        Path | None, typer.Argument(metavar="[OUT]", help="The folder to write to. Default: generated/LANGUAGE.")
    ] = None,
    *,
    source: Annotated[
        Path,
        typer.Option("--from", callback=expanded, help="The folder of the export.", show_default=False),
    ] = FOLDER,
    as_json: JsonOption = False,
) -> None:
    """Write types and a table of subjects, from docs/contracts or another export.

    The types distinguish an omitted field from null. A tool of the language writes them: oapi-codegen for
    go, json-schema-to-typescript for typescript. If it is missing, the command says how to install it.
    """
    folder = expanded(out) if out is not None else Path("generated") / language.value
    try:
        with TemporaryDirectory(prefix="mesh-contracts-") as scratch:
            contracts, shapes = load(source), read_shapes(source)
            written = _LANGUAGES[language.value].generate(contracts, shapes, Path(scratch), folder)
    except (GenerateError, ValueError, OSError) as error:
        fail(str(error))
    tell_files([*map(str, written)], "mesh contracts generate", check=False, as_json=as_json)
