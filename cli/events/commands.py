"""The commands of `mesh events`: list, read, follow and replay stored events."""

import asyncio
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import HomeOption
from cli.events import dead
from cli.events.listing import ls
from cli.events.moments import moment
from cli.events.reading import existing, jetstream, newest_with_id
from cli.events.replaying import replay
from cli.events.shown import print_json, print_line, print_page
from cli.facts import JsonLinesOption
from cli.failure import fail
from mesh.events.stored import Stored, at, read
from ops.streams import EVENT_STREAM

_LOOK_EVERY = 0.25
_PATTERN = re.compile(r"(?:[\w*-]+\.)*(?:[\w*-]+|>)")

events = typer.Typer(
    name="events", no_args_is_help=True, help="List, follow, show and replay durable events, and handle dead letters."
)
events.command()(ls)


@events.command()
def tail(
    subject: Annotated[str, typer.Argument(help="A subject; `*` and `>` are wildcards.")] = "events.>",
    *,
    since: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="AGE|TIME", help="Start at an age (15m, 1h, 2d) or a time. Default: now."),
    ] = None,
    follow: Annotated[bool, typer.Option(help="Wait for new events until Ctrl-C.")] = True,
    as_json: JsonLinesOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Print stored events, oldest first.

    Events that are not durable are never stored. Watch them with `nats sub`.
    """
    if not _PATTERN.fullmatch(subject):
        fail(f"{subject!r} is not a subject", 2)
    asyncio.run(_tail(home, subject, since, print_json if as_json else print_line, follow=follow))


async def _tail(
    home: Path, subject: str, since: datetime | None, show: Callable[[Stored], None], *, follow: bool
) -> None:
    async with jetstream(home) as asked:
        info = await existing(asked, EVENT_STREAM)
        start: datetime | int = since or info.state.last_seq + 1
        while True:
            messages = await read(asked.transport, EVENT_STREAM, start, subject)
            for message in messages:
                show(message)
            if messages:
                start = messages[-1].sequence + 1
            elif follow:
                await asyncio.sleep(_LOOK_EVERY)
            else:
                return


@events.command()
def show(
    event: Annotated[str, typer.Argument(metavar="ID", help="The event's `ce-id`, or its sequence in EVENTS.")],
    *,
    as_json: JsonLinesOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Print one stored event with its headers.

    Searches a `ce-id` from the newest event backwards.

    Exit status: 0, 1 if there is no such event, or 3 if no mesh is running.
    """
    found = asyncio.run(_find(home, event))
    if found is None:
        fail(f"there is no event {event} in {EVENT_STREAM}")
    (print_json if as_json else print_page)(found)


async def _find(home: Path, event: str) -> Stored | None:
    async with jetstream(home) as asked:
        info = await existing(asked, EVENT_STREAM)
        if event.isascii() and event.isdecimal():
            return await at(asked.transport, EVENT_STREAM, int(event))
        return await newest_with_id(asked, info, event)


events.command()(replay)
events.add_typer(dead.dead)
