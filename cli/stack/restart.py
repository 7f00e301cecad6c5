"""`mesh restart`: restarts a service of a running `mesh up` from another terminal."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import HomeOption, stack_here
from cli.failure import fail
from devstack.errors import DevstackError
from devstack.stack import control


def restart(
    service: Annotated[str, typer.Argument(help="A service, such as customers, or one process, such as customers-2.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document per process.")] = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Restart a service of the running `mesh up`, one process after the other.

    The new process of a worker serves before the old one drains, so no request is lost. A gateway and a server have a
    port of their own: each is away until its new process listens.

    Exit status: 0, 1 if a process failed to start, or 3 if no mesh is running.
    """
    stack = stack_here(home)
    try:
        asyncio.run(_restart(stack.home, service, as_json=as_json))
    except DevstackError as error:
        fail(str(error))


async def _restart(home: Path, service: str, *, as_json: bool) -> None:
    async for name, seconds in control.restart(home, service):
        document = {"process": name, "seconds": seconds}
        typer.echo(json.dumps(document) if as_json else f"{name} restarted in {seconds:.1f} s")
