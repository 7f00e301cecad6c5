"""`mesh doctor`: finds instances that this checkout cannot speak with."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.columns import print_columns
from cli.connection import NOBODY_SERVES, HomeOption, connected
from cli.failure import fail
from mesh.client.contracts import Compared, compared
from mesh.client.discover import ask_all
from mesh.core.errors import MeshError
from mesh.core.version import package_version
from subjects import ENDPOINTS


def doctor(
    *,
    within: Annotated[float, typer.Option(min=0.05, max=30, help="Seconds to wait for answers.")] = 0.5,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Compare the contracts of every instance with this checkout.

    `differs` names the subjects whose request or reply has another shape. Deploy both sides from one version, or keep
    the old subject beside the new one.

    Exit status: 0, 1 if an instance differs, or 3 if none answers or no mesh is running.
    """
    found = asyncio.run(_compared(home, within))
    if not found:
        fail("no service answers", NOBODY_SERVES)
    print_columns(("service", "instance", "contracts", "state"), map(_row, found))
    differing = sum(bool(one.differs) for one in found)
    if differing:
        fail(f"{differing} of {len(found)} instances differ from the contracts {package_version()} of this checkout")
    typer.echo(f"no instance differs from the contracts {package_version()} of this checkout")


async def _compared(home: Path, within: float) -> list[Compared]:
    async with connected(home) as transport:
        try:
            return compared(await ask_all(transport, "INFO", within), ENDPOINTS)
        except MeshError as error:
            fail(str(error))


def _row(one: Compared) -> tuple[str, ...]:
    return one.service, one.instance, one.version, _state(one)


def _state(one: Compared) -> str:
    if one.differs:
        return f"differs: {', '.join(one.differs)}"
    return "same" if one.known else "nothing to compare"
