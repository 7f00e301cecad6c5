"""`mesh nats streams`: shows the streams and consumers of durable events, and makes them."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.columns import print_columns
from cli.connection import HomeOption, connected
from cli.failure import fail
from mesh.core.errors import MeshError
from mesh.core.terminal import escaped
from ops.jetstream import JetStream
from ops.stream_changes import Change, Wishes, apply
from ops.streams import Stream
from ops.streams import streams as derived
from services import PROCESSES
from subjects import EVENTS

_MIB = 1024 * 1024


def streams(
    *,
    make: Annotated[
        bool, typer.Option("--apply", help="Create and change the streams at NATS, and print the changes.")
    ] = False,
    replicas: Annotated[
        int | None, typer.Option(min=1, max=5, help="Copies of each stream in a cluster. Default: as they are, or 1.")
    ] = None,
    max_bytes: Annotated[
        int | None, typer.Option(min=_MIB, help="Most bytes of EVENTS. Default: as it is, or 8 GiB.")
    ] = None,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Also remove undeclared consumers, and make changes that lose stored messages."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document per stream or change.")] = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Show the streams and consumers that subjects.py and services.py declare, or create them with --apply.

    --apply connects as the user `deployer` of the stack in `--home`. With NATS_URL set, it connects as the environment
    says: set NATS_NKEY_SEED_FILE to the deployer's seed. You can run it again at any time. Without --prune, a change
    that would delete stored messages is refused. Undeclared streams stay as they are.

    Exit status: 0, 1 if a change was refused, or 3 if no mesh is running.
    """
    try:
        declared = derived(PROCESSES, EVENTS)
    except ValueError as error:
        fail(f"services.py: {error}")
    if make:
        _print_changes(asyncio.run(_apply(declared, Wishes(replicas, max_bytes, prune), home)), as_json=as_json)
    elif as_json:
        for stream in declared:
            consumers = [dict(consumer.config()) for consumer in stream.consumers]
            typer.echo(json.dumps({"stream": dict(stream.config()), "consumers": consumers}))
    elif declared:
        print_columns(("stream", "consumer", "subjects"), [row for stream in declared for row in _rows(stream)])
    else:
        typer.echo("no event is durable, so there are no streams")


def _rows(stream: Stream) -> list[tuple[str, str, str]]:
    own = (stream.name, "", " ".join(stream.subjects or stream.copies))
    return [own, *((stream.name, consumer.name, " ".join(consumer.subjects)) for consumer in stream.consumers)]


async def _apply(declared: Sequence[Stream], wishes: Wishes, home: Path) -> list[Change]:
    if not declared:
        return []
    async with connected(home, "deployer") as transport:
        try:
            return await apply(JetStream(transport), declared, wishes)
        except MeshError as error:
            fail(str(error))


def _print_changes(changes: Sequence[Change], *, as_json: bool) -> None:
    for change in changes:
        if as_json:
            typer.echo(json.dumps(change._asdict()))
        else:
            detail = f": {change.detail}" if change.detail else ""
            typer.echo(escaped(f"{change.outcome} {change.kind} {change.name}{detail}"))
    if not changes and not as_json:
        typer.echo("no event is durable, so there are no streams")
    if any(change.outcome == "refused" for change in changes):
        raise typer.Exit(1)
