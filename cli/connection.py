"""How a command finds NATS: by the stack that runs here, or by the environment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from devstack.state import read_stack
from mesh.errors import Disconnected
from mesh.process import StartError, read_settings
from mesh.settings import NatsSettings
from mesh.transport import NatsTransport

NOBODY_SERVES = 3
DEADLINE = 4
_PIPE_WIDTH = 160

HomeOption = Annotated[
    Path, typer.Option("--home", envvar="MESH_HOME", help="Where the running `mesh up` keeps its stack.json.")
]


@asynccontextmanager
async def connected(home: Path) -> AsyncIterator[NatsTransport]:
    """Connect as the operator of the stack in `home`, or, with NATS_URL set, as the environment says.

    Ends the program with a message when there is neither, or nobody answers.
    """
    try:
        settings = _settings(home)
        transport = await NatsTransport.connect(settings, "operator")
    except (StartError, Disconnected) as error:
        fail(str(error), NOBODY_SERVES)
    try:
        yield transport
    finally:
        await transport.close()


def _settings(home: Path) -> NatsSettings:
    settings = read_settings(NatsSettings)
    if "nats_url" in settings.model_fields_set:
        return settings
    stack = read_stack(home)
    if stack is None:
        raise StartError(f"no mesh runs in {home}: start one with `mesh up`, or name a NATS server in NATS_URL")
    return NatsSettings.model_validate({"nats_url": stack.nats_url, **stack.operator.settings()})


def wide_console() -> Console:
    """Standard output; where it is no terminal, wide enough that no table is cut."""
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)


def fail(message: str, status: int = 1) -> NoReturn:
    """Say on standard error what went wrong, and end the program."""
    typer.secho(f"mesh: {message}", fg=typer.colors.RED, err=True)
    raise typer.Exit(status)
