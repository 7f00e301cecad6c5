"""`mesh contracts can-i-deploy`: whether a service of this checkout fits what runs."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.connection import NOBODY_SERVES, HomeOption, connected, expanded
from cli.contracts.declared import DECLARED
from cli.contracts.recording import EXAMPLES, PACTS, USAGE
from cli.facts import JsonOption
from cli.failure import fail
from mesh.client.discover import ask_all
from mesh.core.errors import MeshError
from mesh.core.terminal import escaped
from mesh.wire.discovery import InstanceDocument
from ops.contracts.pacts.deploying import Hindrance, hindrances
from ops.contracts.pacts.judging import ToolError
from ops.contracts.pacts.reading import read_pacts
from ops.contracts.pacts.recording import calls

_WITHIN: Final = 0.5
"""Seconds to wait for answers to discovery."""


def can_i_deploy(
    service: Annotated[str, typer.Argument(help="For example customers.", show_default=False)],
    *,
    folder: Annotated[
        Path,
        typer.Option("--pacts", callback=expanded, help="The pacts of the running consumers.", show_default=False),
    ] = PACTS,
    as_json: JsonOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Say whether SERVICE of this checkout fits the running mesh, and each reason if it does not.

    The pacts of running consumers must hold with its contracts, and the services that it calls must run with the
    contracts that it knows. The gateway is not in discovery: its pact always counts.

    Exit status: 0 yes, 1 no, 2 if there is no such service or the pacts cannot be read, 3 if no mesh is running.
    """
    try:
        calls(DECLARED, service)
        pacts = read_pacts(folder)
        found = hindrances(DECLARED, service, asyncio.run(_running(home)), pacts, EXAMPLES)
    except (ValueError, ToolError) as error:
        fail(str(error), USAGE)
    if as_json:
        document = {"service": service, "deploy": not found, "reasons": [asdict(one) for one in found]}
        typer.echo(json.dumps(document, indent=2))
    else:
        _print(service, found)
    if found:
        raise typer.Exit(1)


def _print(service: str, found: Sequence[Hindrance]) -> None:
    if not found:
        typer.echo(f"yes: {service} fits what runs")
        return
    typer.echo(f"no: {len(found)} reason{'s' if len(found) != 1 else ''} against {service}")
    for one in found:
        typer.echo(escaped(one.sentence))


async def _running(home: Path) -> list[InstanceDocument]:
    async with connected(home) as transport:
        try:
            documents = await ask_all(transport, "INFO", _WITHIN)
        except MeshError as error:
            fail(str(error), USAGE)
    if not documents:
        fail("no service answers", NOBODY_SERVES)
    return documents
