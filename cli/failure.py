"""Ends a command with one sentence and an exit status."""

from contextlib import suppress
from typing import NoReturn

import typer

from mesh.core.terminal import escaped


def fail(message: str, status: int = 1) -> NoReturn:
    """Print the message to standard error, and end the program."""
    with suppress(OSError):  # without standard error, the exit status remains
        typer.secho(f"mesh: {escaped(message, keep=chr(10))}", fg=typer.colors.RED, err=True)
    raise typer.Exit(status)
