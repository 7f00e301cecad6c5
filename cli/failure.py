"""How a command fails: in one sentence and with a status."""

from contextlib import suppress
from typing import NoReturn

import typer

from mesh.core.terminal import escaped


def fail(message: str, status: int = 1) -> NoReturn:
    """Say on standard error what went wrong, and end the program."""
    with suppress(OSError):  # where it cannot be said, the status says it still
        typer.secho(f"mesh: {escaped(message, keep=chr(10))}", fg=typer.colors.RED, err=True)
    raise typer.Exit(status)
