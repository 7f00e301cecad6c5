"""`mesh generate`: rewrites the files that follow from services.py and subjects.py."""

from pathlib import Path
from typing import Annotated

import typer

from cli.connection import expanded
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
) -> None:
    """Update nats.conf, compose.yaml and .env.example.

    Their generated parts follow from services.py, subjects.py and callers.json.
    """
    stale = []
    try:
        callers = read_callers(folder / CALLERS.name, BY_NAME)
    except (OSError, ValueError) as error:
        fail(str(error))
    for name in FILES:
        path = folder / name
        try:
            text = path.read_text()
            made = generated(name, text, PROCESSES, callers=callers)
            if made != text:
                stale.append(name)
                if not check:
                    path.write_text(made)
        except (OSError, ValueError) as error:
            fail(f"{path}: {error}")
    if check and stale:
        fail(f"out of date: {', '.join(stale)}; run `mesh generate`")
    typer.echo(f"written: {', '.join(stale)}" if stale else "all files are up to date")
