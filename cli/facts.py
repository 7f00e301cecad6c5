"""Prints what a command did: a sentence for people, or a JSON document for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from cli.failure import fail
from mesh.core.terminal import escaped

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
JsonLinesOption = Annotated[bool, typer.Option("--json", help="Print one JSON document per line.")]


def tell(sentence: str, document: Mapping[str, object], *, as_json: bool) -> None:
    """Print the sentence, or the document. Control characters of both are escaped, but for line ends."""
    typer.echo(json.dumps(document) if as_json else escaped(sentence, keep="\n"))


def tell_files(stale: Sequence[str], command: str, *, check: bool, as_json: bool) -> None:
    """Say which files were written. With `check`, say which are out of date, and fail if any is.

    `command` brings them up to date. The document has the member `out_of_date` with `check`, else `written`.
    """
    names = ", ".join(stale)
    if as_json:
        typer.echo(json.dumps({"out_of_date" if check else "written": list(stale)}))
    if check and stale:
        fail(f"out of date: {names}; run `{command}`")
    if not as_json:
        typer.echo(f"written: {names}" if stale else "all files are up to date")
