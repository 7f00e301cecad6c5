"""`mesh events replay`: delivers events to a consumer again."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from cli.connection import HomeOption
from cli.events.moments import moment
from cli.events.reading import existing, jetstream
from cli.facts import JsonLinesOption
from cli.failure import fail
from mesh.events.stored import read
from ops.jetstream import JetStream
from ops.streams import EVENT_STREAM


class _Plan(NamedTuple):
    consumer: str
    start: int
    most: int
    """How many messages the stream has from `start` on. The consumer reads those of its subjects."""


def replay(
    consumer: Annotated[str, typer.Argument(help="The service whose consumer gets the events.")],
    *,
    since: Annotated[
        datetime, typer.Option(parser=moment, metavar="AGE|TIME", help="Start at an age (1h, 2d) or a time.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonLinesOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Deliver stored events to a consumer again, after asking twice.

    Use it for a service whose database was restored from a backup. A service does not apply an event again that is in
    its inbox. Events that are not handled yet are delivered too, however old they are.

    Connects as the user `deployer`. With NATS_URL set, set NATS_NKEY_SEED_FILE to the deployer's seed.
    """
    plan = asyncio.run(_replay(home, consumer, since, yes=yes))
    if as_json:
        typer.echo(json.dumps({"consumer": plan.consumer, "from_sequence": plan.start, "at_most": plan.most}))
    else:
        typer.echo(f"{plan.consumer} reads again from sequence {plan.start} on, at most {plan.most} events")


async def _replay(home: Path, consumer: str, since: datetime, *, yes: bool) -> _Plan:
    async with jetstream(home, "deployer") as asked:
        plan = await _plan(asked, consumer, since)
        if not yes:
            _ask_twice(plan, since)
        await asked.reset_consumer(EVENT_STREAM, plan.consumer, plan.start)
        return plan


async def _plan(asked: JetStream, name: str, since: datetime) -> _Plan:
    info = await existing(asked, EVENT_STREAM)
    known = {one.name: one for one in await asked.consumers(EVENT_STREAM)}
    if name not in known:
        fail(f"there is no consumer {name!r}; there are {', '.join(sorted(known)) or 'none'}")
    first = await read(asked.transport, EVENT_STREAM, since, most=1)
    last = info.state.last_seq
    since_then = first[0].sequence if first else last + 1
    # Never later than what is not handled yet: that would be lost.
    start = min(since_then, known[name].ack_floor.stream_seq + 1)
    return _Plan(name, max(start, 1), max(last - start + 1, 0))


def _ask_twice(plan: _Plan, since: datetime) -> None:
    """Ask for a confirmation, then for the consumer's name. Blocks: nothing else runs meanwhile."""
    typer.confirm(
        f"{plan.consumer} gets at most {plan.most} events again, those since {since:%Y-%m-%d %H:%M:%S} UTC. Continue?",
        abort=True,
        err=True,
    )
    if typer.prompt(f"Type {plan.consumer} to confirm", err=True) != plan.consumer:
        fail("not confirmed: nothing was changed")
