"""`mesh ls`: lists the services that answer, with their statistics."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from cli.columns import print_columns
from cli.connection import NOBODY_SERVES, HomeOption, connected, stack_asked
from cli.failure import fail
from cli.observe.metrics import scraped
from devstack.home.state import StackState
from devstack.processes.program import kind_of
from mesh.client.discover import ask_all
from mesh.core.errors import DeadlineExceeded, MeshError, NoResponder
from mesh.core.terminal import escaped
from mesh.telemetry.catalogue import CONNECTED
from mesh.transport.base import Transport
from mesh.wire.discovery import InstanceDocument
from services import WORKERS

SILENT: Final = "northwind.mesh.v1.silent"
"""The type of the document of a worker that does not answer."""
UNSEEN: Final = (
    "without the home of `mesh up`, an instance that hangs is listed only if no other one of its service answers"
)
"""What `mesh ls` says to people besides."""

_NUMBERS = ("requests", "errors", "mean ms")
_WORDS: Final = {"hangs": "does not answer", "absent": "no instance: not running, or cut off by NATS"}
_TITLES = ("service", "instance", "version", "started (UTC)", *_NUMBERS)


@dataclass(frozen=True)
class Silent:
    """A process that does not answer; without a home, a service of which no instance answers."""

    name: str
    """The service."""
    process: str | None
    """None without a home."""
    state: Literal["hangs", "absent"]
    """`hangs`: NATS delivers to it. `absent`: NATS knows no instance."""

    @property
    def row(self) -> tuple[str, ...]:
        """The row of the table."""
        words = " ".join(filter(None, (self.process, _WORDS[self.state])))
        return self.name, words, *("" for _ in _TITLES[2:])


def ls(
    *,
    within: Annotated[float, typer.Option(min=0.05, max=30, help="Seconds to wait for answers.")] = 0.5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the ADR-32 STATS documents, one per line.")] = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """List the services that answer, with their statistics.

    A worker of `mesh up` whose metrics or discovery do not answer hangs: it is listed too.

    With NATS_URL it asks only NATS. A service of which no instance answers is listed too. It hangs while NATS still
    delivers to it. With nats.conf, NATS disconnects a frozen process after 3 s. Then the service is listed as one
    without an instance. An instance that hangs beside one that answers is not listed.

    Exit status: 0, or 3 if no service answers or no mesh is running.
    """
    stack = stack_asked(home)
    documents, silent = asyncio.run(_found(home, within, has_stack=stack is not None))
    if stack is not None:
        silent = [Silent(kind_of(name), name, "hangs") for name in silent_workers(stack, documents)]
    if as_json:
        for document in documents:
            typer.echo(escaped(document.model_dump_json(exclude_unset=True)))
        for one in silent:
            typer.echo(json.dumps({"type": SILENT, **asdict(one)}))
    elif documents or silent:
        print_columns(_TITLES, [*map(_row, documents), *(one.row for one in silent)], to_the_right=_NUMBERS)
    if not documents:
        fail("no service answers", NOBODY_SERVES)
    if stack is None and not as_json:
        typer.echo(UNSEEN, err=True)


def silent_workers(stack: StackState | None, documents: Sequence[InstanceDocument]) -> list[str]:
    """The processes of workers in stack.json that do not answer, of services with fewer answers than processes."""
    if stack is None:
        return []
    workers = {row.name for row in WORKERS}
    running = [name for name in stack.processes if kind_of(name) in workers]
    missing = Counter(map(kind_of, running)) - Counter(one.name for one in documents)
    asked = scraped(
        {name: url for name, url in stack.metrics_urls.items() if missing[kind_of(name)] and name in running}
    )
    hanging = [name for name, scrape in asked.items() if scrape is None]
    # Where every process shows its metrics, those without a connection to NATS do not answer.
    return hanging or [name for name, scrape in asked.items() if scrape and not scrape.sum(CONNECTED.name)]


async def _found(home: Path, within: float, *, has_stack: bool) -> tuple[list[InstanceDocument], list[Silent]]:
    """Who answers; without a stack that tells more, also the services that do not."""
    async with connected(home) as transport:
        try:
            documents = await ask_all(transport, "STATS", within)
            return documents, [] if has_stack else await _silent_services(transport, documents, within)
        except MeshError as error:
            fail(str(error))


async def _silent_services(transport: Transport, documents: Sequence[InstanceDocument], within: float) -> list[Silent]:
    """The services of which no instance answers. Those that nobody runs count only beside one that answers."""
    missing = sorted({row.name for row in WORKERS} - {one.name for one in documents})
    states = await asyncio.gather(*(_state(transport, name, within) for name in missing))
    found = [Silent(name, None, state) for name, state in zip(missing, states, strict=True) if state is not None]
    return [one for one in found if documents or one.state == "hangs"]


async def _state(transport: Transport, service: str, within: float) -> Literal["hangs", "absent"] | None:
    """None if it answers after all. NATS itself answers at once where nobody has subscribed."""
    try:
        await transport.request(f"$SRV.PING.{service}", b"", {}, within)
    except NoResponder:
        return "absent"
    except DeadlineExceeded:
        return "hangs"
    return None


def _row(document: InstanceDocument) -> tuple[str, ...]:
    endpoints = document.endpoints
    requests = sum(endpoint.num_requests for endpoint in endpoints)
    nanoseconds = sum(endpoint.processing_time for endpoint in endpoints)
    return (
        document.name,
        document.id,
        document.version,
        document.started[5:16].replace("T", " "),
        str(requests),
        str(sum(endpoint.num_errors for endpoint in endpoints)),
        f"{nanoseconds / requests / 1e6:.2f}" if requests else "",
    )
